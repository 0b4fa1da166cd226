"""What a training run shows on its node meanwhile."""

import time
from typing import TYPE_CHECKING

import comfy.model_management
import torch
from comfy.utils import ProgressBar
from comfy_api.latest import io
from PIL import Image
from server import PromptServer
from torch import Tensor

from ...ffgo.durations import in_words

if TYPE_CHECKING:  # they bring much along, which no start of the host should wait for
    from ...ffgo.host.trainable import TrainableExpert
    from ...ffgo.training.loop import StepReport
    from ...ffgo.training.run import TrainingRun

SHOW_EVERY_S = 2.0


class OnNode:
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
        text = f"step {report.step} of {report.steps}, loss {report.loss:.4f}, {in_words(left)} left"
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
