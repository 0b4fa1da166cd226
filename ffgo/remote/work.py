"""Many jobs on many servers at once: the loop around the rules."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol

from ..errors import FFGOError
from .kinds import LocalDiskError, kind_of
from .rules import Board, Job, ServerState, Turn, Verdict

PROBE_S, LONGEST_PROBE_S = 0.5, 30.0
"""How soon a server that went away is asked again, and how seldom in the end."""
PATIENCE_S = 120.0
"""How long a server may stay away."""


class Worker(Protocol[Job]):
    """Does what is to be done for one job, and keeps the books."""

    async def attempt(self, turn: Turn[Job], queued: Callable[[], object]) -> None:
        """Do the job on its server; queued: to be called when the server has it.

        Raises: LocalDiskError, which ends all; FFGOError.
        """
        ...

    def settled(self, turn: Turn[Job], verdict: Verdict, error: FFGOError | None) -> None:
        """What became of it. Raises: LocalDiskError."""
        ...

    async def greet(self, server: str) -> None:
        """Raises: FFGOError where the server does not answer, or as it should."""
        ...


async def work_off(
    board: Board[Job], worker: Worker[Job], say: Callable[[str], object], *, patience_s: float = PATIENCE_S
) -> None:
    """Give the jobs to the servers until nothing is left that one of them could do.

    Cancelling takes every job off every server. Raises: LocalDiskError.
    """
    shift = _Shift(board, worker, say, patience_s)
    tasks = [asyncio.ensure_future(shift.serve(server)) for server in board.places]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Shift(Generic[Job]):
    def __init__(self, board: Board[Job], worker: Worker[Job], say: Callable[[str], object], patience_s: float):
        self._board, self._worker, self._say, self._patience_s = board, worker, say, patience_s
        self._news = asyncio.Event()

    async def serve(self, server: str) -> None:
        """Keep one server busy until all is over, or it is asked no more."""
        place = self._board.places[server]
        flying: set[asyncio.Future[None]] = set()
        try:
            while True:
                while not self._concerns(place, flying):
                    await self._news.wait()
                for done in [one for one in flying if one.done()]:
                    flying.remove(done)
                    done.result()  # raises what ends all
                if self._board.is_over or (place.out and not flying):
                    return
                if not place.is_up and not place.out and not flying:
                    await self._wait_until_up(place)
                while self._board.has_turn(server):
                    one = asyncio.ensure_future(self._try(self._board.take(server)))
                    one.add_done_callback(self._tell)
                    flying.add(one)
        finally:
            for one in flying:
                one.cancel()
            await asyncio.gather(*flying, return_exceptions=True)
            self._tell()

    def _concerns(self, place: ServerState, flying: set[asyncio.Future[None]]) -> bool:
        """Whether there is something to do for a server."""
        if self._board.is_over or self._board.has_turn(place.name) or any(one.done() for one in flying):
            return True
        return not flying and bool(place.out or not place.is_up)

    def _tell(self, _: object = None) -> None:
        """Wake all who wait for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def _try(self, turn: Turn[Job]) -> None:
        error: FFGOError | None = None
        try:
            await self._worker.attempt(turn, lambda: self._queued(turn))
        except LocalDiskError:
            raise
        except FFGOError as failure:
            error = failure
        place = self._board.places[turn.server]
        was_asked = not place.out
        verdict = self._board.ended(turn, error and kind_of(error))
        self._worker.settled(turn, verdict, error)
        if place.out and was_asked:
            self._say(f"{place.name} is asked no more: {place.out}.")

    def _queued(self, turn: Turn[Job]) -> None:
        self._board.queued(turn)
        self._tell()

    async def _wait_until_up(self, place: ServerState) -> None:
        """Ask until it answers, or for too long."""
        clock = asyncio.get_running_loop()
        end, wait_s, why = clock.time() + self._patience_s, PROBE_S, ""
        await self._pause(min(place.rest_s, self._patience_s))
        while not self._board.is_over:
            try:
                await self._worker.greet(place.name)
            except FFGOError as error:
                why = str(error)
            else:
                self._board.answers(place.name)
                self._say(f"{place.name} answers again.")
                break
            if clock.time() > end:
                self._board.put_out(place.name, f"it has not answered for {self._patience_s:g} s")
                self._say(f"{place.name} is asked no more. {why}")
                break
            await self._pause(min(wait_s, max(PROBE_S, end - clock.time())))
            wait_s = min(2 * wait_s, LONGEST_PROBE_S)
        self._tell()

    async def _pause(self, seconds: float) -> None:
        """As long, but not beyond the end of all."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._board.is_over:
                    await self._news.wait()
