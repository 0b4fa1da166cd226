"""Where the subject is in a picture on a white or light background.

The frame of the picture tells the background's colour and noise. What a brush reaches from there is background; smooth,
colourless darkening beside it is its shadow; enclosed areas count as background only if they look exactly like it and
are sharply bounded, so that white parts of the subject stay. Source: measured on 42 official FFGo cut-outs.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FFGOError
from .grid import (
    LEVEL,
    SQUARE,
    Array,
    average,
    depth,
    flood,
    largest,
    ndimage,
    regions,
    smallest,
    window_of,
    without_specks,
)
from .shadow import find_shadow

LEAST_WHITE = 0.25
"""Share of the picture's frame that must be light."""
LIGHT = 0.75
BRUSH_PX = 2
MARGIN_PX = 40
RINGING, RINGING_MAX = 9.0, 12 * LEVEL
"""How far JPEG's ringing reaches, as a multiple of its roughness, and at most."""
SOFT_RIM = 0.15
"""Enclosed background has an edge nearly all around: at most this share of its rim may look like background."""
UNSURE = 0.12
"""Share of the outline with hardly any contrast from which on the user is warned."""


@dataclass(frozen=True, slots=True)
class OnWhite:
    """What was found; masks are (H, W) boolean."""

    subject: Array
    shadow: Array
    ground: Array
    """(H, W, 3): the background as it would be without subject and shadow."""
    share: float
    """Share of the picture's frame that is light."""
    noise: float
    """Noise of the background, 0..1."""
    faint: float
    """Share of the subject's outline that hardly differs from the background."""


def light_share(picture: Array) -> float:
    """Share of the frame of an RGB picture (H, W, 3) that is light."""
    return float((smallest(picture) >= LIGHT)[_frame(picture)].mean())


def find_subject(picture: Array) -> OnWhite:
    """Find the subject in an RGB picture (H, W, 3), float32 0..1, on white or light grey.

    Raises: FFGOError if the frame of the picture is not light, or nothing but background is there.
    """
    frame = _frame(picture) & (smallest(picture) >= LIGHT)
    share = light_share(picture)
    if share < LEAST_WHITE:
        raise FFGOError(
            f"only {share:.0%} of the picture's border is white or light, at least {LEAST_WHITE:.0%} must be. "
            "Connect a mask, or a SAM2 model with points or a box; or extract the subject on white first."
        )
    rough = _roughness(picture)
    noise = 1.5 * float(np.percentile(rough[frame], 40))
    ground = _ground(picture, frame, noise)
    differs = largest(np.abs(picture - ground))
    limit = _limit(differs, rough, frame, noise)
    clear = _clear(differs, limit, noise)
    outside = flood(~clear, BRUSH_PX)
    shadow = np.zeros_like(outside)
    if not outside.all():
        part = window_of(~outside, MARGIN_PX)
        shadow[part] = find_shadow(picture[part], ground[part], outside[part], noise, max(outside.shape))
        if shadow.any():
            outside |= shadow
            outside[part] |= _last_of_the_shadow(picture[part], outside[part], shadow[part], limit)
    subject = without_specks(~outside & ~_holes(picture - ground, differs, ~outside & ~clear, limit, noise))
    if not subject.any():
        raise FFGOError("nothing but background was found in the picture. Connect a mask that shows the subject.")
    return OnWhite(subject, shadow & ~subject, ground, share, noise, _faint(picture, ground, subject, noise))


def _frame(picture: Array) -> Array:
    height, width = picture.shape[:2]
    px = max(2, round(0.015 * max(height, width)))
    frame = np.ones((height, width), bool)
    frame[px:-px, px:-px] = False
    return frame


def _roughness(picture: Array) -> Array:
    return largest(np.abs(picture - ndimage().uniform_filter(picture, (3, 3, 1))))


def _ground(picture: Array, frame: Array, noise: float) -> Array:
    """The background's colour with its lighting: a quadratic surface through the light part of the frame."""
    height, width = frame.shape
    places = np.flatnonzero(frame)
    places = places[:: max(1, len(places) // 8000)]
    y, x = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32), indexing="ij"
    )
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
    basis, colours = terms.reshape(-1, 6)[places], picture.reshape(-1, 3)[places]
    light = colours.min(1)
    kept = np.abs(light - np.percentile(light, 80)) < max(4 * noise, 6 * LEVEL)
    calm = np.diag([0] + [0.02] * 5)  # a plain colour where the frame says too little about the lighting
    surface = np.zeros((6, 3))
    for _ in range(6):
        a, mean = basis[kept], colours[kept].mean(0)
        surface = np.linalg.solve(a.T @ a / len(a) + calm, a.T @ (colours[kept] - mean) / len(a))
        surface[0] += mean
        near = np.abs(colours - basis @ surface).max(1) < max(3.5 * noise, 2.5 * LEVEL)
        if near.sum() < 0.1 * len(near):
            break
        kept = near
    return np.clip(terms @ surface.astype(np.float32), 0, 1)


def _limit(differs: Array, rough: Array, frame: Array, noise: float) -> float:
    """The difference from which on a pixel is no background: above its noise and above JPEG's ringing at edges."""
    limit = max(3 * noise, 1.5 * LEVEL)
    plain = differs < 12 * LEVEL
    hard = differs > max(60 * LEVEL, 2 * limit)
    beside = ndimage().binary_dilation(hard, SQUARE, 9) & ~ndimage().binary_dilation(hard, SQUARE, 4) & plain
    if beside.sum() < 50 or (frame & plain).sum() < 50:
        return limit
    ringing = np.percentile(rough[beside], 80) - np.percentile(rough[frame & plain], 80)
    return max(limit, min(RINGING * float(ringing), RINGING_MAX))


def _clear(differs: Array, limit: float, noise: float) -> Array:
    clear = differs > limit
    return ndimage().binary_opening(clear, np.ones((2, 2))) if noise > 0.4 * LEVEL else clear


def _last_of_the_shadow(picture: Array, outside: Array, shadow: Array, limit: float) -> Array:
    """The pixels between the shadow and the subject that still have the colour of the shadow beside them."""
    beside = ndimage().binary_dilation(shadow, SQUARE, 4) & ~outside
    colour, share = average(picture, outside, 3.0)
    return beside & (share > 0.01) & (largest(np.abs(picture - colour)) < max(limit, 5 * LEVEL))


def _holes(deviation: Array, differs: Array, enclosed: Array, limit: float, noise: float) -> Array:
    """Enclosed areas that are background: on average exactly its colour, and sharply bounded."""
    found = np.zeros_like(enclosed)
    for window, area in regions(enclosed, least=60, margin=8):
        core = ndimage().binary_erosion(area, iterations=2)
        core = core if core.sum() >= 10 else area
        rim = ndimage().binary_dilation(area, iterations=5) & ~ndimage().binary_dilation(area, iterations=2)
        soft = (differs[window][rim] < max(12 * LEVEL, 1.3 * limit)).mean()
        colour = np.abs(deviation[window][core].mean(0)).max()
        if soft < SOFT_RIM and colour < max(0.5 * noise, 0.8 * LEVEL):
            found[window] |= area
    return found


def _faint(picture: Array, ground: Array, subject: Array, noise: float) -> float:
    inside = depth(subject)
    rim = (inside > 2) & (inside <= 6)
    contrast = largest(np.abs(picture - ground))[rim]
    return float((contrast < max(12 * LEVEL, 4 * noise)).mean()) if contrast.size else 0.0
