"""How much of a clip is right, exactly, because everything that should be in it is known.

For every frame the renderer looks for each sprite: at every place and in several sizes it compares what the frame shows
with the sprite over the right scene. A sprite counts as found where that fits; which of its shape, colours and pattern
are right is then asked by exchanging each of them alone: the right one has to fit better than all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import chain

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from .render import render_scene, render_sprites
from .scene import COLOURS, FRAMES, LAWS, PATTERNS, RADIUS, SHAPES, Actor, Shot, Sprite

SCALES = (0.75, 0.9, 1.0, 1.1, 1.2)
"""Of a sprite, in a clip that was generated."""
FITS = 0.02
"""Mean squared error up to which a sprite counts as found; 0 to 1 a channel."""
EXPLAINED = 0.4
"""Share of what the scene alone is off by that the sprite may still be off by, to count as found."""
SAME = 0.12
"""How far each channel of a pixel of the scene may be off."""
EVERY = 2
"""Frames between those that are looked at."""
WINDOW = 1.25
"""Half of the side of what is compared, in the sprite's radii."""
NEAR = 3
"""Pixels that a wrong sprite may be off the place where the right one fits best."""
MARGIN = round(WINDOW * RADIUS * max(SCALES)) + NEAR
"""Pixels around a frame."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one clip, each from 0 to 1."""

    object_identity: float
    """Share of shapes, colours and patterns that are right, over subjects and frames; nothing for a missing subject."""
    scene_identity: float
    """Share of the pixels beside the subjects that show the right scene."""
    motion: float
    """Share of subjects that move as the caption says, among six laws."""

    @property
    def overall(self) -> float:
        return (self.object_identity + self.scene_identity + self.motion) / 3


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a sprite fits each of N frames best."""

    error: Tensor
    """(N,): mean squared error there."""
    without: Tensor
    """(N,): that of the scene alone, without the sprite."""
    x: Tensor
    y: Tensor
    """(N,): its centre in pixels."""
    traits: Tensor
    """(N,): the share of its traits that fit better than any other would near there."""

    @property
    def present(self) -> Tensor:
        return (self.error < FITS) & (self.error < EXPLAINED * self.without)


def score_clip(frames: Tensor, shot: Shot, first: int) -> Scores:
    """Compare frames (F, H, W, 3), 0..1, with what they should show. first: the number of the first one in its clip."""
    scene = torch.from_numpy(render_scene(shot.scene)) if shot.scene else torch.ones(frames.shape[1:])
    numbers = torch.arange(0, len(frames), EVERY)
    frames = frames[numbers]
    found = [_find(frames, scene, subject.sprite) for subject in shot.subjects]
    identity = torch.stack([place.traits * place.present for place in found])
    motion = [_follows(subject, numbers + first, place) for subject, place in zip(shot.subjects, found, strict=True)]
    beside = ~torch.stack([_around(place, frames.shape[1]) for place in found]).any(0)
    right = (frames - scene).abs().amax(-1) <= SAME
    shares = [float(same[free].float().mean()) for same, free in zip(right, beside, strict=True)]
    return Scores(float(identity.mean()), float(np.mean(shares)), float(np.mean(motion)))


def _find(frames: Tensor, scene: Tensor, sprite: Sprite) -> _Found:
    """Look for the sprite at every second pixel, then around the best of those, there also for the wrong ones."""
    terms = _terms(frames, scene)
    coarse = _errors(terms[..., NEAR:-NEAR, NEAR:-NEAR], [sprite], stride=2).amin((1, 2))
    index = coarse.flatten(1).argmin(1)
    x, y = 2 * (index % coarse.shape[-1]), 2 * (index // coarse.shape[-1])
    others = _others(sprite)
    errors = _errors(_near(terms, x, y), [sprite, None, *chain(*others)]).flatten(3)
    least, chosen = errors[:, 0].flatten(1).min(1)
    without = errors[:, 1].flatten(1).gather(1, chosen[:, None])[:, 0]
    worse = (least[:, None] < errors[:, 2:].amin((2, 3))).split([len(group) for group in others], 1)
    traits = torch.stack([group.all(1) for group in worse]).float().mean(0)
    best, side = chosen % errors.shape[-1], 2 * NEAR + 1
    return _Found(least, without, x + best % side - NEAR, y + best // side - NEAR, traits)


def _terms(frames: Tensor, scene: Tensor) -> Tensor:
    """What all squared errors are sums of, (N, 10, H + 2 m, W + 2 m), black on all sides: room for what is compared at
    the frame's edge. With g the ground and d the picture less the ground: |d|^2, d, g d, g, |g|^2, and 1."""
    ground, difference = (pixels.permute(0, 3, 1, 2) for pixels in (scene.expand(frames.shape), frames - scene))
    products = (
        difference.square().sum(1, keepdim=True), difference, (ground * difference).sum(1, keepdim=True),
        ground, ground.square().sum(1, keepdim=True),
    )  # fmt: skip
    return functional.pad(functional.pad(torch.cat(products, 1), (MARGIN,) * 4), (0, 0, 0, 0, 0, 1), value=1)


