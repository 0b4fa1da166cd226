"""Who is there in which frame, what that makes of the clip, and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FFGOError
from .entity import Entity

EVERY = 4
"""Frames between those that are looked at, as far as a clip is long: one for each of the latent."""
FEWEST_LOOKS = 8
"""Frames that are looked at of a shorter clip, if it has so many."""
GONE = 3
"""Looks in a row without a subject, before it counts as lost."""


@dataclass(frozen=True, slots=True)
class Presence:
    """How much each subject is there."""

    names: tuple[str, ...]
    frames: tuple[int, ...]
    """That were looked at, of the clip."""
    values: NDArray[np.float64]
    """(subjects, looks): 0 = as little as where it is not, 1 = as much as in the composed frame."""
    threshold: float
    """From which it counts as there."""
    way: str
    """By which evidence."""
    fps: float = 16.0

    @property
    def there(self) -> NDArray[np.bool_]:
        """(subjects, looks)."""
        return self.values >= self.threshold

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of each subject, the share of the looks at which it is there."""
        return self.there.mean(1)

    @property
    def score(self) -> float:
        """That of the worst subject: one that is lost ruins the clip."""
        return float(self.shares.min())

    @property
    def rank(self) -> tuple[float, float, float]:
        """What clips are compared by: the score; of equal ones the mean over subjects; then how clearly the worst one
        is there."""
        return self.score, float(self.shares.mean()), float(self.values.mean(1).min())

    def lost_at(self, subject: int) -> int | None:
        """The frame from which it is away for some looks in a row, or to the end; None where it never is."""
        there = self.there[subject]
        for start in range(len(there)):
            if not there[start : start + GONE].any() and (start + GONE <= len(there) or start == 0):
                return self.frames[start]
        return None

    @property
    def kept(self) -> bool:
        """Whether nobody is lost."""
        return all(self.lost_at(subject) is None for subject in range(len(self.names)))


def looked_at(frames: int) -> tuple[int, ...]:
    """The frames of a clip that are looked at.

    >>> looked_at(77)[:3], len(looked_at(77)), len(looked_at(13)), looked_at(2)
    ((2, 6, 10), 19, 13, (0, 1))
    """
    every = max(1, min(EVERY, frames // FEWEST_LOOKS))
    return tuple(range(every // 2, frames, every))


def asked_for(entities: Sequence[Entity]) -> list[Entity]:
    """Those that should be there, and can be looked for. Raises: FFGOError where there is nobody."""
    wanted = [one for one in entities if one.shown and one.picture is not None]
    if not wanted:
        raise FFGOError(
            "entities holds nobody who can be looked for: all are hidden, or nothing of them can be seen. Connect "
            "FFGo Entities of Frame with the subjects of the canvas."
        )
    return wanted


def describe(presence: Presence) -> list[str]:
    """A line for each subject, lost ones with the second at which they go, then the clip."""
    lines = []
    for number, (name, share) in enumerate(zip(presence.names, presence.shares, strict=True)):
        lost = presence.lost_at(number)
        when = "" if lost is None else f"; lost at {lost / presence.fps:.1f} s (frame {lost})"
        lines.append(f"{name}: there in {share:.0%} of {len(presence.frames)} looks{when}")
    verdict = "everybody stays" if presence.kept else "somebody is lost"
    return [*lines, f"Persistence {presence.score:.2f} (the worst subject), {verdict}; {presence.way}"]
