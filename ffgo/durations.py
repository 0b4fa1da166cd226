"""Times in words."""


def in_words(seconds: float) -> str:
    """A time that nobody needs to the second."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
