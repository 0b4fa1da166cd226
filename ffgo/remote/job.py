"""One job on a server: queue it, watch it to its end, take it off again."""

import asyncio
import contextlib
import uuid
from typing import Any

from ..errors import FFGOError
from ..plain import part
from .client import Events, Server
from .explain import classes_with_errors, describe_error, describe_refusal, failure_of
from .kinds import JobRefusedError, NodeFailedError, ServerLostError
from .progress import Progress
from .wire import ServerGoneError
from .workflow import Workflow

QUIET_S = 5.0
"""After so many seconds without a message the queue is asked; a proxy or a reconnect can swallow the last one."""

SOON_S = 0.05
"""How long after the last look at the queue it is asked again, where the server announces a change."""

REST_S, LONGEST_REST_S = 0.2, 2.0
"""How long the messages of a job that has ended may still be on their way; and how long they may go on."""

MOST_LOSSES, IN_S = 10, 60.0
"""A connection that breaks so often in so many seconds is given up."""

LONGEST_S = 7 * 24 * 3600.0
"""A job takes no longer than a week, unless somebody says so; the training of a LoRA may take days."""

MOST_BLOCKED = 100

STOP_S = 10.0
"""How long to wait until an interrupted job has really stopped."""


class RemoteJob:
    """A workflow on its way through a server's queue."""

    def __init__(
        self,
        server: Server,
        workflow: Workflow,
        progress: Progress,
        job_id: str = "",
        *,
        may_be_there: bool = False,
    ):
        """may_be_there: the server may have a job of this id already; it is waited for then, and not queued again."""
        self._server, self._workflow, self._progress = server, workflow, progress
        self._client_id = uuid.uuid4().hex
        self._may_be_there = may_be_there
        self.prompt_id = job_id or str(uuid.uuid4())
        self._blocked: list[str] = []
        self._losses: list[float] = []
        self._heard = True  # whether the server has answered since the connection broke the last time

    async def run(self, reconnect_s: float, timeout_s: float = LONGEST_S) -> dict[str, Any]:
        """Queue the job and wait for its end; returns its entry in the server's history.

        Cancelling this takes the job off the server. Raises: JobRefusedError; NodeFailedError if a node of it fails,
        somebody else stops it, or it takes longer than `timeout_s` (it is taken off then); ServerLostError if the
        server is gone for longer than `reconnect_s`, or has forgotten the job; FFGOError.
        """
        async with self._server.events(self._client_id) as events:  # before queueing, so that no message is missed
            queueing = asyncio.create_task(self._queue())
            try:
                await asyncio.shield(queueing)
                entry = await self._watch_for(events, reconnect_s, timeout_s)
            except asyncio.CancelledError:
                await asyncio.gather(queueing, return_exceptions=True)  # a request on its way cannot be called back
                await self._stop_aloud()
                raise
        if failure := failure_of(self._workflow, entry):
            raise failure
        if self._blocked:
            raise NodeFailedError("\n".join(self._blocked))
        return entry

    async def _is_there(self) -> bool:
        """Whether the server has the job, waiting, running or done; one that failed is queued once more."""
        running, waiting = await self._server.queued()
        if self.prompt_id in running + waiting:
            return True
        entry = await self._server.history(self.prompt_id)
        return entry is not None and failure_of(self._workflow, entry) is None

    async def _queue(self) -> None:
        if self._may_be_there and await self._is_there():
            self._progress.queued()
            return
        reply = await self._server.queue(self._workflow, self.prompt_id, self._client_id)
        answer = reply.json()
        if not isinstance(answer, dict) or reply.status not in (200, 400):
            raise FFGOError(f"{self._server.name} does not take jobs as ComfyUI does ({reply}).")
        if reply.status == 200:
            self.prompt_id = self._server.job_id(reply, self.prompt_id)
        if reply.status == 400 or answer.get("node_errors"):
            if reply.status == 200:
                await self.stop()  # the host would run the sound part of the workflow; half a result is none
            specs = await self._server.specs(classes_with_errors(self._workflow, answer))
            raise JobRefusedError(describe_refusal(self._workflow, answer, specs))
        self._progress.queued()

    async def _watch_for(self, events: Events, reconnect_s: float, timeout_s: float) -> dict[str, Any]:
        end = asyncio.timeout(timeout_s)
        try:
            async with end:
                return await self._watch(events, reconnect_s)
        except TimeoutError:
            if not end.expired():
                raise
        await self._stop_aloud()
        raise NodeFailedError(
            f"The job has not ended within {timeout_s:g} s on {self._server.name}, and nothing was fetched. "
            "If it needs longer, give it more with --timeout."
        )

    async def _watch(self, events: Events, reconnect_s: float) -> dict[str, Any]:
        while True:
            try:
                return await self._follow(events)
            except ServerGoneError as loss:
                if self._is_hopeless():
                    raise _lost(loss) from loss
                if len(self._losses) == 1:  # and not every time that it breaks again
                    self._progress.say(f"{loss} Trying to reach it again ...")
            try:
                await events.reopen(reconnect_s)
            except ServerGoneError as loss:
                raise _lost(loss) from loss

    def _is_hopeless(self) -> bool:
        """Whether the connection broke again before the server answered, or breaks all the time."""
        now = asyncio.get_running_loop().time()
        self._losses = [*(then for then in self._losses if now - then < IN_S), now]
        heard, self._heard = self._heard, False
        return len(self._losses) > MOST_LOSSES or not heard

    async def _follow(self, events: Events) -> dict[str, Any]:
        """Show messages until the job has ended. Raises: ServerGoneError when the connection breaks."""
        clock = asyncio.get_running_loop()
        looked, due = 0.0, 0.0
        while True:
            if clock.time() >= due:
                self._progress.refresh()
                entry = await self._ended()
                self._heard = True
                if entry:
                    await self._take_rest(events)
                    return entry
                looked = clock.time()
                due = looked + QUIET_S
            message = await events.next(max(0.0, due - clock.time()))
            # The host announces every change of its queue by "status", the end of a job included.
            if isinstance(message, dict) and message.get("type") == "status":
                due = min(due, looked + SOON_S)
            elif message is not None:
                self._take(message)

    async def _take_rest(self, events: Events) -> None:
        """The queue can tell of the end before the job's last messages, warnings among them, have come."""
        clock = asyncio.get_running_loop()
        end = clock.time() + LONGEST_REST_S
        with contextlib.suppress(ServerGoneError):
            while clock.time() < end and (message := await events.next(REST_S)) is not None:
                self._take(message)

    def _take(self, message: dict[str, Any] | bytes) -> None:
        self._progress.show(message)
        self._note_blocked(message)

    async def _ended(self) -> dict[str, Any] | None:
        # First the queue, then the history: a job goes from one to the other in one step.
        running, waiting = await self._server.queued()
        if self.prompt_id in waiting:
            self._progress.waiting(len(running) + waiting.index(self.prompt_id))
        if self.prompt_id in running + waiting:
            return None
        entry = await self._server.history(self.prompt_id)
        if entry is None:
            raise ServerLostError(
                f"{self._server.name} no longer knows the job: somebody took it out of the queue, "
                "or the server was started anew. Run this once more."
            )
        return entry

    def _note_blocked(self, message: dict[str, Any] | bytes) -> None:
        """A node that blocks its output by a message leaves the job's status at success: remember it."""
        if isinstance(message, dict) and message.get("type") == "execution_error":
            data = part(message, "data", of=dict)
            ours = data.get("prompt_id") == self.prompt_id and data.get("exception_type") == "ExecutionBlocked"
            if ours and len(self._blocked) < MOST_BLOCKED:
                self._blocked.append(describe_error(self._workflow, data))

    async def _stop_aloud(self) -> None:
        try:
            async with asyncio.timeout(2 * STOP_S):
                stopped = await self.stop()
        except (FFGOError, TimeoutError) as error:
            self._progress.say(f"The job could not be stopped: {error}")
            return
        self._progress.say(
            "The job was taken off the server."
            if stopped
            else f"The server was asked to stop the job, but its running node has not let go within {STOP_S:.0f} s."
        )

    async def stop(self) -> bool:
        """Take the job, and no other, off the server; returns whether it is off within STOP_S.

        Asked again and again: an interrupt in the instant between queue and start of a job is lost.
        """
        clock = asyncio.get_running_loop()
        deadline = clock.time() + STOP_S
        while clock.time() < deadline:
            await self._server.remove(self.prompt_id)
            running, _ = await self._server.queued()
            if self.prompt_id not in running:
                return True
            await self._server.interrupt(self.prompt_id)
            await asyncio.sleep(0.25)
        return False


def _lost(loss: ServerGoneError) -> ServerLostError:
    return ServerLostError(
        f"The server stopped answering in the middle of the job, which may be lost. {loss} "
        "Nothing was fetched. See the server's log, start it again, and run this once more."
    )
