"""The soft shadow of a subject on a light background: smooth, colourless darkening that begins at the background."""

from dataclasses import dataclass

import numpy as np

from .grid import LEVEL, SQUARE, Array, average, blur, flood, largest, ndimage, regions, smallest, total

DARKEST = 0.45
"""A shadow leaves at least this share of the light."""
STEEPEST = 2 * LEVEL
"""Steepest slope of a shadow in a picture of 1024 px, per px."""
TINT, TINT_NEARBY = 6 * LEVEL, 1.2 * LEVEL
"""How far a shadow's channels may differ: at one pixel, and on average around it."""
DARK, BRIGHT = 0.2, 0.5
"""Light of a channel of the ground below which its shares are mere noise, and in place of which this is put."""
LOOSER = 6.0
"""See `_loose`."""
BRUSH_PX = 5
LEAST = 0.03
"""A shadow is at least this share of shadow and subject; less is a soft edge of the subject."""
TOUCHING = 0.2
"""A shadow borders on the background with at least this share of its outline."""
LIKE_THE_HOLE, SOFT_RIM = 0.12, 0.25


@dataclass(frozen=True, slots=True)
class _Shade:
    """The picture as shares of the ground's light."""

    colour: Array
    light: Array
    possible: Array


def find_shadow(picture: Array, ground: Array, outside: Array, noise: float, side: int) -> Array:
    """The shadow beside the background `outside`, and in openings of the subject; (H, W) boolean.

    side is the longer side of the whole picture, of which these arrays may be a part.
    """
    shade = _shade(picture, ground, outside, noise, side)
    shadow = _touching(flood(shade.possible, BRUSH_PX, seed=outside) & ~outside, outside)
    if shadow.sum() < LEAST * (~outside).sum():
        return np.zeros_like(shadow)
    return shadow | _in_openings(shade, shadow, ~(outside | shadow))


def _shade(picture: Array, ground: Array, outside: Array, noise: float, side: int) -> _Shade:
    colour = blur(shares_of(picture, ground), 1.0 if noise < LEVEL else 2.0)
    light = total(colour) / 3
    down, across = np.gradient(light)
    slope = np.hypot(down, across)
    steepest = STEEPEST * max(1.0, 1024 / side)
    loose = _loose(ground)
    grey = largest(colour) - smallest(colour) < loose * TINT + noise
    possible = (slope < steepest) & grey & (light > DARKEST) & (light < 1.02) & ~outside
    tint, _ = average(np.stack([colour[..., 0] - colour[..., 1], colour[..., 2] - colour[..., 1]], -1), possible, 4.0)
    return _Shade(
        colour,
        light,
        outside | (possible & (np.maximum(np.abs(tint[..., 0]), np.abs(tint[..., 1])) < loose * TINT_NEARBY)),
    )


def _loose(ground: Array) -> float:
    """How much more tint a shadow may have than on white.

    JPEG rounds a shadow's colours coarsely, and few subjects on a coloured ground have parts of just its hue.
    """
    red, green, blue = ground.reshape(-1, 3).mean(0)
    colour = max(red, green, blue) - min(red, green, blue)
    return 1.0 if colour < DARK else 1 + LOOSER * float(colour)


def shares_of(picture: Array, ground: Array) -> Array:
    """A picture (H, W, 3) as shares of the ground's light, 1 where nothing is on it.

    A channel in which the ground has hardly any light has the share of the others, and what it has more than that.
    """
    if ground.min() >= DARK:
        return picture / np.maximum(ground, 1e-3)
    light = (total(picture * ground) / np.maximum(total(ground * ground), 1e-3))[..., None]
    return light + (picture - light * ground) / np.maximum(ground, BRIGHT)


def _touching(found: Array, outside: Array) -> Array:
    """Without the areas that hang on the background by a thread: parts of the subject that the brush leaked into."""
    labels, count = ndimage().label(found)
    at_background = np.bincount(labels[ndimage().binary_dilation(outside, SQUARE)], minlength=count + 1)
    at_subject = np.bincount(labels[ndimage().binary_dilation(~(outside | found), SQUARE, 2)], minlength=count + 1) / 2
    kept = at_background > TOUCHING * (at_background + at_subject)
    kept[0] = False
    return kept[labels]


def _in_openings(shade: _Shade, shadow: Array, enclosed: Array) -> Array:
    """Openings of the subject through which its shadow is seen: as dark, without any tint, and sharply bounded."""
    darkest = np.percentile(shade.light[shadow], 2) - 0.02
    found = np.zeros_like(shadow)
    for window, area in regions(enclosed & shade.possible & (shade.light > darkest), least=200, margin=12):
        colour = shade.colour[window]
        mean = colour[area].mean(0)
        rim = ndimage().binary_dilation(area, SQUARE, 8) & ~ndimage().binary_dilation(area, SQUARE, 5)
        soft = (np.abs(colour[rim] - mean.mean()).max(-1) < LIKE_THE_HOLE).mean()
        if soft < SOFT_RIM and np.abs(mean - mean.mean()).max() < 0.5 * LEVEL and mean.mean() < 1 - 4 * LEVEL:
            found[window] |= ndimage().binary_dilation(area, SQUARE, 2)
    return found
