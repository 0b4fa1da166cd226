"""What the pack adds to the host's start: the host is booted with and without it, in turn."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from lab.workshop.comfyui import REPO, Host
from lab.workshop.server import ensure_standins, make_base, running_server

from .measure import Spent, row, time_row, usual_of

RUNS, SMALL_RUNS = 5, 1


def rows(*, small: bool = False) -> Iterator[dict]:
    """Two rows: seconds until the host answers, and its CPU seconds until then, which a busy machine changes less."""
    host = Host.current()
    standins = ensure_standins(host)
    starts: dict[bool, list[Spent]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        bases = {pack: make_base(Path(folder) / str(pack), standins, pack=REPO if pack else None) for pack in starts}
        for run in range(
            (SMALL_RUNS if small else RUNS) + 1
        ):  # the first boot of each fills the caches and does not count
            for pack, base in bases.items():
                started = time.perf_counter()
                with running_server(host, base) as server:
                    if run:
                        wall = time.perf_counter() - started
                        used = psutil.Process(server.process.pid).cpu_times()
                        starts[pack].append(Spent(wall, used.user + used.system))
    ours, other = (usual_of(starts[pack]) for pack in (True, False))
    yield time_row("host_start", ours, other)
    yield row("host_start_cpu", ours.cpu, other.cpu, "CPU s", (ours.cpu, other.cpu))
