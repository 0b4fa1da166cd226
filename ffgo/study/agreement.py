"""Whether raters agree: Krippendorff's alpha, Kendall's W, and a rater with himself."""

from collections.abc import Callable
from math import nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

AlphaLevel = Literal["nominal", "ordinal"]


def alpha(answers: NDArray, level: AlphaLevel = "ordinal") -> float:
    """Krippendorff's alpha (2011) of (raters, units), NaN where a rater did not answer: 1 agree, 0 as by chance.

    NaN where no unit has two answers, or all answers are the same.
    """
    table = np.asarray(answers, float)
    kinds = np.unique(table[~np.isnan(table)])
    counts = np.stack([(table == kind).sum(0) for kind in kinds], 1) if len(kinds) else np.zeros((0, 0))  # unit, kind
    counts = counts[counts.sum(1) > 1].astype(float)
    if not len(counts):
        return nan
    pairs = counts[:, :, None] * counts[:, None, :] - np.stack([np.diag(row) for row in counts])
    together = (pairs / (counts.sum(1) - 1)[:, None, None]).sum(0)
    marginal = together.sum(1)
    by_chance = (np.outer(marginal, marginal) - np.diag(marginal)) / (marginal.sum() - 1)
    distance = _DISTANCES[level](marginal)
    expected = float((by_chance * distance).sum())
    return 1 - float((together * distance).sum()) / expected if expected else nan


def _nominal(marginal: NDArray) -> NDArray:
    return 1 - np.eye(len(marginal))


def _ordinal(marginal: NDArray) -> NDArray:
    """Squares of how many answers lie between two kinds, half of their own with them."""
    middle = np.cumsum(marginal) - marginal / 2
    return (middle[:, None] - middle[None]) ** 2


_DISTANCES: dict[AlphaLevel, Callable[[NDArray], NDArray]] = {"nominal": _nominal, "ordinal": _ordinal}


def kendalls_w(ranks: NDArray) -> float:
    """Kendall's W of whole rankings without ties, (raters, clips): 1 all the same, 0 none alike; NaN for one rater."""
    table = np.asarray(ranks, float)
    raters, clips = table.shape
    if raters < 2 or clips < 2:
        return nan
    sums = table.sum(0)
    return float(12 * ((sums - sums.mean()) ** 2).sum() / (raters**2 * (clips**3 - clips)))


def kendalls_tau(first: NDArray, second: NDArray) -> float:
    """Kendall's tau of two rankings without ties, (clips,): 1 the same, -1 turned round."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    above = np.triu_indices(len(a), 1)
    return float((np.sign(a[:, None] - a[None]) * np.sign(b[:, None] - b[None]))[above].mean())
