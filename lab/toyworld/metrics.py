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
from .scene import (
    BUILDS,
    COLOURS,
    DIRECTIONS,
    FRAMES,
    FREE,
    HEIGHT,
    LAWS,
    MARKS,
    PATTERNS,
    RADIUS,
    SHAPES,
    WIDTH,
    Actor,
    Shot,
    Sprite,
)

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
FAR = 10
"""Pixels that a subject may be off its mark."""
RESIDUE = 0.05
"""Share of the composed frame that a frame may hold."""
LAST = 3
"""Frames at a clip's end."""
DRAWS = 2000
TALLEST = max(BUILDS.values()) ** 0.5
MARGIN = round(WINDOW * RADIUS * TALLEST * max(SCALES)) + NEAR
"""Pixels around a frame."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one clip, each from 0 to 1; not a number where the clip cannot show it."""

    object_identity: float
    """Share of shapes, colours, patterns and emblems that are right, over subjects and frames; nothing for a missing
    subject."""
    emblem: float
    """Share of emblems that are right, over subjects and frames."""
    scene_identity: float
    """Share of the pixels beside the subjects that show the right scene."""
    motion: float
    """Share of subjects that move as the caption says, among six laws."""
    place: float
    """Share of subjects that are on a mark of the camera, alone."""
    binding: float
    """Share of subjects that follow their own law and not another subject's; only of clips with different laws."""
    amplitude: float
    """How far the subjects that should move went along their laws: 1 is all of the way, 0 none; this one has no top."""
    identities: tuple[float, ...]
    """The object identity of each subject."""


MEASURES = tuple(field.name for field in fields(Scores) if field.name != "identities")


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
    """(N, 5): whether shape, both colours, pattern and emblem fit better than any other would near there."""

    @property
    def present(self) -> Tensor:
        return (self.error < FITS) & (self.error < EXPLAINED * self.without)


def score_clip(frames: Tensor, shot: Shot, first: int) -> Scores:
    """Compare frames (F, H, W, 3), 0..1, with what they should show. first: the number of the first one in its clip."""
    scene = torch.from_numpy(render_scene(shot.scene)) if shot.scene else torch.ones(frames.shape[1:])
    numbers = torch.arange(0, len(frames), EVERY)
    frames = frames[numbers]
    found = [_find(frames, scene, subject.sprite, shot.scale) for subject in shot.subjects]
    traits = torch.stack([place.traits * place.present[:, None] for place in found])
    beside = ~torch.stack(
        [_around(place, sub.sprite, shot.scale) for place, sub in zip(found, shot.subjects, strict=True)]
    ).any(0)
    right = (frames - scene).abs().amax(-1) <= SAME
    shares = [float(same[free].float().mean()) for same, free in zip(right, beside, strict=True)]
    tracks = [_track(place, numbers + first) for place in found]
    told = list(zip(shot.subjects, tracks, strict=True))
    laws = {subject.law for subject in shot.subjects}
    return Scores(
        object_identity=float(traits.mean()),
        emblem=float(traits[..., -1].mean()),
        identities=tuple(traits.mean((1, 2)).tolist()),
        scene_identity=float(np.mean(shares)),
        motion=_mean(_follows(subject, track, LAWS) for subject, track in told),
        place=_in_place(shot, tracks),
        binding=_mean(_follows(subject, track, laws) for subject, track in told) if len(laws) > 1 else np.nan,
        amplitude=_mean(_amplitude(subject, track) for subject, track in told if subject.law != "stays"),
    )


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return float(np.mean(known)) if known else np.nan


