"""Where the subject is in a picture on a white or light background, or on another ground that is plain.

The frame of the picture tells the background's colour and noise (`ground.py`). What a brush reaches from there is
background; smooth, colourless darkening beside it is its shadow; enclosed areas count as background only if they look
exactly like it and are sharply bounded, so that white parts of the subject stay. Source: measured on 42 official FFGo
cut-outs.
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
    window_of,
    without_specks,
)
from .ground import LEAST_WHITE, Ground, ground_of, light_share, roughness
from .shadow import find_shadow

BRUSH_PX = 2
MARGIN_PX = 40
RINGING, RINGING_MAX = 9.0, 12 * LEVEL
"""How far JPEG's ringing reaches, as a multiple of its roughness, and at most."""
SOFT_RIM = 0.15
"""Enclosed background has an edge nearly all around: at most this share of its rim may look like background."""
SHADOWED = 0.2
"""Least light of a ground, in its lightest channel, on which a shadow can be told from noise."""
UNSURE = 0.12
"""Share of the outline with hardly any contrast from which on the user is warned."""


@dataclass(frozen=True, slots=True)
class OnWhite:
    """What was found; masks are (H, W) boolean."""

    subject: Array
    shadow: Array
    ground: Ground
    faint: float
    """Share of the subject's outline that hardly differs from the background."""


def find_subject(picture: Array, ground: Ground | None = None) -> OnWhite:
    """Find the subject in an RGB picture (H, W, 3), float32 0..1, on white or light grey, or on a known `ground`.

    Raises: FFGOError if no ground is given and the frame of the picture is not light, or nothing but background is
    there.
    """
    if ground is None:
        share = light_share(picture)
        if share < LEAST_WHITE:
            raise FFGOError(
                f"only {share:.0%} of the picture's border is white or light, at least {LEAST_WHITE:.0%} must be. "
                "Connect a mask, or a SAM2 model with points or a box; or extract the subject on white first. Off "
                "another plain ground Load Subject cuts it."
            )
        ground = ground_of(picture)
    away = picture - ground.colour
    differs = largest(np.abs(away))
    limit = _limit(differs, roughness(picture), ground.frame, ground.noise)
    clear = _clear(differs, limit, ground.noise)
    outside = flood(~clear, BRUSH_PX)
    shadow = np.zeros_like(outside)
    if not outside.all() and largest(ground.colour).min() >= SHADOWED:
        part = window_of(~outside, MARGIN_PX)
        shadow[part] = find_shadow(picture[part], ground.colour[part], outside[part], ground.noise, max(outside.shape))
        if shadow.any():
            outside |= shadow
            outside[part] |= _last_of_the_shadow(picture[part], outside[part], shadow[part], limit)
    subject = without_specks(~outside & ~_holes(away, differs, ~outside & ~clear, limit, ground.noise))
    if not subject.any():
        raise FFGOError("nothing but background was found in the picture. Connect a mask that shows the subject.")
    return OnWhite(subject, shadow & ~subject, ground, _faint(differs, subject, ground.noise))


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


def _faint(differs: Array, subject: Array, noise: float) -> float:
    inside = depth(subject)
    rim = (inside > 2) & (inside <= 6)
    contrast = differs[rim]
    return float((contrast < max(12 * LEVEL, 4 * noise)).mean()) if contrast.size else 0.0
