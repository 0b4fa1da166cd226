"""A cut-out laid onto every place of a frame: how far its pixels are off there, through Fourier space."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

SMALLEST = 6
"""Pixels of a template's longer side; in less nothing is left to compare."""


@dataclass(frozen=True, slots=True)
class Template:
    """A cut-out in one size, ready to be looked for."""

    colour: Tensor
    """(3, h, w), 0..1."""
    weight: Tensor
    """(h, w), 0..1: its alpha, all of which adds up to `mass`."""
    mass: float


def template_of(picture: np.ndarray, side: float, *, mirrored: bool = False) -> Template | None:
    """A cut-out (h, w, 4) uint8, cropped already, so many pixels long; None where that is too small."""
    if side < SMALLEST:
        return None
    image = Image.fromarray(picture[:, ::-1] if mirrored else picture)
    shrink = side / max(image.size)
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    pixels = torch.from_numpy(np.asarray(image.resize(size, Image.Resampling.BOX), np.float32) / 255)
    weight = pixels[..., 3]
    return Template(pixels[..., :3].movedim(-1, 0), weight, float(weight.sum())) if float(weight.sum()) > 1 else None


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames in Fourier space, with room around them for what is cut off by an edge."""

    transformed: Tensor
    """(N, 5, S, S'): the three colours, the sum of their squares, and ones where there is a frame."""
    size: tuple[int, int]
    """Height and width of a frame."""
    padded: tuple[int, int]


def prepare(frames: Tensor, largest: int) -> Frames:
    """Frames (N, H, W, 3), 0..1; largest: the longest side of a template, pixels."""
    height, width = frames.shape[1:3]
    padded = _good(height + largest), _good(width + largest)
    planes = frames.movedim(-1, 1).float()
    planes = torch.cat([planes, planes.square().sum(1, keepdim=True), torch.ones_like(planes[:, :1])], 1)
    planes = functional.pad(planes, (0, padded[1] - width, 0, padded[0] - height))
    return Frames(torch.fft.rfft2(planes), (height, width), padded)


def _good(size: int) -> int:
    """A size that is transformed quickly."""
    return int(-(-size // 16) * 16)


def errors_of(frames: Frames, template: Template) -> Tensor:
    """Mean squared difference of the colours, 0..1, with the template's middle at each pixel: (N, H, W).

    Where more than half of the template lies outside of the frame, it is 1.
    """
    weight = template.weight / template.mass
    kernels = torch.fft.rfft2(torch.cat([weight[None], template.colour * weight]), s=frames.padded).conj()
    power = _back(frames.transformed[:, 3] * kernels[0], frames, template)
    crossed = _back((frames.transformed[:, :3] * kernels[1:4]).sum(1), frames, template)
    inside = _back(frames.transformed[:, 4] * kernels[0], frames, template)
    own = float((template.colour.square() * weight).sum())
    return ((power - 2 * crossed + own) / 3).clamp(0, 1).masked_fill(inside < 0.5, 1.0)


def _back(transformed: Tensor, frames: Frames, template: Template) -> Tensor:
    """From Fourier space to places: moved so that a value stands at the template's middle."""
    plane = torch.fft.irfft2(transformed, s=frames.padded)
    top, left = (side // 2 for side in template.weight.shape)
    return torch.roll(plane, (top, left), (-2, -1))[..., : frames.size[0], : frames.size[1]]
