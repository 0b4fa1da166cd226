"""Fill a hole in a picture smoothly from its edge: a preview of a plate, and the colours of a patch."""

import numpy as np
import torch
from torch.nn import functional

SMALLEST = 16
"""Pixels of a side down to which the picture is halved."""

SWEEPS, COARSE_SWEEPS = 10, 100
"""On each size, and on the smallest: what comes from a coarser size is nearly right."""


def harmonic_fill(values: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """`values` (H, W, C) with the hole (H, W, bool) filled by the smoothest surface that meets its edge (Laplace).

    float32 in and out; outside the hole nothing changes. From coarse to fine, so big holes cost little more.

    >>> row = np.array([[[0.0], [9.0], [9.0], [0.75]]])
    >>> harmonic_fill(row, np.array([[False, True, True, False]]))[0, :, 0].round(3).tolist()
    [0.0, 0.25, 0.5, 0.75]
    """
    filled = values.astype(np.float32)
    height, width = hole.shape
    known = ~hole
    if min(height, width) >= 2 * SMALLEST and hole.any():
        coarse, coarse_known = _halved(filled, known)
        small = harmonic_fill(coarse, ~coarse_known)
        guess = _enlarged(small, height, width)
        sweeps = SWEEPS
    else:
        guess = np.broadcast_to(filled[known].mean(0) if known.any() else np.float32(0.5), filled.shape)
        sweeps = COARSE_SWEEPS
    filled[hole] = guess[hole]
    return _relaxed(filled, hole, sweeps)


def _halved(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size: the mean of the known ones of each four pixels, and where there is any."""
    height, width = (side - side % 2 for side in known.shape)
    weight = known[:height, :width].astype(np.float32)
    blocks = weight.reshape(height // 2, 2, width // 2, 2)
    count = blocks.sum((1, 3))
    total = (values[:height, :width] * weight[..., None]).reshape(height // 2, 2, width // 2, 2, -1).sum((1, 3))
    return total / np.maximum(count, 1)[..., None], count > 0


def _enlarged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    channels = torch.from_numpy(values).movedim(-1, 0)[None]
    return functional.interpolate(channels, (height, width), mode="bilinear")[0].movedim(0, -1).numpy()


def _relaxed(values: np.ndarray, hole: np.ndarray, sweeps: int) -> np.ndarray:
    """Sweeps of the mean of the four neighbours, in the hole's box only."""
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    if not len(rows):
        return values
    box = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    inside, hole = values[box], hole[box]
    for _ in range(sweeps):
        padded = np.pad(inside, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        inside[hole] = around[hole] / 4
    return values
