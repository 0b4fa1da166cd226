"""The arrangement: which place the user gave to every subject, as JSON text (docs/arrangement.md)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NoReturn, TypeAlias, cast

from ..errors import FFGOError
from .geometry import MAX_CANVAS, MIN_CANVAS
from .layout import LAYOUTS, MAX_SUBJECTS, LayoutName

Crop: TypeAlias = Literal["visible", "full"]

ARRANGEMENT_VERSION = 1

MAX_TEXT = 256 * 1024
"""Characters. A full arrangement has 3,000."""

MAX_PARKED = 64
"""Entries that wait for their pictures to come back."""

MAX_TIMES = 4
"""How many times the canvas a box may measure, and lie away from it: enough for any close-up, and bounds the work."""

MAX_TURN, MAX_Z, MAX_SOURCE = 360, 1000, 1000

FINGERPRINT_DIGITS = 16


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
    if len(text) > MAX_TEXT:
        _refuse("", f"is {len(text):,} characters long", f"{MAX_TEXT:,} are the most")
    arrangement = _object(_parsed(text), "", required=["version", "canvas", "subjects"], optional=["base", "parked"])
    canvas = _object(arrangement["canvas"], "canvas", required=["width", "height"])
    size = (
        _whole(canvas["width"], "canvas.width", MIN_CANVAS, MAX_CANVAS),
        _whole(canvas["height"], "canvas.height", MIN_CANVAS, MAX_CANVAS),
    )
    base = _one_of(arrangement.get("base", LAYOUTS[0]), "base", LAYOUTS)
    return Arrangement(
        cast(LayoutName, base),
        size,
        _entries(arrangement["subjects"], "subjects", size, MAX_SUBJECTS),
        _entries(arrangement.get("parked", []), "parked", size, MAX_PARKED),
    )


def _parsed(text: str) -> Any:
    """The JSON text as Python objects, of a version that this code knows."""

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        if len(counts) < len(pairs):
            _refuse("", f"has {_shown(counts.most_common(1)[0][0])} twice in one object", "keep one of them")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        _refuse("", f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}", "mend or delete it")
    except FFGOError:
        raise
    except ValueError:  # Python's limit for the digits of whole numbers
        _refuse("", "holds a number with thousands of digits", "mend or delete it")
    except RecursionError:
        _refuse("", "is nested too deeply to be an arrangement", "mend or delete it")
    if not isinstance(value, dict):
        _refuse("", f"is {_kind(value)}", "it must be an object with version, canvas and subjects")
    version = value.get("version")
    if isinstance(version, bool) or version != ARRANGEMENT_VERSION:
        was = "is missing" if version is None else f"is {_shown(version)}"
        _refuse(
            "version",
            was,
            f"this FFGo reads version {ARRANGEMENT_VERSION}; one written by a later FFGo needs that FFGo",
        )
    return value


def _entries(value: Any, where: str, canvas: tuple[int, int], most: int) -> list[Place]:
    if not isinstance(value, list):
        _refuse(where, f"is {_kind(value)}", "it must be a list of entries")
    if len(value) > most:
        _refuse(where, f"has {len(value)} entries", f"{most} are the most")
    return [_entry(entry, f"{where}[{i}]", *canvas) for i, entry in enumerate(value)]


def _entry(value: Any, where: str, canvas_width: int, canvas_height: int) -> Place:
    optional = ["fingerprint", "source", "angle", "flip", "crop", "shown", "locked", "z"]
    entry = _object(value, where, required=["x", "y", "width", "height"], optional=optional)
    _check_page_keys(entry, where)
    most_x, most_y = MAX_TIMES * canvas_width, MAX_TIMES * canvas_height
    return Place(
        fingerprint=_fingerprint(entry.get("fingerprint"), f"{where}.fingerprint"),
        x=_number(entry["x"], f"{where}.x", -most_x, most_x),
        y=_number(entry["y"], f"{where}.y", -most_y, most_y),
        width=_number(entry["width"], f"{where}.width", 1, most_x),
        height=_number(entry["height"], f"{where}.height", 1, most_y),
        angle=_number(entry.get("angle", 0), f"{where}.angle", -MAX_TURN, MAX_TURN),
        flip=_flag(entry.get("flip", False), f"{where}.flip"),
        crop=cast(Crop, _one_of(entry.get("crop", "visible"), f"{where}.crop", ("visible", "full"))),
        shown=_flag(entry.get("shown", True), f"{where}.shown"),
        z=_whole(entry.get("z", 0), f"{where}.z", -MAX_Z, MAX_Z),
    )


def _check_page_keys(entry: Mapping[str, Any], where: str) -> None:
    """Check what only the editor uses, so that whatever passes here opens there."""
    _flag(entry.get("locked", False), f"{where}.locked")
    source = entry.get("source", "")
    if not isinstance(source, str):
        _refuse(f"{where}.source", f"is {_kind(source)}", "it must be a text")
    if len(source) > MAX_SOURCE:
        _refuse(f"{where}.source", f"is {len(source):,} characters long", f"{MAX_SOURCE:,} are the most")


def _object(value: Any, where: str, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The value, if it is an object with all required keys and no unknown ones."""
    if not isinstance(value, dict):
        _refuse(where, f"is {_kind(value)}", f"it must be an object with {', '.join(required)}")
    known = [*required, *optional]
    if unknown := [key for key in value if key not in known]:
        near = get_close_matches(unknown[0], known, 1)
        meant = f"perhaps {near[0]} is meant" if near else f"there are {', '.join(known)}"
        _refuse(where, f"has an unknown key {_shown(unknown[0])}", meant)
    if missing := [key for key in required if key not in value]:
        _refuse(where, f"lacks {', '.join(missing)}", "add what is missing")
    return value


def _number(value: Any, where: str, least: float, most: float) -> float:
    """The value, if it is a number in this range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(where, f"is {_kind(value)}", f"it must be a number from {least:,} to {most:,}")
    if not least <= value <= most:  # true of NaN too
        _refuse(where, f"is {_shown(value)}", f"it must be from {least:,} to {most:,}")
    return float(value)


def _whole(value: Any, where: str, least: int, most: int) -> int:
    number = _number(value, where, least, most)
    if number != int(number):
        _refuse(where, f"is {_shown(value)}", "it must be a whole number")
    return int(number)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        _refuse(where, f"is {_shown(value)}", "it must be true or false")
    return value


def _one_of(value: Any, where: str, choices: Sequence[str]) -> str:
    if value not in choices:
        _refuse(where, f"is {_shown(value)}", f"choose one of {', '.join(choices)}")
    return value


def _fingerprint(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != FINGERPRINT_DIGITS or set(value) - set("0123456789abcdef"):
        _refuse(where, f"is {_shown(value)}", f"it must be {FINGERPRINT_DIGITS} digits 0-9 and a-f, or null")
    return value


def _refuse(where: str, what: str, mend: str) -> NoReturn:
    subject = f"arrangement: {where}" if where else "The arrangement"
    raise FFGOError(
        f"{subject} {what}; {mend}. Reset it in the editor, choose another layout, or mend the text "
        "(docs/arrangement.md)."
    )


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    """The value as JSON, short, and in characters that every console can show."""
    if isinstance(value, dict | list):
        return _kind(value)
    if isinstance(value, int) and abs(value) >= 10**20:  # Python refuses to write out very long ones
        return "a number of more than 20 digits"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
