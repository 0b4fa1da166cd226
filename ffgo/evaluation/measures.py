"""All metrics of one clip. One that fails, or has nothing to measure, says so and takes no other with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bases.catalogue import COMPOSED_FRAMES
from ..errors import FFGOError
from ..gemini.key import NoAccessError
from ..pixels import on_white
from .colour import BINS, likeness, subject_colours, turned_colours, window_colours
from .embedding import Embedder, cutout_picture, whole_picture, window_pictures
from .faces import Recogniser, score_face
from .identity import FEWEST_FOILS, MANY_FOILS, best_windows, calibrate
from .judge import QUESTIONS, Judge
from .motion import measure_motion
from .scene import scene_identity
from .scores import RAW, Score, failed, undefined, value
from .text import TextEmbedder, text_alignment
from .view import ClipView, fitted, view_clip, windows

RETURNS_NEAR, RETURNS_SHARE = 0.10, 0.5
"""A later frame is the composed one where it differs from it by less than this, and by less than this share of what it
differs by from the clip's middle picture."""


@dataclass(frozen=True, slots=True)
class SubjectFeatures:
    """A cut-out, as it is looked for."""

    name: str
    hash: str
    """Of its file: equal ones are no foils of each other."""
    colours: NDArray
    vector: NDArray | None = None
    """Unit vector (D,); None without an embedder."""
    faces: NDArray | None = None
    """(N, D): those that are found in it; None without a recogniser."""
    turned: NDArray = field(default_factory=lambda: np.empty((0, np.prod(BINS))))
    """(T, bins): its colours in other hues."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the user has."""

    embedder: Embedder | None = None
    text: TextEmbedder | None = None
    trusted: bool = False
    """Whether the self-test allows to call the embedder's score identity."""
    judge: Judge | None = None
    faces: Recogniser | None = None

    @property
    def identity_metric(self) -> str:
        return "object_identity" if self.trusted else "object_similarity"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a clip should show."""

    prompt: str = ""
    composed: Tensor | None = None
    """(1, H, W, 3)."""
    background: Tensor | None = None
    """(1, H, W, 3)."""
    subjects: Sequence[SubjectFeatures] = ()
    foils: Sequence[SubjectFeatures] = field(default=())
    """Subjects of other cases."""
    reference: Path | None = None
    pictures: Sequence[Tensor] = ()
    """The subjects on white, (1, H, W, 3) each, for who looks at pictures."""


def features(
    name: str, file_hash: str, cutout: Tensor, embedder: Embedder | None, recogniser: Recogniser | None = None
) -> SubjectFeatures:
    """Look at a cut-out (1, H, W, 3 or 4)."""
    vector = embedder([cutout_picture(cutout)])[0].numpy() if embedder else None
    faces = recogniser(on_white(cutout)[0]) if recogniser else None
    return SubjectFeatures(name, file_hash, subject_colours(cutout), vector, faces, turned_colours(cutout))


def measure_clip(view: ClipView, wanted: Wanted, tools: Tools) -> list[Score]:
    """Every metric of a clip, in the order of `scores.METRICS`."""
    return [
        *_each_subject(tools.identity_metric, wanted, lambda: _embedded(view, wanted, tools)),
        *_each_subject("colour", wanted, lambda: _colours(view, wanted)),
        *_each_subject("face_identity", wanted, lambda: _faces(view, wanted, tools)),
        *_guarded("scene_identity", lambda: _scene(view, wanted)),
        *_guarded("scene_similarity", lambda: _scene_embedded(view, wanted, tools)),
        *_guarded("text", lambda: _text(view, wanted, tools)),
        *_guarded("motion", lambda: _motion(view)),
        *_guarded("coherence_embedded", lambda: _coherence(view, tools)),
        *_guarded("transition", lambda: _transition(view, wanted)),
        *_guarded("mse", lambda: _mse(view, wanted)),
        *_judged(view, wanted, tools),
    ]


def _guarded(metric: str, measure: Callable[[], Iterator[Score]]) -> list[Score]:
    try:
        return list(measure())
    except FFGOError as error:
        return [failed(metric, str(error))]


def _each_subject(metric: str, wanted: Wanted, measure: Callable[[], Iterator[Score]]) -> list[Score]:
    if not wanted.subjects:
        return [undefined(metric, "the case has no cut-out")]
    return _guarded(metric, measure)


def _others(subject: SubjectFeatures, wanted: Wanted) -> list[SubjectFeatures]:
    """The foils of a subject, each file once; none that is a subject of the case."""
    own = {one.hash for one in wanted.subjects}
    return list(
        {foil.hash: foil for foil in wanted.foils if foil.hash not in own and foil.hash != subject.hash}.values()
    )


def _calibrated(metric: str, name: str, scores: NDArray, hues: int = 0) -> Iterator[Score]:
    """scores (1 + foils, frames), the own subject's first. hues: foils that are the subject itself, turned."""
    foils, frames = len(scores) - 1, scores.shape[1]
    found = calibrate(scores[0], scores[1:])
    itself = f", and with itself in {hues} other hues" if hues else ""
    if found is None:
        why = f"{foils - hues} subjects of other cases to compare with{itself}; at least {FEWEST_FOILS} are needed"
        yield undefined(metric, why, subject=name)
    else:
        few = f"compared with {foils - hues} other subjects only{itself}; {MANY_FOILS} say more"
        note = "" if foils - hues >= MANY_FOILS else few
        yield value(metric, found.identity, frames, subject=name, note=note)
        if metric != "colour":
            yield value("presence", found.presence, frames, subject=name, note=note)
    yield value(f"{metric}{RAW}", float(scores[0].mean()), frames, subject=name)


