"""Is a subject there, by its pixels: rough, and without any model.

The cut-out is laid onto every place of a frame in several sizes, as it is and mirrored. How well it fits at best is
read between two ends that the composed frame itself gives: how well it fits there where it is, and where it is not.
A subject that turns, bends, or is lit otherwise fits badly: what is lost here may be there, seen from behind.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..evaluation.view import small_frame
from ..frame.geometry import Box
from ..frame.layout import CROP_MARGIN
from ..frame.pictures import box_of
from .entity import Entity
from .presence import Presence, looked_at
from .templates import errors_of, prepare, template_of

WORKING_SIDE = 160
"""Pixels of the longer side of the frames that are looked at."""
SCALES = (0.7, 0.85, 1.0, 1.2, 1.4)
"""Of a subject, against its size in the composed frame."""
UNKNOWN_SCALES = (0.4, 0.6, 0.9, 1.3, 1.9)
USUAL = 0.4
"""Of the frame's shorter side: a subject's longer side, where nothing tells it."""
SOFT = 0.06
"""Mean squared error, 0..1, at which the fit counts a third; chosen on the toy world's set `dev`."""
CLEARANCE = 0.6
"""Around a subject in the composed frame, of its longer side: there it is, or a part of it."""
LEAST_APART = 0.2
"""Between both ends; of what fits as well elsewhere nothing can be said, and it is not made to seem so."""
THRESHOLD = 0.5
WAY = "by pixels (rough: a subject that turns or is lit otherwise may seem lost; connect clip_vision for more)"


def present_by_pixels(
    images: Tensor,
    entities: Sequence[Entity],
    *,
    fps: float,
    threshold: float = THRESHOLD,
    step: Callable[[int], object] = lambda done: None,
) -> Presence:
    """Look for every entity, which has a picture, in a clip (F, H, W, 3), 0..1. step: called with how many are done."""
    numbers = looked_at(len(images))
    small = small_frame(images[list(numbers)], WORKING_SIDE)
    rows = []
    for done, one in enumerate(entities, 1):
        rows.append(_look_for(one, small, images.shape[1:3]))
        step(done)
    return Presence(tuple(one.name for one in entities), numbers, np.stack(rows), threshold, WAY, fps)


def _look_for(entity: Entity, small: Tensor, clip: Sequence[int]) -> NDArray[np.float64]:
    assert entity.picture is not None
    seen = _cropped(entity.picture)
    composed = None if entity.frame is None else _like(small, entity.frame)
    base = _side_in_frame(entity)
    share, scales = USUAL * min(clip) / max(clip), UNKNOWN_SCALES
    if base is not None and entity.frame is not None:
        share, scales = base / max(entity.frame.shape[:2]), SCALES
    side = share * max(small.shape[1:3])
    found = _best(small, seen, side, scales)
    low = 0.0
    if composed is not None and entity.mask is not None:
        low = float(_best(composed, seen, side, scales, _near(entity, composed, side))[0])
    return np.clip((found - low) / max(1 - low, LEAST_APART), 0, 1)


def _cropped(picture: np.ndarray) -> np.ndarray:
    box = box_of(picture[..., 3])
    return picture if box is None else np.ascontiguousarray(picture[box.slices])


def _like(small: Tensor, frame: Tensor) -> Tensor:
    """The composed frame in the size of the small ones, (1, h, w, 3)."""
    return functional.interpolate(frame[None].movedim(-1, 1).float(), small.shape[1:3], mode="area").movedim(1, -1)


def _side_in_frame(entity: Entity) -> float | None:
    """The longer side of what can be seen of the cut-out, in pixels of the frame; None where nothing tells it."""
    assert entity.picture is not None
    height, width = entity.picture.shape[:2]
    seen = box_of(entity.picture[..., 3]) or Box(0, 0, width, height)
    if entity.box is None or not min(entity.box.size):
        return None
    crops = [seen, seen.grown(CROP_MARGIN, (width, height)), Box(0, 0, width, height)]
    aspect = entity.box.width / entity.box.height
    # The layout says where the crop lies; which crop it was is told by its aspect.
    able = crops[1:] if entity.is_whole else crops[:1]
    crop = min(able, key=lambda one: abs(np.log(one.width / one.height / aspect)))
    return max(entity.box.size) / max(crop.size) * max(seen.size)


def _near(entity: Entity, composed: Tensor, side: float) -> Tensor:
    """(h, w): where the subject is in the composed frame, and around it."""
    assert entity.mask is not None
    mask = functional.interpolate(entity.mask[None, None].float(), composed.shape[1:3], mode="area")
    reach = int(CLEARANCE * side)
    return functional.max_pool2d((mask > 0.1).float(), 2 * reach + 1, 1, reach)[0, 0] > 0


def _best(
    frames: Tensor, picture: np.ndarray, side: float, scales: Sequence[float], but: Tensor | None = None
) -> NDArray[np.float64]:
    """How well a picture fits each frame at its best place, 0..1. but: places that do not count."""
    ready = prepare(frames, int(side * max(scales)) + 2)
    best = torch.zeros(len(frames))
    for scale in scales:
        for mirrored in (False, True):
            template = template_of(picture, side * scale, mirrored=mirrored)
            if template is not None:
                fit = torch.exp(-errors_of(ready, template) / SOFT)
                fit = fit if but is None else fit.masked_fill(but, 0)
                best = torch.maximum(best, fit.flatten(1).amax(1))
    return best.double().numpy()
