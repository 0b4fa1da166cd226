"""Make the clips of a test set by several methods. What is done stays done, whatever ends the run.

The one who makes a clip is a `Render`: today one ComfyUI (`rendering`), or a folder of finished videos. Several servers
are several of them, which take jobs from one list.
"""

import asyncio
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ..errors import FFGOError, printable
from ..files import unfinished_name
from ..locks import sole_writer
from ..pixels import to_uint8
from ..remote.workflow import Workflow
from .finished import find_video, take_clip
from .first_frame import first_frame
from .methods import Method
from .plan import ClipJob, RunPlan, pack_version
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


class StoppedError(FFGOError):
    """The run cannot go on; the job that ended it counts as not tried."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip that was made, somewhere below the folder that its maker was given."""

    clip: Path
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    workflow: Workflow | None = None
    """As it was queued, with all settings in it: its canvas composed the first frame."""


Render = Callable[[ClipJob, Path], Awaitable[Rendered]]
"""Makes the clip of a job in an empty folder. Raises: StoppedError where no other job can succeed either, FFGOError."""


@dataclass(slots=True)
class RunCount:
    """What came of a run."""

    made: int = 0
    failed: int = 0
    kept: int = 0
    """Done before."""


def say(text: str) -> None:
    """A line for the user."""
    print(printable(text), file=sys.stderr, flush=True)


async def make_all(
    plan: RunPlan, runs: Path, methods: Sequence[Method], makers: Sequence[Render], *, again: Sequence[ClipJob] = ()
) -> RunCount:
    """Make what a plan has left, and `again`, into the folder `runs`. Each of the makers does one job at a time.

    Failures are recorded, and the rest goes on. Raises: FFGOError where nothing more can be made; what is there stays.
    """
    jobs = [*plan.jobs, *again]
    order = {method.name: number for number, method in enumerate(methods)}
    jobs.sort(key=lambda job: order[job.place.method])  # stable: cases and seeds stay as they are
    count = RunCount(kept=plan.done)
    cases = next((job.cases for job in jobs), None)
    with sole_writer(runs / LOCK_FILE, f"The run folder {runs} is being written to") as hold:
        hold.sweep(runs)
        if cases:
            write_run_file(runs, cases, methods)
        left, clock = iter(jobs), _Clock(len(jobs))
        workers = [asyncio.ensure_future(_work(left, runs, maker, count, clock)) for maker in makers]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
    return count


async def _work(jobs: Iterator[ClipJob], runs: Path, maker: Render, count: RunCount, clock: "_Clock") -> None:
    for job in jobs:
        say(clock.before(job))
        started = time.monotonic()
        try:
            await _make(job, runs, maker, started)
            count.made += 1
            clock.took(job, time.monotonic() - started)
        except StoppedError:
            raise
        except FFGOError as error:
            say(f"  failed: {error}")
            _recorded(job, runs, str(error))
            count.failed += 1
            clock.took(job, None)
        except OSError as error:
            raise _full(runs, error) from error


async def _make(job: ClipJob, runs: Path, maker: Render, started: float) -> None:
    scratch = unfinished_name(runs / "clip")
    scratch.mkdir()
    try:
        rendered = await (_taken(job) if job.method.videos else maker(job, scratch))
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


async def _taken(job: ClipJob) -> Rendered:
    return Rendered(find_video(job.method, job.case.id, job.place.seed))


def _warnings(rendered: Rendered) -> Iterator[str]:
    for title, texts in rendered.texts.items():
        yield from (f"{title}: {line[1:].strip()}" for text in texts for line in text.splitlines() if line[:1] == "⚠")


def _recorded(job: ClipJob, runs: Path, message: str) -> None:
    try:
        write_failure(runs, ClipFailure(job.place, job.key, message))
    except OSError as error:
        raise _full(runs, error) from error


def _full(runs: Path, error: OSError) -> StoppedError:
    return StoppedError(
        f"{runs} cannot be written to: {error.strerror or error}. What is done is there; make room, then run the same "
        "command again, and it goes on."
    )


class _Clock:
    """Says where the run is, and how long it may still take: by the median of each method, or of all before that."""

    def __init__(self, total: int):
        self._total, self._number = total, 0
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def before(self, job: ClipJob) -> str:
        self._number += 1
        every = [seconds for method in self._seconds.values() for seconds in method]
        known = self._seconds[job.place.method] or every
        left = self._total - self._number + 1
        about = f", about {_in_words(statistics.median(known) * left)} to go" if known else ""
        return f"[{self._number}/{self._total}] {job.place}{about}"

    def took(self, job: ClipJob, seconds: float | None) -> None:
        if seconds is not None:
            self._seconds[job.place.method].append(seconds)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
