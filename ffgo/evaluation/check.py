"""Is a test set whole: every file is opened, and what will not work, or not mean much, is said."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..clip.video_io import probe_clip
from ..errors import FFGOError
from .cases import Case, CaseSet, content_hash, read_case_set
from .first_frame import opened

OPAQUE_SHARE = 0.98
"""Of a cut-out's pixels; with more of them opaque it is a rectangle."""
FEWEST_VISIBLE = 0.005
"""Share of a cut-out's pixels that can be seen."""
SMALLEST_BACKGROUND = 0.5
"""Of the frame's width or height; smaller ones look soft."""


@dataclass(slots=True)
class Checked:
    """What was found."""

    cases: CaseSet
    problems: list[str] = field(default_factory=list)
    """Why it cannot be used."""
    notes: list[str] = field(default_factory=list)
    """What to know."""
    subjects: int = 0


def check_set(path: Path) -> Checked:
    """Open every file of a test set. Raises: FFGOError where there is no test set at all."""
    cases = read_case_set(path, strict=False)
    checked = Checked(cases, list(cases.problems))
    if not cases.cases and not cases.problems:
        checked.problems.append("it has no cases")
    seen: dict[str, list[str]] = defaultdict(list)
    for case in cases.cases:
        for what, file in case.files():
            try:
                _check_file(what, file, cases, case, checked)
                if what.startswith("subject "):
                    seen[content_hash(file)].append(f"{case.id}/{what.removeprefix('subject ')}")
            except FFGOError as error:
                checked.problems.append(f"case {case.id!r}: {what}: {error}")
    checked.subjects = sum(len(case.subjects) for case in cases.cases)
    checked.notes += [
        f"{', '.join(places)} are one file: such subjects are not compared with each other."
        for places in seen.values()
        if len(places) > 1
    ]
    return checked


def _check_file(what: str, file: Path, cases: CaseSet, case: Case, checked: Checked) -> None:
    """Raises: FFGOError where a file cannot be used."""
    where = f"case {case.id!r}: {what}"
    if what == "reference":
        info = probe_clip(file)
        if info.damage or info.missing:
            raise FFGOError(info.damage or f"{file.name} is cut short: {info.missing} of its frames are not there.")
        return
    picture = opened(file)
    if what.startswith("subject "):
        if picture.mode != "RGBA":
            checked.notes.append(f"{where} has no transparency: it will be a rectangle on the canvas.")
            return
        alpha = np.asarray(picture.getchannel("A"))
        if not alpha.any():
            raise FFGOError(f"{file.name} is fully transparent. Check its mask: it may be the wrong way round.")
        if (alpha > 0).mean() < FEWEST_VISIBLE:
            checked.notes.append(f"{where} can hardly be seen: {(alpha > 0).mean():.2%} of its pixels are not empty.")
        if (alpha == 255).mean() > OPAQUE_SHARE:
            checked.notes.append(f"{where} is opaque nearly everywhere: it will be a rectangle on the canvas.")
    elif what == "frame" and picture.size != (cases.width, cases.height):
        size, wanted = "x".join(map(str, picture.size)), f"{cases.width}x{cases.height}"
        checked.notes.append(f"{where} is {size} px, and the set's frames are {wanted}.")
    elif what == "background" and min(picture.width / cases.width, picture.height / cases.height) < SMALLEST_BACKGROUND:
        checked.notes.append(f"{where} is only {picture.width}x{picture.height} px.")


def describe(checked: Checked) -> list[str]:
    """What was found, in lines for the terminal."""
    good = len(checked.cases.cases)
    numbers = [sum(len(case.subjects) == n for case in checked.cases.cases) for n in range(1, 9)]
    spread = ", ".join(f"{count} with {n}" for n, count in enumerate(numbers, 1) if count)
    lines = [
        f"{checked.cases.name}: {good} cases, {checked.subjects} subjects (cases by subjects: {spread or 'none'})."
    ]
    lines += [f"note: {note}" for note in checked.notes]
    return lines + [f"wrong: {problem}" for problem in checked.problems]
