"""Rows of the table of memories: clips by what each way learned, their scores, and how the ways differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.memory import composed_frames

from .concept_rows import flat
from .family import Family
from .memory import BASE, COUNTS, FIRST, TWO, WAYS, MemoryExample, Way, memory_of, unseen_set
from .memory_school import MemorySchool
from .metrics import interval, score_clip
from .precision import mixed_precision
from .render import render_shot
from .scene import FRAMES

SEED = 2027
SEEDS = (1, 2, 3)
"""Of the trainings."""
EXCHANGED_AT = 6
"""Subjects, where the order of the canvases is exchanged."""
MEASURES = ("object_identity", "scene_identity", "place", "cut_in_time", "cut")
POOLED: Mapping[str, Sequence[int]] = {"1, 2, 4": (1, 2, 4), "6, 8": (6, 8)}
"""Numbers of subjects that differences are told of together: those that one canvas may do for, and those above."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way, as one training learned it, with so many subjects in the memory."""

    way: Way
    subjects: int
    seed: int
    exchanged: bool = False
    """With the canvases in the other order than in training."""

    @property
    def name(self) -> str:
        return f"{self.way} exchanged" if self.exchanged else self.way

    @property
    def about(self) -> dict[str, Any]:
        """What tells it from the others."""
        return {"way": self.name, "subjects": self.subjects, "seed": self.seed}


def rows_of(way: Way, seed: int, counts: Sequence[int] = COUNTS) -> list[Row]:
    """Those of one training."""
    rows = [Row(way, subjects, seed) for subjects in counts]
    if way in TWO and EXCHANGED_AT in counts:
        rows.append(Row(way, EXCHANGED_AT, seed, exchanged=True))
    return rows


def measure(row: Row, school: MemorySchool, family: Family, count: int) -> dict[str, Any]:
    """Make the row's clips and score them; under `scores` a number for each clip."""
    examples = list(unseen_set(row.subjects, count))
    starts = [example.start(row.way, exchanged=row.exchanged) for example in examples]
    with torch.inference_mode(), mixed_precision():
        learned, prompts = school.with_learned(family, row.way, row.seed), [example.prompt for example in examples]
        clips = learned.sample(learned.conditioning_of(starts, prompts, memory_of(row.way)), SEED)
    found = [score(clip.float(), example, row) for clip, example in zip(clips, examples, strict=True)]
    scores = {name: [one[name] for one in found] for name in MEASURES}
    pixels = round(float(np.mean([example.smallest(row.way) for example in examples])), 1)
    return row.about | {"clips": count, "pixels": pixels} | flat(scores) | {"scores": scores}


def score(clip: Tensor, example: MemoryExample, row: Row) -> dict[str, float]:
    """A clip (F, H, W, 3), 0..1. All ways are told by the same times of the shot: those that two canvases leave."""
    scores = asdict(score_clip(clip[FIRST:], example.shot, FIRST))
    cut = first_of_shot(clip, example, row)
    in_time = float(cut <= composed_frames(BASE, memory_of(row.way)))
    return {name: scores[name] for name in MEASURES[:3]} | {"cut_in_time": in_time, "cut": float(cut)}


def first_of_shot(clip: Tensor, example: MemoryExample, row: Row) -> int:
    """The first frame but the very first one that is more like the shot than like the canvas that comes before it.

    Past the end where there is none.
    """
    truth, shown = torch.from_numpy(render_shot(example.shot)), example.shown(row.way, exchanged=row.exchanged)
    like_shot = _off(clip, truth) < _off(clip, shown)
    return 1 + int(like_shot[1:].int().argmax()) if like_shot[1:].any() else FRAMES


def _off(clip: Tensor, other: Tensor) -> Tensor:
    """(F,): how far each frame is off."""
    return (clip - other).abs().flatten(1).mean(1)


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the scores of its clips."""
    return {name: value for name, value in values.items() if name != "scores"}


def summary(measured: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The means of each way over its trainings, then how ways differ on the same clips of the same trainings.

    Each way from `one`, and an exchanged order from its own. Intervals are over clips, each with the mean of its
    trainings: those of one clip resemble each other too much to count as more.
    """
    found = {(row["way"], row["subjects"], row["seed"]): row for row in measured}
    for way, subjects in dict.fromkeys((row["way"], row["subjects"]) for row in measured):
        rows = [row for row in measured if (row["way"], row["subjects"]) == (way, subjects)]
        about = {"way": way, "subjects": subjects, "seed": None, "trainings": len(rows)}
        scores = {name: np.mean([row["scores"][name] for row in rows], 0).tolist() for name in MEASURES}
        yield about | {"clips": rows[0]["clips"], "pixels": rows[0]["pixels"]} | flat(scores)
    pairs = [(way, "one") for way in WAYS[1:]] + [(f"{way} exchanged", way) for way in TWO]
    groups = {**{count: (count,) for count in COUNTS}, **POOLED}
    for (a, b), (subjects, counts), measure in product(pairs, groups.items(), MEASURES[:3]):
        differences = [value for count in counts for value in _differences(found, (a, b), count, measure)]
        if differences and (len(counts) == 1 or "exchanged" not in a):
            value, low, high = (round(number, 4) for number in interval(differences))
            yield {
                "name": "difference", "a": a, "b": b, "subjects": subjects, "metric": measure,
                "value": value, "low": low, "high": high,
            }  # fmt: skip


def _differences(
    found: Mapping[tuple[str, int, int], Mapping[str, Any]], pair: tuple[str, str], subjects: int, measure: str
) -> list[float]:
    """Of each clip, the mean over the trainings that both ways have."""
    a, b = (
        {seed: row for (name, count, seed), row in found.items() if (name, count) == (way, subjects)} for way in pair
    )
    both = [np.subtract(a[seed]["scores"][measure], b[seed]["scores"][measure]) for seed in a if seed in b]
    return np.mean(both, 0).tolist() if both else []
