"""How much of a clip is right, exactly, because everything that should be in it is known.

For every frame the renderer looks for each sprite: at every place and in several sizes it compares what the frame shows
with the sprite over the right scene. A sprite counts as found where that fits; which of its shape, colours and pattern
are right is then asked by exchanging each of them alone: the right one has to fit better than all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

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


@dataclass(frozen=True)
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
    pictures, ground = _with_margin(frames), _with_margin(scene[None])
    x, y = _coarse_places(pictures, ground, sprite)
    near = {scale: _near(pictures, ground[0], scale, x, y) for scale in SCALES}
    errors = torch.stack([_errors(*near[scale], sprite, scale).flatten(1) for scale in SCALES], 1)
    least, chosen = errors.flatten(1).min(1)
    empty = torch.stack([_empty_errors(*near[scale], scale).flatten(1) for scale in SCALES], 1)
    best = chosen % errors.shape[2]
    side = 2 * NEAR + 1
    traits = torch.stack([_fits_better(least, near, others) for others in _others(sprite)]).float().mean(0)
    without = empty.flatten(1).gather(1, chosen[:, None])[:, 0]
    return _Found(least, without, x + best % side - NEAR, y + best // side - NEAR, traits)


def _coarse_places(pictures: Tensor, ground: Tensor, sprite: Sprite) -> tuple[Tensor, Tensor]:
    """Centres (N,) in pixels of the frame, at every second one."""
    found = []
    for scale in SCALES:
        cut = MARGIN - _half(scale)
        inner = (..., slice(cut, -cut), slice(cut, -cut))
        found.append(_errors(pictures[inner], ground[inner], sprite, scale, stride=2))
    errors = torch.stack(found).amin(0)
    index = errors.flatten(1).argmin(1)
    return 2 * (index % errors.shape[-1]), 2 * (index // errors.shape[-1])


def _with_margin(pictures: Tensor) -> Tensor:
    """(N, H, W, 3) to (N, 3, H + 2 m, W + 2 m), black on all sides: room for what is compared at the frame's edge."""
    return functional.pad(pictures.permute(0, 3, 1, 2), (MARGIN,) * 4)


def _near(pictures: Tensor, ground: Tensor, scale: float, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What pictures and ground show around the places, as far as a sprite of this size may reach: (N, 3, W, W)."""
    reach = _half(scale) + NEAR
    windows = [
        (
            slice(None),
            slice(row + MARGIN - reach, row + MARGIN + reach + 1),
            slice(column + MARGIN - reach, column + MARGIN + reach + 1),
        )
        for column, row in zip(x.tolist(), y.tolist(), strict=True)
    ]
    shown = torch.stack([picture[window] for picture, window in zip(pictures, windows, strict=True)])
    return shown, torch.stack([ground[window] for window in windows])


def _fits_better(least: Tensor, near: Mapping[float, tuple[Tensor, Tensor]], others: Sequence[Sprite]) -> Tensor:
    """(N,): whether all of these sprites, in any size, fit worse."""
    errors = [_errors(*near[scale], other, scale).flatten(1).amin(1) for other in others for scale in SCALES]
    return least < torch.stack(errors).amin(0)


def _errors(pictures: Tensor, ground: Tensor, sprite: Sprite, scale: float, stride: int = 1) -> Tensor:
    """Mean squared error (N, H', W') between pictures (N, 3, H, W) and the sprite over the ground, at every place.

    With a the sprite's alpha, c its colour, g the ground and p the picture: |p - g - a (c - g)|^2, over the window.
    """
    colour, alpha, painted, squared = _kernels(sprite, scale)
    difference = pictures - ground
    plain = functional.conv2d(difference.square().sum(1, keepdim=True), torch.ones_like(alpha), stride=stride)
    crossed = functional.conv2d(difference, painted, stride=stride) - functional.conv2d(
        (difference * ground).sum(1, keepdim=True), alpha, stride=stride
    )
    paint = (
        (squared * colour.square()).sum()
        - 2 * functional.conv2d(ground, squared * colour, stride=stride)
        + functional.conv2d(ground.square().sum(1, keepdim=True), squared, stride=stride)
    )
    return (plain - 2 * crossed + paint)[:, 0] / (3 * alpha.numel())


def _empty_errors(pictures: Tensor, ground: Tensor, scale: float) -> Tensor:
    """The same for no sprite."""
    return functional.avg_pool2d((pictures - ground).square().mean(1, keepdim=True), 2 * _half(scale) + 1, stride=1)[
        :, 0
    ]


@cache
def _kernels(sprite: Sprite, scale: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Colour c (1, 3, S, S) and alpha a (1, 1, S, S) of the sprite in the middle of a window; a c; a squared."""
    half = _half(scale)
    colours, alphas = render_sprites(sprite, [(half + 0.5, half + 0.5)], scale, 2 * half + 1)
    colour, alpha = torch.from_numpy(colours).permute(0, 3, 1, 2), torch.from_numpy(alphas)[None]
    return colour, alpha, alpha * colour, alpha.square()


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
