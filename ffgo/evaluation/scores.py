"""What was found out of a clip: every score is a value, undefined, or failed, and undefined is never 0."""

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["value", "undefined", "failed"]
STATES: tuple[State, ...] = get_args(State)

RAW = "_raw"
"""Ends the name of a score before it was calibrated: to look at, never to compare subjects or clips by."""

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a clip, or of one of its subjects."""

    metric: str
    state: State
    value: float | None = None
    subject: str = ""
    n_frames: int = 0
    """That it is of."""
    note: str = ""
    """Why there is no value; else what to know of it."""


def value(metric: str, number: float, n_frames: int = 0, *, subject: str = "", note: str = "") -> Score:
    """A score that could be measured; a number that is none (NaN, infinite) counts as failed."""
    if number - number != 0:
        return Score(metric, "failed", subject=subject, note="the result is no number")
    return Score(metric, "value", float(number), subject, n_frames, note)


def undefined(metric: str, why: str, *, subject: str = "") -> Score:
    """There is nothing to measure."""
    return Score(metric, "undefined", subject=subject, note=why)


def failed(metric: str, why: str, *, subject: str = "") -> Score:
    """It should have been measured."""
    return Score(metric, "failed", subject=subject, note=why)


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is called, and read."""

    id: str
    title: str
    better: Better
    what: str
    """In one sentence, for the report."""
    digits: int = 3
    unit: str = ""


METRICS: tuple[Metric, ...] = (
    Metric("object_identity", "Object identity", "higher", "How much more the clip looks like its own subject than like others'."),
    Metric("object_similarity", "Object similarity", "higher", "The same as object identity, by an embedder of which no self-test says that it tells subjects apart."),
    Metric("presence", "Presence", "higher", "Share of frames in which the own subject beats nine of ten others."),
    Metric("colour", "Colour", "higher", "How much more of the subject's colours than of others', and of its own in other hues, are in one place."),
    Metric("face_identity", "Face identity", "higher", "1 less the distance of the subject's face to the nearest one, in frames with a face. Read it beside face presence."),
    Metric("face_presence", "Face presence", "higher", "Share of frames in which the subject's face is recognised; in one without a face it is not."),
    Metric("scene_identity", "Scene identity", "higher", "How much of the background lies where it should, and shows what it should."),
    Metric("scene_similarity", "Scene similarity", "higher", "Cosine of the background and the frames, by the embedder."),
    Metric("text", "Text", "higher", "Mean over sentences and frames of the cosine with the prompt."),
    Metric("coherence", "Temporal coherence", "higher", "How well each frame is its neighbour, moved. Read it beside motion: a frozen clip has the most."),
    Metric("coherence_embedded", "Temporal coherence (embedder)", "higher", "Cosine of neighbouring frames. Read it beside motion."),
    Metric("motion", "Motion", "neither", "How far things go in a second, in % of the diagonal.", 1, "%/s"),
    Metric("motion_camera", "of it the camera", "neither", "What all of the picture has in common.", 1, "%/s"),
    Metric("motion_subjects", "of it the rest", "neither", "What moves otherwise than the camera.", 1, "%/s"),
    Metric("transition", "Transition", "neither", "Frames until the composed frame is gone; FFGo's own is 4.", 1, "frames"),
    Metric("transition_exact", "Transition at 4", "higher", "Share of clips whose composed frame is gone at exactly frame 4.", 2),
    Metric("composed_returns", "Composed frame returns", "lower", "Share of clips in which it is seen again later.", 2),
    Metric("mse", "Reconstruction error", "lower", "Mean squared difference to the reference clip, of 1.", 4),
    Metric("judge_object_identity", "Judge: object identity", "higher", "A language model's rating, from 1 to 5.", 2),
    Metric("judge_scene_identity", "Judge: scene identity", "higher", "A language model's rating, from 1 to 5.", 2),
    Metric("judge_video_quality", "Judge: video quality", "higher", "A language model's rating, from 1 to 5.", 2),
)  # fmt: skip
BY_ID = {metric.id: metric for metric in METRICS}


def titled(score: Score) -> str:
    """The metric's title, with the subject's name."""
    metric = BY_ID.get(score.metric.removesuffix(RAW))
    title = metric.title if metric else score.metric
    raw = " (raw)" if score.metric.endswith(RAW) else ""
    return f"{title}{raw}{f' of {score.subject}' if score.subject else ''}"


def in_figures(score: Score) -> str:
    """The value with its unit; the state where there is none."""
    metric = BY_ID.get(score.metric.removesuffix(RAW))
    if score.value is None:
        return score.state
    digits, unit = (metric.digits, metric.unit) if metric else (3, "")
    return f"{score.value:.{digits}f}{f' {unit}' if unit else ''}"
