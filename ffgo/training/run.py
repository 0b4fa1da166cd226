"""One expert's run from its model to the finished file: what the node and the cluster both do."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..bases.base import BASE_KEY, EXPERT_CHECK_KEY, EXPERT_KEY, UNCHECKED, Base, Expert
from ..bases.catalogue import DEFAULT, title_of
from ..dataset.encoded import EncodedDataset
from ..errors import FFGOError
from ..host.loading import ExpertShape, Model, check_expert, file_of
from ..host.trainable import TrainableExpert, memory_of, read_weight, trainable_expert
from ..lora.halves import ConceptPart
from ..lora.saving import LoRAWeights, save_tensors, sole_lora_writer
from ..names import plain_name
from .adapters import add_adapters, count_numbers, target_layers
from .checkpoint import START_CONTENT, RunFolder
from .expert_check import (
    Check,
    Told,
    check_by_file,
    check_expert_by,
    other_weights,
    sample_weights,
    told_by_file,
    told_by_loss,
)
from .loop import Task, Trained, Watcher, train
from .memory import MemoryPlan, plan_memory
from .output import lora_metadata
from .recipe import Recipe
from .stage import Stage, held_matrices, stage_of, trained_matrices
from .world import World

_CHECK, _WEIGHTS = "expert_check", "weights"
"""A run's notes: what told that the model is the expert, and some numbers of it."""


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
    starts: Path | None = None
    """Folder that a relative `start_lora` of the recipe lies in; None = `loras`."""
    concept: ConceptPart | None = None
    """The half of a concept that the run learns; None = an ordinary LoRA."""

    def __post_init__(self) -> None:
        plain_name(self.name, "The name of the run")

    @property
    def file(self) -> Path:
        return self.loras / f"{self.name}_{self.expert}.safetensors"

    @property
    def start_folder(self) -> Path:
        return self.starts or self.loras

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
    Raises: FFGOError for a model, dataset, recipe or folder that cannot be used; BusyError where another process trains
    the run.
    """
    world = world or World.current()
    shape = check_expert(model)
    _refuse_other_base(job, shape.base)
    stage = stage_of(job.recipe, job.expert, job.start_folder, job.concept)
    refuse_start_of_other_base(job, shape.base)
    folder = RunFolder(job.folder, _identity(job, shape, stage))
    with ExitStack() as stack:
        world.first_does(lambda: stack.enter_context(folder.held()), model.load_device)
        folder.refuse_other_run()
        _refuse_other_file(job)
        trained = _train(model, job, folder, stage, watcher_of=watcher_of, say=say, world=world)
        if world.is_first and trained.finished:
            _write(job, trained)
    return Finished(LoRAWeights(trained.lora, trained.metadata), job.file, trained.history, trained.finished)


def _train(
    model: Model, job: TrainingRun, folder: RunFolder, stage: Stage, *, watcher_of: WatcherOf,
    say: Callable[[Sequence[str]], None], world: World,
) -> Trained:  # fmt: skip
    """Train, for who holds the run's folder."""
    recipe = job.recipe
    before, by_file = folder.begun_with(), told_by_file(file_of(model))
    notes = _look_before(job, before, by_file)
    network = model.model.diffusion_model
    names = target_layers(network, recipe.targets)
    plan = plan_run(model, job)
    say([*plan.lines, *plan.check(memory_of(model)), *notes])
    with trainable_expert(
        model,
        checkpointing=recipe.checkpointing == "blocks",
        offload_block_inputs=recipe.offload_block_inputs,
        working_bytes=plan.besides_base,
    ) as expert:
        weights = sample_weights([expert.network.get_submodule(name) for name in names], expert.device)
        if before is None:
            check = _expert_check(job, by_file, expert)
            folder.notes |= {_CHECK: check.by, _WEIGHTS: weights}
            say([check.line])
        elif line := other_weights(before.get(_WEIGHTS), weights):
            say([line])
        adapters = add_adapters(
            expert.network, recipe.targets, rank=recipe.rank, alpha=recipe.alpha, read=read_weight,
            device=expert.device, key=(recipe.seed, job.expert),
        )  # fmt: skip
        try:
            stage.prepare(adapters)
            task = Task(
                job.expert, expert.predict, adapters, job.dataset, recipe, expert.device, job.prior, stage,
                _said(folder.notes if before is None else before),
            )  # fmt: skip
            return train(task, folder, watcher_of(expert), world)
        finally:
            adapters.remove()


def plan_run(model: Model, job: TrainingRun) -> MemoryPlan:
    """What a run needs of the card's memory, before anything of it is there; its largest example may be a prior one."""
    network, recipe = model.model.diffusion_model, job.recipe
    layers = target_layers(network, recipe.targets)
    numbers = count_numbers(network, layers, recipe.rank, trained_matrices(recipe))
    held = sum(count_numbers(network, layers, recipe.rank, frozenset({one})) for one in held_matrices(recipe))
    prior = job.prior.shapes if job.prior is not None and recipe.prior_weight else ()
    return plan_memory(check_expert(model), [*job.dataset.shapes, *prior], recipe, numbers, held)


