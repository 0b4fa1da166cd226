"""Where the subjects and the background go on the canvas: sizes and positions, no pixels."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, prod
from typing import Literal, TypeAlias

from ..errors import FFGOError
from .geometry import Box, fit_size, halves
from .packing import Item, Room, pack

LayoutName: TypeAlias = Literal["published", "script", "packed"]
BackgroundFit: TypeAlias = Literal["keep_aspect", "stretch"]
LAYOUTS: tuple[LayoutName, ...] = ("published", "script", "packed")
BACKGROUND_FITS: tuple[BackgroundFit, ...] = ("keep_aspect", "stretch")

CROP_MARGIN = 5
"""Pixels left around a cut-out's visible part. Source: measured on the official FFGo training composites."""

MAX_SUBJECTS = 8
"""More subjects than the search for the best packed layout can take in a blink, and twice what FFGo can follow."""

MIN_SLOT = 2
"""Pixels; the smallest side of a slot that a subject is put into."""

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
    """Which part of a subject's picture is shown where."""

    crop: Box
    """In pixels of the picture."""
    box: Box
    """In pixels of the canvas."""

    @property
    def scale(self) -> float:
        """Canvas pixels for one pixel of the picture, along the longer side, which rounding changes less."""
        return max(self.box.size) / max(self.crop.size)


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything's place on the canvas."""

    canvas: tuple[int, int]
    background: Box
    subjects: tuple[Placement, ...]

    def to_json(self, pixels: Sequence[float]) -> str:
        """The layout as JSON; `pixels` are the subjects' alpha-weighted areas on the canvas, in pixels."""
        width, height = self.canvas
        subjects = [
            {"crop": asdict(s.crop), "box": asdict(s.box), "scale": round(s.scale, 6), "pixels": round(area, 2)}
            for s, area in zip(self.subjects, pixels, strict=True)
        ]
        return json.dumps(
            {
                "version": VERSION,
                "canvas": {"width": width, "height": height},
                "background": asdict(self.background),
                "subjects": subjects,
            }
        )


def arrange(
    subjects: Sequence[Subject],
    background: tuple[int, int],
    canvas: tuple[int, int],
    *,
    layout: LayoutName = "published",
    max_upscale: float = 1.0,
    gap: int = 0,
) -> Layout:
    """Place 1 to 8 subjects in the left half and the background, of size (width, height), in the right half.

    `canvas` is (width, height). `max_upscale` and `gap` (pixels) are for "packed" only: elsewhere nothing is enlarged
    and slots touch. Raises FFGOError if the canvas is too small for so many subjects.
    Source of "script": the official FFGo script. Of "published": found out from the official training composites.
    """
    left, right = halves(*canvas)
    if layout == "script":
        placements = _script(subjects, left)
    elif layout == "published":
        placements = _published(subjects, left)
    else:
        placements = _packed(subjects, left, max_upscale, gap)
    return Layout(canvas, right.centred(fit_size(background, right.size)), tuple(placements))


def _script(subjects: Sequence[Subject], left: Box) -> list[Placement]:
    """Whole pictures in rows."""
    crops = [Box(0, 0, *subject.size) for subject in subjects]
    return _place(crops, _slots(left, len(subjects), columns=1))


def _published(subjects: Sequence[Subject], left: Box) -> list[Placement]:
    """Cropped pictures in rows, from four on in two columns."""
    return _place(_crops(subjects), _slots(left, len(subjects), columns=1 if len(subjects) <= 3 else 2))


def _packed(subjects: Sequence[Subject], left: Box, max_upscale: float, gap: int) -> list[Placement]:
    """Cropped pictures in the slicing layout that makes the smallest subject largest."""
    crops = _crops(subjects)
    rows = [_place(crops, _slots(left, len(subjects), columns), max_upscale) for columns in (1, 2)]
    items = [Item(*crop.size, subject.area, max_upscale) for crop, subject in zip(crops, subjects, strict=True)]
    packed = _place(crops, pack(items, Room(*left.size, gap)), max_upscale)
    if gap:
        return packed
    # Rows are slicing layouts too, and never better but for the rounding to whole pixels.
    return max(packed, *rows, _script(subjects, left), key=lambda placements: _smallest(subjects, placements))


def _smallest(subjects: Sequence[Subject], placements: Sequence[Placement]) -> float:
    """The smallest subject's alpha-weighted area on the canvas, in pixels."""
    return min(
        subject.area * prod(place.box.size) / prod(place.crop.size)
        for subject, place in zip(subjects, placements, strict=True)
    )


def _crops(subjects: Sequence[Subject]) -> list[Box]:
    return [subject.visible.grown(CROP_MARGIN, subject.size) for subject in subjects]


def _slots(left: Box, count: int, columns: int) -> list[Box]:
    """Equal slots in reading order, in whole pixels; an odd last one of two columns gets the row to itself."""
    rows = ceil(count / columns)
    width, height = left.width // columns, left.height // rows
    if min(width, height) < MIN_SLOT:
        raise FFGOError(
            f"The left half of the canvas ({left.width}x{left.height} px) leaves {width}x{height} px for each of "
            f"{count} subjects. Make the canvas larger or use fewer subjects."
        )
    slots = [Box(left.x + i % columns * width, left.y + i // columns * height, width, height) for i in range(count)]
    if count % columns:
        slots[-1] = replace(slots[-1], width=left.width)
    return slots


def _place(crops: Sequence[Box], slots: Sequence[Box], max_scale: float = 1.0) -> list[Placement]:
    """Every crop centred in its slot, as large as it may be."""
    return [
        Placement(crop, slot.centred(fit_size(crop.size, slot.size, max_scale)))
        for crop, slot in zip(crops, slots, strict=True)
    ]