def _near(terms: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The terms around the places (N,), as far as a sprite may reach: (N, 10, W, W)."""
    side = 2 * MARGIN + 1
    places = zip(terms, x.tolist(), y.tolist(), strict=True)
    return torch.stack([term[:, row : row + side, column : column + side] for term, column, row in places])


def _errors(terms: Tensor, sprites: Sequence[Sprite | None], stride: int = 1) -> Tensor:
    """Mean squared error (N, sprites, SCALES, H', W') of each sprite in each size over the ground, at every place."""
    kernels = torch.cat([_kernels(sprite) for sprite in sprites])
    return functional.conv2d(terms, kernels, stride=stride).unflatten(1, (len(sprites), len(SCALES)))


@cache
def _kernels(sprite: Sprite | None) -> Tensor:
    """How a sprite's error in each size is summed from the terms around it: (SCALES, 10, S, S).

    With a its alpha (0 without a sprite) and c its colour: |d - a (c - g)|^2 over the window of that size.
    """
    side = 2 * _half(max(SCALES)) + 1
    kernels = torch.zeros(len(SCALES), 10, side, side)
    for scale, kernel in zip(SCALES, kernels, strict=True):
        cut = side // 2 - _half(scale)
        kernel[0, cut : side - cut, cut : side - cut] = 1
        if sprite:
            colours, alphas = render_sprites(sprite, [(side / 2, side / 2)], scale, side)
            colour, alpha = torch.from_numpy(colours[0]).permute(2, 0, 1), torch.from_numpy(alphas[0])
            kernel[1:4], kernel[4] = -2 * alpha * colour, 2 * alpha
            kernel[5:8], kernel[8] = -2 * alpha.square() * colour, alpha.square()
            kernel[9] = alpha.square() * colour.square().sum(0)
        kernel.div_(3 * (2 * _half(scale) + 1) ** 2)
    return kernels


def _half(scale: float) -> int:
    """Pixels from the middle of a window to its sides."""
    return round(WINDOW * RADIUS * scale)


@cache
def _others(sprite: Sprite) -> tuple[tuple[Sprite, ...], ...]:
    """The sprites that differ in one trait alone, for each trait."""
    colours = [colour for colour in COLOURS if colour not in (sprite.colour, sprite.second)]
    return (
        tuple(replace(sprite, shape=shape) for shape in SHAPES if shape != sprite.shape),
        tuple(replace(sprite, colour=colour) for colour in colours),
        tuple(replace(sprite, second=colour) for colour in colours),
        tuple(replace(sprite, pattern=pattern) for pattern in PATTERNS if pattern != sprite.pattern),
    )


def _around(found: _Found, size: int) -> Tensor:
    """(N, H, W): the pixels that a sprite may have touched, where it is present."""
    line = torch.arange(size, dtype=torch.float32)
    distance = torch.hypot(line[None, None, :] - found.x[:, None, None], line[None, :, None] - found.y[:, None, None])
    return (distance < 1.4 * RADIUS * max(SCALES)) & found.present[:, None, None]


def _follows(subject: Actor, numbers: Tensor, found: _Found) -> float:
    """1 if the places that it was found at fit its law better than the others; it must be found half of the time."""
    present = found.present
    if present.sum() < max(3, len(numbers) / 2):
        return 0.0
    track = _centred(torch.stack([found.x[present], found.y[present]], 1).double().numpy())
    times = numbers[present].double().numpy() / (FRAMES - 1)
    errors = {
        law: np.square(track - _centred([replace(subject, law=law).place(time) for time in times])).sum()
        for law in LAWS
    }
    return float(min(errors, key=errors.__getitem__) == subject.law)


def _centred(places: ArrayLike) -> NDArray[np.float64]:
    track = np.asarray(places, dtype=np.float64)
    return track - track.mean(0)


def intervals(scores: Sequence[Scores], draws: int = 2000) -> Mapping[str, tuple[float, float, float]]:
    """Mean and 95 % interval of each score, from a bootstrap over the clips that is the same in every run."""
    rows = [asdict(score) | {"overall": score.overall} for score in scores]
    chosen = np.random.default_rng(0).integers(len(rows), size=(draws, len(rows)))
    found = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        low, high = np.percentile(values[chosen].mean(1), [2.5, 97.5])
        found[name] = (float(values.mean()), float(low), float(high))
    return found
