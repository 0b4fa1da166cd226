"""Where the subjects and the background go on the canvas: sizes and positions, no pixels."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, prod
from typing import Literal

from .geometry import Box, fit_size, halves
from .packing import Item, Room, pack

LayoutName = Literal["published", "script", "packed"]
LAYOUTS: tuple[LayoutName, ...] = ("published", "script", "packed")

CROP_MARGIN = 5
"""Pixels left around a cut-out's visible part. Source: measured on the official FFGo training composites."""

MAX_SUBJECTS = 8
"""More subjects than the search for the best packed layout can take in a blink, and twice what FFGo can follow."""

VERSION = 1
"""Of the layout's JSON."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a layout needs to know of a cut-out, in pixels of its picture."""

    size: tuple[int, int]
    """Width and height of the picture."""
    visible: Box
    """The box around all pixels with an alpha above 0."""
    area: float
    """The sum of alpha (1 = opaque)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Which part of a subject's picture is shown, and where."""

    crop: Box
    """In pixels of the picture."""
    box: Box
    """In pixels of the canvas, before it is turned."""
    angle: float = 0.0
    """Degrees clockwise, about the middle of the box."""
    flip: bool = False
    """Left and right swapped."""
    shown: bool = True
    z: int = 0
    """Higher ones lie on top; of equal ones, the later subject."""

    @property
    def scale(self) -> float:
        """Canvas pixels for one pixel of the picture, along the longer side, which rounding changes less."""
        return max(self.box.size) / max(self.crop.size)


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything's place on the canvas."""

    canvas: tuple[int, int]
    """Width and height."""
    background: Box
    subjects: Sequence[Placement]
    pixels: Sequence[float]
    """The alpha-weighted area of every subject on the canvas."""
    names: Sequence[str] = ()
    """Who they are: every subject's input, and ..."""
    fingerprints: Sequence[str] = ()
    """... what tells its picture (docs/arrangement.md); both, or neither."""

    def to_json(self) -> str:
        """The layout as JSON, boxes as x, y, width and height."""
        width, height = self.canvas
        who = [{"name": n, "fingerprint": f} for n, f in zip(self.names, self.fingerprints, strict=True)]
        subjects = [
            {**asdict(p), "scale": round(p.scale, 6), "pixels": round(area, 2), **known}
            for p, area, known in zip(self.subjects, self.pixels, who or [{}] * len(self.subjects), strict=True)
        ]
        return json.dumps(
            {
                "version": VERSION,
                "canvas": {"width": width, "height": height},
                "background": asdict(self.background),
                "subjects": subjects,
            }
        )


def place_background(size: tuple[int, int], canvas: tuple[int, int], *, whole: bool = False) -> Box:
    """Where a background of this size (width, height) goes: into the middle of the right half, made smaller to fit.

    whole: into the middle of the whole canvas.
    """
    room = Box(0, 0, *canvas) if whole else halves(*canvas)[1]
    return room.centred(fit_size(size, room.size))


def place_subjects(
    subjects: Sequence[Subject],
    canvas: tuple[int, int],
    layout: LayoutName = "published",
    *,
    max_upscale: float = 1.0,
    gap: int = 0,
    whole: bool = False,
) -> list[Placement]:
    """Place 1 to 8 subjects in the left half of a canvas of size (width, height), or all over it if `whole`.

    `max_upscale` (a factor, 1 = none) and `gap` (pixels) are for "packed" only: elsewhere nothing is enlarged and
    slots touch. Raises: FFGOError if the gaps leave no room.
    All over the canvas the rows have as many columns as suit the smallest subject.
    Source of "script": the official FFGo script. Of "published": found out from the official training composites.
    """
    room = Box(0, 0, *canvas) if whole else halves(*canvas)[0]
    match layout:
        case "script":
            return _script(subjects, room, columns=None if whole else 1)
        case "published":
            return _published(subjects, room, columns=None if whole else 1 if len(subjects) <= 3 else 2)
        case "packed":
            return _packed(subjects, room, max_upscale, gap)


def _script(subjects: Sequence[Subject], room: Box, columns: int | None = 1) -> list[Placement]:
    """Whole pictures in rows."""
    return _rows(subjects, [Box(0, 0, *subject.size) for subject in subjects], room, columns)


def _published(subjects: Sequence[Subject], room: Box, columns: int | None) -> list[Placement]:
    """Cropped pictures in rows; in the left half, from four on in two columns."""
    return _rows(subjects, _crops(subjects), room, columns)


def _packed(subjects: Sequence[Subject], room: Box, max_upscale: float, gap: int) -> list[Placement]:
    """Cropped pictures in the slicing layout that makes the smallest subject largest."""
    crops = _crops(subjects)
    rows = [_place(crops, _slots(room, len(subjects), columns), max_upscale) for columns in (1, 2)]
    items = [Item(*crop.size, subject.area, max_upscale) for crop, subject in zip(crops, subjects, strict=True)]
    packed = _place(crops, pack(items, Room(*room.size, gap)), max_upscale)
    if gap:
        return packed
    # Rows are slicing layouts too, and never better but for the rounding to whole pixels.
    return max(packed, *rows, _script(subjects, room), key=lambda placements: _smallest(subjects, placements))


def _rows(subjects: Sequence[Subject], crops: Sequence[Box], room: Box, columns: int | None) -> list[Placement]:
    """Crops in equal slots; columns: None for the number that makes the smallest subject largest, then the next one."""
    tries = range(1, len(crops) + 1) if columns is None else (columns,)
    every = [_place(crops, _slots(room, len(crops), columns)) for columns in tries]
    return max(every, key=lambda placements: sorted(areas(subjects, placements)))


def areas(subjects: Sequence[Subject], placements: Sequence[Placement]) -> list[float]:
    """Each subject's alpha-weighted area on the canvas, in pixels, as far as nothing covers it."""
    return [
        subject.area * prod(place.box.size) / prod(place.crop.size)
        for subject, place in zip(subjects, placements, strict=True)
    ]


def _smallest(subjects: Sequence[Subject], placements: Sequence[Placement]) -> float:
    return min(areas(subjects, placements))


def _crops(subjects: Sequence[Subject]) -> list[Box]:
    return [subject.visible.grown(CROP_MARGIN, subject.size) for subject in subjects]


def _slots(room: Box, count: int, columns: int) -> list[Box]:
    """Equal slots in reading order, in whole pixels; those of a last row that is not full share it."""
    rows = ceil(count / columns)
    width, height = room.width // columns, room.height // rows
    slots = [Box(room.x + i % columns * width, room.y + i // columns * height, width, height) for i in range(count)]
    if last := count % columns:
        width = room.width // last
        slots[-last:] = [replace(slot, x=room.x + i * width, width=width) for i, slot in enumerate(slots[-last:])]
    return slots


def _place(crops: Sequence[Box], slots: Sequence[Box], max_scale: float = 1.0) -> list[Placement]:
    """Every crop centred in its slot, as large as it may be."""
    return [
        Placement(crop, slot.centred(fit_size(crop.size, slot.size, max_scale)))
        for crop, slot in zip(crops, slots, strict=True)
    ]
