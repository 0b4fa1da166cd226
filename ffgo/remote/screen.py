"""Many jobs on one terminal: a line for each that ends, and below them how far all are and what each server does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..errors import printable
from ..plain import is_number, part
from .engine import Show
from .progress import Progress, Silent
from .workflow import Workflow

LONGEST_NAME = 40


class Screen:
    """What a batch says on stderr."""

    def __init__(self, total: int):
        self._now: dict[Steps, str] = {}
        # A log file cannot redraw a bar; the lines say the same.
        self._bar = tqdm(total=total, unit="job", file=sys.stderr, disable=not sys.stderr.isatty(), dynamic_ncols=True)

    def say(self, text: str) -> None:
        """A line above the bar."""
        tqdm.write(printable(text), file=sys.stderr)
        sys.stderr.flush()

    def ended(self, text: str = "") -> None:
        """A job has ended."""
        if text:
            self.say(text)
        self._bar.update(1)

    def close(self) -> None:
        self._bar.close()

    @contextmanager
    def watching(self, server: str, name: str, queued: Callable[[], object]) -> Iterator[Show]:
        """What shows the progress of a job on a server. queued: called when the server has it."""
        made: list[Steps] = []

        def show(workflow: Workflow) -> Progress:
            made.append(Steps(workflow, self, f"{name[:LONGEST_NAME]} on {server}", queued))
            return made[0]

        try:
            yield show
        finally:
            for one in made:
                self._now.pop(one, None)
            self._draw()

    def moved(self, steps: "Steps", text: str) -> None:
        """A job is so far now."""
        self._now[steps] = text
        self._draw()

    def _draw(self) -> None:
        if not self._bar.disable:
            self._bar.set_postfix_str("; ".join(self._now.values()))


class Steps(Silent):
    """One job's progress as a piece of the line of all."""

    def __init__(self, workflow: Workflow, screen: Screen, name: str, queued: Callable[[], object]):
        super().__init__(workflow)
        self._screen, self._name, self._queued = screen, name, queued

    def say(self, text: str) -> None:
        self._screen.say(f"{self._name}: {text}")

    def queued(self) -> None:
        self._queued()

    def waiting(self, jobs_before: int) -> None:
        """The batch's own jobs wait for each other: that is no news."""

    def show(self, message: dict[str, Any] | bytes) -> None:
        if isinstance(message, bytes):
            return
        data = part(message, "data", of=dict)
        states = part(data, "nodes", of=dict)
        if message.get("type") == "progress":
            self._move(data)
        for state in states.values():
            if part(state, "state", of=str) == "running":
                self._move(part(state, of=dict))

    def _move(self, step: dict[str, Any]) -> None:
        value, total = step.get("value"), step.get("max")
        if is_number(value) and is_number(total) and 0 <= value <= total and total > 1:
            self._screen.moved(self, printable(f"{self._name} {value / total:.0%}"))
