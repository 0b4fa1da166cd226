"""Is the clip's scene the background that was given: the background is laid onto each frame and compared.

The background is moved onto the frame by `curation.registration` (camera moves and zooms), or simply fitted where that
finds nothing; then the share of pixels counts that show the same. What stands before it counts as not the same, with
every method alike.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from ..curation.registration import register, warp
from ..pixels import to_uint8

SIDE = 480
"""Pixels of the longer side of what is compared."""
SAME = 0.12
"""How far each channel of a pixel may be off, 0..1."""
FEWEST_INSIDE = 0.25
"""Share of the frame on which the background must lie after it was moved."""
MOST_FRAMES = 4
STILL = 0.85
"""Share of same pixels from which the camera has not moved, and nothing is laid onto anything."""
ZOOMS = (1.0, 0.8, 0.65)
"""Shares of the background that a camera may have come close to; registration itself bridges a few per cent."""


@dataclass(frozen=True, slots=True)
class SceneScore:
    """Of one clip."""

    value: float
    """Mean over frames of the share of pixels that show the background, 0..1."""
    frames: int


def scene_identity(background: Tensor, frames: Tensor) -> SceneScore:
    """background (1, H, W, 3), frames (N, h, w, 3), 0..1; of more than four frames, four that are evenly spread."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int))
    plate = _shrunk(background[0])
    shares = [_share(plate, _shrunk(frames[number])) for number in chosen]
    return SceneScore(float(np.mean(shares)), len(shares))


def _shrunk(picture: Tensor) -> np.ndarray:
    whole = Image.fromarray(to_uint8(picture[..., :3]))
    whole.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(whole)


def _share(plate: np.ndarray, frame: np.ndarray) -> float:
    """The largest share of pixels that are the same, over the ways to lay the plate onto the frame."""
    height, width = frame.shape[:2]
    shares = [_same(frame / 255.0, fitted / 255.0, None) for fitted in _fitted(plate, width, height)]
    for zoom in ZOOMS if max(shares) < STILL else ():
        seen = _middle(plate, zoom)
        found = register(frame, seen)
        if found.same_scene:
            moved, inside = warp(seen, found, width, height)
            if inside.mean() >= FEWEST_INSIDE:
                shares.append(_same(frame / 255.0, moved, inside))
            break
    return max(shares)


def _middle(plate: np.ndarray, share: float) -> np.ndarray:
    """The middle of the plate, so much of each side."""
    height, width = plate.shape[:2]
    top, left = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return plate[top : height - top, left : width - left]


def _same(one: np.ndarray, other: np.ndarray, inside: np.ndarray | None) -> float:
    same = np.abs(one - other).max(-1) <= SAME
    return float(same.mean() if inside is None else same[inside].mean())


def _fitted(plate: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The plate as large as the frame: stretched, and cut to its shape."""
    picture = Image.fromarray(plate)
    stretched = picture.resize((width, height), Image.Resampling.BILINEAR)
    scale = max(width / picture.width, height / picture.height)
    left, top = (picture.width - width / scale) / 2, (picture.height - height / scale) / 2
    box = (left, top, left + width / scale, top + height / scale)
    return [np.asarray(stretched), np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box))]
