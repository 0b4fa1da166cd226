"""Which server gets which job next, and what becomes of a job that failed. Nothing here talks to a server, or waits.

- A server that was lost gives its jobs back, to the front, for another one if there is one. It is asked again when it
  answers, after a rest that grows while it gets nothing done, and no more after MOST_LOST_IN_A_ROW times.
- A job that was lost with its server MOST_LOSSES times is not tried again: it may be what ends them.
- A job that is refused, that lacks memory, or that meets a server that does what ComfyUI does not, goes once to another
  server. A job of which a node fails would fail everywhere.
- A server that fails at MOST_IN_A_ROW groups of jobs in a row is asked no more, unless no other works.
"""

import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from .kinds import Kind

Job = TypeVar("Job")
Verdict = Literal["done", "again", "failed"]
"""again: it is given to a server once more."""

MOST_IN_A_ROW, MOST_LOST_IN_A_ROW = 5, 10
MOST_LOSSES = 5
RESTS_S = 0.0, 0.0, 1.0, 2.0, 5.0
"""After so many losses in a row; the last one for all further ones."""
TWICE: tuple[Kind, ...] = ("refused", "memory", "other")
"""What another server may do better."""


@dataclass(slots=True, eq=False)
class Piece(Generic[Job]):
    """A job on its way to its end."""

    job: Job
    name: str
    group: str
    """Jobs of one group, such as the seeds of a case, fail for one reason."""
    tries: int = 0
    losses: int = 0
    lost_on: str = ""
    """The server that it was lost with the last time."""
    failed_on: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class Turn(Generic[Job]):
    """A try: a job, and the server that it is given to."""

    task: Piece[Job]
    server: str
    life: int
    """Which of the server's lives, between the times that it was lost."""
    job_id: str
    """Under which it is queued."""
    is_there: bool = False
    """Whether the server was given it before, by a runner that ended."""


@dataclass(slots=True, eq=False)
class ServerState:
    """What is known of a server."""

    name: str
    out: str = ""
    """Why it is asked no more; empty while it is."""
    is_up: bool = True
    life: int = 0
    losses: int = 0
    """In a row, without a job done between."""
    failed: list[str] = field(default_factory=list)
    """The groups of the jobs that failed, in a row."""
    turns: list[Turn] = field(default_factory=list)
    """What it has now, oldest first."""
    is_given_one: bool = False
    """Whether a job is on its way into the server's queue: the next one follows it, so that they keep their order."""
    kept: deque[tuple[Piece, str]] = field(default_factory=deque)
    """Jobs that it has of a runner that ended, with their ids."""

    @property
    def rest_s(self) -> float:
        """How long it is left alone after a loss."""
        return RESTS_S[min(self.losses, len(RESTS_S)) - 1] if self.losses else 0.0


class Board(Generic[Job]):
    """All jobs and all servers."""

    def __init__(self, tasks: Iterable[Piece[Job]], servers: Sequence[str], *, ahead: int = 1):
        """ahead: jobs that wait in a server's own queue while it works at one."""
        self.todo = deque(tasks)
        self.places = {name: ServerState(name) for name in servers}
        self._ahead = ahead

    def keep(self, server: str, task: Piece[Job], job_id: str) -> None:
        """A server of these has this job, which is in the list, of a runner that ended."""
        self.todo.remove(task)
        self.places[server].kept.append((task, job_id))

    @property
    def working(self) -> list[ServerState]:
        """The servers that are asked still."""
        return [place for place in self.places.values() if not place.out]

    @property
    def flying(self) -> int:
        """Jobs that servers have now."""
        return sum(len(place.turns) for place in self.places.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left that a server could do."""
        if self.flying or any(place.kept for place in self.working):
            return False
        return not any(self._next(place) for place in self.working)

    @property
    def left(self) -> int:
        """Jobs that nobody has now."""
        return len(self.todo) + sum(len(place.kept) for place in self.places.values())

    def has_turn(self, server: str) -> bool:
        """Whether a job is to be given to the server now."""
        place = self.places[server]
        if place.out or not place.is_up or place.is_given_one or len(place.turns) > self._ahead:
            return False
        if place.kept:
            return True
        # The last jobs wait for whoever has nothing to do.
        enough = not place.turns or len(self.todo) >= len(self.working)
        return enough and self._next(place) is not None

    def take(self, server: str) -> Turn[Job]:
        """The job that is to be given to the server now."""
        place = self.places[server]
        if place.kept:
            task, job_id = place.kept.popleft()
        else:
            found = self._next(place)
            assert found is not None
            task, job_id = found, ""
            self.todo.remove(task)
        task.tries += 1
        turn = Turn(task, server, place.life, job_id or str(uuid.uuid4()), bool(job_id))
        place.turns.append(turn)
        place.is_given_one = True
        return turn

    def queued(self, turn: Turn[Job]) -> None:
        """The server has the job in its queue."""
        place = self.places[turn.server]
        if place.turns and place.turns[-1] is turn:
            place.is_given_one = False

    def ended(self, turn: Turn[Job], kind: Kind | None) -> Verdict:
        """A try is over; kind: of its failure, None where the job is done."""
        place, task = self.places[turn.server], turn.task
        self.queued(turn)
        first = place.turns[0].task
        place.turns.remove(turn)
        if kind is None:
            place.losses, place.failed = 0, []
            return "done"
        if turn.is_there and kind != "lost":  # what another runner began may have ended in any way: once more, from new
            return self._again(task)
        if kind == "lost":
            task.lost_on = place.name
            if turn.life == place.life:
                first.losses += 1  # what waited behind it has not ended the server
                self._lose(place)
            return self._again(task) if task.losses < MOST_LOSSES else "failed"
        task.failed_on.add(place.name)
        self._note_failure(place, task.group)
        others = [other for other in self.working if other.name not in task.failed_on]
        return self._again(task) if kind in TWICE and len(task.failed_on) == 1 and others else "failed"

    def silent(self, server: str) -> None:
        """The server does not answer: what it kept is given to others."""
        place = self.places[server]
        if place.is_up:
            place.is_up, place.life = False, place.life + 1
        self._free(place)

    def answers(self, server: str) -> None:
        """It answers again."""
        self.places[server].is_up = True

    def put_out(self, server: str, why: str) -> None:
        """Ask the server no more."""
        place = self.places[server]
        place.out = place.out or why
        self._free(place)

    def _next(self, place: ServerState) -> Piece[Job] | None:
        able = (task for task in self.todo if place.name not in task.failed_on)
        second = None
        for task in able:
            if task.lost_on != place.name or len(self.working) == 1:
                return task
            second = second or task
        return second

    def _again(self, task: Piece[Job]) -> Verdict:
        self.todo.appendleft(task)
        return "again"

    def _lose(self, place: ServerState) -> None:
        place.losses += 1
        self.silent(place.name)
        if place.losses >= MOST_LOST_IN_A_ROW:
            self.put_out(place.name, f"it was lost {place.losses} times in a row, with no job done between")

    def _note_failure(self, place: ServerState, group: str) -> None:
        place.failed += [group] if group not in place.failed else []
        others = [other for other in self.working if other is not place and other.is_up]
        if len(place.failed) >= MOST_IN_A_ROW and others:
            self.put_out(place.name, f"it failed at {len(place.failed)} different ones in a row")

    def _free(self, place: ServerState) -> None:
        self.todo.extendleft(task for task, _ in reversed(place.kept))
        place.kept.clear()
