"""What the expert makes of an example while it is trained."""

from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT
from ..bases.condition import shown, told
from ..dataset.encoded import EncodedExample
from ..experts.schedule import shifted_sigma
from . import draws
from .recipe import Recipe
from .step import Predict

FRAMES = 6


@torch.no_grad()
def sample_example(
    predict: Predict, example: EncodedExample, recipe: Recipe, device: torch.device, base: Base = DEFAULT
) -> Tensor:
    """Sample the example's clip with this expert alone, from its condition and text; (C, T, h, w).

    Euler over the whole range of sigmas, without guidance, always from the same noise: previews of one run differ by
    the training alone.
    """
    sigmas = [shifted_sigma(1 - i / recipe.preview_steps, recipe.shift) for i in range(recipe.preview_steps)] + [0.0]
    latents = draws.noise(tuple(example.latents.shape), recipe.seed, "preview")[None].to(device)
    condition, text = example.condition[None].to(device), example.text[None].to(device)
    clean = example.latents[None].to(device)
    vision = {} if example.vision is None else {"vision": example.vision[None].to(device)}
    for sigma, following in pairwise(sigmas):
        noise_level = torch.tensor([sigma], device=device)
        inputs, time = told(base, latents, clean, condition, noise_level)
        velocity = predict(inputs, time, text, **vision).float()
        latents = latents + velocity * (following - sigma)
    return shown(base, latents, clean, condition)[0]


def filmstrip(latents: Tensor, factors: Tensor, bias: Tensor) -> Image.Image:
    """Some frames side by side, in the rough colours that latents tell without a VAE.

    latents (C, T, h, w) in model space; factors (C, 3) and bias (3,): the host's for its own previews.
    """
    chosen = torch.linspace(0, latents.shape[1] - 1, min(FRAMES, latents.shape[1])).round().long()
    frames = torch.einsum("cthw,cr->thwr", latents[:, chosen].float().cpu(), factors) + bias
    strip = torch.cat(list((frames / 2 + 0.5).clamp(0, 1)), dim=1)
    return Image.fromarray((strip * 255).round().byte().numpy())
