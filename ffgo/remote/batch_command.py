"""`python -m ffgo.remote batch`: from the arguments to what they do."""

import argparse

from .arguments import SERVER, cancelled_by_signals
from .batch import BatchCount, run_batch
from .engine import Engine, Here
from .jobs import read_jobs
from .workflow import UsageError


def engine_of(asked: argparse.Namespace) -> Engine:
    """What reaches the servers that were asked for. Raises: UsageError, FFGOError."""
    servers = asked.server or [SERVER]
    if asked.engine == "ray":
        from .engine_ray import OnRay

        return OnRay(servers, asked.address)
    if asked.address:
        raise UsageError("--address is the address of a Ray cluster. Give --engine ray, too.")
    return Here(servers)


async def batch_command(asked: argparse.Namespace) -> BatchCount:
    """Do a list of jobs. Raises: FFGOError, CancelledError."""
    jobs = read_jobs(asked.jobs, asked.timeout)
    engine = engine_of(asked)
    cancelled_by_signals()  # now: Ray sets its own
    try:
        return await run_batch(
            jobs,
            engine,
            asked.out,
            ahead=asked.ahead,
            retry_failed=asked.retry_failed,
            patience_s=asked.patience,
        )
    finally:
        await engine.close()


def in_words(count: BatchCount) -> str:
    """What came of it."""
    left = f" {count.left} are left, for no server works any more: start one, then run the same command again."
    return f"{count.done} done, {count.kept} were done before, {count.failed} failed.{left if count.left else ''}"
