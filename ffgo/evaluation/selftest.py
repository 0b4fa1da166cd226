"""Does an embedder tell subjects and scenes apart: on cut-outs and real clips of them, which the user has.

Every cut-out is looked for in its own clip and in all others'. An AUC of 1 means that it is always more like its own
clip, 0.5 that it says nothing. Only from 0.90 on a score may be called identity.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FFGOError
from ..files import complete_file
from ..plain import Source, Value
from .cases import Case, CaseSet
from .colour import likeness, window_colours
from .embedding import whole_picture, window_pictures
from .faces import score_face
from .first_frame import rgb
from .identity import best_windows
from .measures import SubjectFeatures, Tools
from .measuring import case_features
from .run import say
from .scene import scene_identity
from .stats import auc
from .text import TextEmbedder, text_alignment
from .view import ClipView, small_frame, view_clip, windows

IDENTITY_FROM = 0.90
FEWEST_CLIPS, FEWEST_FACES = 4, 2
DRAWS = 2000
ROUNDS = 30
TWINS = 0.04
"""Mean difference, 0..1, of miniatures of two backgrounds that are nearly one: such pairs are no negatives."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How well one score tells own from other."""

    score: str
    raw: float
    calibrated: float
    low: float
    """95 % interval of the calibrated AUC, over subjects."""
    high: float
    first: float
    """Share of subjects whose own clip has the highest calibrated score of all clips."""
    subjects: int
    clips: int

    @property
    def is_identity(self) -> bool:
        return self.calibrated >= IDENTITY_FROM and self.low > 0.5


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a self-test found."""

    embedder: str
    rows: tuple[Apart, ...]

    @property
    def trusted(self) -> bool:
        return any(row.score == "object" and row.is_identity for row in self.rows)


def self_test(cases: CaseSet, tools: Tools, key: str) -> SelfTest:
    """Test on the cases that have a reference clip. Raises: FFGOError where there are too few of them."""
    usable = filmed(cases)
    views, subjects = [], []
    for case in usable:
        say(f"looking at {case.id}")
        assert case.reference
        views.append(view_clip(case.reference, None, 0))
        subjects.append(case_features(case, tools))
    owners = np.array([number for number, found in enumerate(subjects) for _ in found])
    every = [one for found in subjects for one in found]
    colour, other_hues = _colour_scores(every, views)
    rows = [_apart("colour", colour, owners), _apart("less other hues", colour - other_hues, owners)]
    apart = different_scenes(usable)
    rows.append(_apart("scene", _scene_scores(usable, views), np.arange(len(usable)), apart))
    if tools.embedder:
        seen = [_window_vectors(tools, view) for view in views]
        vectors = np.stack([one.vector for one in every if one.vector is not None])
        scores = np.stack([best_windows(vectors, clip).mean(1) for clip in seen], 1)
        rows.append(_apart("object", scores, owners))
        rows.append(_apart("scene (embedder)", _scene_vectors(tools, usable, views), np.arange(len(usable)), apart))
    if tools.text:
        rows.append(_apart("text", _text_scores(tools.text, usable, views), np.arange(len(usable))))
    if (faced := np.array([one.faces is not None and len(one.faces) == 1 for one in every])).sum() >= FEWEST_FACES:
        rows.append(_apart("face", _face_scores(every, views, tools)[faced], owners[faced]))
    return SelfTest(key, tuple(rows))


def filmed(cases: CaseSet) -> list[Case]:
    """The cases that have a reference clip. Raises: FFGOError where there are too few of them."""
    usable = [case for case in cases.cases if case.reference]
    if len(usable) < FEWEST_CLIPS:
        raise FFGOError(
            f"{cases.name} has {len(usable)} cases with a reference clip, and a self-test needs {FEWEST_CLIPS}: real "
            "clips, each of a case's own cut-outs in its own background. `import-official` makes such a set of the "
            "authors' training clips."
        )
    return usable


def _colour_scores(every: Sequence[SubjectFeatures], views: Sequence[ClipView]) -> tuple[NDArray, NDArray]:
    """(subjects, clips) each: of the subjects, and the mean of themselves in other hues (0 for what has no colour)."""
    listed = [np.stack([one.colours, *one.turned]) for one in every]
    starts = np.cumsum([0, *(len(one) for one in listed)])
    columns = []
    for view in views:
        boxes = windows(*view.small.shape[1:3])
        seen = [window_colours(view.small[number : number + 1], boxes) for number in view.numbers]
        columns.append(np.mean([likeness(np.concatenate(listed), one) for one in seen], 0))
    scores = np.stack(columns, 1)
    turned = [
        scores[start + 1 : end].mean(0) if end > start + 1 else np.zeros(len(views)) for start, end in pairwise(starts)
    ]
    return scores[starts[:-1]], np.stack(turned)


def _window_vectors(tools: Tools, view: ClipView) -> list[NDArray]:
    assert tools.embedder
    boxes = windows(*view.full.shape[1:3])
    return [tools.embedder(window_pictures(frame, boxes)).numpy() for frame in view.full]


def _face_scores(every: Sequence[SubjectFeatures], views: Sequence[ClipView], tools: Tools) -> NDArray:
    """How like each subject's face the nearest one of each frame is, as a mean; a frame without a face is like none."""
    assert tools.faces
    scores = np.zeros((len(every), len(views)))
    for column, view in enumerate(views):
        seen = [tools.faces(frame) for frame in view.full]
        for row, one in enumerate(every):
            if one.faces is not None and len(one.faces) == 1:
                found = score_face(one.faces[0], seen)
                scores[row, column] = (found.identity or 0.0) * found.frames / len(seen)
    return scores


