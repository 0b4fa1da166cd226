"""The best of several clips."""

from collections.abc import Sequence
from math import isnan

from ..errors import FFGOError


def best_of(scores: Sequence[float], clips: int) -> int:
    """The number, from 0, of the highest score; of equal ones the first. Raises: FFGOError where they are not enough.

    >>> best_of([0.2, 0.9, 0.9], 3)
    1
    """
    if len(scores) != clips:
        raise FFGOError(f"There are {clips} clips and {len(scores)} scores. Connect one score for each clip.")
    known = [number for number, score in enumerate(scores) if not isnan(score)]
    if not known:
        raise FFGOError("None of the clips has a score that is a number. Look at the node that makes them.")
    return max(known, key=lambda number: scores[number])
