"""What a few cases say of all: intervals by bootstrap over cases, and tests of paired differences.

The case is what was drawn at random: its subjects and seeds are averaged first, and never count as further cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 10_000
LEVEL = 0.95
MOST_EXACT = 14
"""Cases up to which every pattern of signs is tried; beyond, `DRAWS` of them."""
BLOCK = 1000
"""Draws at once: little memory, also for many cases."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where the mean of all possible cases lies, 95 times of 100."""

    mean: float
    low: float | None
    """None for a single case, which says nothing of others."""
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one method is above another, on the cases that both have."""

    mean: float
    low: float | None
    high: float | None
    n: int
    p: float
    """Two-sided: how often a difference as large comes of flipping signs at random."""


def mean_interval(values: ArrayLike, draws: int = DRAWS) -> Interval:
    """The mean of the cases (N,), with its 95 % interval; the same in every run. Raises: ValueError for no case.

    The percentiles of a bootstrap are too narrow for few cases: they are moved out to where Student's t has them
    (Hesterberg 2015, "expanded percentile interval").

    >>> found = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    >>> found.mean, found.low < 2.9 < 6.1 < found.high
    (4.5, True)
    """
    cases = np.asarray(values, np.float64)
    if cases.ndim != 1 or not len(cases):
        raise ValueError("no case")
    if len(cases) == 1:
        return Interval(float(cases[0]), None, None, 1)
    low, high = np.quantile(_resampled_means(cases, draws), _tails(len(cases)))
    return Interval(float(cases.mean()), float(low), float(high), len(cases))


def _resampled_means(cases: NDArray[np.float64], draws: int) -> NDArray[np.float64]:
    rng, n = np.random.default_rng(0), len(cases)
    blocks = [min(BLOCK, draws - start) for start in range(0, draws, BLOCK)]
    return np.concatenate([cases[rng.integers(n, size=(block, n))].mean(1) for block in blocks])


def _tails(n: int) -> tuple[float, float]:
    """The shares of the draws that lie below and above the interval of n cases."""
    from scipy import stats

    tail = float(stats.norm.cdf(sqrt(n / (n - 1)) * stats.t.ppf((1 - LEVEL) / 2, n - 1)))
    return tail, 1 - tail


def paired_difference(one: ArrayLike, other: ArrayLike, draws: int = DRAWS) -> Difference:
    """How much `one` is above `other`, each (N,) with the same cases in the same order. Raises: ValueError.

    >>> paired_difference([2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0, 1.0]).p
    0.125
    """
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape:
        raise ValueError("not the same cases")
    found = mean_interval(a - b, draws)
    return Difference(found.mean, found.low, found.high, found.n, sign_flip_p(a - b, draws))


def sign_flip_p(differences: ArrayLike, draws: int = DRAWS) -> float:
    """Two-sided p of paired differences (N,): the share of sign patterns with a mean at least as far from 0.

    Exact for up to 14 cases; beyond, of so many random patterns and the one that was seen.
    """
    values = np.asarray(differences, np.float64)
    n, seen = len(values), abs(values.sum())
    slack = 1e-12 * np.abs(values).sum()  # sums in another order round otherwise
    if n <= MOST_EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ values) >= seen - slack).mean())
    rng, extreme = np.random.default_rng(0), 0
    for start in range(0, draws, BLOCK):
        signs = 1 - 2 * rng.integers(2, size=(min(BLOCK, draws - start), n))
        extreme += int((np.abs(signs @ values) >= seen - slack).sum())
    return (extreme + 1) / (draws + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order that they came in: below 0.05 holds for all of them together.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = worst
    return adjusted


def auc(positive: ArrayLike, negative: ArrayLike) -> float:
    """How often a positive is above a negative; ties count half.

    >>> auc([2, 3], [1, 2])
    0.875
    """
    here, there = np.asarray(positive, np.float64)[:, None], np.asarray(negative, np.float64)[None]
    return float(((here > there) + 0.5 * (here == there)).mean())
