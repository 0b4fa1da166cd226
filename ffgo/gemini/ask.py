"""Several questions to Gemini side by side, none of them paid twice."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from .answer import Answer, AnswerError, Usage, read_answer, read_body, read_usage
from .cache import AnswerCache
from .client import Connection, Patience
from .key import Access
from .ledger import Ledger
from .locks import try_lock, unlock
from .request import CancelledError, Request

logger = logging.getLogger("ffgo.gemini")

AT_ONCE = 4
"""Questions that are out at the same time."""

LOOK_S = 0.1
"""How often it is looked whether the user cancelled, or another process has the answer."""


@dataclass
class Desk:
    """All that asking needs."""

    cache: AnswerCache
    ledger: Ledger
    find_access: Callable[[], Access]
    """Called only when something has to be asked. Raises: NoAccessError."""
    patience: Patience = field(default_factory=Patience)
    cancelled: Callable[[], bool] = lambda: False
    """Called from several threads."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Called with what is done and what there is, from the thread that asks."""
    warnings: list[str] = field(default_factory=list)


def ask_all(requests: Sequence[Request], desk: Desk) -> list[Answer]:
    """The answers in the order of the requests, from the cache where they are there.

    All are tried, at most `AT_ONCE` at the same time, also after one has failed: what succeeds is in the cache.
    Raises: AnswerError, which names what failed and why; NoAccessError where there is no way to Gemini and the cache
    does not hold them all; CancelledError within a second of the user's cancelling.
    """
    asking = _Asking(requests, desk)
    thread = threading.Thread(target=asking.run, name="ffgo-gemini", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(LOOK_S)
            if desk.cancelled():
                raise CancelledError
            desk.progress(asking.done, len(requests))
    except BaseException:
        asking.cancel()
        thread.join(5 * LOOK_S)  # time to close connections; the user does not wait for more
        raise
    return _sorted_out(requests, asking.outcomes)


def _sorted_out(requests: Sequence[Request], outcomes: Sequence[Answer | BaseException]) -> list[Answer]:
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, AnswerError):
            raise outcome
    failed = {r.subject: o for r, o in zip(requests, outcomes, strict=True) if isinstance(o, AnswerError)}
    if not failed:
        return [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    reasons = {str(error) for error in failed.values()}
    if len(reasons) == 1:
        text = f"{', '.join(failed)}: {reasons.pop()}"
    else:
        text = "\n".join(f"{subject}: {error}" for subject, error in failed.items())
    if kept := len(requests) - len(failed):
        text += f"\n{kept} of {len(requests)} succeeded and are in the cache; the next run does not pay for them again."
    raise AnswerError(text)


class _Asking:
    """One event loop, in a thread of its own: the host's thread may run one already."""

    def __init__(self, requests: Sequence[Request], desk: Desk):
        self.requests, self.desk = requests, desk
        self.outcomes: list[Answer | BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._connection: Connection | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._task: asyncio.Task | None = None
        self._cancelled = False
        self.done = 0

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._all())
            except asyncio.CancelledError:
                logger.debug("cancelled")

    def cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            with suppress(RuntimeError):  # the loop is closed: it has just ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _all(self) -> None:
        self._task = asyncio.current_task()
        if self._cancelled:
            return
        try:
            answers = (self._one(request) for request in self.requests)
            self.outcomes = await asyncio.gather(*answers, return_exceptions=True)
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _one(self, request: Request) -> Answer:
        cache = self.desk.cache
        answer = cache.get(request.key)
        if answer is None:
            self._connect()
            async with self._claim(request.key), self._slots:
                answer = cache.get(request.key) or await self._ask(request)
        self.done += 1
        return answer

    def _connect(self) -> None:
        if self._connection is None:
            self.desk.cache.prepare()
            self._connection = Connection(self.desk.find_access(), self.desk.patience)

    @asynccontextmanager
    async def _claim(self, key: str) -> AsyncIterator[None]:
        """Only one process asks for an answer; the others wait for it to be in the cache."""
        path = self.desk.cache.folder / f"{key}.asking"
        while (held := try_lock(path)) is None:
            await asyncio.sleep(LOOK_S)
        try:
            yield
        finally:
            unlock(held, path)

    async def _ask(self, request: Request) -> Answer:
        assert self._connection
        start, usage, result = time.monotonic(), Usage(), "unanswered"
        try:
            content = read_body(await self._connection.ask(request, self.desk.cancelled))
            usage, result = read_usage(content), "refused"
            data = read_answer(content, request.wants)
            result = "ok"
        finally:
            seconds = time.monotonic() - start
            self._keep(lambda: self.desk.ledger.add(request.task, request.model, usage, result, seconds))
        answer = Answer(request.wants, data, usage, seconds)
        self._keep(lambda: self.desk.cache.put(request.key, answer))
        return answer

    def _keep(self, write: Callable[[], None]) -> None:
        """A disk that refuses costs the next run money; it does not cost this run its answer."""
        try:
            write()
        except OSError as error:
            self.desk.warnings.append(f"Gemini's answer could not be kept on disk: {error.strerror}.")
