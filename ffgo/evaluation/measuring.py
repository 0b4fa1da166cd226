"""Measure every clip of a run folder. What was measured is kept beside each clip, so a second time costs nothing."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Literal

from ..errors import FFGOError
from ..files import complete_file
from ..locks import sole_writer
from ..plain import Source, Value
from .cases import Case, CaseSet, content_hash
from .first_frame import as_image, opened, rgb
from .measures import SubjectFeatures, Tools, Wanted, features, measure_clip
from .run import say
from .runs import LOCK_FILE, ClipPlace, ClipResult, Runs
from .scores import STATES, Score, failed
from .view import view_clip

SCORES_FILE = "scores.json"
CLIP = "clip"
"""In place of a metric: the clip itself cannot be read, and with it all metrics fail."""
METRICS_VERSION = 4
"""Raised with every change of what a metric gives: what was kept is then measured anew."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The scores of one clip."""

    place: ClipPlace
    scores: tuple[Score, ...]


def measure_runs(runs: Runs, tools: Tools, embedder_key: str = "") -> list[Measured]:
    """Measure what is not measured yet. embedder_key: tells embedders apart. A clip that cannot be read fails alone.

    Raises: FFGOError where the test set, or a picture of it, is no longer there, or the disk refuses.
    """
    cases = runs.case_set()
    runs = of_the_set(runs, cases)
    subjects = {case.id: case_features(case, tools) for case in cases.cases}
    every = sorted({one.hash for found in subjects.values() for one in found})
    measured = []
    with sole_writer(runs.folder / LOCK_FILE, f"The run folder {runs.folder} is being written to"):
        for number, result in enumerate(runs.results, 1):
            case = cases.case(result.place.case)
            trim = runs.method(result.place.method).trim
            what = [METRICS_VERSION, result.key, trim, embedder_key, tools.trusted, every]
            key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
            scores = _kept(result, key)
            if scores is None:
                say(f"[{number}/{len(runs.results)}] {result.place}")
                foils = [one for other, found in subjects.items() if other != case.id for one in found]
                scores = _measured(result, case, trim, subjects=subjects[case.id], foils=foils, tools=tools)
                _keep(result, key, scores)
            measured.append(Measured(result.place, tuple(scores)))
    return measured


def of_the_set(runs: Runs, cases: CaseSet) -> Runs:
    """A run folder without the clips of cases that the test set no longer has; that there are some is said."""
    known = {case.id for case in cases.cases}
    kept = tuple(result for result in runs.results if result.place.case in known)
    if left := len(runs.results) - len(kept):
        say(f"note: {left} clips are of cases that {cases.name} does not have; they are left out.")
    return replace(runs, results=kept)


def kept_scores(runs: Runs) -> list[Measured]:
    """What was measured of a run folder's clips, whenever that was."""
    found = [(result.place, _kept(result, None)) for result in runs.results]
    return [Measured(place, tuple(scores)) for place, scores in found if scores]


def case_features(case: Case, tools: Tools) -> list[SubjectFeatures]:
    """What is looked for of a case's cut-outs."""
    return [
        features(one.name, content_hash(one.file), as_image(opened(one.file)), tools.embedder, tools.faces)
        for one in case.subjects
    ]


def _measured(
    result: ClipResult,
    case: Case,
    trim: int | Literal["auto"],
    *,
    subjects: Sequence[SubjectFeatures],
    foils: Sequence[SubjectFeatures],
    tools: Tools,
) -> list[Score]:  # fmt: skip
    try:
        composed = rgb(result.frame)
        view = view_clip(result.video, composed, trim)
        pictures = [rgb(one.file) for one in case.subjects] if tools.judge else []
        wanted = Wanted(case.prompt, composed, rgb(case.background), subjects, foils, case.reference, pictures)
    except FFGOError as error:
        say(f"  failed: {error}")
        return [failed(CLIP, str(error))]
    return measure_clip(view, wanted, tools)


def _kept(result: ClipResult, key: str | None) -> list[Score] | None:
    """What is kept of a clip; None where it was measured from something else. key None: whatever it is.

    With a key, what failed counts as not measured: the file may be mended by now, the judge may answer.
    """
    source = Source(SCORES_FILE)
    try:
        content = source.json(source.file(result.folder / SCORES_FILE)).object(["key", "scores"])
        if key is not None and content["key"].value != key:
            return None
        scores = [_score(one) for one in content["scores"].list("scores")]
    except FFGOError:  # there is none, or it is damaged
        return None
    if key is not None and any(score.state == "failed" for score in scores):
        return None
    return scores or None


def _score(entry: Value) -> Score:
    """Raises: FFGOError for what is none."""
    keys = entry.object(["metric", "state", "value", "subject", "n_frames", "note"])
    state = keys["state"].one_of(STATES)
    return Score(
        keys["metric"].string(least=1),
        state,
        keys["value"].number(-inf, inf) if state == "value" else None,
        keys["subject"].string(),
        keys["n_frames"].whole(0, 10**9),
        keys["note"].string(),
    )


def _keep(result: ClipResult, key: str, scores: Sequence[Score]) -> None:
    try:
        with complete_file(result.folder / SCORES_FILE) as partial:
            partial.write_text(json.dumps({"key": key, "scores": [asdict(score) for score in scores]}), "utf-8")
    except OSError as error:
        raise FFGOError(f"{result.folder} cannot be written to: {error.strerror}. Make room, then go on.") from error


def file_key(path: Path | None) -> str:
    """Tells a model's file from others of its name, without reading all of it."""
    if path is None:
        return ""
    if path.is_dir():
        return "|".join(file_key(one) for one in sorted(path.glob("*.safetensors")))
    with path.open("rb") as file:
        start = hashlib.sha256(file.read(1 << 20)).hexdigest()
    return f"{path.name}:{path.stat().st_size}:{start}"
