"""Is a subject there, by what a vision model sees in windows of the frames.

As with pixels, the composed frame gives both ends: how like the cut-out its best window is there, and how like it those
windows are that hold no subject, and the other subjects. Windows overlap, so two subjects may be found in the same one.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..evaluation.embedding import Embedder, window_pictures
from ..evaluation.identity import best_windows
from ..evaluation.view import windows
from .entity import Entity
from .presence import Presence, looked_at
from .vectors import vector_of

THRESHOLD = 0.5
LEAST_APART = 0.05
"""Between both ends, as cosines."""
EMPTY = 0.01
"""Share of a window that subjects may cover, for one that holds none."""


def present_by_matching(
    images: Tensor,
    entities: Sequence[Entity],
    embedder: Embedder,
    *,
    fps: float,
    threshold: float = THRESHOLD,
    step: Callable[[int], object] = lambda done: None,
) -> Presence:
    """Look for every entity, which has a picture, in a clip (F, H, W, 3), 0..1. step: called with the looks done."""
    numbers = looked_at(len(images))
    vectors = np.stack([vector_of(one.picture, embedder) for one in entities if one.picture is not None])
    seen = []
    for done, number in enumerate(numbers, 1):
        seen.append(embedder(window_pictures(images[number])).numpy())
        step(done)
    found = best_windows(vectors, seen)
    low, high = _ends(vectors, entities, embedder)
    values = np.clip((found - low[:, None]) / np.maximum(high - low, LEAST_APART)[:, None], 0, 1)
    way = f"by a vision model ({embedder.name})"
    return Presence(tuple(one.name for one in entities), numbers, values, threshold, way, fps)


def _ends(vectors: NDArray, entities: Sequence[Entity], embedder: Embedder) -> tuple[NDArray, NDArray]:
    """Of each subject, the likeness where it is not and where it is, (S,) each."""
    others = _likeness_of_others(vectors)
    frame = next((one.frame for one in entities if one.frame is not None), None)
    if frame is None:
        return others, np.ones(len(vectors))
    height, width = frame.shape[:2]
    boxes = windows(height, width)
    likeness = vectors @ embedder(window_pictures(frame, boxes)).numpy().T
    covered = torch.zeros(height, width)
    for one in entities:
        if one.mask is not None:
            covered = torch.maximum(covered, functional.interpolate(one.mask[None, None], (height, width))[0, 0])
    empty = np.array([float(covered[t : t + h, x : x + w].mean()) < EMPTY for x, t, w, h in boxes])
    low = np.maximum(others, likeness[:, empty].max(1)) if empty.any() else others
    return low, likeness.max(1)


def _likeness_of_others(vectors: NDArray) -> NDArray:
    """Mean cosine to the other subjects; 0 of one alone."""
    cosines = vectors @ vectors.T
    return (cosines.sum(1) - cosines.diagonal()) / max(1, len(vectors) - 1)
