"""Python processes that begin with peft and all that it brings: most of what a short training costs is its imports."""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import torch

_WAYS = multiprocessing.get_all_start_methods()
_CONTEXT: Any = multiprocessing.get_context("forkserver" if "forkserver" in _WAYS else "spawn")
_CONTEXT.set_forkserver_preload(["peft"])


class Command:
    """`python -m MODULE ARGUMENTS` on one thread, in a folder, which is where the module is looked for first.

    log: the file for what it prints.
    """

    def __init__(self, folder: Path, module: str, *arguments: object, log: Path):
        words = [module, *map(str, arguments)]
        self._log = log
        self._process = _CONTEXT.Process(target=_run, args=(folder, words, log, dict(os.environ)))
        self._process.start()

    @property
    def has_ended(self) -> bool:
        return not self._process.is_alive()

    def send_signal(self, number: int) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def finished(self, timeout_s: float | None = None) -> tuple[int | None, str]:
        """Wait; returns the exit status, that of a signal negative, and what it printed."""
        self._process.join(timeout_s)
        return self._process.exitcode, self._log.read_text(errors="replace")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _run(folder: Path, words: list[str], log: Path, env: dict[str, str]) -> None:
    with log.open("wb", 0) as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.environ.update(env, CUDA_VISIBLE_DEVICES="")
    torch.set_num_threads(1)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
