"""Are a subject's colours in one place of the clip: a score of its own, for networks hardly see colour."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .view import Box, small_frame

BINS = (6, 8, 8)
"""Of lightness, and of the two axes of colour."""
LIGHTNESS, CHROMA = (0.0, 100.0), (-64.0, 64.0)
GREY, COLOURFUL = 0.2, 30.0
"""What a grey pixel counts for, and the chroma from which a pixel counts one more: greys are in every scene."""
SIDE = 128
"""Pixels of the longer side of a cut-out that is looked at."""
SOLID = 0.5
"""Alpha from which a pixel counts as the subject's."""
ROOM = 4.0
"""How many times larger than the subject a window may be."""
TURNS = (60, 120, 180, 240, 300)
"""Degrees by which a subject's hue is turned: the same thing in colours that are not its own."""
LOOKS_SAME = 0.5
"""Share of its colours that a turned subject may keep: what has no colour looks the same in every hue."""


def bins_of(picture: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The bin of each pixel of pictures (..., 3), 0..1, and what it counts for."""
    from kornia.color import rgb_to_lab

    flat = picture[..., :3].reshape(1, -1, 1, 3).movedim(-1, 1).float()
    lab = rgb_to_lab(flat.clamp(0, 1))[0, :, :, 0].T
    index = torch.zeros(len(lab), dtype=torch.long)
    for values, count, (low, high) in zip(lab.T, BINS, (LIGHTNESS, CHROMA, CHROMA), strict=True):
        step = ((values - low) / (high - low) * count).long().clamp(0, count - 1)
        index = index * count + step
    counts = GREY + (torch.hypot(lab[:, 1], lab[:, 2]) / COLOURFUL).clamp(max=1)
    return index.reshape(picture.shape[:-1]).numpy(), counts.reshape(picture.shape[:-1]).numpy()


def subject_colours(cutout: Tensor) -> np.ndarray:
    """The colours of a cut-out (1, H, W, 3 or 4), 0..1: shares by bin, which add up to 1."""
    return _colours(*_shrunk(cutout))


def turned_colours(cutout: Tensor) -> np.ndarray:
    """The colours of a cut-out (1, H, W, 3 or 4) with its hue turned: (T, bins), those alone that look different."""
    picture, solid = _shrunk(cutout)
    own = _colours(picture, solid)
    turned = [_colours(turn_hue(picture, degrees), solid) for degrees in TURNS]
    return np.array([one for one in turned if looks_other(own, one)]).reshape(-1, len(own))


def looks_other(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two things of these colours (bins,) can be told apart by them."""
    return bool(np.minimum(one, other).sum() < LOOKS_SAME)


def _shrunk(cutout: Tensor) -> tuple[Tensor, np.ndarray]:
    """A cut-out made small, (1, h, w, 3), and which of its pixels are the subject's, (1, h, w)."""
    if cutout.shape[-1] == 3:
        whole = small_frame(cutout, SIDE)
        return whole, np.ones(whole.shape[:-1], bool)
    alpha = small_frame(cutout[..., 3:].expand(*cutout.shape[:-1], 3), SIDE)[..., 0]
    premultiplied = small_frame(cutout[..., :3] * cutout[..., 3:], SIDE)
    solid = (alpha >= min(SOLID, float(alpha.max()))).numpy()
    return premultiplied / alpha[..., None].clamp_min(1e-3), solid


def _colours(picture: Tensor, solid: np.ndarray) -> np.ndarray:
    bins, counts = bins_of(picture)
    return _shares(bins[solid], counts[solid])


def turn_hue(pictures: Tensor, degrees: float) -> Tensor:
    """Pictures (B, H, W, 3 or 4), 0..1, their hue turned; alpha stays."""
    from kornia.color import hsv_to_rgb, rgb_to_hsv

    hsv = rgb_to_hsv(pictures[..., :3].movedim(-1, 1).clamp(0, 1))
    hsv[:, 0] = (hsv[:, 0] + math.radians(degrees)) % math.tau
    return torch.cat([hsv_to_rgb(hsv).movedim(1, -1), pictures[..., 3:]], -1)


def window_colours(frame: Tensor, boxes: Sequence[Box]) -> np.ndarray:
    """The colours of windows of a frame (1, h, w, 3): (windows, bins)."""
    bins, counts = bins_of(frame[0])
    inside = [(slice(top, top + height), slice(left, left + width)) for left, top, width, height in boxes]
    return np.stack([_shares(bins[one], counts[one]) for one in inside])


def _shares(bins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    sums = np.bincount(bins.ravel(), counts.ravel(), minlength=int(np.prod(BINS)))
    return sums / max(GREY, sums.sum())


def likeness(subjects: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How much of each subject's colours (S, bins) the best of the windows (W, bins) has: (S,), 0..1."""
    return np.minimum(subjects[:, None], ROOM * seen[None]).sum(-1).max(1)
