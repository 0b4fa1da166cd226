"""`python -m ffgo.evaluation`: from the arguments of run, measure, selftest and faults to what they do."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

from ..errors import FFGOError
from ..gemini.asking import model_id
from ..gemini.desk import open_desk
from ..gemini.key import find_access
from ..gemini.models import PRICES_FROM
from ..host.boot import boot_here, find_comfyui
from ..remote.arguments import cancelled_by_signals
from ..remote.batch_command import engine_of
from ..remote.headless import make_folder
from . import faults
from .cases import read_case_set
from .embedding import host_embedder
from .faces import dlib_recogniser, recogniser_key
from .judge import Judge
from .measures import Tools
from .measuring import file_key, measure_runs
from .methods import Method, read_methods, unpaired
from .plan import ClipJob, RunPlan, plan_run
from .run import Farm, RunCount, make_all, say
from .runs import read_runs
from .selftest import describe, is_trusted, self_test, write_self_test
from .tables import lines_of, tabulate, write_tables
from .text import clip_model

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
    if count.left:
        say(f"{count.left} are left, for no server works any more: start one, then run the same command again.")
    return 1 if failed or count.left else 0


async def _until_signal(
    asked: argparse.Namespace, plan: RunPlan, methods: Sequence[Method], again: Sequence[ClipJob]
) -> RunCount:
    """The first Ctrl-C or SIGTERM cancels, which takes all jobs off their servers."""
    if not any(job.workflow for job in (*plan.jobs, *again)):
        cancelled_by_signals()
        return await make_all(plan, asked.out, methods, None, again=again)
    engine = engine_of(asked)
    cancelled_by_signals()  # now: Ray sets its own
    try:
        farm = Farm(engine, asked.timeout, asked.ahead, asked.patience)
        return await make_all(plan, asked.out, methods, farm, again=again)
    finally:
        await engine.close()


def _named(jobs: Sequence[ClipJob]) -> str:
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    return "; ".join(str(job.place) for job in jobs[:NAMED]) + more


def measure_command(asked: argparse.Namespace) -> tuple[list[str], bool]:
    """Measure a run folder. Returns the table in lines, and whether anything failed. Raises: FFGOError."""
    runs = read_runs(asked.runs)
    if not runs.results:
        raise FFGOError(f"{asked.runs} has no clip yet. `python -m ffgo.evaluation run` makes them.")
    _look_for_models(asked)
    key = file_key(asked.embedder)
    trusted = bool(asked.selftest and is_trusted(asked.selftest, key))
    judge = _judge(asked)
    tools = replace(_tools(asked, trusted), judge=judge)
    more = f"{judge.key if judge else ''}{recogniser_key(asked.faces)}"
    measured = measure_runs(runs, tools, f"{key} {file_key(asked.text_model)}{more}")
    tables = tabulate(measured, [method.name for method in runs.methods])
    write_tables(tables, asked.runs)
    lines = lines_of(tables)
    if tools.embedder and not trusted:
        lines.append("note: no self-test says that this embedder tells subjects apart: its score is called similarity.")
    lines += _bill(judge) if judge else []
    failed = any(score.state == "failed" for clip in measured for score in clip.scores)
    return lines, failed or bool(runs.failures)


def selftest_command(asked: argparse.Namespace) -> list[str]:
    """Test an embedder, or without one what needs none. Raises: FFGOError."""
    test = self_test(read_case_set(asked.set), _tools(asked, False), file_key(asked.embedder))
    if asked.out:
        write_self_test(test, asked.out)
    return describe(test)


def faults_command(asked: argparse.Namespace) -> list[str]:
    """Which faults are noticed, with an embedder or without. Raises: FFGOError."""
    return faults.describe(faults.find_faults(read_case_set(asked.set), _tools(asked, False)))


def _judge(asked: argparse.Namespace) -> Judge | None:
    """The judge that was asked for, on the same cache and ledger as the nodes'. Raises: FFGOError for no model's id."""
    if not asked.judge:
        return None
    try:
        folder = find_comfyui(os.environ.get("COMFYUI_PATH")) / "user" / "__ffgo"
    except FFGOError:  # without a ComfyUI here
        folder = asked.runs / ".gemini"
    return Judge(model_id(asked.judge), open_desk(folder, lambda: find_access(os.environ, folder), os.environ))


def _bill(judge: Judge) -> list[str]:
    total = judge.desk.ledger.sum()
    spent = f"Gemini, all in all: {total.calls} calls, about ${total.dollars:.2f} ({PRICES_FROM})."
    return [spent, *judge.desk.warnings]


def _look_for_models(asked: argparse.Namespace) -> None:
    """Raises: FFGOError where one that the user named is not there."""
    for path in (asked.embedder, asked.text_model, asked.faces):
        if path and not path.exists():
            raise FFGOError(f"There is no {path}. Name the model's file or folder with its path.")


def _tools(asked: argparse.Namespace, trusted: bool) -> Tools:
    """The models that the user named, loaded. Raises: FFGOError."""
    _look_for_models(asked)
    if asked.embedder:
        boot_here()
    embedder = host_embedder(asked.embedder) if asked.embedder else None
    text = clip_model(asked.text_model) if asked.text_model else None
    return Tools(embedder, text, trusted, faces=dlib_recogniser(asked.faces) if asked.faces else None)
