"""One expert's run from its model to the finished file: what the node and the cluster both do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..bases.base import EXPERT_KEY, Base, Expert
from ..dataset.encoded import EncodedDataset
from ..errors import FFGOError
from ..host.loading import ExpertShape, Model, check_expert
from ..host.trainable import TrainableExpert, memory_of, read_weight, trainable_expert
from ..lora.file import read_lora
from ..lora.saving import LoRAWeights, factors_of, save_tensors
from .adapters import Adapters, add_adapters, target_layers
from .checkpoint import RunFolder
from .loop import Task, Trained, Watcher, train
from .memory import plan_memory
from .output import lora_metadata
from .recipe import Recipe
from .world import World


@dataclass(frozen=True)
class TrainingRun:
    """What is to be trained, on what, and where to."""

    name: str
    """Of the run: its folder, and the start of its file's name."""
    expert: Expert
    recipe: Recipe
    dataset: EncodedDataset
    runs: Path
    """Folder of all runs: checkpoints go to `<runs>/<name>/<expert>`."""
    loras: Path
    """Folder that the finished `<name>_<expert>.safetensors` goes to."""
    prior: EncodedDataset | None = None

    def __post_init__(self) -> None:
        parts = Path(self.name).parts
        if len(parts) != 1 or parts[0] in ("", ".", "..") or self.name != self.name.strip():
            raise FFGOError(f"name is {self.name!r}; it must be the plain name of a file, without folders.")

    @property
    def file(self) -> Path:
        return self.loras / f"{self.name}_{self.expert}.safetensors"

    @property
    def folder(self) -> Path:
        return self.runs / self.name / self.expert


@dataclass(frozen=True)
class Finished:
    """A trained LoRA."""

    lora: LoRAWeights
    path: Path
    history: Tensor
    """(samples, 3): step (from 1), sigma, loss."""
    complete: bool
    """False where the run was stopped; it goes on when it is started again."""


WatcherOf = Callable[[TrainableExpert], Watcher]


def train_expert(
    model: Model,
    job: TrainingRun,
    watcher_of: WatcherOf,
    say: Callable[[Sequence[str]], None],
    world: World | None = None,
) -> Finished:
    """Train one expert's LoRA, or go on where the run of this name stopped, and write its file.

    watcher_of: makes the one who looks on; say: is told the arithmetic and notes before the run.
    Raises: FFGOError for a model, dataset, recipe or folder that cannot be used.
    """
    world = world or World.current()
    recipe = job.recipe
    shape = check_expert(model)
    _refuse_other_base(job, shape.base)
    folder = RunFolder(job.folder, _identity(job, shape))
    folder.refuse_other_run()
    _refuse_other_file(job)
    start = _start_lora(job)
    names = target_layers(model.model.diffusion_model, recipe.targets)
    plan = plan_memory(shape, job.dataset.shapes, recipe, _count_parameters(model, names, recipe))
    say([*plan.lines, *plan.check(memory_of(model))])
    with trainable_expert(
        model,
        checkpointing=recipe.checkpointing == "blocks",
        offload_block_inputs=recipe.offload_block_inputs,
        working_bytes=plan.besides_base,
    ) as expert:
        adapters = add_adapters(
            expert.network, recipe.targets, rank=recipe.rank, alpha=recipe.alpha, read=read_weight,
            device=expert.device, key=(recipe.seed, job.expert),
        )  # fmt: skip
        try:
            _prepare(adapters, recipe, start)
            task = Task(job.expert, expert.predict, adapters, job.dataset, recipe, expert.device, job.prior)
            trained = train(task, folder, watcher_of(expert), world)
        finally:
            adapters.remove()
    if world.is_first and trained.finished:
        _write(job.file, trained)
    return Finished(LoRAWeights(trained.lora, trained.metadata), job.file, trained.history, trained.finished)


def _refuse_other_base(job: TrainingRun, base: Base) -> None:
    for data in (job.dataset, job.prior):
        if data is not None and data.base != base:
            raise FFGOError(
                f"The model is {base.title}, and the examples were encoded for {data.base.title}. Encode them anew for "
                "the model, or connect the model that they were encoded for."
            )
    if job.expert not in base.names():
        raise FFGOError(f"{base.title} has no expert {job.expert!r}. Choose one of {', '.join(base.names())}.")


def _identity(job: TrainingRun, shape: ExpertShape) -> dict[str, Any]:
    """What a run keeps when it goes on."""
    identity = {
        "expert": job.expert, "model": shape.words, "dataset": job.dataset.fingerprint, "recipe": job.recipe.shaping()
    }  # fmt: skip
    return identity if job.prior is None else identity | {"prior": job.prior.fingerprint}


def _prepare(adapters: Adapters, recipe: Recipe, start: dict[str, Any] | None) -> None:
    if start is not None and recipe.second_b:
        adapters.add_second_b(start)
    elif start is not None:
        adapters.load(start)
    if recipe.freeze != "none":
        adapters.freeze(recipe.freeze)


def _start_lora(job: TrainingRun) -> dict[str, Any] | None:
    """The LoRA that the recipe starts from. Raises: FFGOError where it is for the other expert."""
    if not job.recipe.start_lora:
        return None
    path = Path(job.recipe.start_lora)
    path = path if path.is_absolute() else job.loras / path
    if not path.is_file():
        raise FFGOError(f"recipe: start_lora is {job.recipe.start_lora}, and {path} is no file.")
    file = read_lora(path, path.name)
    if file.evidence.certain and file.evidence.expert != job.expert:
        raise FFGOError(
            f"recipe: start_lora {path.name} is for the {file.evidence.expert}-noise expert ({file.evidence.reason}), "
            f"and the {job.expert}-noise expert is to be trained. Name the other file of the pair."
        )
    factors = factors_of(file.tensors)
    if not factors:
        raise FFGOError(f"recipe: start_lora {path.name} holds no LoRA as this trainer writes them.")
    return factors


def _refuse_other_file(job: TrainingRun) -> None:
    """A finished file of another run is never written over."""
    if not job.file.exists():
        return
    try:
        with safe_open(job.file, framework="pt") as file:
            there = file.metadata() or {}
    except SafetensorError:
        there = {}
    ours = lora_metadata(job.expert, job.recipe, job.dataset, 0, {})
    same = (EXPERT_KEY, "ffgo.dataset", "ffgo.run")
    if any(there.get(key) != ours.get(key) for key in same):
        raise FFGOError(f"{job.file} exists and is not from this run. Choose another name, or move the file away.")


def _count_parameters(model: Model, names: Sequence[str], recipe: Recipe) -> int:
    layers = [model.model.diffusion_model.get_submodule(name) for name in names]
    ins, outs = sum(layer.in_features for layer in layers), sum(layer.out_features for layer in layers)
    trains_a, trains_b = not recipe.second_b and recipe.freeze != "A", recipe.freeze != "B"
    return recipe.rank * (ins * trains_a + outs * trains_b)


def _write(path: Path, trained: Trained) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, trained.lora, trained.metadata)
    except OSError as error:
        raise FFGOError(
            f"{path} could not be written ({error.strerror}). The same LoRA lies in the run's folder as its last "
            "checkpoint. Make room and run again: nothing is trained anew."
        ) from error


def loss_by_step(history: Tensor) -> list[float]:
    """The mean loss of every step."""
    if not len(history):
        return []
    steps = history[:, 0].long() - 1
    sums = torch.zeros(int(steps.max()) + 1).index_add_(0, steps, history[:, 2])
    return (sums / torch.bincount(steps).clamp(min=1)).tolist()