def _find(frames: Tensor, scene: Tensor, sprite: Sprite, size: float) -> _Found:
    """Look for the sprite at every second pixel, then around the best of those, there also for the wrong ones.

    size: that of the sprites in the shot.
    """
    terms, reach = _terms(frames, scene), _reach(sprite, size * max(SCALES))
    coarse = _errors(_inside(terms, reach), [_kernels(sprite, size)], stride=2).amin((1, 2))
    index = coarse.flatten(1).argmin(1)
    x, y = 2 * (index % coarse.shape[-1]), 2 * (index // coarse.shape[-1])
    others = _others(sprite)
    kernels = [
        _kernels(sprite, size),
        _kernels(sprite, size, ground=True),
        *(_kernels(s, size) for s in chain(*others)),
    ]
    errors = _errors(_near(terms, x, y, reach), kernels).flatten(3)
    least, chosen = errors[:, 0].flatten(1).min(1)
    without = errors[:, 1].flatten(1).gather(1, chosen[:, None])[:, 0]
    worse = (least[:, None] < errors[:, 2:].amin((2, 3))).split([len(group) for group in others], 1)
    traits = torch.stack([group.all(1) for group in worse], 1).float()
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


def _inside(terms: Tensor, reach: tuple[int, int]) -> Tensor:
    """The terms as far around the frame as a sprite reaches."""
    down, across = (MARGIN - pixels for pixels in reach)
    return terms[..., down : terms.shape[-2] - down, across : terms.shape[-1] - across]


def _near(terms: Tensor, x: Tensor, y: Tensor, reach: tuple[int, int]) -> Tensor:
    """The terms around the places (N,), as far as a sprite may reach: (N, 10, H', W')."""
    down, across = (MARGIN - pixels - NEAR for pixels in reach)
    high, wide = (2 * (pixels + NEAR) + 1 for pixels in reach)
    places = zip(terms, (x + across).tolist(), (y + down).tolist(), strict=True)
    return torch.stack([term[:, top : top + high, left : left + wide] for term, left, top in places])


def _errors(terms: Tensor, kernels: Sequence[Tensor], stride: int = 1) -> Tensor:
    """Mean squared error (N, sprites, SCALES, H', W') of each sprite in each size over the ground, at every place."""
    return functional.conv2d(terms, torch.cat(list(kernels)), stride=stride).unflatten(1, (len(kernels), len(SCALES)))


@cache
def _kernels(sprite: Sprite, size: float, *, ground: bool = False) -> Tensor:
    """How a sprite's error in each size is summed from the terms around it: (SCALES, 10, H', W').

    With a its alpha (0 for the ground alone) and c its colour: |d - a (c - g)|^2 over the window of that size.
    """
    down, across = _reach(sprite, size * max(SCALES))
    high, wide = 2 * down + 1, 2 * across + 1
    kernels = torch.zeros(len(SCALES), 10, high, wide)
    for scale, kernel in zip(SCALES, kernels, strict=True):
        half_high, half_wide = _reach(sprite, size * scale)
        top, left = down - half_high, across - half_wide
        kernel[0, top : high - top, left : wide - left] = 1
        if not ground:
            colours, alphas = render_sprites(sprite, [(wide / 2, high / 2)], size * scale, (wide, high))
            colour, alpha = torch.from_numpy(colours[0]).permute(2, 0, 1), torch.from_numpy(alphas[0])
            kernel[1:4], kernel[4] = -2 * alpha * colour, 2 * alpha
            kernel[5:8], kernel[8] = -2 * alpha.square() * colour, alpha.square()
            kernel[9] = alpha.square() * colour.square().sum(0)
        kernel.div_(3 * (2 * half_high + 1) * (2 * half_wide + 1))
    return kernels


def _reach(sprite: Sprite, scale: float) -> tuple[int, int]:
    """Pixels from the middle of its window to the sides: down and across."""
    wide, high = sprite.halves
    return round(WINDOW * RADIUS * scale * high), round(WINDOW * RADIUS * scale * wide)


@cache
def _others(sprite: Sprite) -> tuple[tuple[Sprite, ...], ...]:
    """The sprites that differ in one trait alone, for each trait."""
    colours = [colour for colour in COLOURS if colour not in (sprite.colour, sprite.second)]
    plain = [colour for colour in colours if colour != sprite.emblem]
    return (
        tuple(replace(sprite, shape=shape) for shape in SHAPES if shape != sprite.shape),
        tuple(replace(sprite, colour=colour) for colour in plain),
        tuple(replace(sprite, second=colour) for colour in plain),
        tuple(replace(sprite, pattern=pattern) for pattern in PATTERNS if pattern != sprite.pattern),
        tuple(replace(sprite, emblem=colour) for colour in (*colours, "") if colour != sprite.emblem),
    )


def _around(found: _Found, sprite: Sprite, size: float) -> Tensor:
    """(N, H, W): the pixels that a sprite may have touched, where it is present."""
    down, across = _reach(sprite, size * max(SCALES))
    x, y = torch.arange(WIDTH), torch.arange(HEIGHT)
    near = ((x - found.x[:, None]).abs() <= across)[:, None] & ((y - found.y[:, None]).abs() <= down)[:, :, None]
    return near & found.present[:, None, None]


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


def _law(subject: Actor, track: _Track, laws: Iterable[str]) -> str:
    """Of these laws the one that its way fits best."""
    way = track.places - track.places.mean(0)
    ways = {law: _way(replace(subject, law=law), track.times) for law in laws}
    errors = {law: np.square(way - (other - other.mean(0))).sum() for law, other in ways.items()}
    return min(errors, key=errors.__getitem__)


def _follows(subject: Actor, track: _Track | None, laws: Iterable[str]) -> float:
    """1 if of these laws its way fits best what the caption says: its own, or any direction where that is left open."""
    right = DIRECTIONS if subject.told == FREE else (subject.law,)
    return float(track is not None and _law(subject, track, laws) in right)


def _in_place(shot: Shot, tracks: Sequence[_Track | None]) -> float:
    """Share of subjects that are nearest to a mark which is nearest to no other subject, and not far from it."""
    marks = np.array(MARKS[len(shot.subjects)])
    nearest: list[int | None] = []
    for subject, track in zip(shot.subjects, tracks, strict=True):
        if track is None:
            nearest.append(None)
            continue
        moves = replace(subject, law=_law(subject, track, LAWS))
        middle = np.array((subject.x, subject.y)) + (track.places - _way(moves, track.times)).mean(0)
        off = np.hypot(*(marks - middle).T)
        nearest.append(int(off.argmin()) if off.min() < FAR else None)
    return float(np.mean([mark is not None and nearest.count(mark) == 1 for mark in nearest]))


def _amplitude(subject: Actor, track: _Track | None) -> float:
    """The factor of its law's way that its own way fits best; where the direction is left open, of the best one."""
    if track is None:
        return 0.0
    law = _law(subject, track, DIRECTIONS) if subject.told == FREE else subject.law
    way, told = track.places - track.places.mean(0), _way(replace(subject, law=law), track.times)
    told -= told.mean(0)
    return float((way * told).sum() / np.square(told).sum())


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