def _scene_scores(cases: Sequence[Case], views: Sequence[ClipView]) -> NDArray:
    """One frame of each clip, from its middle: laying every background onto every clip takes its time."""
    plates, middles = [rgb(case.background) for case in cases], [view.full[len(view.full) // 2][None] for view in views]
    return np.array([[scene_identity(plate, middle).value for middle in middles] for plate in plates])


def _scene_vectors(tools: Tools, cases: Sequence[Case], views: Sequence[ClipView]) -> NDArray:
    assert tools.embedder
    plates = tools.embedder([whole_picture(rgb(case.background)[0]) for case in cases])
    frames = [tools.embedder([whole_picture(frame) for frame in view.full]) for view in views]
    return np.stack([(plates @ one.T).mean(1).numpy() for one in frames], 1)


def _text_scores(model: TextEmbedder, cases: Sequence[Case], views: Sequence[ClipView]) -> NDArray:
    frames = [[whole_picture(frame) for frame in view.full] for view in views]
    return np.array([[text_alignment(model, case.prompt, shown).value for shown in frames] for case in cases])


def different_scenes(cases: Sequence[Case]) -> NDArray:
    """(N, N): which backgrounds are so different that one's clip is a negative for the other."""
    small = [small_frame(rgb(case.background), 64) for case in cases]
    size = small[0].shape
    same = [
        [a.shape == b.shape == size and float((a - b).abs().mean()) < TWINS for b in small] for a in small
    ]  # fmt: skip
    return ~np.array(same)


def _apart(score: str, scores: NDArray, owners: NDArray, apart: NDArray | None = None) -> Apart:
    """scores (subjects, clips); owners (subjects,): the clip of each; apart (clips, clips): usable as negatives."""
    rows = np.arange(len(scores))
    own = np.zeros(scores.shape, bool)
    own[rows, owners] = True
    other = ~own if apart is None else ~own & apart[owners]
    calibrated = _calibrated(scores, own)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(DRAWS):
        chosen = rng.integers(len(rows), size=len(rows))
        drawn.append(auc(calibrated[chosen][own[chosen]], calibrated[chosen][other[chosen]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    first = (calibrated[own] >= np.where(own | other, calibrated, -np.inf).max(1)).mean()
    raw = auc(scores[own], scores[other])
    found = auc(calibrated[own], calibrated[other])
    return Apart(score, raw, found, float(low), float(high), float(first), len(rows), scores.shape[1])


def _calibrated(scores: NDArray, own: NDArray) -> NDArray:
    """Less what each subject, and each clip, has in common; fitted by turns, for own pairs are left out of both."""
    centred = scores.astype(np.float64)
    for _ in range(ROUNDS):
        for axis in (0, 1):
            centred = centred - np.nanmean(np.where(own, np.nan, centred), axis, keepdims=True)
    return centred


def describe(test: SelfTest) -> list[str]:
    """The table, in lines for the terminal."""
    lines = [f"{'score':<18} {'AUC raw':>8} {'calibrated':>11} {'95 %':>14} {'own first':>10}"]
    for row in test.rows:
        interval = f"[{row.low:.2f}, {row.high:.2f}]"
        lines.append(f"{row.score:<18} {row.raw:>8.3f} {row.calibrated:>11.3f} {interval:>14} {row.first:>10.2f}")
    if any(row.score == "object" for row in test.rows):
        verdict = (
            "may be called identity" if test.trusted else f"is called similarity: identity is from {IDENTITY_FROM} on"
        )
        lines.append(f"The embedder's object score {verdict}.")
    counts = [f"{row.subjects} of them have a face." for row in test.rows if row.score == "face"]
    return [*lines, " ".join([f"{test.rows[0].subjects} subjects, {test.rows[0].clips} clips.", *counts])]


def write_self_test(test: SelfTest, path: Path) -> None:
    """Keep it for `measure --selftest`. Raises: FFGOError."""
    content = {"format": "ffgo-selftest", "version": 1, "embedder": test.embedder}
    content["rows"] = [asdict(row) for row in test.rows]
    try:
        with complete_file(path) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise FFGOError(f"{path} cannot be written: {error.strerror}. Choose another file.") from error


def is_trusted(path: Path, key: str) -> bool:
    """Whether a self-test of this very embedder allows to call its score identity. Raises: FFGOError."""
    source = Source(path.name, "`selftest --out` writes it.", whole=str(path))
    keys = source.json(source.file(path)).object(["format", "embedder", "rows"], others=True)
    if keys["embedder"].string() != key:
        raise FFGOError(f"{path} is the self-test of another embedder ({keys['embedder'].string().partition(':')[0]}).")
    return SelfTest(key, tuple(_read_row(row) for row in keys["rows"].list("rows"))).trusted


def _read_row(row: Value) -> Apart:
    keys = row.object([*asdict(Apart("", 0, 0, 0, 0, 0, 0, 0))])
    raw, calibrated, low, high, first = (
        keys[name].number(0, 1) for name in ("raw", "calibrated", "low", "high", "first")
    )
    subjects, clips = (keys[name].whole(1, 10**6) for name in ("subjects", "clips"))
    return Apart(keys["score"].string(), raw, calibrated, low, high, first, subjects, clips)
