"""Our loader on both experts against two of the host's LoraLoaderModelOnly: time and peak memory.

Both ways load a rank-128 LoRA onto two experts of 200 MB and patch all weights; each run is a fresh process, in turn.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .measure import Spent, row, time_row, usual, usual_of

WORKER = Path(__file__).with_name("lora_load_worker.py")
RUNS, SMALL_RUNS = 5, 1
DIM, SMALL_DIM = 1024, 256


def rows(*, small: bool = False) -> Iterator[dict]:
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        dim = str(SMALL_DIM if small else DIM)
        _work("make", folder, dim)
        runs: dict[str, list[dict[str, float]]] = {"ours": [], "other": []}
        for run in range((SMALL_RUNS if small else RUNS) + 1):
            for way, results in runs.items():
                result = _work(way, folder, dim)
                if run:  # the first one of each reads the files into the system's cache and does not count
                    results.append(result)
    ours, other = (usual_of([Spent(run["wall"], run["cpu"]) for run in results]) for results in runs.values())
    yield time_row("lora_load", ours, other)
    peak, others_peak = (usual([run["peak_mb"] for run in results]) for results in runs.values())
    yield row("lora_load_memory", peak, others_peak, "MB", (ours.cpu, other.cpu))


def _work(task: str, folder: str, dim: str) -> dict[str, float]:
    # The worker imports the host, whose module `nodes` must not meet ours: no PYTHONPATH, and not as `-m`.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(WORKER), task, folder, dim], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The benchmark's worker failed at '{task}':\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])
