"""A training run inside ComfyUI: where its files go, and what the node shows meanwhile."""

import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management
import folder_paths
import torch
from comfy.model_patcher import ModelPatcher
from comfy.utils import ProgressBar
from comfy_api.latest import io
from PIL import Image
from server import PromptServer
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

if TYPE_CHECKING:  # they bring much along, which no start of the host should wait for
    from ...ffgo.host.trainable import TrainableExpert
    from ...ffgo.training.loop import StepReport
    from ...ffgo.training.run import Finished, TrainingRun, WatcherOf

AUTO = "auto"
RUNS = "ffgo_training"
SHOW_EVERY_S = 2.0


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

    output = Path(folder_paths.get_output_directory())
    job = TrainingRun(
        name, expert, recipe, dataset, runs=output / RUNS, loras=loras_output_folder(), prior=prior,
        starts=_starts(recipe.start_lora),
    )  # fmt: skip
    notes = [note for data in (dataset, prior) if data is not None for note in data.mend()]

    return train_expert(
        model, job, lambda trainable: _OnNode(node, job, trainable), lambda lines: show_on_node(node, lines, notes)
    )


def train_concept_on_host(
    node: type[io.ComfyNode], model: ModelPatcher, datasets: Mapping[Part, CachedDataset], prior: CachedDataset | None,
    expert: Expert, name: str, recipes: Mapping[Part, Recipe],
) -> "dict[Part, Finished]":  # fmt: skip
    """Learn both halves of a concept, showing progress on the node."""
    from ...ffgo.training.world import World

    output = Path(folder_paths.get_output_directory())
    job = ConceptRun(
        name,
        expert,
        recipes,
        datasets,
        words_of(datasets),
        runs=output / RUNS,
        loras=loras_output_folder(),
        prior=prior,
    )
    notes = [note for data in (*datasets.values(), prior) if data is not None for note in data.mend()]

    def watcher_of(run: "TrainingRun") -> "WatcherOf":
        return lambda trainable: _OnNode(node, run, trainable)

    return train_concept(model, job, watcher_of, lambda lines: show_on_node(node, lines, notes), World.current())


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


class _OnNode:
    """Shows a run on its node: a bar, the loss by sigma band, and previews; Cancel goes through here too."""

    def __init__(self, node: type[io.ComfyNode], job: "TrainingRun", trainable: "TrainableExpert"):
        self.node, self.job, self.trainable = node, job, trainable
        self.bar = ProgressBar(job.recipe.steps, node_id=node.hidden.unique_id)
        self.history, self.strip, self.shown, self.started = [], None, 0.0, (time.monotonic(), 0)

    def stepped(self, report: "StepReport") -> None:
        from ...ffgo.training.curve import draw_loss_curve, stack_pictures

        if not self.history:
            self.started = (time.monotonic(), report.step - 1)
        self.history += [[report.step, sigma, loss] for _, sigma, loss in report.samples]
        due = self.job.recipe.preview_every and report.step % self.job.recipe.preview_every == 0
        if due:
            self.strip = self._preview()
        if due or report.step == report.steps or time.monotonic() - self.shown > SHOW_EVERY_S:
            curve = draw_loss_curve(torch.tensor(self.history), f"{self.job.name}, {self.job.expert} noise")
            picture = stack_pictures([curve, self.strip] if self.strip else [curve])
            self._say(report)
            self.bar.update_absolute(report.step, report.steps, ("JPEG", picture, picture.width))
            self.shown = time.monotonic()
        comfy.model_management.throw_exception_if_processing_interrupted()

    def wants_to_stop(self) -> bool:
        return False  # Cancel is an exception of the host's

    def _say(self, report: "StepReport") -> None:
        began, first = self.started
        left = (time.monotonic() - began) / (report.step - first) * (report.steps - report.step)
        text = f"step {report.step} of {report.steps}, loss {report.loss:.4f}, {_duration(left)} left"
        PromptServer.instance.send_progress_text(text, self.node.hidden.unique_id)

    def _preview(self) -> Image.Image:
        from ...ffgo.host.loading import latent_format
        from ...ffgo.training.preview import filmstrip, sample_example

        base = self.trainable.shape.base
        latents = sample_example(
            self.trainable.predict, self.job.dataset[0], self.job.recipe, self.trainable.device, base
        )
        rough = latent_format(base)
        return filmstrip(latents, Tensor(rough.latent_rgb_factors), Tensor(rough.latent_rgb_factors_bias))


def curve_of(finished: "Finished", expert: Expert) -> Tensor:
    """The loss curve of a finished run, as an IMAGE."""
    from ...ffgo.training.curve import draw_loss_curve

    return torch.from_numpy(to_float(draw_loss_curve(finished.history, f"{finished.path.stem}, {expert} noise")))[None]


def loss_map(finished: "Finished") -> Mapping[str, list[float]]:
    """The loss as the host's LOSS_MAP."""
    from ...ffgo.training.run import loss_by_step

    return {"loss": loss_by_step(finished.history)}


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