def _look_before(job: TrainingRun, before: Mapping[str, Any] | None, by_file: Told) -> list[str]:
    """What the user should know. Raises: FFGOError where something in the job does nothing, or fits not.

    before: the notes of the run that goes on. What a run was begun with it goes on with, also where no new one could
    be begun with it: it was not looked at then.
    """
    notes = []
    if job.recipe.prior_weight and job.prior is None:
        words = f"recipe: prior_weight is {job.recipe.prior_weight:g} and does nothing: there are no prior examples"
        if before is None:
            raise FFGOError(
                f"{words}. Give some (`prior` on the node, [prior] in a job file), or leave prior_weight out."
            )
        notes.append(f"⚠ {words}.")
    if job.prior is not None and not job.recipe.prior_weight:
        notes.append("⚠ The prior examples do nothing: prior_weight is 0. Set it in the recipe of a new run.")
    if before is not None and _CHECK not in before and by_file.expert not in (None, job.expert):
        notes.append(f"⚠ The model may be the other expert: {by_file.words}. Its run goes on as it was begun.")
    elif job.recipe.check_expert and job.expert != "only":
        check_by_file(job.expert, by_file)
    return notes


def _expert_check(job: TrainingRun, by_file: Told, expert: TrainableExpert) -> Check:
    """Compare the model of a new run with what it is said to be. Raises: FFGOError where it is the other expert."""
    if job.expert == "only":
        return Check("weights", f"The model is {job.dataset.base.title}, by its weights.")
    if not job.recipe.check_expert:
        return Check(
            UNCHECKED, "⚠ check_expert is off: nobody looked whether the model is the expert that it shall be."
        )
    by_loss = told_by_loss(expert.predict, job.dataset, job.recipe.boundary, expert.device)
    return check_expert_by(job.expert, by_file, by_loss)


def _said(notes: Mapping[str, Any]) -> dict[str, str]:
    """What the LoRA's file says of the check; nothing where the run was begun before there was one."""
    return {EXPERT_CHECK_KEY: str(notes[_CHECK])} if _CHECK in notes else {}


def _refuse_other_base(job: TrainingRun, base: Base) -> None:
    for data in (job.dataset, job.prior):
        if data is not None and data.base != base:
            raise FFGOError(
                f"The model is {base.title}, and the examples were encoded for {data.base.title}. Encode them anew for "
                "the model, or connect the model that they were encoded for."
            )
    if job.expert not in base.names():
        raise FFGOError(f"{base.title} has no expert {job.expert!r}. Set expert to {' or '.join(base.names())}.")
    if not base.is_pair and job.recipe.boundary != DEFAULT.boundary:
        raise FFGOError(
            f"recipe: boundary is {job.recipe.boundary:g} and does nothing: {base.title} has one network for all "
            "noise. Leave it out."
        )


def refuse_start_of_other_base(job: TrainingRun, base: Base) -> None:
    """Raises: FFGOError where `start_lora` says that it is for another base than the model's."""
    if job.recipe.start_lora:
        with safe_open(job.start_folder / job.recipe.start_lora, framework="pt") as start:
            said = (start.metadata() or {}).get(BASE_KEY, base.id)
        if said != base.id:
            raise FFGOError(
                f"recipe: start_lora {job.recipe.start_lora} is for {title_of(said)}, and the model is {base.title}. "
                "Name a LoRA of that, or leave start_lora out."
            )


def _identity(job: TrainingRun, shape: ExpertShape, stage: Stage) -> dict[str, Any]:
    """What a run keeps when it goes on."""
    identity = {
        "expert": job.expert,
        "model": shape.words,
        "dataset": job.dataset.fingerprint,
        "recipe": job.recipe.shaping() | stage.identity(),
    }
    if job.recipe.start_lora:  # another file may take its place before the run goes on
        with (job.start_folder / job.recipe.start_lora).open("rb") as start:
            identity[START_CONTENT] = file_digest(start, "blake2b").hexdigest()[:32]
    return identity if job.prior is None else identity | {"prior": job.prior.fingerprint}


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


def _write(job: TrainingRun, trained: Trained) -> None:
    try:
        with sole_lora_writer(job.loras):
            _refuse_other_file(job)
            save_tensors(job.file, trained.lora, trained.metadata)
    except OSError as error:
        raise FFGOError(
            f"{job.file} could not be written ({error.strerror}). The same LoRA lies in the run's folder as its last "
            "checkpoint. Make room and run again: nothing is trained anew."
        ) from error


def loss_by_step(history: Tensor) -> list[float]:
    """The mean loss of every step."""
    if not len(history):
        return []
    steps = history[:, 0].long() - 1
    sums = torch.zeros(int(steps.max()) + 1).index_add_(0, steps, history[:, 2])
    return (sums / torch.bincount(steps).clamp(min=1)).tolist()
