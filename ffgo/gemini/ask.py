"""Several questions to Gemini side by side, none of them paid twice."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..locks import Hold, try_lock
from .answer import (
    Answer,
    AnswerError,
    Usage,
    clean_file,
    files_of,
    is_paid,
    read_answer,
    read_body,
    read_usage,
)
from .cache import AnswerCache
from .client import AskError, Connection, Patience
from .key import Access
from .ledger import Ledger, cost_at_most, typical
from .request import CancelledError, Request

BUDGET = "FFGO_GEMINI_BUDGET"
"""The environment variable that holds the budget."""

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
    budget: float | None = None
    """US dollars, all in the ledger together; None = no limit."""


def read_budget(text: str) -> float | None:
    """US dollars, as the environment gives them; None where it gives none. Raises: FFGOError for anything else."""
    try:
        dollars = float(text) if text.strip() else None
    except ValueError:
        dollars = -1.0
    if dollars is not None and not 0 <= dollars < float("inf"):
        raise FFGOError(f"The environment variable {BUDGET} is {text[:40]!r}; it is a number of dollars, such as 5.")
    return dollars


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
        self._access = Access()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._cancelled = False
        self._out: dict[str, float] = {}  # what the questions that are out may cost, for the budget
        self.done = 0

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._all())

    def cancel(self) -> None:
        """Ask nothing more. What is out is paid: its answer is waited for by this thread alone, and kept."""
        self._cancelled = True

    def _is_cancelled(self) -> bool:
        return self._cancelled or self.desk.cancelled()

    async def _all(self) -> None:
        try:
            answers = (self._one(request) for request in self.requests)
            self.outcomes = await asyncio.gather(*answers, return_exceptions=True)
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _one(self, request: Request) -> Answer:
        kept = self.desk.cache.get(request.key)
        if kept is None:
            await self._connect()
            async with self._claim(request.key), self._slots:
                kept = self.desk.cache.get(request.key) or await self._ask(request)
        answer = self._understood(request, kept) if kept.kind == "body" else kept
        self.done += 1
        return answer

    async def _connect(self) -> None:
        if self._connection is None:
            self.desk.cache.prepare()
            self._access = self.desk.find_access()
            self._connection = await Connection.open(self._access, self.desk.patience)

    @asynccontextmanager
    async def _claim(self, key: str) -> AsyncIterator[None]:
        """Only one process asks for an answer; the others wait for it to be in the cache."""
        path = self.desk.cache.folder / f"{key}.asking"
        while (held := self._try_lock(path)) is None:
            self._look_for_cancel()
            await asyncio.sleep(LOOK_S)
        try:
            yield
        finally:
            held.let_go()

    def _try_lock(self, path: Path) -> Hold | None:
        try:
            return try_lock(path)
        except OSError as error:
            raise FFGOError(
                f"Gemini's answers cannot be kept in {path.parent} ({error.strerror}). Nothing was asked."
            ) from error

    def _look_for_cancel(self) -> None:
        if self._is_cancelled():
            raise CancelledError

    async def _ask(self, request: Request) -> Answer:
        """The answer. All that came is kept before anything can fail on it, and stands in the ledger."""
        await self._within_budget(request)
        self._look_for_cancel()
        start, usage, result = time.monotonic(), Usage(), "unanswered"
        try:
            content = await self._content(request)
            usage, result = read_usage(content), "refused"
            body = Answer("body", json.dumps(content).encode(), usage, time.monotonic() - start)
            if is_paid(content):
                self._keep(lambda: self.desk.cache.put(request.key, body))
            answer = self._understood(request, body)
            result = "ok"
            return answer
        except AskError as error:
            usage = typical(request.wants) if error.may_be_billed else usage
            raise
        except CancelledError:
            result = "not sent"
            raise
        finally:
            seconds = time.monotonic() - start
            if result != "not sent":
                self._keep(lambda: self.desk.ledger.add(request.task, request.model, usage, result, seconds))
            self._out.pop(request.key, None)

    async def _content(self, request: Request) -> dict[str, Any]:
        """What came, without the key wherever it stands. Raises: AnswerError, without it too."""
        assert self._connection
        text = await self._connection.ask(request, self._is_cancelled)
        try:
            content = self._access.cleaned(read_body(text))
        except AnswerError as error:
            if '"candidates"' in text and text.rstrip().endswith("}"):  # whole, and paid, but not to be read
                unread = Answer("body", self._access.scrub(text).encode(errors="replace"), Usage())
                self._keep(lambda: self.desk.cache.put(request.key, unread))
            raise AnswerError(self._access.scrub(str(error))) from None
        for file in files_of(content):
            clean_file(file, self._access.is_in)
        return content

    def _understood(self, request: Request, body: Answer) -> Answer:
        """The answer in what came, kept in its place. Raises: AnswerError, as `read_answer`."""
        try:
            data = read_answer(read_body(body.data.decode()), request.wants)
        except AnswerError as error:
            before = " This is what was paid before; another variant asks anew." if body.cached else ""
            raise AnswerError(f"{error}{before}") from None
        answer = replace(body, kind=request.wants, data=data)
        self._keep(lambda: self.desk.cache.put(request.key, answer))
        return answer

    async def _within_budget(self, request: Request) -> None:
        """Raises: AskError where the budget is used up, by the ledger and by what questions that are out may cost."""
        budget, ledger = self.desk.budget, self.desk.ledger
        if budget is None:
            return
        try:
            ledger.prepare()
        except OSError as error:
            raise AskError(f"the budget cannot be kept: {ledger.path} cannot be written ({error.strerror}).") from None
        while (spent := ledger.sum().at_most) + sum(self._out.values()) >= budget:
            if not self._out:
                raise AskError(
                    f"the budget for Gemini is used up: about ${spent:.4f} of ${budget:.2f} are spent, by "
                    f"{ledger.path}. Nothing was asked. Raise {BUDGET} in the environment of ComfyUI, or set mode to "
                    "offline."
                )
            self._look_for_cancel()
            await asyncio.sleep(LOOK_S)
        self._out[request.key] = cost_at_most(request.model, typical(request.wants))

    def _keep(self, write: Callable[[], None]) -> None:
        """A disk that refuses costs the next run money; it does not cost this run its answer."""
        try:
            write()
        except OSError as error:
            self.desk.warnings.append(f"Gemini's answer could not be kept on disk: {error.strerror}.")
