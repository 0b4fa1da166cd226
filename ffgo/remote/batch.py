"""A list of jobs on many servers: what is done stays done, whatever ends the run.

OUT/results.jsonl            one line a try, written as it ends
OUT/<case>_<seed>_<key>/     what a job made, named by the nodes that made it
OUT/results.csv, .html       all of it in a table and on a page, made of the lines
"""

import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..files import unfinished_name
from ..locks import LOCK_FILE, sole_writer
from ..names import plain_name
from .engine import Engine, differences
from .headless import Result, make_folder
from .jobs import BatchJob
from .kinds import Kind, kind_of
from .meter import Meter
from .overview import write_page, write_table
from .results import Flight, Flights, Results, disk_error
from .rules import Board, Piece, Turn, Verdict
from .screen import Screen
from .start import look_at_servers, take_up
from .work import PATIENCE_S, work_off

AGAIN: dict[Kind, str] = {
    "lost": "it was lost",
    "refused": "it was refused",
    "memory": "it lacked memory",
    "failed": "it failed",
    "other": "it met what ComfyUI does not do",
}
"""Why a job is tried again."""


@dataclass(frozen=True, slots=True)
class BatchCount:
    """What came of a list of jobs."""

    done: int
    kept: int
    """Done before."""
    failed: int
    left: int
    """That no server was left for."""


async def run_batch(
    jobs: Sequence[BatchJob],
    engine: Engine,
    out: Path,
    *,
    ahead: int = 1,
    retry_failed: bool = False,
    patience_s: float = PATIENCE_S,
) -> BatchCount:
    """Do all jobs that are not done yet, into the folder `out`, on the servers of `engine`.

    ahead: jobs that wait in a server's own queue while it works at one; retry_failed: try again what was given up;
    patience_s: how long a server may stay away. Progress goes to stderr. Cancelling takes every job off every server.
    Raises: BusyError where another runner writes there; LocalDiskError; FFGOError where no server answers.
    """
    make_folder(out)
    with sole_writer(out / LOCK_FILE, f"The results {out} are being written") as hold:
        hold.sweep(out)
        books = Results(out)
        flights = Flights(out)
        batch = _Batch(jobs, engine, out, books=books, flights=flights, retry_failed=retry_failed)
        ended = False
        try:
            await batch.work(ahead, patience_s)
            ended = True
        finally:
            books.close()
            flights.close(all_ended=ended)
            batch.screen.close()
            write_table(jobs, books, out)
        write_page(jobs, books, out)
    return batch.count()


