"""All that a run needs to go on after a step, and its file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import FFGOError
from ..plain import Source

MOST_ABOUT = 10_000_000
"""Characters of the plain values in a file."""
MOST_STEPS = 10**9

_STATE = "ffgo.state"
_WEIGHTS, _OPTIMIZER = "weights/", "optimizer/"
_OF_OPTIMIZER = re.compile(r"\d{1,9}/\w+")
_WITHOUT = "Remove it: training goes on from the one before."


@dataclass(frozen=True, slots=True)
class RunState:
    """All that a run needs to go on after a step."""

    step: int
    """Steps that are done."""
    weights: Mapping[str, Tensor]
    """What is trained, and what was frozen on the way, by name."""
    optimizer: Mapping[str, Any]
    """The optimizer's `state_dict()`."""
    history: Tensor
    """(samples, 3): step, sigma and loss of every sample so far."""
    best: tuple[int, float] | None = None
    """Step and mean loss of the best checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is written after a step: the state, and the LoRA as a file that can be used."""

    state: RunState
    lora: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def state_file(state: RunState, identity: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state as the tensors and metadata of a file. identity: of the run that writes it, plain values."""
    tensors = {f"{_WEIGHTS}{name}": tensor.detach().cpu() for name, tensor in state.weights.items()}
    tensors["history"] = state.history
    plain: dict[str, Any] = {"step": state.step, "best": state.best, "optimizer": {}, "identity": identity}
    for index, values in state.optimizer["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{index}/{name}"] = value.detach().cpu()
            else:
                plain["optimizer"][f"{index}/{name}"] = value
    return tensors, {_STATE: json.dumps(plain)}


def read_state(path: Path) -> tuple[RunState, dict[str, Any]]:
    """The state, and the identity of the run that wrote it. Raises: FFGOError where the file is not one of ours."""
    source = Source(f"The checkpoint {path}", _WITHOUT, whole=f"The checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (it has no iterator)
            about = (file.metadata() or {}).get(_STATE, "")
    except (SafetensorError, OSError) as error:
        raise FFGOError(f"The checkpoint {path} cannot be read ({error}). {_WITHOUT}") from error
    plain = source.json(about, most=MOST_ABOUT).object(["step", "optimizer", "identity"], {"best": None}, others=True)
    best = None
    if plain["best"].value is not None:
        numbers = [number.number(-inf, inf) for number in plain["best"].list("numbers", most=2)]
        best = (int(numbers[0]), numbers[-1]) if numbers else None
    of_optimizer = {key: number.number(-inf, inf) for key, number in plain["optimizer"].object(others=True).items()}
    of_optimizer |= _below(tensors, _OPTIMIZER)
    history = tensors.get("history", torch.zeros(0))
    if history.shape[1:] != (3,) or not all(map(_OF_OPTIMIZER.fullmatch, of_optimizer)):
        source.refuse("", "is not what this trainer writes", "something has changed it")
    optimizer: dict[int, dict[str, Any]] = {}
    for key, value in of_optimizer.items():
        index, name = key.split("/")
        optimizer.setdefault(int(index), {})[name] = value
    step, weights = plain["step"].whole(0, MOST_STEPS), _below(tensors, _WEIGHTS)
    identity = {name: value.value for name, value in plain["identity"].object(others=True).items()}
    return RunState(step, weights, {"state": optimizer}, history, best), identity


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def empty_history() -> Tensor:
    """The history of a run before its first step."""
    return torch.zeros(0, 3)