def _embedded(view: ClipView, wanted: Wanted, tools: Tools) -> Iterator[Score]:
    metric = tools.identity_metric
    if tools.embedder is None:
        yield undefined(metric, "no embedder was given (--embedder)")
        return
    boxes = windows(*view.full.shape[1:3])
    seen = [tools.embedder(window_pictures(frame, boxes)).numpy() for frame in view.full]
    for subject in wanted.subjects:
        foils = _others(subject, wanted)
        scores = best_windows(np.stack([one.vector for one in [subject, *foils] if one.vector is not None]), seen)
        yield from _calibrated(metric, subject.name, scores)


def _colours(view: ClipView, wanted: Wanted) -> Iterator[Score]:
    boxes = windows(*view.small.shape[1:3])
    seen = [window_colours(view.small[number : number + 1], boxes) for number in view.numbers]
    for subject in wanted.subjects:
        foils = _others(subject, wanted)
        every = np.stack([subject.colours, *(foil.colours for foil in foils), *subject.turned])
        scores = np.stack([likeness(every, one) for one in seen], 1)
        yield from _calibrated("colour", subject.name, scores, len(subject.turned))


def _faces(view: ClipView, wanted: Wanted, tools: Tools) -> Iterator[Score]:
    if tools.faces is None:
        yield undefined("face_identity", "no face recogniser was given (--faces of the command)")
        return
    counts = {one.name: 0 if one.faces is None else len(one.faces) for one in wanted.subjects}
    seen = [tools.faces(frame) for frame in view.full] if 1 in counts.values() else []
    for subject in wanted.subjects:
        if subject.faces is None or len(subject.faces) != 1:
            count = counts[subject.name]
            why = f"its cut-out shows {count} faces" if count else "no face is found in its cut-out"
            yield undefined("face_identity", why, subject=subject.name)
            continue
        found = score_face(subject.faces[0], seen)
        note = f"faces are found in {found.frames} of {len(seen)} frames"
        if found.identity is None:
            yield undefined("face_identity", note, subject=subject.name)
        else:
            yield value("face_identity", found.identity, found.frames, subject=subject.name, note=note)
        yield value("face_presence", found.presence, len(seen), subject=subject.name, note=note)


def _scene(view: ClipView, wanted: Wanted) -> Iterator[Score]:
    if wanted.background is None:
        yield undefined("scene_identity", "the case has no background")
        return
    found = scene_identity(wanted.background, view.full)
    yield value("scene_identity", found.value, found.frames)


def _scene_embedded(view: ClipView, wanted: Wanted, tools: Tools) -> Iterator[Score]:
    if wanted.background is None or tools.embedder is None:
        yield undefined("scene_similarity", "no embedder was given (--embedder)")
        return
    plate = tools.embedder([whole_picture(wanted.background[0])])
    frames = tools.embedder([whole_picture(frame) for frame in view.full])
    yield value("scene_similarity", float((frames @ plate.T).mean()), len(frames))