class _Batch:
    """The worker of `work_off`."""

    def __init__(
        self,
        jobs: Sequence[BatchJob],
        engine: Engine,
        out: Path,
        *,
        books: Results,
        flights: Flights,
        retry_failed: bool,
    ):
        self._jobs, self._engine, self._out, self._books, self._flights = jobs, engine, out, books, flights
        self._todo = [
            job for job in jobs if not books.is_done(job.key) and (retry_failed or not books.has_failed(job.key))
        ]
        self._kept = sum(books.is_done(job.key) for job in jobs)
        self._done, self._failed = 0, len(jobs) - len(self._todo) - self._kept
        self._meter, self._free_since = Meter(len(self._todo)), {}
        self._made: dict[str, dict[str, Any]] = {}
        self.screen = Screen(len(self._todo))

    def count(self) -> BatchCount:
        """What came of it."""
        left = len(self._jobs) - self._kept - self._done - self._failed
        return BatchCount(self._done, self._kept, self._failed, left)

    async def work(self, ahead: int, patience_s: float) -> None:
        """Raises: LocalDiskError, FFGOError."""
        before = f", {self._failed} failed before (--retry-failed tries them again)" if self._failed else ""
        self.screen.say(f"{self._kept} of {len(self._jobs)} jobs are done, {len(self._todo)} are to be done{before}.")
        if not self._todo:
            return
        pieces = {job.key: Piece(job, job.name, job.case) for job in self._todo}
        self._board = Board(pieces.values(), self._engine.servers, ahead=ahead)
        take_up(self._board, pieces, self._flights)
        workflows = [job.request.workflow for job in self._todo]
        facts = await look_at_servers(self._board, self._engine, workflows, self.screen.say)
        for line in differences(facts):
            self.screen.say(f"note: {line}")
        await work_off(self._board, self, self.screen.say, patience_s=patience_s)

    async def greet(self, server: str) -> None:
        await self._engine.ask(server)

    async def attempt(self, turn: Turn[BatchJob], queued: Callable[[], object]) -> None:
        job = turn.task.job
        began = time.monotonic()
        scratch = unfinished_name(self._out / "job")
        try:
            self._flights.begins(Flight(job.key, turn.server, turn.job_id))
            scratch.mkdir()
            with self.screen.watching(turn.server, turn.task.name, queued) as show:
                result = await self._engine.run(
                    turn.server,
                    job.request,
                    scratch / "fetched",
                    job_id=turn.job_id,
                    may_be_there=turn.is_there,
                    show=show,
                )
            files = self._keep(job, result, scratch)
            took = time.monotonic() - max(began, self._free_since.get(turn.server, 0))
            self._made[turn.job_id] = {"seconds": round(took, 3), "files": files, "texts": result.texts}
        except OSError as error:
            raise disk_error(self._out, error) from error
        finally:
            self._free_since[turn.server] = time.monotonic()
            shutil.rmtree(scratch, ignore_errors=True)

    def _keep(self, job: BatchJob, result: Result, scratch: Path) -> dict[str, list[str]]:
        """Give what was fetched the names of the nodes that made it, and move all of it to its place at once."""
        ready, files, taken = scratch / "ready", {}, {}
        ready.mkdir()
        for title, paths in result.files.items():
            for path in paths:
                if path not in taken:
                    taken[path] = _free_name(title, path.suffix, set(taken.values()))
                    path.replace(ready / taken[path])
            files[title] = [f"{job.folder}/{taken[path]}" for path in paths]
        folder = self._out / job.folder
        shutil.rmtree(folder, ignore_errors=True)  # of a try that was killed before its line was written
        ready.replace(folder)
        return files

    def settled(self, turn: Turn[BatchJob], verdict: Verdict, error: FFGOError | None) -> None:
        task, job = turn.task, turn.task.job
        self._books.ends(
            {
                "key": job.key, "case": job.case, "variant": job.variant, "seed": job.request.seed,
                "status": verdict, "kind": kind_of(error) if error else None, "error": str(error) if error else None,
                "server": turn.server, "try": task.tries, "job_id": turn.job_id,
                **self._made.pop(turn.job_id, {"seconds": None, "files": {}, "texts": {}}),
            }
        )  # fmt: skip
        self._flights.ends(turn.job_id)
        self._done += verdict == "done"
        self._failed += verdict == "failed"
        servers = len([place for place in self._board.working if place.is_up])
        if verdict == "again" and error:
            self.screen.say(f"{task.name} is given to a server once more: {AGAIN[kind_of(error)]} on {turn.server}.")
            return
        if verdict == "done":
            self._meter.took("", self._books.last[job.key]["seconds"])
        line = self._meter.ends(task.name, "", servers)
        self.screen.ended(f"{line} ({turn.server})" if error is None else f"{line}\n  failed on {turn.server}: {error}")


def _free_name(title: str, suffix: str, taken: Iterable[str]) -> str:
    """A file's name made of a node's title: the same, whichever server numbered the file."""
    stem = re.sub(r"[^\w -]+", "_", title).strip(" _")[:60].strip() or "file"
    try:
        plain_name(stem, "")
    except FFGOError:
        stem = "file"
    used = {name.casefold() for name in taken}
    names = (f"{stem}{'' if number == 1 else f' {number}'}{suffix.lower()}" for number in range(1, len(used) + 2))
    return next(name for name in names if name.casefold() not in used)
