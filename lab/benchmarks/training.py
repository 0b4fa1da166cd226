"""Our training loop against a bare forward and backward pass, the host's TrainLoraNode, and itself.

Every worker compares things that take turns, step by step, in one process with one thread; CPU seconds, so that a busy
machine changes them less. `ratio` is what the row's name says: the time of the first over that of the second, and for
`two_processes_over_one` the samples per second of two processes over those of one.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.workshop.comfyui import Host
from lab.workshop.server import ensure_standins

WORKER = "training_worker.py"


def rows(*, small: bool = False) -> Iterator[dict]:
    host = Host.current()
    standins = ensure_standins(host)
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        for task in ("make", "loop", "host", "ranks", "cached", "memory"):
            yield from results(
                [start(host, WORKER, task, folder, str(standins), str(rank), str(int(small))) for rank in _ranks(task)]
            )


def _ranks(task: str) -> range:
    return range(2 if task == "ranks" else 1)


def start(host: Host, worker: str, *args: str) -> subprocess.Popen[str]:
    # The pack's packages and nothing else of ours: the host's module `nodes` must not meet ours.
    env = {**os.environ, "PYTHONPATH": str(host.packages), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name(worker)), *args]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def results(workers: list[subprocess.Popen[str]]) -> Iterator[dict]:
    """The rows of the first worker, when all are done."""
    outputs = [worker.communicate() for worker in workers]
    for worker, (_, log) in zip(workers, outputs, strict=True):
        if worker.returncode:
            raise RuntimeError(f"The benchmark's worker failed: {worker.args}\n{log[-3000:]}")
    for line in outputs[0][0].splitlines():
        if line.startswith("{"):
            yield json.loads(line)
