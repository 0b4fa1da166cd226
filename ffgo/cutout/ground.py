"""The plain ground that a subject was photographed on: its colour, its lighting and its noise, off the picture's frame.

White and light grounds are told by their lightness, as before; any other by the colour that most of the frame has.
"""

from dataclasses import dataclass

import numpy as np

from .grid import LEVEL, Array, largest, ndimage, smallest

LIGHT = 0.75
LEAST_WHITE = 0.25
"""Share of the picture's frame that must be light for it to count as a picture on white."""
BINS = 16
"""Of a channel, for the colour that most of the frame has."""
ALIKE = 0.2
"""How far the ground may differ from that colour, in any channel: lighting falls off."""
PLAIN = 0.45
"""Share of the picture's frame that must have the ground's colour for it to be a plain ground."""
SURE, BETTER = 0.9, 0.1
"""A second look is taken where less of the frame has the ground's colour, and believed if so much more has it then."""
CALM = 0.02
"""What holds the surface to a plain colour where the frame says too little about the lighting."""
NARROWING = (0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5, 0.0)
"""Shares of the colours that are taken for the ground's; at last those within its noise."""
STEADY, ROUGHEST = 2 * LEVEL, 12 * LEVEL
"""What always counts as the ground's own colour, and what never does, however noisy it is."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the frame of a picture tells of its ground."""

    colour: Array
    """(H, W, 3): the ground as it would be without the subject."""
    frame: Array
    """(H, W) boolean: the part of the picture's frame that may be ground."""
    noise: float
    """0..1."""
    light: bool
    plain: float
    """Share of the picture's frame that has the ground's colour."""


def light_share(picture: Array) -> float:
    """Share of the frame of an RGB picture (H, W, 3) that is light."""
    return float((smallest(picture) >= LIGHT)[_frame(picture)].mean())


def ground_of(picture: Array) -> Ground:
    """The ground of an RGB picture (H, W, 3), float32 0..1, whether it is plain or not."""
    every = _frame(picture)
    light = light_share(picture) >= LEAST_WHITE
    rough = roughness(picture)
    commonest = _commonest(picture[every])
    alike = every & (largest(np.abs(picture - commonest)) < ALIKE)
    frame = every & (smallest(picture) >= LIGHT) if light else alike
    noise = 1.5 * float(np.percentile(rough[frame], 40))
    samples = _Samples(picture, frame)
    values = samples.colours
    away = values.min(1) - np.percentile(values.min(1), 80) if light else np.abs(values - commonest).max(1)
    start = np.abs(away) < max(4 * noise, 6 * LEVEL)
    colour = samples.surface(start if start.any() else np.ones_like(start), noise)
    plain = _plain(picture, colour, every, noise)
    if plain < SURE:
        other = _Samples(picture, alike).falling_off(noise)
        share = _plain(picture, other, every, noise)
        if share > plain + BETTER:
            frame, colour, plain = alike, other, share
    return Ground(colour, frame, noise, light, plain)


def _plain(picture: Array, colour: Array, frame: Array, noise: float) -> float:
    near = largest(np.abs(picture - colour))[frame] < min(max(4 * noise, STEADY), ROUGHEST)
    return float(near.mean())


def _frame(picture: Array) -> Array:
    height, width = picture.shape[:2]
    px = max(2, round(0.015 * max(height, width)))
    frame = np.ones((height, width), bool)
    frame[px:-px, px:-px] = False
    return frame


def roughness(picture: Array) -> Array:
    """How far each pixel is from the mean of its neighbours, (H, W)."""
    return largest(np.abs(picture - ndimage().uniform_filter(picture, (3, 3, 1))))


def _commonest(colours: Array) -> Array:
    """The colour (3,) that most of `colours` (N, 3) are near to."""
    counts, _ = np.histogramdd(colours, bins=BINS, range=[(0, 1)] * 3)
    top = np.unravel_index(np.argmax(ndimage().uniform_filter(counts, 3, mode="constant")), counts.shape)
    near = np.abs(colours - (np.asarray(top) + 0.5) / BINS).max(1) <= 1.5 / BINS
    return np.median(colours[near], axis=0).astype(np.float32)


class _Samples:
    """The colours of the frame and where they are, and surfaces through them."""

    def __init__(self, picture: Array, frame: Array):
        height, width = frame.shape
        places = np.flatnonzero(frame)
        places = places[:: max(1, len(places) // 8000)]
        y, x = np.meshgrid(
            np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32), indexing="ij"
        )
        self.terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
        self.basis, self.colours = self.terms.reshape(-1, 6)[places], picture.reshape(-1, 3)[places]

    def surface(self, kept: Array, noise: float) -> Array:
        """The ground with its lighting (H, W, 3): a quadratic surface through the colours `kept`, then all near it."""
        limit = max(3.5 * noise, 2.5 * LEVEL)
        surface = np.zeros((6, 3))
        for _ in range(6):
            surface = self._through(kept, CALM)
            near = self._off(surface) < limit
            if near.sum() < 0.1 * len(near):
                break
            kept = near
        return self._drawn(surface)

    def falling_off(self, noise: float) -> Array:
        """The same for lighting that falls off far: through all colours, then step by step through the nearer ones."""
        limit = max(3.5 * noise, 2.5 * LEVEL)
        surface = self._through(np.ones(len(self.colours), bool), CALM / 100)
        for share in NARROWING:
            off = self._off(surface)
            surface = self._through(off <= max(limit, float(np.quantile(off, share))), CALM / 100)
        return self._drawn(surface)

    def _through(self, kept: Array, calm: float) -> Array:
        a, mean = self.basis[kept], self.colours[kept].mean(0)
        held = np.diag([0] + [calm] * 5)
        surface = np.linalg.solve(a.T @ a / len(a) + held, a.T @ (self.colours[kept] - mean) / len(a))
        surface[0] += mean
        return surface

    def _off(self, surface: Array) -> Array:
        return np.abs(self.colours - self.basis @ surface).max(1)

    def _drawn(self, surface: Array) -> Array:
        return np.clip(self.terms @ surface.astype(np.float32), 0, 1)
