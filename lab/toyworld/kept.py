"""Rows of a long table that are kept as they are done, and processes that make them."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from ffgo.host.boot import boot_here

ROWS_FILE = "rows.jsonl"


class KeptRows:
    """Rows that are kept in a file as they are done."""

    def __init__(self, path: Path, names: Sequence[str]):
        """names: of the values that tell rows apart."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.names, self.done = path, names, {}
        for line in path.read_text().splitlines() if path.exists() else ():
            self._keep(json.loads(line))

    def find(self, about: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.done.get(self._key(about))

    def add(self, values: dict[str, Any]) -> None:
        self._keep(values)
        with self.path.open("a") as file:
            print(json.dumps(values), file=file)

    def _keep(self, values: dict[str, Any]) -> None:
        self.done[self._key(values)] = values

    def _key(self, about: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(about[name] for name in self.names)


def host_processes(count: int) -> ProcessPoolExecutor:
    """Processes with the host in each, of one core each."""
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    boot_here("--cpu")
    torch.set_num_threads(1)
