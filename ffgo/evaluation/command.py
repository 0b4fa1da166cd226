"""`python -m ffgo.evaluation run`: from the arguments to the run folder."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Sequence

from ..errors import FFGOError
from ..remote.headless import make_folder
from .cases import read_case_set
from .methods import Method, read_methods, unpaired
from .plan import ClipJob, RunPlan, plan_run
from .rendering import maker_at
from .run import Render, RunCount, make_all, say

NAMED = 5
"""Clips that a message names at most."""


def run_command(asked: argparse.Namespace) -> int:
    """Make what is to be made. Returns 0 where every clip is there in the end. Raises: FFGOError, KeyboardInterrupt."""
    cases, methods = read_case_set(asked.set), read_methods(asked.methods)
    for warning in unpaired(methods):
        say(f"note: {warning}")
    make_folder(asked.out)
    plan = plan_run(cases, methods, asked.out, asked.only)
    if plan.stale and not asked.anew:
        raise FFGOError(
            f"{len(plan.stale)} clips in {asked.out} were made from something else: {_named(plan.stale)}. The "
            "workflow, the settings, a file of the case or the pack has changed since. Take another --out, or --anew "
            "to make them again."
        )
    again = [*plan.stale, *(plan.failed if asked.retry else ())]
    say(
        f"{cases.name}: {plan.done} clips are there, {len(plan.jobs) + len(again)} are to be made"
        + (
            f", {len(plan.failed)} failed before (--retry tries them again)."
            if plan.failed and not asked.retry
            else "."
        )
    )
    try:
        count = asyncio.run(_until_signal(asked, plan, methods, again))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    failed = count.failed + (0 if asked.retry else len(plan.failed))
    say(f"{count.made} clips made, {count.kept} kept, {failed} failed.")
    return 1 if failed else 0


async def _until_signal(
    asked: argparse.Namespace, plan: RunPlan, methods: Sequence[Method], again: Sequence[ClipJob]
) -> RunCount:
    """The first Ctrl-C or SIGTERM cancels, which takes the job off the server."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there asyncio itself turns Ctrl-C into a cancel
            asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancelling() or task.cancel())
    jobs = [*plan.jobs, *again]
    needs_server = any(job.workflow for job in jobs)
    maker: Render = await maker_at(asked.server, asked.timeout) if needs_server else _nobody
    return await make_all(plan, asked.out, methods, [maker], again=again)


async def _nobody(job: ClipJob, _folder: object) -> object:
    raise AssertionError(f"{job.place} needs a server")


def _named(jobs: Sequence[ClipJob]) -> str:
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    return "; ".join(str(job.place) for job in jobs[:NAMED]) + more
