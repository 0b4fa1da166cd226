"""One training example, noised, and how far the expert is from its velocity."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..dataset.encoded import EncodedExample
from . import draws

Predict = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The expert: noised latents and condition (B, inputs, T, h, w), sigma (B,) and text (B, tokens, width) to the velocity
(B, C, T, h, w)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example at one sigma. Letters: C channels, T latent frames, h and w latent sides."""

    name: str
    latents_CThw: Tensor
    condition_CThw: Tensor
    text: Tensor
    noise_CThw: Tensor
    sigma: float


def draw_sample(name: str, example: EncodedExample, sigma: float, *key: object, token_drop: float = 0.0) -> Sample:
    """Noise for an example, and the blanked tokens of its caption; both depend on the key alone."""
    text = example.text
    if token_drop:
        kept = torch.rand(len(text), generator=draws.generator("tokens", *key)) >= token_drop
        text = text * kept[:, None]  # a blank token is a row of zeros, as the host's padding
    noise = draws.noise(tuple(example.latents.shape), *key)
    return Sample(name, example.latents, example.condition, text, noise, sigma)


def velocity_loss(predict: Predict, samples: list[Sample], device: torch.device, outlier: float) -> Tensor:
    """The mean squared error of the predicted velocity, for each sample; (B,), float32.

    x_sigma = (1 - sigma) x_0 + sigma noise; the true velocity is noise - x_0. Elements off by more than `outlier` count
    as zero and stay in the mean. Samples must have one shape.
    Source: scripts/wan2.2/train_lora_transition_14b.py, there with sigmas in bfloat16, here in float32.
    """
    latents_BCThw = _stacked([s.latents_CThw for s in samples], device)
    noise_BCThw = _stacked([s.noise_CThw for s in samples], device)
    condition_BCThw = _stacked([s.condition_CThw for s in samples], device)
    text = _stacked([s.text for s in samples], device)
    sigma_B = torch.tensor([s.sigma for s in samples], dtype=torch.float32, device=device)
    sigma = sigma_B.view(-1, 1, 1, 1, 1)
    noised_BCThw = (1 - sigma) * latents_BCThw + sigma * noise_BCThw
    velocity_BCThw = predict(torch.cat([noised_BCThw, condition_BCThw], 1), sigma_B, text).float()
    error = velocity_BCThw - (noise_BCThw - latents_BCThw)
    # A product, not a choice: what is infinite or NaN must stay visible.
    counted = error * (error.detach().abs() <= outlier)
    return counted.square().flatten(1).mean(1)


def _stacked(tensors: list[Tensor], device: torch.device) -> Tensor:
    return torch.stack(tensors).to(device, torch.float32)
