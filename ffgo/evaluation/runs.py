"""Run folders: clips by method, case and seed, each with the first frame that it was made from, and what is known.

RUNS/run.json                                   the test set, and the methods
RUNS/<method>/<case>/<seed>/video.mp4           the clip as it was made, its first frames not dropped
RUNS/<method>/<case>/<seed>/frame.png           the composed first frame
RUNS/<method>/<case>/<seed>/result.json         written last: where it is there, all is
RUNS/<method>/<case>/<seed>/failure.json        instead, where there is no clip: why
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import FFGOError
from ..files import complete_file
from ..names import plain_name
from ..plain import Source, Value, part
from .cases import CaseSet, read_case_set
from .methods import FIRST_FRAMES, MOST_SEED, MOST_TRIM, RUN_FILE, FirstFrame, Method

FORMAT, VERSION = "ffgo-runs", 1
RESULT_FILE, FAILURE_FILE, VIDEO_FILE, FRAME_FILE = "result.json", "failure.json", "video.mp4", "frame.png"
LOCK_FILE = ".ffgo.lock"
_SEED = re.compile("0|[1-9][0-9]{0,19}")
"""As a folder is called, and no other way of writing the same number."""


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Where one clip belongs."""

    method: str
    case: str
    seed: int

    def folder(self, runs: Path) -> Path:
        return runs / self.method / self.case / str(self.seed)

    def __str__(self) -> str:
        return f"{self.method} / {self.case} / {self.seed}"


@dataclass(frozen=True, slots=True)
class ClipResult:
    """A clip that is there, with all that belongs to it."""

    place: ClipPlace
    folder: Path
    key: str
    """Of all that went in, see `plan.key_of`."""
    prompt: str
    """Of the case, without the phrase."""
    seconds: float
    """That it took to make."""
    frames: int
    fps: float
    width: int
    height: int
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Title of the node -> what it showed."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the pack, and of the server where it said so."""
    warnings: tuple[str, ...] = ()

    @property
    def video(self) -> Path:
        return self.folder / VIDEO_FILE

    @property
    def frame(self) -> Path:
        return self.folder / FRAME_FILE


@dataclass(frozen=True, slots=True)
class ClipFailure:
    """A clip that could not be made, and why."""

    place: ClipPlace
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class RunMethod:
    """What a run folder says of a method."""

    name: str
    seeds: tuple[int, ...]
    first_frame: FirstFrame
    trim: int | Literal["auto"]
    made_by: Literal["workflow", "videos"]

    @classmethod
    def of(cls, method: Method) -> "RunMethod":
        made_by = "videos" if method.videos else "workflow"
        return cls(method.name, method.seeds, method.first_frame, method.trim, made_by)


@dataclass(frozen=True, slots=True)
class Runs:
    """A run folder."""

    folder: Path
    cases: Path
    """The `testset.json` that it was made from."""
    methods: tuple[RunMethod, ...]
    results: tuple[ClipResult, ...]
    """In the order of methods, cases and seeds."""
    failures: tuple[ClipFailure, ...]

    def method(self, name: str) -> RunMethod:
        return next(method for method in self.methods if method.name == name)

    def case_set(self) -> CaseSet:
        """The test set. Raises: FFGOError where it is no longer there."""
        return read_case_set(self.cases)


def write_run_file(folder: Path, cases: CaseSet, methods: Sequence[Method]) -> None:
    """Say in the run folder what it is made from; methods of before that are not among these stay listed."""
    before = read_run_file(folder)[1] if (folder / RUN_FILE).exists() else ()
    known = {method.name: method for method in before} | {one.name: RunMethod.of(one) for one in methods}
    to_set, here = cases.path.resolve(), folder.resolve()
    if to_set.drive == here.drive:  # a relative path lives on where both folders move
        to_set = Path(os.path.relpath(to_set, here))
    content = {
        "format": FORMAT,
        "version": VERSION,
        "testset": to_set.as_posix(),
        "methods": [asdict(method) for method in known.values()],
    }
    _write_json(folder / RUN_FILE, content)


