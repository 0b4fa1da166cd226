"""What one way of doing something takes, side by side with another, and the row that says so.

Needs nothing but Python: the workers, which must not see the pack's folder, import it too.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds by the clock, and seconds of all processor cores together."""

    wall: float
    cpu: float


def spent(work: Callable[[], object]) -> Spent:
    """What this work took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Spent]:
    """Do the same work in several ways, all of them in each round; the first round warms up and does not count."""
    taken: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            taken[name].append(spent(way))
    return {name: usual_of(times[1:]) for name, times in taken.items()}


def usual_of(times: Sequence[Spent]) -> Spent:
    return Spent(*(usual(column) for column in zip(*times, strict=True)))


def usual(seconds: Sequence[float]) -> float:
    """The lower quartile: other programs on the machine make work longer, never shorter."""
    return statistics.quantiles(seconds, n=4, method="inclusive")[0] if len(seconds) > 1 else seconds[0]


def row(
    name: str, ours: float, other: float, unit: str, cpu: tuple[float, float], *, ratio: float | None = None
) -> dict[str, str | float]:
    """One result. cpu: the CPU seconds that ours and the other took (by a coarse clock none).

    ratio: where it is not ours over the other.
    """
    return {
        "name": name, "ratio": ours / other if ratio is None else ratio, "ours": ours, "other": other, "unit": unit,
        "ratio_cpu": cpu[0] / max(cpu[1], 1e-9), "ours_cpu": cpu[0], "other_cpu": cpu[1],
    }  # fmt: skip


def time_row(name: str, ours: Spent, other: Spent) -> dict[str, str | float]:
    """A result in seconds."""
    return row(name, ours.wall, other.wall, "s", (ours.cpu, other.cpu))