def _text(view: ClipView, wanted: Wanted, tools: Tools) -> Iterator[Score]:
    if tools.text is None:
        yield undefined("text", "no CLIP model was given (--text-model; clip and clip_vision)")
        return
    if not wanted.prompt.strip():
        yield undefined("text", "there is no prompt")
        return
    found = text_alignment(tools.text, wanted.prompt, [whole_picture(frame) for frame in view.full])
    cut = f"{found.cut_off} tokens were not read" if found.cut_off else ""
    yield value("text", found.value, found.frames, note=cut)


def _motion(view: ClipView) -> Iterator[Score]:
    found = measure_motion(view.measured, view.fps)
    if found is None:
        for metric in ("coherence", "motion", "motion_camera", "motion_subjects"):
            yield undefined(metric, "there is nothing in the clip that could be followed")
        return
    numbers = {
        "coherence": found.coherence,
        "motion": found.whole,
        "motion_camera": found.camera,
        "motion_subjects": found.rest,
    }
    for metric, number in numbers.items():
        yield value(metric, number, found.pairs)


def _coherence(view: ClipView, tools: Tools) -> Iterator[Score]:
    if tools.embedder is None:
        yield undefined("coherence_embedded", "no embedder was given (--embedder)")
    elif len(view.measured) < 2:
        yield undefined("coherence_embedded", "the clip has one frame")
    else:
        frames = tools.embedder([whole_picture(frame) for frame in view.measured])
        yield value("coherence_embedded", float((frames[1:] * frames[:-1]).sum(1).mean()), len(frames))


def _transition(view: ClipView, wanted: Wanted) -> Iterator[Score]:
    if view.transition is None:
        for metric in ("transition", "transition_exact", "composed_returns"):
            yield undefined(
                metric, "the clip does not begin with the composed frame (it was trimmed when it was saved)"
            )
        return
    never = bool(view.transition.warnings)
    end = len(view.small) if never else view.transition.frames
    yield value("transition", end, len(view.small), note="the composed frame never leaves" if never else "")
    yield value("transition_exact", end == COMPOSED_FRAMES, len(view.small))
    after = view.small[end:]
    if wanted.composed is None or not len(after):
        yield undefined("composed_returns", "nothing comes after the composed frame")
        return
    middle = after.median(0).values
    to_composed, to_middle = (
        (after - picture).abs().flatten(1).mean(1) for picture in (fitted(wanted.composed, view.small), middle[None])
    )
    back = (to_composed < RETURNS_NEAR) & (to_composed < RETURNS_SHARE * to_middle)
    yield value(
        "composed_returns", float(back.any()), len(after), note=f"in {int(back.sum())} frames" if back.any() else ""
    )


def _mse(view: ClipView, wanted: Wanted) -> Iterator[Score]:
    if wanted.reference is None:
        yield undefined("mse", "the case has no reference clip")
        return
    truth = view_clip(wanted.reference, None, 0).small
    if len(truth) == len(view.small):  # the reference has the first frames, too
        truth = truth[view.dropped :]
    if len(truth) != len(view.measured):
        what = f"{len(truth)} frames, and the clip {len(view.measured)}"
        yield undefined("mse", f"the reference clip has {what}: they are not compared frame by frame")
        return
    shown = torch.cat([fitted(frame[None], truth) for frame in view.measured])
    yield value("mse", float((shown - truth).square().mean()), len(truth))


def _judged(view: ClipView, wanted: Wanted, tools: Tools) -> list[Score]:
    metrics = [f"judge_{name}" for name in QUESTIONS]
    if tools.judge is None:
        return [undefined(metric, "no judge was asked (--judge)") for metric in metrics]
    if wanted.background is None or not wanted.pictures:
        return [undefined(metric, "a judge needs the cut-outs and the background") for metric in metrics]
    try:
        rating = tools.judge.rate(view, wanted.prompt, wanted.pictures, wanted.background)
    except NoAccessError:  # nor could any other clip be judged
        raise
    except FFGOError as error:
        return [failed(metric, str(error)) for metric in metrics]
    return [value(f"judge_{name}", number, len(view.full)) for name, number in rating.items()]
