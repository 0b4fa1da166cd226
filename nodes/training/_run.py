"""A training run inside ComfyUI: what it starts from, and where its files go."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ...ffgo.bases.base import Expert
from ...ffgo.dataset.cache import CachedDataset
from ...ffgo.errors import FFGOError
from ...ffgo.lora.halves import Part
from ...ffgo.names import folder_with
from ...ffgo.pixels import to_float
from ...ffgo.training.concept import ConceptRun, train_concept, words_of
from ...ffgo.training.presets import preset, preset_for
from ...ffgo.training.recipe import Recipe
from .._host import loras_output_folder, show_on_node
from ._on_node import OnNode

if TYPE_CHECKING:  # they bring much along, which no start of the host should wait for
    from ...ffgo.training.run import Finished, TrainingRun, WatcherOf

AUTO = "auto"
RUNS = "ffgo_training"


def widget(name: str, **other: Any) -> dict[str, Any]:
    """Default and range of a field of the recipe, as its widget takes them; what is given here wins."""
    one = next(one for one in fields(Recipe) if one.name == name)
    return {"default": one.default, "min": one.metadata["least"], "max": one.metadata["most"], **other}


def recipe_of(name: str, model: ModelPatcher) -> Recipe:
    """The recipe of a preset; auto takes the largest that the card holds."""
    from ...ffgo.host.loading import check_expert

    return preset(preset_for(_memory(model)) if name == AUTO else name, check_expert(model).base)


def _memory(model: ModelPatcher) -> float:
    """Bytes of the model's card; main memory has nothing to save by moving things into main memory."""
    from ...ffgo.host.trainable import memory_of

    return float("inf") if model.load_device.type == "cpu" else memory_of(model)


def train_on_host(
    node: type[io.ComfyNode], model: ModelPatcher, dataset: CachedDataset, prior: CachedDataset | None, expert: Expert,
    name: str, recipe: Recipe,
) -> "Finished":  # fmt: skip
    """Train, showing progress on the node."""
    from ...ffgo.training.run import TrainingRun, train_expert

    job = TrainingRun(
        name, expert, recipe, dataset, runs=_runs(), loras=loras_output_folder(), prior=prior,
        starts=_starts(recipe.start_lora),
    )  # fmt: skip
    notes = _mended(dataset, prior)

    return train_expert(
        model, job, lambda trainable: OnNode(node, job, trainable), lambda lines: show_on_node(node, lines, notes)
    )


def train_concept_on_host(
    node: type[io.ComfyNode], model: ModelPatcher, datasets: Mapping[Part, CachedDataset], prior: CachedDataset | None,
    expert: Expert, name: str, recipes: Mapping[Part, Recipe],
) -> "dict[Part, Finished]":  # fmt: skip
    """Learn both halves of a concept, showing progress on the node."""
    from ...ffgo.training.world import World

    job = ConceptRun(
        name, expert, recipes, datasets, words_of(datasets), runs=_runs(), loras=loras_output_folder(), prior=prior,
    )  # fmt: skip
    notes = _mended(*datasets.values(), prior)

    def watcher_of(run: "TrainingRun") -> "WatcherOf":
        return lambda trainable: OnNode(node, run, trainable)

    return train_concept(model, job, watcher_of, lambda lines: show_on_node(node, lines, notes), World.current())


def _runs() -> Path:
    return Path(folder_paths.get_output_directory()) / RUNS


def _mended(*datasets: CachedDataset | None) -> list[str]:
    """What had to be mended in the datasets, in words."""
    return [note for dataset in datasets if dataset is not None for note in dataset.mend()]


def _starts(start_lora: str) -> Path | None:
    """The folder of the host's LoRAs that a run starts from. Raises: FFGOError for a file anywhere else."""
    if not start_lora:
        return None
    found = folder_with([loras_output_folder(), *map(Path, folder_paths.get_folder_paths("loras"))], start_lora)
    if found is None:
        raise FFGOError(
            f"recipe: start_lora is {start_lora!r}; on this node it must be the name of a file in one of ComfyUI's "
            "loras folders. Copy or link the file into one, or train by a job file, which takes any path."
        )
    return found


def curve_of(finished: "Finished", expert: Expert) -> Tensor:
    """The loss curve of a finished run, as an IMAGE."""
    from ...ffgo.training.curve import draw_loss_curve

    return torch.from_numpy(to_float(draw_loss_curve(finished.history, f"{finished.path.stem}, {expert} noise")))[None]


def loss_map(finished: "Finished") -> Mapping[str, list[float]]:
    """The loss as the host's LOSS_MAP."""
    from ...ffgo.training.run import loss_by_step

    return {"loss": loss_by_step(finished.history)}
