"""What an expert is told of the frames that are given: the one place that builds it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .base import Base


def start_frames(base: Base, given: Mapping[int, Tensor], frames: int) -> Tensor:
    """The clip (frames, H, W, 3), 0..1, to be encoded for the condition: the given pictures, the base's grey elsewhere.

    given: frame -> its picture (H, W, 3), 0..1.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> start_frames(WAN22_I2V_A14B, {0: torch.ones(2, 2, 3)}, 5).mean((1, 2, 3))
    tensor([1.0000, 0.5000, 0.5000, 0.5000, 0.5000])
    """
    clip = torch.full((frames, *next(iter(given.values())).shape), base.fill)
    for frame, picture in given.items():
        clip[frame] = picture
    return clip


def condition(base: Base, given: Mapping[int, Tensor], frames: int, rest: Tensor | None = None) -> Tensor:
    """The condition (..., mask and latent channels, T, h, w) of a clip of so many frames.

    given: latent frame -> its latents (..., C, h, w); each is marked 1 in the mask. rest (..., C, T, h, w): latents of
    the frames that are not given, as the VAE makes them of `start_frames`; zeros where there are none.
    Source: WanImageToVideo of the host, and the official FFGo training script.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> made = condition(WAN22_I2V_A14B, {0: torch.ones(16, 6, 8)}, frames=9)
    >>> made.shape, made[:4, :, 0, 0].tolist()
    (torch.Size([20, 3, 6, 8]), [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    """
    first = next(iter(given.values()))
    latent_frames = base.latent_frames(frames)
    lead, (channels, height, width) = first.shape[:-3], first.shape[-3:]
    mask = first.new_zeros(*lead, base.mask_channels, latent_frames, height, width)
    latents = first.new_zeros(*lead, channels, latent_frames, height, width) if rest is None else rest.clone()
    for frame, its_latents in given.items():
        mask[..., frame, :, :] = 1
        latents[..., frame, :, :] = its_latents
    return torch.cat((mask, latents), dim=-4)
