"""Are two cut-outs the same picture, in another size, quality, padding, or mirrored? Told without any model.

Two looks have to agree: a difference hash of what can be seen (where it gets lighter from left to right), and the
colours. How far the same and different cut-outs lie apart: docs/cast.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..frame.pictures import box_of

SEEN = 8
"""Of 255: alpha above which a pixel is part of what is compared."""
SOLID = 127
"""Of 255: alpha above which a pixel's colour counts."""
GREY = (127, 127, 127)
"""Behind what is transparent: what lies there unseen must not tell."""
HASH_SIDE, FLAT_SIDE = 16, 64
"""Bits along a side of the hash; pixels of the picture that it is taken of."""
COLOUR_BINS = 6
"""Along each axis of Lab."""
MOST_BITS_OFF, MOST_COLOURS_OFF = 0.25, 0.20
"""Up to which two cut-outs are the same picture: share of the hash, and 1 less the Bhattacharyya coefficient."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What is compared of a cut-out."""

    bits: NDArray[np.bool_]
    """(256,)."""
    mirrored: NDArray[np.bool_]
    colours: NDArray[np.float64]
    """(216,): roots of shares that add up to 1."""


def looks_of(picture: np.ndarray) -> Looks:
    """Look at a cut-out (h, w, 4) uint8."""
    box = box_of(np.where(picture[..., 3] > SEEN, picture[..., 3], 0))
    seen = picture if box is None else picture[box.slices]
    return Looks(_bits(seen), _bits(seen[:, ::-1]), _colours(seen))


def hash_text(bits: NDArray[np.bool_]) -> str:
    """64 hexadecimal digits.

    >>> hash_text(np.array([True, False] * 128))[:4]
    'aaaa'
    """
    return np.packbits(bits).tobytes().hex()


def bits_off(looks: Looks, text: str) -> float:
    """The share of the hash that differs, for the picture or its mirror image, whichever fits."""
    other = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(bool)
    return float(min((looks.bits != other).mean(), (looks.mirrored != other).mean()))


def colours_off(a: Looks, b: Looks) -> float:
    """From 0 for the same colours to 1 for none in common."""
    return 1 - float(a.colours @ b.colours)


def are_twins(a: Looks, b: Looks) -> bool:
    """Whether both show the same picture."""
    return bits_off(a, hash_text(b.bits)) <= MOST_BITS_OFF and colours_off(a, b) <= MOST_COLOURS_OFF


def _bits(seen: np.ndarray) -> NDArray[np.bool_]:
    small = Image.fromarray(np.ascontiguousarray(seen)).resize((FLAT_SIDE, FLAT_SIDE), Image.Resampling.BILINEAR)
    flat = Image.new("RGB", small.size, GREY)
    flat.paste(small, mask=small.getchannel("A"))
    grey = flat.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BILINEAR)
    levels = np.asarray(grey, np.int16)
    return (levels[:, 1:] > levels[:, :-1]).ravel()


def _colours(seen: np.ndarray) -> NDArray[np.float64]:
    solid = seen[..., 3] > min(SOLID, int(seen[..., 3].max()) - 1)
    lab = np.asarray(Image.fromarray(np.ascontiguousarray(seen[..., :3])).convert("LAB"))[solid]
    bins = (lab.astype(np.int64) * COLOUR_BINS // 256) @ (COLOUR_BINS**2, COLOUR_BINS, 1)
    counts = np.bincount(bins, minlength=COLOUR_BINS**3)
    return np.sqrt(counts / max(1, counts.sum()))
