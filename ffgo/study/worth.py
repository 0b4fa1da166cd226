"""How much each method is worth, from rankings: Plackett and Luce's model, which for pairs is Bradley and Terry's."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

PRIOR = 0.1
"""Of the Gamma prior (Caron and Doucet 2012): a method that always wins would have no finite worth without one."""
MOST_ROUNDS, CLOSE = 10_000, 1e-9


def worths(rankings: Sequence[Sequence[int]], methods: int, prior: float = PRIOR) -> NDArray:
    """The logarithm of each method's worth, (methods,), with mean 0: the share that wins of A and B is given by A - B.

    rankings: each the methods from the best to the worst; two of them are a pair. By minorisation and maximisation
    (Hunter 2004).
    """
    weighted = [(tuple(ranking), 1.0) for ranking in rankings]
    return weighted_worths(weighted, methods, prior)


def weighted_worths(rankings: Sequence[tuple[tuple[int, ...], float]], methods: int, prior: float = PRIOR) -> NDArray:
    """As `worths`, of rankings that count more or less; a draw of two is both rankings, each by half."""
    counted = Counter[tuple[int, ...]]()
    wins = np.zeros(methods)
    for ranking, weight in rankings:
        counted[ranking] += weight  # type: ignore[assignment]
        wins[list(ranking[:-1])] += weight
    worth = np.ones(methods)
    for _ in range(MOST_ROUNDS):
        new = (wins + prior) / (_shared(counted, worth) + prior)
        new /= new.mean()  # no ranking says how large all worths together are, and for the prior this is the best
        done = np.abs(np.log(new / worth)).max() < CLOSE
        worth = new
        if done:
            break
    logarithm = np.log(worth)
    return logarithm - logarithm.mean()


def _shared(counted: Mapping[tuple[int, ...], float], worth: NDArray) -> NDArray:
    """How often each method would win if all were worth 1, (methods,): by each choice that it was part of."""
    shared = np.zeros(len(worth))
    for ranking, weight in counted.items():
        order = list(ranking)
        left = np.cumsum(worth[order][::-1])[::-1]  # of all that were still to be chosen, at each choice
        until = np.cumsum(weight / left[:-1])
        shared[order] += np.append(until, until[-1:])
    return shared
