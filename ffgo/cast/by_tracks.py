"""Is a subject there, by the masks of a tracker (the host's SAM3 Video Track), which follows things by themselves.

A tracker says that it lost something by an empty mask, and nothing of who it follows: each track is given to the
subject whose looks its pixels have, all tracks at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..evaluation.colour import likeness, subject_colours
from ..evaluation.embedding import Embedder
from ..pixels import to_uint8
from .entity import Entity
from .presence import Presence, looked_at
from .vectors import vector_of

GAP = 2
"""Frames for which a tracker may blank a mask without having lost it: where something passes before it."""
MOST_CROPS = 5
"""Of a track, that are looked at to find out who it is."""


def present_by_tracks(
    images: Tensor, entities: Sequence[Entity], track_data: Any, fps: float, embedder: Embedder | None = None
) -> Presence:
    """Who is there, of tracks of this clip (F, H, W, 3), 0..1. Raises: FFGOError where they are of another."""
    masks = _masks(track_data, len(images))
    numbers = looked_at(len(images))
    seen = np.asarray(masks.any(axis=(2, 3)))  # (F, objects)
    near = np.stack([seen[max(0, n - GAP) : n + GAP + 1].any(0) for n in numbers])
    values = np.zeros((len(entities), len(numbers)))
    for subject, track in _pairs(images, entities, masks, seen, embedder):
        values[subject] = near[:, track]
    told = f", told apart by {embedder.name}" if embedder else ", told apart by colours"
    return Presence(tuple(one.name for one in entities), numbers, values, 0.5, f"by {seen.shape[1]} tracks{told}", fps)


def _masks(track_data: Any, frames: int) -> NDArray[np.bool_]:
    """(F, objects, h, w): SAM3_TRACK_DATA, eight pixels a byte, the first in the lowest bit."""
    packed = track_data.get("packed_masks") if isinstance(track_data, dict) else None
    if packed is None:
        return np.zeros((frames, 0, 1, 1), bool)
    if not isinstance(packed, Tensor) or packed.ndim != 4 or packed.dtype != torch.uint8:
        raise FFGOError("track_data is not as SAM3 Video Track gives it. Connect its output, or disconnect it.")
    if len(packed) != frames:
        raise FFGOError(
            f"track_data is of {len(packed)} frames, and images has {frames}. Track the very clip that is asked about: "
            "without its first frames."
        )
    return np.unpackbits(packed.numpy(force=True), axis=-1, bitorder="little").astype(bool)


def _pairs(
    images: Tensor, entities: Sequence[Entity], masks: NDArray, seen: NDArray, embedder: Embedder | None
) -> list[tuple[int, int]]:
    """Which track is whose: as alike as can be in all."""
    from scipy.optimize import linear_sum_assignment

    if not masks.shape[1]:
        return []
    alike = np.zeros((len(entities), masks.shape[1]))
    wanted = [_looks(one.picture, embedder) for one in entities if one.picture is not None]
    for track in range(masks.shape[1]):
        frames = np.flatnonzero(seen[:, track])
        chosen = frames[np.linspace(0, len(frames) - 1, MOST_CROPS).round().astype(int)] if len(frames) else []
        crops = [_looks(_crop(images[int(n)], masks[n, track]), embedder) for n in dict.fromkeys(map(int, chosen))]
        for subject, looks in enumerate(wanted):
            alike[subject, track] = np.mean([_alike(looks, crop, embedder) for crop in crops]) if crops else 0
    rows, columns = linear_sum_assignment(-alike)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _crop(frame: Tensor, mask: NDArray) -> np.ndarray:
    """What a mask shows of a frame, (h, w, 4) uint8."""
    height, width = frame.shape[:2]
    alpha = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height)))
    picture = np.dstack([to_uint8(frame[..., :3]), alpha])
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else picture


def _looks(picture: np.ndarray, embedder: Embedder | None) -> NDArray:
    if embedder:
        return vector_of(np.ascontiguousarray(picture), embedder)
    return subject_colours(torch.from_numpy(picture.astype(np.float32) / 255)[None])


def _alike(wanted: NDArray, seen: NDArray, embedder: Embedder | None) -> float:
    return float(wanted @ seen) if embedder else float(likeness(wanted[None], seen[None])[0])
