"""Our loader on both experts against two of the host's LoraLoaderModelOnly: time and peak memory.

Both ways load a rank-128 LoRA onto two experts of 200 MB and patch all weights; each run is a fresh process, in turn.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

WORKER = Path(__file__).with_name("lora_load_worker.py")
RUNS = 3


def rows() -> Iterator[dict]:
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        _work("make", folder)
        runs: dict[str, list[dict[str, float]]] = {"ours": [], "other": []}
        for run in range(RUNS + 1):  # the first run of each reads the files into the system's cache and does not count
            for way, results in runs.items():
                result = _work(way, folder)
                if run:
                    results.append(result)
    yield _row("lora_load", "s", runs, "seconds")
    yield _row("lora_load_memory", "MB", runs, "peak_mb")


def _work(task: str, folder: str) -> dict[str, float]:
    # The worker imports the host, whose module `nodes` must not meet ours: no PYTHONPATH, and not as `-m`.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(WORKER), task, folder], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The benchmark's worker failed at '{task}':\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _row(name: str, unit: str, runs: dict[str, list[dict[str, float]]], measure: str) -> dict:
    ours, other = (statistics.median(result[measure] for result in runs[way]) for way in ("ours", "other"))
    return {"name": name, "ratio": ours / other, "ours": ours, "other": other, "unit": unit}
