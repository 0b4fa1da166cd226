"""Studies of people who were made up: how often each interval covers the truth, and how wide it is.

A rater sees a case's clips through what the method is worth (as in the paper's study), what the case does to it, the
rater's own taste, and noise. Whoever plans a study reads off the width how many people tell the methods apart.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FFGOError
from .intervals import IntervalKind, bounds

WORTHS = (0.0, 0.35, 1.0, 2.6)
"""Of the paper's four methods, worst first, in logits; other numbers of methods lie in between."""
CASE_SD, RATER_SD = 0.6, 0.3
"""How much a case, and a rater, add to a method's worth, in logits."""
LIKERT_MIDDLE, LIKERT_SLOPE = 2.6, 0.6
TRUTH_DRAWS = 200_000
SHARE = "% first"
"""The one measure that is a share."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Size:
    """How large a study is."""

    raters: int = 40
    sets: int = 5
    """That each rater judges."""
    cases: int = 50
    methods: int = 4

    def __post_init__(self) -> None:
        for name, least in (("raters", 2), ("sets", 1), ("cases", 2), ("methods", 2)):
            if not least <= getattr(self, name) <= MOST:
                raise FFGOError(f"{name} is {getattr(self, name)}; it must be from {least} to {MOST:,}.")
        if self.sets > self.cases:
            raise FFGOError(f"A rater cannot judge {self.sets} sets of {self.cases} cases: ask for fewer sets.")


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one kind of interval, over all studies and methods."""

    interval: IntervalKind
    measure: str
    coverage: float
    """Percent of intervals that hold the truth; 95 are meant to."""
    width: float
    """Mean width: in ranks, in percent points, or in points of the scale."""


def simulate(size: Size, studies: int = 400, seed: int = 0) -> list[Coverage]:
    """Draw so many studies; how each interval did on the mean rank, the percentage of first ranks, and a 1-5 scale."""
    if not 1 <= studies <= MOST:
        raise FFGOError(f"studies is {studies}; it must be from 1 to {MOST:,}.")
    random = np.random.default_rng(seed)
    truth = _truth(size.methods, np.random.default_rng(0))
    held: dict[tuple[IntervalKind, str], list[NDArray]] = {}
    for _ in range(studies):
        raters, cases = _who_sees_what(size, random)
        for measure, values in _answers(size, raters, cases, random).items():
            share = measure == SHARE
            for kind, (low, high) in bounds(values, raters, cases, share=share).items():
                inside = (low <= truth[measure]) & (truth[measure] <= high)
                held.setdefault((kind, measure), []).append(np.stack([inside, high - low]))
    return [_coverage(kind, measure, np.stack(every)) for (kind, measure), every in held.items()]


def _coverage(kind: IntervalKind, measure: str, every: NDArray) -> Coverage:
    """every: (studies, 2, methods), whether the truth was inside, and how wide the interval was."""
    inside, width = every.mean((0, 2))
    return Coverage(kind, measure, 100 * float(inside), float(width) * (100 if measure == SHARE else 1))


def _who_sees_what(size: Size, random: np.random.Generator) -> tuple[NDArray, NDArray]:
    """The rater and the case of each set, (raters * sets,) each: every case equally often, none twice for a rater."""
    raters = np.repeat(np.arange(size.raters), size.sets)
    cases = random.permutation(size.cases)[np.arange(size.raters * size.sets) % size.cases]
    return raters, cases


def _answers(size: Size, raters: NDArray, cases: NDArray, random: np.random.Generator) -> dict[str, NDArray]:
    """What is measured, (sets, methods) each."""
    of_case = random.normal(0, CASE_SD, (size.cases, size.methods))[cases]
    of_rater = random.normal(0, RATER_SD, (size.raters, size.methods))[raters]
    return _measured(_worths(size.methods) + of_case + of_rater, random)


def _truth(methods: int, random: np.random.Generator) -> dict[str, NDArray]:
    """What all people would say of all cases, (methods,) each."""
    tastes = random.normal(0, np.hypot(CASE_SD, RATER_SD), (TRUTH_DRAWS, methods))
    return {name: values.mean(0) for name, values in _measured(_worths(methods) + tastes, random).items()}


def _worths(methods: int) -> NDArray:
    return np.interp(np.linspace(0, 1, methods), np.linspace(0, 1, len(WORTHS)), WORTHS)


def _measured(worth: NDArray, random: np.random.Generator) -> dict[str, NDArray]:
    """Ranks by Plackett and Luce, and a scale; worth: (sets, methods) in logits."""
    seen = worth + random.gumbel(size=worth.shape)
    ranks = (seen[:, None, :] > seen[:, :, None]).sum(2) + 1
    scale = np.clip(np.rint(LIKERT_MIDDLE + LIKERT_SLOPE * (worth + random.normal(0, 1, worth.shape))), 1, 5)
    return {"mean rank": ranks.astype(float), SHARE: (ranks == 1).astype(float), "scale 1-5": scale}


def as_plain(found: list[Coverage]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(one) for one in found]
