"""Small helpers on (H, W) arrays: distances, floods and averages over sure pixels."""

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Window = tuple[slice, slice]

LEVEL = 1 / 255
"""One step of an 8-bit picture."""

SQUARE = np.ones((3, 3), bool)


def ndimage() -> Any:
    """scipy's image functions, loaded when first used; its type stubs take too few kinds of arrays."""
    from scipy import ndimage as functions

    return functions


def largest(values: Array) -> Array:
    """The largest of three channels, (H, W, 3) to (H, W); several times as fast as numpy's own along a short axis."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def smallest(values: Array) -> Array:
    """The smallest of three channels, (H, W, 3) to (H, W)."""
    return np.minimum(np.minimum(values[..., 0], values[..., 1]), values[..., 2])


def total(values: Array) -> Array:
    """The sum of three channels, (H, W, 3) to (H, W)."""
    return values[..., 0] + values[..., 1] + values[..., 2]


def window_of(mask: Array, margin: int) -> Window:
    """The box of a boolean mask that is not empty, grown by `margin` px."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return _grown(slice(rows[0], rows[-1] + 1), margin), _grown(slice(columns[0], columns[-1] + 1), margin)


def depth(region: Array) -> Array:
    """Distance in px of each pixel of a boolean region to the region's border; the picture's edge is no border."""
    if not region.any():
        return np.zeros(region.shape, np.float32)
    return ndimage().distance_transform_edt(np.pad(region, 1, mode="edge"))[1:-1, 1:-1].astype(np.float32)


def blur(values: Array, radius: float) -> Array:
    """Gaussian average of (H, W) or of each channel of (H, W, C); `radius` is its standard deviation in px."""
    axes = (0, 1)
    return ndimage().gaussian_filter(values, radius, truncate=3, axes=axes)


def average(picture: Array, sure: Array, radius: float) -> tuple[Array, Array]:
    """The mean colour (H, W, C) of the sure pixels around each pixel, and their share (H, W) there."""
    weight = sure.astype(np.float32)
    share = blur(weight, radius)
    return blur(picture * weight[..., None], radius) / np.maximum(share, 1e-6)[..., None], share


def flood(free: Array, brush: int, seed: Array | None = None) -> Array:
    """What a round brush of `brush` px can reach in `free` from `seed`, or from the picture's edge; (H, W) boolean.

    The brush does not pass gaps that are narrower than itself; afterwards it fills the corners that it missed.
    """
    wide = depth(free) > brush
    if seed is None:
        seed = wide.copy()
        seed[1:-1, 1:-1] = False
    reached = ndimage().binary_propagation(seed & free, mask=wide | (seed & free))
    return ndimage().binary_dilation(reached, iterations=2 * brush + 1, mask=free)


def regions(mask: Array, least: int, margin: int) -> Iterator[tuple[Window, Array]]:
    """Connected regions of at least `least` px: each as (window of slices grown by `margin`, mask in that window)."""
    labels, count = ndimage().label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    for number, box in enumerate(ndimage().find_objects(labels), 1):
        if sizes[number] >= least:
            window = (_grown(box[0], margin), _grown(box[1], margin))
            yield window, labels[window] == number


def _grown(side: slice, margin: int) -> slice:
    return slice(max(0, side.start - margin), side.stop + margin)


def without_specks(mask: Array) -> Array:
    """The mask without regions that are tiny beside the largest one."""
    labels, count = ndimage().label(mask, SQUARE)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= max(12, 0.002 * sizes.max()))[labels]
