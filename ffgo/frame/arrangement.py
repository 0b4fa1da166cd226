"""The arrangement: which place the user gave to every subject, as JSON text (docs/arrangement.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ..plain import Source, Value
from .geometry import MAX_CANVAS, MIN_CANVAS
from .layout import LAYOUTS, MAX_SUBJECTS, LayoutName

Crop = Literal["visible", "full"]

ARRANGEMENT_VERSION = 1

MAX_TEXT = 256 * 1024
"""Characters. A full arrangement has 3,000."""

MAX_PARKED = 64
"""Entries that wait for their pictures to come back."""

MAX_TIMES = 4
"""How many times the canvas a box may measure, and lie away from it: enough for any close-up, and bounds the work."""

MAX_TURN, MAX_Z, MAX_SOURCE = 360, 1000, 1000

FINGERPRINT_DIGITS = 16

_SOURCE = Source(
    "arrangement", "Reset it in the editor, choose another layout, or mend the text (docs/arrangement.md)."
)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one subject, in pixels of the arrangement's canvas."""

    fingerprint: str | None
    """Of the picture that it was made for; None = not known yet."""
    x: float
    y: float
    width: float
    height: float
    angle: float
    """Degrees clockwise, about the middle of the box."""
    flip: bool
    """Left and right swapped."""
    crop: Crop
    shown: bool
    z: int
    """Higher ones lie on top; of equal ones, the later subject."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A whole arrangement, checked."""

    base: LayoutName
    """The automatic layout that a subject without an entry goes to."""
    canvas: tuple[int, int]
    """Width and height that the entries are meant for."""
    subjects: Sequence[Place]
    parked: Sequence[Place]
    """Of pictures that were not connected when it was written."""


def read_arrangement(text: str) -> Arrangement | None:
    """Read and check an arrangement; None for an empty text.

    Raises: FFGOError with the place in the text, such as `subjects[2].width`, if anything is not as documented.
    """
    if not text.strip():
        return None
    whole = _SOURCE.json(text, most=MAX_TEXT, unique=True)
    _check_version(whole)
    arrangement = whole.object(["version", "canvas", "subjects"], {"base": LAYOUTS[0], "parked": []})
    canvas = arrangement["canvas"].object(["width", "height"])
    size = canvas["width"].whole(MIN_CANVAS, MAX_CANVAS), canvas["height"].whole(MIN_CANVAS, MAX_CANVAS)
    return Arrangement(
        arrangement["base"].one_of(LAYOUTS),
        size,
        [_place(entry, *size) for entry in arrangement["subjects"].list("entries", MAX_SUBJECTS)],
        [_place(entry, *size) for entry in arrangement["parked"].list("entries", MAX_PARKED)],
    )


def _check_version(whole: Value) -> None:
    """Refuse another version before anything else: it may have other keys."""
    version = whole.object(optional={"version": None, "canvas": None, "subjects": None}, others=True)["version"]
    if isinstance(version.value, bool) or version.value != ARRANGEMENT_VERSION:
        version.refuse(
            "is missing" if version.value is None else f"is {version.shown}",
            f"this FFGo reads version {ARRANGEMENT_VERSION}; one written by a later FFGo needs that FFGo",
        )


_OPTIONAL = {
    "fingerprint": None, "source": "", "angle": 0, "flip": False, "crop": "visible", "shown": True, "locked": False,
    "z": 0,
}  # fmt: skip


def _place(value: Value, canvas_width: int, canvas_height: int) -> Place:
    entry = value.object(["x", "y", "width", "height"], _OPTIONAL)
    # What only the editor uses is checked too, so that whatever passes here opens there.
    entry["locked"].flag()
    entry["source"].string(most=MAX_SOURCE)
    most_x, most_y = MAX_TIMES * canvas_width, MAX_TIMES * canvas_height
    return Place(
        fingerprint=_fingerprint(entry["fingerprint"]),
        x=entry["x"].number(-most_x, most_x),
        y=entry["y"].number(-most_y, most_y),
        width=entry["width"].number(1, most_x),
        height=entry["height"].number(1, most_y),
        angle=entry["angle"].number(-MAX_TURN, MAX_TURN),
        flip=entry["flip"].flag(),
        crop=cast(Crop, entry["crop"].one_of(("visible", "full"))),
        shown=entry["shown"].flag(),
        z=entry["z"].whole(-MAX_Z, MAX_Z),
    )


def _fingerprint(value: Value) -> str | None:
    digits = value.value
    if digits is None:
        return None
    if not isinstance(digits, str) or len(digits) != FINGERPRINT_DIGITS or set(digits) - set("0123456789abcdef"):
        value.refuse(f"is {value.shown}", f"it must be {FINGERPRINT_DIGITS} digits 0-9 and a-f, or null")
    return digits
