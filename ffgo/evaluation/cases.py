"""Test sets: the cases of one, and what each is made of, as `testset.json` has it (docs/evaluation.md)."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from errno import EINVAL
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from ..bases.catalogue import WAN22_I2V_A14B
from ..errors import FFGOError
from ..files import complete_file
from ..frame.layout import LAYOUTS, MAX_SUBJECTS, LayoutName
from ..names import path_below
from ..plain import Source, Value, read_each
from ..words.phrase import holds_phrase

FORMAT, VERSION = "ffgo-testset", 1
SET_FILE = "testset.json"
MOST_CASES, MOST_SIDE, MOST_PROMPT = 10_000, 8192, 20_000

SubjectKind = Literal["object", "person", "animal", "vehicle", "text"]
KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)

CASE_ID = re.compile(r"[a-z0-9_-]{1,64}")
"""Names of cases, which are names of folders, too."""

_OPTIONAL: Mapping[str, Any] = MappingProxyType(
    {"frame": "", "layout": "published", "reference": "", "tags": [], "note": ""}
)


@dataclass(frozen=True, slots=True)
class CaseSubject:
    """A cut-out of a case."""

    file: Path
    """RGBA PNG."""
    name: str
    """How it is called in tables; the file's name where nothing else is said."""
    kind: SubjectKind = "object"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what goes in."""

    id: str
    prompt: str
    """Without the transition phrase: text metrics read it so, and the workflow adds the phrase."""
    background: Path
    subjects: tuple[CaseSubject, ...]
    frame: Path | None = None
    """A composed first frame that is there already; without one it is composed as the method's canvas does it."""
    layout: LayoutName = "published"
    """How a frame is composed for methods that have no canvas."""
    reference: Path | None = None
    """A clip of how it should come out, for the reconstruction error."""
    tags: tuple[str, ...] = ()
    note: str = ""

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file, under the name that messages call it by."""
        yield "background", self.background
        for subject in self.subjects:
            yield f"subject {subject.name}", subject.file
        if self.frame:
            yield "frame", self.frame
        if self.reference:
            yield "reference", self.reference


@dataclass(frozen=True, slots=True)
class CaseSet:
    """A test set."""

    path: Path
    """Its `testset.json`; all its files lie in that folder, or below it."""
    name: str
    cases: tuple[Case, ...]
    width: int = 1280
    """Pixels of the frame."""
    height: int = 720
    frames: int = WAN22_I2V_A14B.frames
    fps: float = WAN22_I2V_A14B.fps
    licence: str = ""
    problems: tuple[str, ...] = field(default=(), compare=False)
    """What is wrong with cases that are therefore not among `cases`, where it was asked for them."""

    def case(self, name: str) -> Case:
        """Raises: FFGOError with the ids that there are."""
        for case in self.cases:
            if case.id == name:
                return case
        known = ", ".join(case.id for case in self.cases[:12])
        raise FFGOError(f"{self.name} has no case {name!r}. It has {known}{', ...' if self.cases[12:] else ''}.")


def read_case_set(path: Path, *, strict: bool = True) -> CaseSet:
    """Read a test set: its `testset.json`, or the folder that holds it. Files are not opened (see `check`).

    strict: whatever is wrong with any case is an error that names them all; otherwise such cases are left out, and
    `problems` says why. Raises: FFGOError.
    """
    path = path / SET_FILE if path.is_dir() else path
    source = Source(path.name, "docs/evaluation.md describes the format.", whole=str(path))
    keys = source.json(source.file(path), unique=True).object(
        ["format", "version", "cases"],
        {"name": path.parent.name, "licence": "", **_numbers()},
    )
    if keys["format"].value != FORMAT:
        keys["format"].refuse(f"is {keys['format'].shown}", f'a test set has "{FORMAT}" there')
    if keys["version"].value != VERSION:
        keys["version"].refuse(f"is {keys['version'].shown}", f"this version of the pack reads {VERSION}")
    cases, problems = _cases(keys["cases"].list("cases", MOST_CASES), path.parent)
    if problems and strict:
        raise FFGOError(f"{path} cannot be used:\n" + "\n".join(f"- {problem}" for problem in problems))
    if not cases and strict:
        raise FFGOError(f"{path} has no cases. Add some: docs/evaluation.md describes the format.")
    return CaseSet(
        path,
        keys["name"].string(least=1, most=200),
        tuple(cases),
        keys["width"].whole(16, MOST_SIDE),
        keys["height"].whole(16, MOST_SIDE),
        keys["frames"].whole(1, 100_000),
        keys["fps"].number(0.1, 1000),
        keys["licence"].string(most=2000),
        tuple(problems),
    )


def _numbers() -> dict[str, Any]:
    defaults = CaseSet(Path(), "", ())
    return {name: getattr(defaults, name) for name in ("width", "height", "frames", "fps")}


def _cases(values: Sequence[Value], folder: Path) -> tuple[list[Case], list[str]]:
    cases, problems = read_each(values, lambda value: _case(value, folder))
    times = Counter(case.id for case in cases)
    problems += [f"{times[name]} cases are called {name!r}; give each its own id." for name in times if times[name] > 1]
    return cases, problems


def _case(value: Value, folder: Path) -> Case:
    """Raises: FFGOError that says what is wrong with it."""
    if isinstance(value.value, dict) and isinstance(name := value.value.get("id"), str):
        value = Value(value.value, f"case {name!r}", value.source)  # a name says more than a number
    keys = value.object(["id", "prompt", "background", "subjects"], _OPTIONAL)
    name = keys["id"].string()
    if not CASE_ID.fullmatch(name):
        keys["id"].refuse(f"is {keys['id'].shown}", "it has 1 to 64 of a-z, 0-9, - and _")
    prompt = keys["prompt"].string(most=MOST_PROMPT).strip()
    if not prompt:
        keys["prompt"].refuse("is empty", "say what happens in the clip")
    if holds_phrase(prompt):
        keys["prompt"].refuse(
            "holds the transition phrase", "leave it out: the workflow adds it, and text metrics are told without it"
        )
    subjects = [_subject(one, folder) for one in keys["subjects"].list("cut-outs", MAX_SUBJECTS)]
    if not subjects:
        keys["subjects"].refuse("has no cut-out", f"name 1 to {MAX_SUBJECTS}")
    names = Counter(subject.name for subject in subjects)
    if twice := [subject for subject in names if names[subject] > 1]:
        keys["subjects"].refuse(f"has two called {twice[0]!r}", "give each its own name")
    return Case(
        name,
        prompt,
        _path(keys["background"], folder),
        tuple(subjects),
        _path(keys["frame"], folder) if keys["frame"].value else None,
        keys["layout"].one_of(LAYOUTS),
        _path(keys["reference"], folder) if keys["reference"].value else None,
        tuple(tag.string(most=100) for tag in keys["tags"].list("tags", 100)),
        keys["note"].string(most=MOST_PROMPT),
    )


def _subject(value: Value, folder: Path) -> CaseSubject:
    keys = value.object(["file"], {"name": "", "kind": "object"})
    file = _path(keys["file"], folder)
    return CaseSubject(file, keys["name"].string(most=100).strip() or file.stem, keys["kind"].one_of(KINDS))


def _path(value: Value, folder: Path) -> Path:
    return path_below(folder, value.string(least=1), f"{value.source.name}: {value.where}")


def write_case_set(cases: CaseSet) -> None:
    """Write `testset.json` at `cases.path`. Raises: OSError where the disk refuses."""
    folder = cases.path.parent
    content = {
        "format": FORMAT,
        "version": VERSION,
        **{name: getattr(cases, name) for name in ("name", "licence", "width", "height", "frames", "fps")},
        "cases": [_plain(case, folder) for case in cases.cases],
    }
    with complete_file(cases.path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _plain(case: Case, folder: Path) -> dict[str, Any]:
    def below(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    plain: dict[str, Any] = {
        "id": case.id,
        "prompt": case.prompt,
        "background": below(case.background),
        "subjects": [{"file": below(s.file), "name": s.name, "kind": s.kind} for s in case.subjects],
    }
    plain |= {name: below(path) for name in ("frame", "reference") if (path := getattr(case, name))}
    plain |= {"layout": case.layout} if case.layout != _OPTIONAL["layout"] else {}
    return plain | {name: value for name in ("tags", "note") if (value := getattr(case, name))}


def content_hash(path: Path) -> str:
    """SHA-256 of a file. Raises: FFGOError where it cannot be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise OSError(EINVAL, "it is no file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FFGOError(f"{path} cannot be read: {error.strerror}. Put it back, or mend the test set.") from error
