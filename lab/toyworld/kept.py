"""Rows of a long table that are kept as they are done, processes that make them, and a key of what they are made of."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ffgo.host.boot import boot_here

if TYPE_CHECKING:
    from ffgo.training.recipe import Recipe

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


def key_of(models: Iterable[Path], recipes: Iterable["Recipe"]) -> str:
    """What is made of other models, or by other recipes, has another one."""
    content = [sha256(model.read_bytes()).hexdigest() for model in models]
    return sha256(" ".join([*content, *(recipe.fingerprint for recipe in recipes)]).encode()).hexdigest()[:8]


def host_processes(count: int) -> ProcessPoolExecutor:
    """Processes with the host in each, of one core each."""
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    boot_here("--cpu")
    torch.set_num_threads(1)
