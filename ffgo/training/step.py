"""One training example, noised, and how far the expert is from its velocity."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT
from ..bases.condition import counted, told
from ..dataset.encoded import EncodedExample
from . import draws

Predict = Callable[..., Tensor]
"""The expert: noised latents and condition (B, inputs, T, h, w), sigma (B,) or (B, T) and text (B, tokens, width), and
`vision` (B, tokens, width) where the base takes it, to the velocity (B, C, T, h, w)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example at one sigma. Letters: C channels, T latent frames, h and w latent sides."""

    name: str
    latents_CThw: Tensor
    condition_CThw: Tensor
    text: Tensor
    noise_CThw: Tensor
    sigma: float
    vision: Tensor | None = None


def draw_sample(name: str, example: EncodedExample, sigma: float, *key: object, token_drop: float = 0.0) -> Sample:
    """Noise for an example, and the blanked tokens of its caption; both depend on the key alone."""
    text = example.text
    if token_drop:
        kept = torch.rand(len(text), generator=draws.generator("tokens", *key)) >= token_drop
        text = text * kept[:, None]  # a blank token is a row of zeros, as the host's padding
    noise = draws.noise(tuple(example.latents.shape), *key)
    return Sample(name, example.latents, example.condition, text, noise, sigma, example.vision)


def velocity_loss(
    predict: Predict, samples: list[Sample], device: torch.device, outlier: float, base: Base = DEFAULT
) -> Tensor:
    """The mean squared error of the predicted velocity, for each sample; (B,), float32.

    x_sigma = (1 - sigma) x_0 + sigma noise; the true velocity is noise - x_0. Elements off by more than `outlier` count
    as zero and stay in the mean. Samples must have one shape. base: how the given frames are told, and which count.
    Source: scripts/wan2.2/train_lora_transition_14b.py, there with sigmas in bfloat16, here in float32.
    """
    latents_BCThw = _stacked([s.latents_CThw for s in samples], device)
    noise_BCThw = _stacked([s.noise_CThw for s in samples], device)
    condition_BCThw = _stacked([s.condition_CThw for s in samples], device)
    text = _stacked([s.text for s in samples], device)
    sigma_B = torch.tensor([s.sigma for s in samples], dtype=torch.float32, device=device)
    sigma = sigma_B.view(-1, 1, 1, 1, 1)
    noised_BCThw = (1 - sigma) * latents_BCThw + sigma * noise_BCThw
    inputs, time = told(base, noised_BCThw, latents_BCThw, condition_BCThw, sigma_B)
    velocity_BCThw = predict(inputs, time, text, **_vision(samples, device)).float()
    error = velocity_BCThw - (noise_BCThw - latents_BCThw)
    # A product, not a choice: what is infinite or NaN must stay visible.
    return counted(base, error * (error.detach().abs() <= outlier), condition_BCThw)


def _vision(samples: list[Sample], device: torch.device) -> dict[str, Tensor]:
    seen = [s.vision for s in samples if s.vision is not None]
    return {"vision": _stacked(seen, device)} if seen else {}


def _stacked(tensors: list[Tensor], device: torch.device) -> Tensor:
    return torch.stack(tensors).to(device, torch.float32)
