"""What the user says about where the subject is: points, boxes, and a coarse mask, in pixels of the picture."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FFGOError
from ..plain import Source, is_number
from .grid import Array, depth

LOGIT = 8.0
"""How sure a coarse mask is, in SAM2's logits."""
LOGITS_SIDE = 256


@dataclass(frozen=True, slots=True)
class Prompts:
    """For SAM2: points (N, 2) as x, y with labels (N,), 1 = subject and 0 = background; a box (4,) x0, y0, x1, y1;
    logits (1, 256, 256) of a coarse mask. What is None is not said."""

    points: Array | None = None
    labels: Array | None = None
    box: Array | None = None
    logits: Array | None = None

    @property
    def ambiguous(self) -> bool:
        """One point alone may mean a thing or a part of it: SAM2 then offers three masks, and the best one is taken."""
        return self.box is None and self.logits is None and self.points is not None and len(self.points) == 1


def read_prompts(points: str, boxes: str, bounding_box: Any, size: tuple[int, int]) -> list[Prompts]:
    """Read the widgets of the node: one set of prompts for each box, or one for points alone; none if all is empty.

    points: JSON, [[x, y], ...] or [[x, y, label], ...] or [{"x": .., "y": .., "label": ..}, ...]. boxes: JSON,
    [[x0, y0, x1, y1], ...] or the host's {"x", "y", "width", "height"}; bounding_box: what the host's socket gives.
    size is (width, height). With boxes, a box takes the subject's points inside it and all points of the background.
    Raises: FFGOError where that is no JSON, or lies outside the picture.
    """
    dots = [_point(entry, size) for entry in _entries(points, "points")]
    frames = [_box(entry, size) for entry in [*_entries(boxes, "boxes"), *_flat(bounding_box)]]
    if not frames:
        if dots and not any(label for *_, label in dots):
            raise FFGOError("points: all of them have the label 0 (background). Mark the subject with at least one.")
        return [_prompts(dots, None)] if dots else []
    lost = [dot for dot in dots if dot[2] and not any(_inside(dot, frame) for frame in frames)]
    if lost:
        raise FFGOError(f"points: {lost[0][0]:g}, {lost[0][1]:g} marks the subject, but lies in none of the boxes.")
    return [_prompts([d for d in dots if not d[2] or _inside(d, frame)], frame) for frame in frames]


def prompts_from_mask(mask: Array) -> Prompts:
    """A box around a coarse mask (H, W), its logits, and the points that lie deepest in it."""
    from PIL import Image

    rough = mask > 0.5
    rows, columns = np.flatnonzero(rough.any(1)), np.flatnonzero(rough.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    small = Image.fromarray(mask.astype(np.float32)).resize((LOGITS_SIDE, LOGITS_SIDE), Image.Resampling.BOX)
    logits = (np.clip(np.asarray(small), 0, 1) * 2 - 1) * LOGIT
    points = deepest_points(rough, 5)
    return Prompts(points, np.ones(len(points), np.int32), box, logits[None].astype(np.float32))


def deepest_points(region: Array, count: int) -> Array:
    """Up to `count` points (x, y) far inside a region and far from each other, (N, 2) float32."""
    left, found = depth(region), []
    y, x = np.ogrid[: region.shape[0], : region.shape[1]]
    while len(found) < count and left.max() > 1:
        row, column = np.unravel_index(left.argmax(), left.shape)
        found.append((float(column), float(row)))
        left = np.minimum(left, np.hypot(y - row, x - column) - left.max() / 2)
    return np.array(found or [_any_point(region)], np.float32)


def _any_point(region: Array) -> tuple[float, float]:
    row, column = np.argwhere(region)[0]
    return float(column), float(row)


def _entries(text: str, name: str) -> list[Any]:
    if not text.strip():
        return []
    entries = Source(name, f"Write for example {_EXAMPLES[name]}.", whole=name).json(text).value
    if isinstance(entries, dict):
        return [entries]
    if not isinstance(entries, list):
        raise FFGOError(f"{name} must be a list. Write for example {_EXAMPLES[name]}.")
    return [entries] if entries and all(isinstance(e, int | float) for e in entries) else entries


MOST, LONGEST = 10**9, 100
"""Of a coordinate; and characters of what was written that an error shows."""

_EXAMPLES = {"points": "[[320, 200], [40, 40, 0]]", "boxes": "[[100, 50, 400, 600]]"}


def _flat(boxes: Any) -> list[Any]:
    """The host's sockets give one box, a list, or a list for each picture."""
    if boxes is None:
        return []
    if not isinstance(boxes, list | tuple):
        return [boxes]
    return [box for entry in boxes for box in _flat(entry)]


def _point(entry: Any, size: tuple[int, int]) -> tuple[float, float, int]:
    numbers = [entry.get("x"), entry.get("y"), entry.get("label", 1)] if isinstance(entry, dict) else entry
    if not _numbers(numbers, 2, 3) or (len(numbers) == 3 and numbers[2] not in (0, 1)):
        raise FFGOError(
            f"points: {str(entry)[:LONGEST]} is no point. Write x, y and, for background, a 0: {_EXAMPLES['points']}."
        )
    x, y, label = [*numbers, 1][:3]
    if not (0 <= x < size[0] and 0 <= y < size[1]):
        raise FFGOError(f"points: {x:g}, {y:g} lies outside the picture of {size[0]}x{size[1]} px.")
    return float(x), float(y), int(label)


def _box(entry: Any, size: tuple[int, int]) -> Array:
    if isinstance(entry, dict):
        sides: list[Any] = [entry.get(key) for key in ("x", "y", "width", "height")]
        if _numbers(sides, 4, 4):
            entry = [sides[0], sides[1], sides[0] + sides[2], sides[1] + sides[3]]
    if not _numbers(entry, 4, 4):
        raise FFGOError(
            f"boxes: {str(entry)[:LONGEST]} is no box. Write left, top, right, bottom: {_EXAMPLES['boxes']}."
        )
    x0, y0, x1, y1 = entry
    if x1 <= x0 or y1 <= y0 or x1 <= 0 or y1 <= 0 or x0 >= size[0] or y0 >= size[1]:
        raise FFGOError(f"boxes: {list(entry)} holds nothing of the picture of {size[0]}x{size[1]} px.")
    return np.array([max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1])], np.float32)


def _numbers(values: Any, least: int, most: int) -> bool:
    right = isinstance(values, list | tuple) and least <= len(values) <= most
    return right and all(is_number(value) and abs(value) <= MOST for value in values)


def _inside(dot: tuple[float, float, int], box: Array) -> bool:
    return bool(box[0] <= dot[0] <= box[2] and box[1] <= dot[1] <= box[3])


def _prompts(dots: list[tuple[float, float, int]], box: Array | None) -> Prompts:
    if not dots:
        return Prompts(box=box)
    points = np.array([dot[:2] for dot in dots], np.float32)
    return Prompts(points, np.array([dot[2] for dot in dots], np.int32), box)
