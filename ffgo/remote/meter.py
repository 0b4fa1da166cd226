"""How far many jobs are, and how long they may still take."""

import statistics
from collections import defaultdict

from ..durations import in_words


class Meter:
    """Counts jobs, and tells what is left by the median of each group of them, or of all before that."""

    def __init__(self, total: int):
        self._total, self._begun, self._ended = total, 0, 0
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def begins(self, name: str, group: str, servers: int = 1) -> str:
        """A line for a job that begins. group: jobs that take equally long; servers: those that work."""
        self._begun += 1
        return f"[{self._begun}/{self._total}] {name}{self._about(group, servers, self._total - self._begun + 1)}"

    def ends(self, name: str, group: str, servers: int = 1) -> str:
        """A line for a job that has ended."""
        self._ended += 1
        return f"[{self._ended}/{self._total}] {name}{self._about(group, servers, self._total - self._ended)}"

    def took(self, group: str, seconds: float) -> None:
        """A job was done in so many seconds."""
        self._seconds[group].append(seconds)

    def _about(self, group: str, servers: int, left: int) -> str:
        known = self._seconds[group] or [seconds for one in self._seconds.values() for seconds in one]
        return f", about {in_words(statistics.median(known) * left / max(1, servers))} to go" if known and left else ""
