"""What the pack adds to the host's start: the host is booted with and without it, in turn."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from workshop.host import Host
from workshop.server import ensure_standins, make_base, running_server

RUNS = 5


def rows() -> Iterator[dict]:
    host = Host.current()
    standins = ensure_standins(host)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        bases = {pack: make_base(Path(folder) / str(pack), standins, with_pack=pack) for pack in seconds}
        for run in range(RUNS + 1):  # the first boot of each fills the caches and does not count
            for pack, base in bases.items():
                started = time.perf_counter()
                with running_server(host, base):
                    if run:
                        seconds[pack].append(time.perf_counter() - started)
    ours, other = (statistics.median(seconds[pack]) for pack in (True, False))
    yield {"name": "host_start", "ratio": ours / other, "ours": ours, "other": other, "unit": "s"}
