"""How much of a clip is right, exactly, because everything that should be in it is known.

For every frame the renderer looks for each sprite: at every place and in several sizes it compares what the frame shows
with the sprite over the right scene. A sprite counts as found where that fits; which of its shape, colours and pattern
are right is then asked by exchanging each of them alone: the right one has to fit better than all others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import chain

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from .render import render_scene, render_shot, render_sprites
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
APART = 32
"""Pixels between the places of two subjects."""
RESIDUE = 0.05
"""Share of the composed frame that a frame may hold."""
LAST = 3
"""Frames at a clip's end."""
DRAWS = 2000
MARGIN = round(WINDOW * RADIUS * max(SCALES)) + NEAR
"""Pixels around a frame."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one clip, each from 0 to 1; not a number where the clip cannot show it."""

    object_identity: float
    """Share of shapes, colours and patterns that are right, over subjects and frames; nothing for a missing subject."""
    scene_identity: float
    """Share of the pixels beside the subjects that show the right scene."""
    motion: float
    """Share of subjects that move as the caption says, among six laws."""
    place: float
    """Share of subjects that are where the camera has them, and not on another's place."""
    binding: float
    """Share of subjects that follow their own law and not another subject's; only of clips with different laws."""
    amplitude: float
    """How far the subjects that should move went along their laws: 1 is all of the way, 0 none; this one has no top."""


MEASURES = tuple(field.name for field in fields(Scores))


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


def score_clip(frames: Tensor, shot: Shot, first: int, laws: Sequence[str] = LAWS) -> Scores:
    """Compare frames (F, H, W, 3), 0..1, with what they should show. first: the number of the first one in its clip;
    laws: among which motion is told."""
    scene = torch.from_numpy(render_scene(shot.scene)) if shot.scene else torch.ones(frames.shape[1:])
    numbers = torch.arange(0, len(frames), EVERY)
    frames = frames[numbers]
    found = [_find(frames, scene, subject.sprite) for subject in shot.subjects]
    identity = torch.stack([place.traits * place.present for place in found])
    beside = ~torch.stack([_around(place, frames.shape[1]) for place in found]).any(0)
    right = (frames - scene).abs().amax(-1) <= SAME
    shares = [float(same[free].float().mean()) for same, free in zip(right, beside, strict=True)]
    tracks = [_track(place, numbers + first) for place in found]
    told = list(zip(shot.subjects, tracks, strict=True))
    own = {subject.law for subject in shot.subjects}
    return Scores(
        object_identity=float(identity.mean()),
        scene_identity=float(np.mean(shares)),
        motion=_mean(_follows(subject, track, laws) for subject, track in told),
        place=_mean(_in_place(subject, track) for subject, track in told),
        binding=_mean(_follows(subject, track, own) for subject, track in told) if len(own) > 1 else np.nan,
        amplitude=_mean(_amplitude(subject, track) for subject, track in told if subject.law != "stays"),
    )


def identity_on(frames: Tensor, grounds: Tensor, shot: Shot) -> float:
    """Object identity of frames (F, H, W, 3), each on a ground of its own (F, H, W, 3) in place of the scene."""
    found = [_find(frames[::EVERY], grounds[::EVERY], subject.sprite) for subject in shot.subjects]
    return float(torch.stack([place.traits * place.present for place in found]).mean())


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return float(np.mean(known)) if known else np.nan


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


@dataclass(frozen=True, slots=True)
class _Track:
    """The way of a sprite that was found at least half of the time."""

    times: NDArray[np.float64]
    """(N,), 0 to 1 over the clip."""
    places: NDArray[np.float64]
    """(N, 2), pixels."""


def _track(found: _Found, numbers: Tensor) -> _Track | None:
    """None where it was found too seldom to tell."""
    present = found.present
    if present.sum() < max(3, len(numbers) / 2):
        return None
    places = torch.stack([found.x[present], found.y[present]], 1).double().numpy()
    return _Track(numbers[present].double().numpy() / (FRAMES - 1), places)


def _way(subject: Actor, times: ArrayLike) -> NDArray[np.float64]:
    """Where the subject should be at those times (N, 2)."""
    return np.array([subject.place(time) for time in np.asarray(times)], dtype=np.float64)


def _follows(subject: Actor, track: _Track | None, laws: Iterable[str]) -> float:
    """1 if its way fits its own law better than the other ones."""
    if track is None:
        return 0.0
    way = track.places - track.places.mean(0)
    ways = {law: _way(replace(subject, law=law), track.times) for law in laws}
    errors = {law: np.square(way - (other - other.mean(0))).sum() for law, other in ways.items()}
    return float(min(errors, key=errors.__getitem__) == subject.law)


def _in_place(subject: Actor, track: _Track | None) -> float:
    """1 if on average it is nearer to where it should be than half of the way to the next subject's place."""
    if track is None:
        return 0.0
    off = track.places.mean(0) - _way(subject, track.times).mean(0)
    return float(np.hypot(*off) < APART / 2)


def _amplitude(subject: Actor, track: _Track | None) -> float:
    """The factor of its law's way that its own way fits best."""
    if track is None:
        return 0.0
    way, told = track.places - track.places.mean(0), _way(subject, track.times)
    told -= told.mean(0)
    reach = np.square(told).sum()
    # Seen so seldom that it need not have moved: that tells nothing of how far it goes.
    return float((way * told).sum() / reach) if reach > 1 else 0.0


def residue(frames: Tensor, shot: Shot, composed: Tensor, first: int) -> float:
    """The share of kept frames (F, H, W, 3) that still hold some of the composed frame (H, W, 3).

    first: the number of the first one in its clip. How much a frame holds is its best mixture of the composed frame and
    of what it should show, less that of the last frames: they hold nothing of it, but no model's picture is exact.
    """
    truth = torch.from_numpy(render_shot(shot, range(first, first + len(frames))))
    ways = (composed - truth).flatten(1)
    shares = ((frames - truth).flatten(1) * ways).sum(1) / ways.square().sum(1)
    return float((shares - shares[-LAST:].mean() > RESIDUE).float().mean())


def interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean and 95 % interval over clips, from a bootstrap that is the same in every run; without those that are no
    numbers. For a difference of two rows: the differences of the same clips."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.nan, np.nan, np.nan
    chosen = np.random.default_rng(0).integers(len(known), size=(DRAWS, len(known)))
    low, high = np.percentile(known[chosen].mean(1), [2.5, 97.5])
    return float(known.mean()), float(low), float(high)
