"""What an expert is told of the frames that are given, and what of its prediction counts: the one place that knows."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .base import Base


def start_frames(base: Base, given: Mapping[int, Tensor], frames: int) -> Tensor:
    """The clip (frames, H, W, 3), 0..1, to be encoded for the condition: the given pictures, the base's grey elsewhere.

    given: frame -> its picture (H, W, 3), 0..1. A base without a grey gets the frames up to the last given one alone.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> start_frames(WAN22_I2V_A14B, {0: torch.ones(2, 2, 3)}, 5).mean((1, 2, 3))
    tensor([1.0000, 0.5000, 0.5000, 0.5000, 0.5000])
    """
    if base.condition.fill is None:
        frames = max(given) + 1
    clip = torch.full((frames, *next(iter(given.values())).shape), base.condition.fill or 0.0)
    for frame, picture in given.items():
        clip[frame] = picture
    return clip


def condition(base: Base, given: Mapping[int, Tensor], frames: int, rest: Tensor | None = None) -> Tensor:
    """The condition (..., mask and latent channels, T, h, w) of a clip of so many frames; of a clamp the mask alone.

    given: latent frame -> its latents (..., C, h, w); each is marked 1 in the mask. rest (..., C, T, h, w): latents of
    the frames that are not given, as the VAE makes them of `start_frames`; zeros where there are none.
    Source: WanImageToVideo, Wan22ImageToVideoLatent and HunyuanVideo15ImageToVideo of the host, and the official FFGo
    training script.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> made = condition(WAN22_I2V_A14B, {0: torch.ones(16, 6, 8)}, frames=9)
    >>> made.shape, made[:4, :, 0, 0].tolist()
    (torch.Size([20, 3, 6, 8]), [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    """
    first = next(iter(given.values()))
    latent_frames = base.latent_frames(frames)
    lead, (channels, height, width) = first.shape[:-3], first.shape[-3:]
    mask = first.new_zeros(*lead, base.condition.mask, latent_frames, height, width)
    latents = first.new_zeros(*lead, channels, latent_frames, height, width) if rest is None else rest.clone()
    for frame, its_latents in given.items():
        mask[..., frame, :, :] = 1
        latents[..., frame, :, :] = its_latents
    if base.condition.kind == "clamp":
        return mask
    return torch.cat((mask, latents) if base.condition.mask_first else (latents, mask), dim=-4)


def told(base: Base, noised: Tensor, clean: Tensor, condition: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """What goes into the network: (B, inputs, T, h, w), and its sigma, (B,), or (B, T) where frames have their own.

    noised, clean (B, C, T, h, w); condition (B, ..., T, h, w): as `condition` makes it; sigma (B,). Of a clamp the
    given frames are clean, at sigma 0. Source: WAN22.process_timestep of the host.
    """
    if base.condition.kind == "concat":
        return torch.cat([noised, condition], 1), sigma
    given = _given(condition)
    return torch.where(given.bool(), clean, noised), sigma[:, None] * (1 - given[:, 0, :, 0, 0])


def shown(base: Base, latents: Tensor, clean: Tensor, condition: Tensor) -> Tensor:
    """What sampling ends with, (B, C, T, h, w): of a clamp the given frames as they were given."""
    return torch.where(_given(condition).bool(), clean, latents) if base.condition.kind == "clamp" else latents


def counted(base: Base, error: Tensor, condition: Tensor) -> Tensor:
    """The mean square (B,) of the velocity's error (B, C, T, h, w): of a clamp over the frames that are not given.

    What a network makes of a given frame is thrown away in sampling, and has no noise that it could be right about.
    """
    if base.condition.kind == "concat":
        return error.square().flatten(1).mean(1)
    left = (1 - _given(condition)).expand_as(error)
    return (error * left).square().flatten(1).sum(1) / left.flatten(1).sum(1)


def _given(condition: Tensor) -> Tensor:
    """(B, 1, T, 1, 1): 1 where the frame is given."""
    return condition[:, :1, :, :1, :1]
