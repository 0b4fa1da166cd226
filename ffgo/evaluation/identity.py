"""Which of many subjects a clip shows: scores of the own subject, calibrated by those of others on the same frames.

Raw similarities differ more between subjects and clips than between right and wrong, so none is read by itself: from
the own subject's, the mean of the foils' is taken, which are cut-outs of other cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_FOILS, MANY_FOILS = 3, 20
"""With fewer nothing is calibrated; with fewer than many it is said."""
BEATEN = 0.9
"""Share of the foils that the own subject must beat in a frame to count as present."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Of one subject in one clip."""

    identity: float
    """Mean over frames of its own score less the foils' mean."""
    presence: float
    """Share of the frames in which it beats nine of ten foils."""


def best_windows(subjects: NDArray, seen: Sequence[NDArray]) -> NDArray[np.float64]:
    """Unit vectors of subjects (S, D) and of each frame's windows (W, D): cosine of each best window, (S, frames)."""
    return np.stack([(subjects @ frame.T).max(1) for frame in seen], 1).astype(np.float64)


def calibrate(own: NDArray, foils: NDArray) -> Calibrated | None:
    """Scores of the own subject (frames,) and of foils (F, frames); None with too few foils."""
    if len(foils) < FEWEST_FOILS:
        return None
    return Calibrated(
        float((own - foils.mean(0)).mean()),
        float((own > np.quantile(foils, BEATEN, axis=0)).mean()),
    )
