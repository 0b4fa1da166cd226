"""Who sees what, and in which order: Williams squares, the item that was seen least, sets that check the rater."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from random import Random
from typing import Literal

SetKind = Literal["real", "gold", "repeat"]
GOLD_EVERY = 6
"""One set in so many holds a clip of another case."""

Order = tuple[int, ...]
"""The clip (its number in the item) at each place."""


@cache
def williams(clips: int) -> tuple[Order, ...]:
    """Orders in which each clip stands at each place equally often, and behind each other clip, too (Williams 1949).

    There are `clips` of them, and twice as many where that is odd.

    >>> williams(4)
    ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))
    """
    first = [0, *((step + 1) // 2 if step % 2 else clips - step // 2 for step in range(1, clips))]
    rows = [tuple((clip + shift) % clips for clip in first) for shift in range(clips)]
    return tuple(rows + [row[::-1] for row in rows] if clips % 2 and clips > 1 else rows)


def draw(seed: str, *what: object) -> float:
    """A number from 0 to 1 that is always the same for the same words: how ties are broken, and checks are placed."""
    return int.from_bytes(sha256("\0".join([seed, *map(str, what)]).encode()).digest()[:8]) / 2**64


def next_set(
    may_come: Iterable[tuple[str, int]], clips: int, used: Mapping[tuple[str, int], int], seed: str, *what: object
) -> tuple[str, int]:
    """The item, and the number of its Williams row, that keep places even; of those that may come next.

    used: how often each row of each item was shown, in the whole study. Places are kept even over the whole study
    first, then the rows of each item; what is still equal is drawn.
    """
    rows = williams(clips)
    stood = Counter[tuple[int, int]]()
    everywhere = Counter[int]()
    for (_, row), times in used.items():
        everywhere[row] += times
        for at in enumerate(rows[row]):
            stood[at] += times

    def cost(one: tuple[str, int]) -> tuple[float, ...]:
        row = one[1]
        return sum(stood[at] for at in enumerate(rows[row])), used.get(one, 0), everywhere[row], draw(seed, *what, *one)

    return min(may_come, key=cost)


def least_seen(items: Iterable[str], seen: Mapping[str, int]) -> list[str]:
    """The items that were shown least."""
    every = sorted(items)
    least = min(seen.get(item, 0) for item in every)
    return [item for item in every if seen.get(item, 0) == least]


def gold_sets(real: int) -> int:
    """How many sets of a participant are checks, so that it is one in six.

    >>> gold_sets(5), gold_sets(6), gold_sets(11)
    (1, 2, 3)
    """
    return math.ceil(real / (GOLD_EVERY - 1))


def schedule(real: int, gold: int, repeats: int, seed: str, *what: object) -> list[SetKind]:
    """What a participant's sets are, one after the other. A check is never the first; repeats come last."""
    kinds: list[SetKind] = ["real"] * real
    random = Random(draw(seed, "schedule", *what))
    for _ in range(gold):
        kinds.insert(random.randint(1, len(kinds)), "gold")
    again: list[SetKind] = ["repeat"] * min(repeats, real)
    return kinds + again


def with_foreign_clip(order: Iterable[str], foreign: str, seed: str, *what: object) -> tuple[list[str], int]:
    """The clips of a set with one of another case in place of one of them, and at which place that is."""
    clips = list(order)
    place = int(draw(seed, "gold", *what) * len(clips))
    clips[place] = foreign
    return clips, place
