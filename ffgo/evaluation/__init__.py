"""Is it any good? Test sets, runs of several methods over them, metrics with intervals, and a report."""
