"""What the trainings of the toy models share: processes that work on one model, its running average, and its curve."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from ffgo.files import complete_file

from .optimizer import Optimizer

if TYPE_CHECKING:
    from ffgo.training.loop import StepReport

AVERAGED = 0.998
"""How much of the average a step keeps, once there were many."""
CURVE_EVERY = 50
CURVES = "curves.jsonl"
PROCESSES, PORT = 2, "29520"


class Average:
    """The running average of some modules' weights, which is what is kept: it is ahead of the weights themselves."""

    def __init__(self, modules: Mapping[str, nn.Module]):
        self.modules, self.steps = modules, 0
        self.weights = {
            name: {key: weight.detach().clone() for key, weight in module.state_dict().items()}
            for name, module in modules.items()
        }

    def update(self) -> None:
        self.steps += 1
        kept = min(AVERAGED, 1 - 10 / (self.steps + 10))
        for name, module in self.modules.items():
            for key, weight in module.state_dict().items():
                self.weights[name][key].lerp_(weight, 1 - kept)

    def save(self, path: Path) -> None:
        with complete_file(path) as partial:
            torch.save(self.weights, partial)


class Checkpoint:
    """All that a training needs to go on as if it had not been stopped, to the bit on the same machine."""

    def __init__(self, path: Path, average: Average, optimizer: Optimizer, rng: np.random.Generator):
        self.path, self.average, self.optimizer, self.rng = path, average, optimizer, rng

    def save(self, step: int) -> None:
        modules = {name: module.state_dict() for name, module in self.average.modules.items()}
        parts = {"step": step, "modules": modules, "average": (self.average.steps, self.average.weights)}
        parts |= {"optimizer": self.optimizer.state(), "draws": (self.rng.bit_generator.state, torch.get_rng_state())}
        with complete_file(self.path) as partial:
            torch.save(parts, partial)

    def load(self) -> int:
        """Returns the step to go on from; 0 where nothing was kept."""
        if not self.path.exists():
            return 0
        parts = torch.load(self.path, weights_only=False)  # our own file
        for name, module in self.average.modules.items():
            module.load_state_dict(parts["modules"][name])
        self.average.steps, self.average.weights = parts["average"]
        self.optimizer.load_state(parts["optimizer"])
        self.rng.bit_generator.state, drawn = parts["draws"]
        torch.set_rng_state(drawn)
        return parts["step"]


class Curve:
    """The mean loss of every fifty steps, a JSON line each. What goes on forgets all after its checkpoint."""

    def __init__(self, path: Path, run: str):
        self.path, self.run, self.losses, self.started = path, run, list[float](), time.monotonic()
        self.begun = False

    def add(self, step: int, loss: float) -> None:
        if not self.begun:
            self._forget_from(step)
        self.losses.append(loss)
        if step % CURVE_EVERY:
            return
        minutes = round((time.monotonic() - self.started) / 60, 2)
        loss = round(sum(self.losses) / len(self.losses), 6)
        line = {"run": self.run, "step": step, "minutes": minutes, "loss": loss}
        self.losses.clear()
        with self.path.open("a") as file:
            print(json.dumps(line), file=file)

    def _forget_from(self, step: int) -> None:
        self.begun = True
        if self.path.exists():
            lines = [line for line in self.path.read_text().splitlines() if json.loads(line)["step"] < step]
            self.path.write_text("".join(f"{line}\n" for line in lines))


class QuietLooker:
    """Keeps a run's curve, and says nothing."""

    def __init__(self, curve: Curve):
        self.curve = curve
        curve.path.parent.mkdir(parents=True, exist_ok=True)

    def stepped(self, report: "StepReport") -> None:
        self.curve.add(report.step, report.loss)

    def wants_to_stop(self) -> bool:
        return False


def silent(_: Sequence[str]) -> None:
    """What a run has to tell, told nobody."""


def run_together(work: Callable[..., None], *arguments: Any) -> None:
    """Run a function of this module's users in processes that know each other (`World.current()`), a core each."""
    spawn(_join, (work, arguments), PROCESSES)


def _join(rank: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=PORT)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    work(*arguments)
    torch.distributed.destroy_process_group()


def gradients(weights: Iterable[Tensor]) -> list[Tensor]:
    return [weight.grad for weight in weights if weight.grad is not None]
