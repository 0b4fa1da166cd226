"""What the pack adds to the host's start: the host is booted with and without it, in turn."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from lab.workshop.comfyui import REPO, Host
from lab.workshop.server import ensure_standins, make_base, running_server

RUNS = 5


def rows() -> Iterator[dict]:
    """Two rows: seconds until the host answers, and its CPU seconds until then, which a busy machine changes less."""
    host = Host.current()
    standins = ensure_standins(host)
    wall: dict[bool, list[float]] = {True: [], False: []}
    cpu: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        bases = {pack: make_base(Path(folder) / str(pack), standins, pack=REPO if pack else None) for pack in wall}
        for run in range(RUNS + 1):  # the first boot of each fills the caches and does not count
            for pack, base in bases.items():
                started = time.perf_counter()
                with running_server(host, base) as server:
                    if run:
                        wall[pack].append(time.perf_counter() - started)
                        used = psutil.Process(server.process.pid).cpu_times()
                        cpu[pack].append(used.user + used.system)
    for name, unit, seconds in (("host_start", "s", wall), ("host_start_cpu", "CPU s", cpu)):
        ours, other = (statistics.median(seconds[pack]) for pack in (True, False))
        yield {"name": name, "ratio": ours / other, "ours": ours, "other": other, "unit": unit}
