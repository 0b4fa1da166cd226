"""A sheet of what each run of a concept sees."""

import numpy as np
import torch
from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..clip.video_io import probe_clip
from ..dataset.encode import MadeClip
from ..dataset.sizing import Sizing
from .examples import concept_examples
from .material import ConceptMaterial

WIDTH, HEIGHT, GAP = 320, 192, 6
STILLS, PARTS = 4, 3
"""Examples shown of each run."""
SHOWN = 4
"""Frames of each."""
MOST_FRAMES = 21
_WHITE = 255


def concept_sheet(material: ConceptMaterial) -> Tensor:
    """A picture (1, H, W, 3): rows of stills, then rows of the clip's parts, each from its first frame to its last."""
    last = ConceptMaterial(material.folder, material.clips[-1:], material.plates)
    frames = min(MOST_FRAMES, DEFAULT.whole_frames(probe_clip(last.clips[0].clip).frames))
    made = concept_examples(last, Sizing(WIDTH, HEIGHT, frames))
    try:
        rows = [_row(one) for one in (*made.identity[-1:], *made.identity[: STILLS - 1], *made.motion[:PARTS])]
    finally:
        made.release()
    gap = np.full((GAP, rows[0].shape[1], 3), _WHITE, np.float32) / _WHITE
    return torch.from_numpy(np.concatenate([part for row in rows for part in (row, gap)][:-1]))[None]


def _row(one: MadeClip) -> np.ndarray:
    frames = one.frames().numpy()
    wanted = [0, *np.linspace(one.bucket.base.composed_frames, len(frames) - 1, SHOWN - 1).astype(int)]
    gap = np.ones((frames.shape[1], GAP, 3), np.float32)
    return np.concatenate([part for i in wanted for part in (frames[i], gap)][:-1], axis=1)
