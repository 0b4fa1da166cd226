"""The training loop, one for the node and the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from ..bases.base import Expert
from ..dataset.encoded import EncodedDataset
from ..errors import FFGOError
from ..experts.schedule import training_window
from ..lora.saving import lora_tensors
from . import draws
from .adapters import Adapters
from .checkpoint import RunFolder
from .optimizer import make_optimizer, resume_optimizer
from .output import lora_metadata
from .recipe import Recipe
from .stage import Official, Stage
from .state import Checkpoint, RunState, empty_history
from .step import Predict, Sample, draw_sample, velocity_loss
from .world import World

MEAN_OF_STEPS = 100
"""The best checkpoint has the lowest mean loss over this many steps; a single step's depends on its sigmas most."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    step: int
    """From 1."""
    steps: int
    loss: float
    samples: Sequence[tuple[str, float, float]]
    """Name, sigma and loss of every sample."""
    gradient_norm: float
    learning_rate: float


class Watcher(Protocol):
    """Who looks on."""

    def stepped(self, report: StepReport) -> None:
        """Called after every step, on the first process only."""
        ...

    def wants_to_stop(self) -> bool:
        """Whether to save and stop after this step."""
        ...


@dataclass(frozen=True)
class Task:
    """What is to be trained on what."""

    expert: Expert
    predict: Predict
    adapters: Adapters
    dataset: EncodedDataset
    recipe: Recipe
    device: torch.device
    prior: EncodedDataset | None = None
    """Examples that keep what the expert could do before; their loss counts `recipe.prior_weight` times."""
    stage: Stage = field(default_factory=Official)
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What else the files shall say of themselves."""


@dataclass(frozen=True)
class Trained:
    """The end of a run, or where it was stopped."""

    lora: dict[str, Tensor]
    metadata: dict[str, str]
    steps: int
    history: Tensor
    """(samples, 3): step (from 1), sigma, loss."""
    finished: bool


def train(task: Task, folder: RunFolder, watcher: Watcher, world: World | None = None) -> Trained:
    """Train until the recipe's last step, going on from the folder's last checkpoint.

    Saves every `recipe.save_every` steps, at the end, when the watcher wants to stop, and when anything is raised on
    the way, cancelling included: what was trained so far is then on the disk before the exception goes on.

    Raises: FFGOError for a dataset or folder that cannot be used, or a loss that is NaN; BusyError where another
    process trains into the folder.
    """
    world = world or World.current()
    with folder.held() if world.is_first else nullcontext():
        return _Run(task, folder, watcher, world).train()


class _Run:
    """A run under way."""

    def __init__(self, task: Task, folder: RunFolder, watcher: Watcher, world: World):
        if not len(task.dataset):
            raise FFGOError("The dataset is empty: there is nothing to train on.")
        self.task, self.folder, self.watcher, self.world = task, folder, watcher, world
        self.recipe, self.parameters = task.recipe, task.adapters.parameters
        self.optimizer = make_optimizer(self.parameters.values(), task.recipe)
        self.window = training_window(task.expert, task.recipe.boundary, task.recipe.shift)
        self.done, self.saved, self.history, self.best = 0, -1, empty_history(), None
        for parameter in self.parameters.values():
            parameter.grad = torch.zeros_like(parameter)  # a process may have no sample in a step, and still takes part

    def train(self) -> Trained:
        self._resume()
        try:
            while self.done < self.recipe.steps:
                self._step()
                if self.done % self.recipe.save_every == 0:
                    self._save()
                if self.world.agree(self.watcher.wants_to_stop(), self.task.device):
                    break
        except BaseException:
            self._save()
            raise
        self._save()
        lora = self._lora()
        return Trained(lora, self._metadata(lora), self.done, self.history, self.done >= self.recipe.steps)

    def _resume(self) -> None:
        state = self.world.first_does(self.folder.open, self.task.device)  # it may have to make the folder
        if not self.world.is_first:
            state = self.folder.open()
        self.world.wait()
        if state is None:
            return
        if state.weights.keys() != self.parameters.keys():
            raise FFGOError(f"{self.folder.path} holds a run on other layers. Choose another name.")
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                if parameter.shape != state.weights[name].shape:
                    raise FFGOError(
                        f"{self.folder.path} holds a run on an expert of another size: {name} is "
                        f"{tuple(state.weights[name].shape)} there and {tuple(parameter.shape)} here. "
                        "Choose another name, or connect the expert that it was started with."
                    )
                parameter.copy_(state.weights[name])
        resume_optimizer(self.optimizer, state.optimizer, str(self.folder.path))
        self.done = self.saved = state.step
        self.history, self.best = state.history, state.best

    def _step(self) -> None:
        recipe, count = self.recipe, self.recipe.samples_per_step
        learning_rate = recipe.learning_rate_at(self.done)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.task.stage.before_step(self.task.adapters, self.done)
        self.optimizer.zero_grad(set_to_none=False)
        losses = torch.zeros(2, count, device=self.task.device)  # of the examples, and of the prior ones
        names, sigmas = self._backward(losses)
        self.world.sum([losses, *(cast(Tensor, p.grad) for p in self.parameters.values())])
        norm = clip_grad_norm_(self.parameters.values(), recipe.clip_norm or float("inf"))
        shown = [*losses[0].tolist(), *losses[1].tolist(), float(norm)]
        self._refuse_nan(shown, names, sigmas)
        self.optimizer.step()
        self.done += 1
        loss = losses[0].tolist()
        rows = torch.tensor([[self.done, sigma, value] for sigma, value in zip(sigmas, loss, strict=True)])
        self.history = torch.cat([self.history, rows])
        if self.world.is_first:
            samples = list(zip(names, sigmas, loss, strict=True))
            self.watcher.stepped(
                StepReport(self.done, recipe.steps, sum(loss) / count, samples, float(norm), learning_rate)
            )

    def _backward(self, losses: Tensor) -> tuple[list[str], list[float]]:
        """Add up the gradients of this process' samples and note their losses; names and sigmas are of all samples."""
        recipe, names, sigmas = self.recipe, [], []
        weights = [(0, self.task.dataset, 1.0)]
        if self.task.prior is not None and recipe.prior_weight:
            weights.append((1, self.task.prior, recipe.prior_weight))
        for row, dataset, weight in weights:
            slots = [_Slot(self, dataset, row, slot) for slot in range(recipe.samples_per_step)]
            if row == 0:
                names, sigmas = [slot.name for slot in slots], [slot.sigma for slot in slots]
            for batch in _batches(slots[self.world.rank :: self.world.size], recipe.batch_size):
                for alike, samples in _alike(batch):
                    loss = velocity_loss(self.task.predict, samples, self.task.device, recipe.outlier, dataset.base)
                    (loss.sum() * (weight / recipe.samples_per_step)).backward()
                    losses[row, alike] = loss.detach()
        return names, sigmas

    def _refuse_nan(self, values: Sequence[float], names: Sequence[str], sigmas: Sequence[float]) -> None:
        if all(map(_is_finite, values)):
            return
        bad = [
            f"{name} at sigma {s:.4f}" for name, s, v in zip(names, sigmas, values, strict=False) if not _is_finite(v)
        ]
        where = ", ".join(bad) or "the gradients"
        raise FFGOError(
            f"Step {self.done + 1}: the loss is NaN or infinite ({where}). Nothing of this step was kept; the state "
            f"after step {self.done} is saved in {self.folder.path}. Lower learning_rate, or check the named examples."
        )

    def _save(self) -> None:
        if self.saved == self.done or not self.world.is_first:
            return
        mean = _mean_loss(self.history, self.done)
        if mean is not None and (self.best is None or mean < self.best[1]):
            self.best = (self.done, mean)
        self.saved = self.done  # also where it fails: what failed once is not tried again on the way out
        state = RunState(self.done, self.parameters, self.optimizer.state_dict(), self.history, self.best)
        lora = self._lora()
        self.folder.save(Checkpoint(state, lora, self._metadata(lora)), self.recipe.keep)

    def _lora(self) -> dict[str, Tensor]:
        return lora_tensors(self.task.adapters.factors(), self.recipe.save_dtype)

    def _metadata(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        more = {**self.task.metadata, **self.task.stage.says(lora)}
        return lora_metadata(self.task.expert, self.recipe, self.task.dataset, self.done, more)


class _Slot:
    """One of a step's samples, not read yet."""

    def __init__(self, run: _Run, dataset: EncodedDataset, row: int, slot: int):
        recipe = run.recipe
        position = run.done * recipe.samples_per_step + slot
        self.index = draws.weighted_index(recipe.seed, position, dataset.weights)
        self.dataset, self.slot, self.name = dataset, slot, dataset.names[self.index]
        self.shape = dataset.shapes[self.index]
        self.key = (recipe.seed, run.done, slot, row)
        self.window, self.recipe = run.window, recipe
        fraction = draws.fraction("sigma", *self.key)
        self.sigma = (
            run.window.official_sigma(fraction) if recipe.timesteps == "official" else run.window.sigma(fraction)
        )

    def draw(self) -> Sample:
        return draw_sample(
            self.name, self.dataset[self.index], self.sigma, *self.key, token_drop=self.recipe.token_drop
        )


def _batches(slots: Sequence[_Slot], size: int) -> Iterator[list[_Slot]]:
    """The slots in batches of one shape."""
    for _, same in groupby(sorted(slots, key=lambda slot: slot.shape), key=lambda slot: slot.shape):
        alike = list(same)
        yield from (alike[i : i + size] for i in range(0, len(alike), size))


def _alike(batch: Sequence[_Slot]) -> Iterator[tuple[list[int], list[Sample]]]:
    """A batch's samples, those with as long a text together, and their slots.

    The host pads captions to 512 tokens and leaves longer ones as they are. They are not padded further here: an expert
    sees the padding, so the loss would not be that of the example alone.
    """
    drawn: dict[int, tuple[list[int], list[Sample]]] = {}
    for slot in batch:
        sample = slot.draw()
        slots, samples = drawn.setdefault(len(sample.text), ([], []))
        slots.append(slot.slot)
        samples.append(sample)
    yield from drawn.values()


def _mean_loss(history: Tensor, step: int) -> float | None:
    recent = history[history[:, 0] > step - MEAN_OF_STEPS]
    return float(recent[:, 2].mean()) if len(recent) else None


def _is_finite(value: float) -> bool:
    return value - value == 0
