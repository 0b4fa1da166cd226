"""What the experts make of a prompt and a first picture by themselves, as latents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from comfy.samplers import CFGGuider, calculate_sigmas, sampler_object
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from comfy_extras.nodes_wan import WanImageToVideo
from torch import Tensor

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.experts.schedule import split_at_boundary
from ...ffgo.host.loading import file_of, latent_format

SCHEDULER, SAMPLER = "simple", "euler"


@dataclass(frozen=True, slots=True)
class Generator:
    """Both experts, and how they are sampled."""

    high: ModelPatcher
    low: ModelPatcher
    vae: Any
    clip: Any
    steps: int
    cfg: float
    step: Callable[[], None]
    """Called after each step; may raise to cancel."""

    @property
    def key(self) -> list[str | int]:
        """What decides what is made, but for prompt, picture, size and seed."""
        models = [f"{file_of(model)} {len(model.patches)}" for model in (self.high, self.low)]
        return [*models, self.steps, f"{self.cfg:g}", SCHEDULER, SAMPLER]

    def make(self, prompt: str, first: Tensor, frames: int, seed: int) -> Tensor:
        """(C, T, h, w) in the experts' own scale. first (H, W, 3)."""
        height, width = first.shape[:2]
        told, nothing = (self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text)) for text in (prompt, ""))
        begin: Any = WanImageToVideo.execute  # the host's nodes name their own parameters
        positive, negative, latent = begin(
            told, nothing, self.vae, width, height, frames, 1, start_image=first[None]
        ).args
        samples = latent["samples"]
        (shifted,) = ModelSamplingSD3().patch(self.high, DEFAULT.shift)
        sigmas = calculate_sigmas(shifted.get_model_object("model_sampling"), SCHEDULER, self.steps).cpu()
        split = split_at_boundary(sigmas, DEFAULT.boundary)
        noise = torch.randn(samples.shape, generator=torch.Generator().manual_seed(seed))
        for model, part in ((self.high, split.high_sigmas), (self.low, split.low_sigmas)):
            (shifted,) = ModelSamplingSD3().patch(model, DEFAULT.shift)
            guider = CFGGuider(shifted)
            guider.set_conds(positive, negative)
            guider.set_cfg(self.cfg)
            samples = guider.sample(
                noise, samples, sampler_object(SAMPLER), part, callback=lambda *_: self.step(), disable_pbar=True,
                seed=seed,
            )  # fmt: skip
            noise = torch.zeros_like(noise)
        return latent_format().process_in(samples.float().cpu())[0]