def read_run_file(folder: Path) -> tuple[Path, tuple[RunMethod, ...]]:
    """The test set's path, and the methods. Raises: FFGOError where the folder is no run folder."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise FFGOError(f"{folder} is no run folder: it has no {RUN_FILE}. `python -m ffgo.evaluation run` makes one.")
    source = Source(RUN_FILE, whole=str(path))
    keys = source.json(source.file(path)).object(["format", "version", "testset", "methods"], others=True)
    if keys["format"].value != FORMAT or keys["version"].value != VERSION:
        source.refuse("", "is not of a kind that this version of the pack reads", "update the pack")
    methods = tuple(_run_method(value) for value in keys["methods"].list("methods"))
    if len({method.name for method in methods}) < len(methods):
        keys["methods"].refuse("has two of one name", "leave one of them")
    return Path(os.path.normpath(folder / keys["testset"].string(least=1))), methods


def _run_method(value: Value) -> RunMethod:
    keys = value.object(["name", "seeds", "first_frame", "trim", "made_by"], others=True)
    return RunMethod(
        plain_name(keys["name"].string(least=1), "a method's name"),
        tuple(seed.whole(0, MOST_SEED) for seed in keys["seeds"].list("seeds")),
        keys["first_frame"].one_of(FIRST_FRAMES),
        "auto" if keys["trim"].value == "auto" else keys["trim"].whole(0, MOST_TRIM),
        keys["made_by"].one_of(("workflow", "videos")),
    )


def read_runs(folder: Path) -> Runs:
    """What a run folder holds; what is not complete counts as not there. Raises: FFGOError if it is none."""
    cases, methods = read_run_file(folder)
    results, failures = [], []
    for place in _places(folder, methods):
        if result := read_result(folder, place):
            results.append(result)
        elif failure := read_failure(folder, place):
            failures.append(failure)
    return Runs(folder, cases, methods, tuple(results), tuple(failures))


def _places(folder: Path, methods: Sequence[RunMethod]) -> Iterator[ClipPlace]:
    for method in methods:
        for case in sorted((folder / method.name).glob("[!.]*")):
            seeds = [int(one.name) for one in case.iterdir() if _SEED.fullmatch(one.name)] if case.is_dir() else []
            yield from (ClipPlace(method.name, case.name, seed) for seed in sorted(seeds) if seed <= MOST_SEED)


def read_result(runs: Path, place: ClipPlace) -> ClipResult | None:
    """What is there of a clip; None where it is not complete. Raises: FFGOError where `result.json` is damaged."""
    folder = place.folder(runs)
    path = folder / RESULT_FILE
    if not path.is_file():
        return None
    source = Source(f"{RESULT_FILE} of {place}", "Delete it, and run again.", whole=str(path))
    keys = source.json(source.file(path)).object(
        ["key", "prompt", "seconds", "frames", "fps", "width", "height"],
        {"texts": {}, "versions": {}, "warnings": []},
        others=True,
    )
    return ClipResult(
        place,
        folder,
        keys["key"].string(),
        keys["prompt"].string(),
        keys["seconds"].number(0, 1e9),
        keys["frames"].whole(1, 10**7),
        keys["fps"].number(0, 1e6),
        keys["width"].whole(1, 10**6),
        keys["height"].whole(1, 10**6),
        {k: [str(text) for text in part(v, of=list)] for k, v in part(keys["texts"].value, of=dict).items()},
        {k: str(v) for k, v in part(keys["versions"].value, of=dict).items()},
        tuple(str(one) for one in part(keys["warnings"].value, of=list)),
    )


def read_failure(runs: Path, place: ClipPlace) -> ClipFailure | None:
    """Why a clip could not be made; None where nothing failed."""
    path = place.folder(runs) / FAILURE_FILE
    if not path.is_file():
        return None
    source = Source(f"{FAILURE_FILE} of {place}", "Delete it, and run again.", whole=str(path))
    keys = source.json(source.file(path)).object(["key", "message"], others=True)
    return ClipFailure(place, keys["key"].string(), keys["message"].string())


def write_result(result: ClipResult) -> None:
    """Write `result.json`, last of all, and take away what failed before. Raises: OSError."""
    content = {
        "format": "ffgo-result",
        "version": 1,
        "method": result.place.method,
        "case": result.place.case,
        "seed": result.place.seed,
        **{name: getattr(result, name) for name in ("key", "prompt", "seconds", "frames", "fps", "width", "height")},
        "texts": {title: list(texts) for title, texts in result.texts.items()},
        "versions": dict(result.versions),
        "warnings": list(result.warnings),
    }
    _write_json(result.folder / RESULT_FILE, content)
    (result.folder / FAILURE_FILE).unlink(missing_ok=True)


def write_failure(runs: Path, failure: ClipFailure) -> None:
    """Write `failure.json`. Raises: OSError."""
    folder = failure.place.folder(runs)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / FAILURE_FILE, {"key": failure.key, "message": failure.message})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with complete_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
