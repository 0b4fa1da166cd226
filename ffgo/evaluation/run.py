"""Make the clips of a test set by several methods. What is done stays done, whatever ends the run.

Clips are made by any number of ComfyUIs, which take jobs from one list by the rules of `remote.rules`, or are taken
out of a folder of finished videos.
"""

import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from ..errors import FFGOError, printable
from ..files import unfinished_name
from ..locks import sole_writer
from ..pixels import to_uint8
from ..remote.engine import Engine, Show, differences
from ..remote.kinds import LocalDiskError
from ..remote.meter import Meter
from ..remote.results import Flight, Flights, disk_error
from ..remote.rules import Board, Piece, Turn, Verdict
from ..remote.screen import Screen
from ..remote.start import look_at_servers, take_up
from ..remote.work import PATIENCE_S, work_off
from ..remote.workflow import Workflow
from .finished import find_video, take_clip
from .first_frame import first_frame
from .methods import Method
from .plan import ClipJob, RunPlan, pack_version
from .rendering import request_of, the_clip
from .runs import (
    FRAME_FILE,
    LOCK_FILE,
    RESULT_FILE,
    VIDEO_FILE,
    ClipFailure,
    ClipResult,
    write_failure,
    write_result,
    write_run_file,
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip that was made, somewhere below the folder that its maker was given."""

    clip: Path
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    workflow: Workflow | None = None
    """As it was queued, with all settings in it: its canvas composed the first frame."""


Render = Callable[[ClipJob, Path], Awaitable[Rendered]]
"""Makes the clip of a job in an empty folder. Raises: FFGOError."""


@dataclass(frozen=True, slots=True)
class Farm:
    """The servers that make clips, and how long they may take."""

    engine: Engine
    timeout_s: float
    """For one clip."""
    ahead: int = 1
    patience_s: float = PATIENCE_S


@dataclass(slots=True)
class RunCount:
    """What came of a run."""

    made: int = 0
    failed: int = 0
    kept: int = 0
    """Done before."""
    left: int = 0
    """That no server was left for."""


def say(text: str) -> None:
    """A line for the user."""
    tqdm.write(printable(text), file=sys.stderr)
    sys.stderr.flush()


async def make_all(
    plan: RunPlan, runs: Path, methods: Sequence[Method], farm: Farm | None, *, again: Sequence[ClipJob] = ()
) -> RunCount:
    """Make what a plan has left, and `again`, into the folder `runs`. farm: not needed for finished videos.

    Failures are recorded, and the rest goes on. Raises: LocalDiskError, FFGOError where no server answers; what is
    there stays.
    """
    jobs = [*plan.jobs, *again]
    order = {method.name: number for number, method in enumerate(methods)}
    jobs.sort(key=lambda job: order[job.place.method])  # stable: cases and seeds stay as they are
    count = RunCount(kept=plan.done)
    with sole_writer(runs / LOCK_FILE, f"The run folder {runs} is being written to") as hold:
        hold.sweep(runs)
        if jobs:
            write_run_file(runs, jobs[0].cases, methods)
        making = _Making(runs, count, Meter(len(jobs)))
        for job in jobs:
            if job.method.videos:
                await making.take(job)
        to_render = [job for job in jobs if not job.method.videos]
        if to_render and farm:
            await making.render(to_render, farm)
    return count


class _Making:
    """Makes clips, and keeps the books: the worker of `work_off`."""

    def __init__(self, runs: Path, count: RunCount, meter: Meter):
        self._runs, self._count, self._meter = runs, count, meter
        self._versions: dict[str, str] = {}

    async def take(self, job: ClipJob) -> None:
        """Take the finished video of a job."""
        say(self._meter.begins(str(job.place), job.place.method))
        try:
            await self._make(job, _taken)
        except LocalDiskError:
            raise
        except FFGOError as error:
            self._failed(job, error)
        else:
            self._count.made += 1

    async def render(self, jobs: Sequence[ClipJob], farm: Farm) -> None:
        """Make clips on servers. Raises: LocalDiskError, FFGOError."""
        self._farm, self._flights = farm, Flights(self._runs)
        self._screen = Screen(len(jobs))
        pieces = {_book(job): Piece(job, str(job.place), f"{job.place.method} / {job.place.case}") for job in jobs}
        self._board = Board(pieces.values(), farm.engine.servers, ahead=farm.ahead)
        ended = False
        try:
            take_up(self._board, pieces, self._flights)
            workflows = [job.workflow for job in jobs if job.workflow]
            facts = await look_at_servers(self._board, farm.engine, workflows, self._screen.say)
            self._versions = {server: one.version for server, one in facts.items()}
            for line in differences(facts):
                self._screen.say(f"note: {line}")
            await work_off(self._board, self, self._screen.say, patience_s=farm.patience_s)
            ended = True
        finally:
            self._flights.close(all_ended=ended)
            self._screen.close()
        self._count.left = self._board.left

    async def greet(self, server: str) -> None:
        self._versions[server] = (await self._farm.engine.ask(server)).version

    async def attempt(self, turn: Turn[ClipJob], queued: Callable[[], object]) -> None:
        job = turn.task.job
        servers = len(self._board.working)
        if turn.task.tries == 1:
            where = f" on {turn.server}" if len(self._board.places) > 1 else ""
            self._screen.say(self._meter.begins(str(job.place), job.place.method, servers) + where)
        started = time.monotonic()
        self._flights.begins(Flight(_book(job), turn.server, turn.job_id))
        with self._screen.watching(turn.server, turn.task.name, queued) as show:
            await self._make(job, partial(self._rendered, turn, show))
        self._meter.took(job.place.method, time.monotonic() - started)

    def settled(self, turn: Turn[ClipJob], verdict: Verdict, error: FFGOError | None) -> None:
        if verdict == "done":
            self._count.made += 1
            self._screen.ended()
        elif verdict == "failed" and error:
            self._failed(turn.task.job, error)
        elif error:
            self._screen.say(f"{turn.task.name} is given to a server once more: {error}")
        self._flights.ends(turn.job_id)

    async def _rendered(self, turn: Turn[ClipJob], show: Show, job: ClipJob, folder: Path) -> Rendered:
        result = await self._farm.engine.run(
            turn.server,
            request_of(job, folder, self._farm.timeout_s),
            folder / "fetched",
            job_id=turn.job_id,
            may_be_there=turn.is_there,
            show=show,
        )
        versions = {"comfyui": self._versions[turn.server]}
        return Rendered(the_clip(result.files), result.texts, versions, result.workflow)

    async def _make(self, job: ClipJob, maker: Render) -> None:
        try:
            await _make(job, self._runs, maker, time.monotonic())
        except OSError as error:
            raise disk_error(self._runs, error) from error

    def _failed(self, job: ClipJob, error: FFGOError) -> None:
        say(f"  failed: {error}")
        self._count.failed += 1
        try:
            write_failure(self._runs, ClipFailure(job.place, job.key, str(error)))
        except OSError as full:
            raise disk_error(self._runs, full) from full


def _book(job: ClipJob) -> str:
    """Of a job in the books of what servers have: two methods may make the same clip."""
    return f"{job.place} {job.key}"


async def _make(job: ClipJob, runs: Path, maker: Render, started: float) -> None:
    scratch = unfinished_name(runs / "clip")
    scratch.mkdir()
    try:
        rendered = await maker(job, scratch)
        info = take_clip(rendered.clip, scratch / VIDEO_FILE)
        frame = first_frame(job.cases, job.case, rendered.workflow)
        Image.fromarray(to_uint8(frame[0, ..., :3])).save(scratch / FRAME_FILE)
        folder = job.place.folder(runs)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULT_FILE).unlink(missing_ok=True)  # of a clip that this one replaces
        for name in (VIDEO_FILE, FRAME_FILE):
            (scratch / name).replace(folder / name)
        write_result(
            ClipResult(
                job.place, folder, job.key, job.case.prompt, round(time.monotonic() - started, 2),
                info.frames, info.fps, info.width, info.height, rendered.texts,
                {"ffgo": pack_version(), **rendered.versions},
                tuple(_warnings(rendered)),
            )
        )  # fmt: skip
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def _taken(job: ClipJob, _folder: Path) -> Rendered:
    return Rendered(find_video(job.method, job.case.id, job.place.seed))


def _warnings(rendered: Rendered) -> Iterator[str]:
    for title, texts in rendered.texts.items():
        yield from (f"{title}: {line[1:].strip()}" for text in texts for line in text.splitlines() if line[:1] == "⚠")
