"""The layout "custom": from an arrangement to places on the canvas. The page's editor does the same (web/)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .arrangement import Arrangement, Place
from .geometry import Box, fit_size
from .layout import CROP_MARGIN, Placement, Subject, place_subjects

TOLERANCE = 0.01
"""Pixels that boxes may overlap before it counts: what turning by floating-point numbers leaves."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is wrong with the place of a subject."""

    leaves: bool
    """Part of its box lies beyond the canvas."""
    background: bool
    """Part of its box lies in the right half, where the background is."""
    overlaps: list[int]
    """The subjects whose boxes overlap its box."""


def bind(arrangement: Arrangement, fingerprints: Sequence[str]) -> list[Place | None]:
    """The entry of every subject, given the fingerprints of their pictures; None for a subject without one.

    Equal fingerprints first, also among the parked entries; then the other subjects take the other entries in order.
    """
    free, parked = list(arrangement.subjects), list(arrangement.parked)
    bound: list[Place | None] = [None] * len(fingerprints)
    for entries in (free, parked):
        for i, fingerprint in enumerate(fingerprints):
            known = [entry.fingerprint for entry in entries]
            if bound[i] is None and fingerprint in known:
                bound[i] = entries.pop(known.index(fingerprint))
    for i, entry in enumerate(bound):
        if entry is None and free:
            bound[i] = free.pop(0)
    return bound


def arrange(
    arrangement: Arrangement,
    fingerprints: Sequence[str],
    subjects: Sequence[Subject],
    canvas: tuple[int, int],
    *,
    max_upscale: float = 1.0,
    gap: int = 0,
) -> list[Placement]:
    """Place every subject on a canvas of size (width, height) as its entry says, or as the layout `base` does.

    `max_upscale` and `gap` are for that layout, see `place_subjects`. Raises: FFGOError if the gaps leave no room.
    """
    entries = bind(arrangement, fingerprints)
    automatic = []
    if None in entries:
        automatic = place_subjects(subjects, canvas, arrangement.base, max_upscale=max_upscale, gap=gap)
    return [
        automatic[i] if entry is None else _placed(entry, arrangement.canvas, subject, canvas)
        for i, (entry, subject) in enumerate(zip(entries, subjects, strict=True))
    ]


def drawing_order(places: Sequence[Placement]) -> list[int]:
    """The indices of the shown subjects, the lowest first."""
    return sorted((i for i, place in enumerate(places) if place.shown), key=lambda i: places[i].z)


def corners(place: Placement) -> list[Point]:
    """The four corners (x, y) of a place, turned by its angle, in pixels of the canvas."""
    box, turn = place.box, math.radians(place.angle)
    x, y = box.x + box.width / 2, box.y + box.height / 2
    cos, sin = math.cos(turn), math.sin(turn)
    half = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    offsets = [(sx * box.width / 2, sy * box.height / 2) for sx, sy in half]
    return [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in offsets]


def mark(places: Sequence[Placement], canvas: tuple[int, int]) -> list[Marks]:
    """What is wrong with every place on a canvas of size (width, height); nothing is wrong with hidden ones."""
    width, height = canvas
    outlines = [corners(place) if place.shown else [] for place in places]
    return [
        Marks(
            any(min(x, y, width - x, height - y) < -TOLERANCE for x, y in outline),
            any(x > width // 2 + TOLERANCE for x, _ in outline),
            [k for k, other in enumerate(outlines) if k != i and _overlap(outline, other)],
        )
        for i, outline in enumerate(outlines)
    ]


def _placed(entry: Place, arranged: tuple[int, int], subject: Subject, canvas: tuple[int, int]) -> Placement:
    """Where a subject goes: its picture keeps its aspect, and lies in the middle of the entry's box."""
    whole = Box(0, 0, *subject.size)
    crop = whole if entry.crop == "full" else subject.visible.grown(CROP_MARGIN, subject.size)
    box = _scaled(entry, canvas[0] / arranged[0], canvas[1] / arranged[1])
    aspect = crop.width / crop.height
    # Whole pixels cannot keep the aspect exactly. What misses it by less than one is as meant, or boxes would shrink.
    if abs(box.width - box.height * aspect) >= 1 and abs(box.height - box.width / aspect) >= 1:
        box = box.centred(fit_size(crop.size, box.size, max_scale=max(box.size)))
    return Placement(crop, box, entry.angle, entry.flip, entry.shown, entry.z)


def _scaled(entry: Place, scale_x: float, scale_y: float) -> Box:
    """The entry's box in whole pixels of a canvas so many times as large: the middle moves, the aspect stays."""
    scale = min(scale_x, scale_y)
    return Box(
        _rounded((entry.x + entry.width / 2) * scale_x - entry.width * scale / 2),
        _rounded((entry.y + entry.height / 2) * scale_y - entry.height * scale / 2),
        max(_rounded(entry.width * scale), 1),
        max(_rounded(entry.height * scale), 1),
    )


def _rounded(value: float) -> int:
    """To the nearest whole number, halves up: `round` would take halves to even numbers, and JavaScript does not."""
    return math.floor(value + 0.5)


def _overlap(one: Sequence[Point], other: Sequence[Point]) -> bool:
    """Whether two rectangles overlap: no side of either separates them (separating axis theorem)."""
    if not one or not other:
        return False
    for outline in (one, other):
        for (ax, ay), (bx, by) in pairwise(outline[:3]):
            length = math.hypot(bx - ax, by - ay)
            nx, ny = (ay - by) / length, (bx - ax) / length
            mine, its = [[x * nx + y * ny for x, y in points] for points in (one, other)]
            if min(max(mine) - min(its), max(its) - min(mine)) <= TOLERANCE:
                return False
    return True
