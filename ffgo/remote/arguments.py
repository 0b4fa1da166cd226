"""What commands that work with servers share: which there are, how long to wait, and what Ctrl-C does."""

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from pathlib import Path
from typing import Any

from .job import LONGEST_S
from .work import PATIENCE_S

ENGINES = "asyncio", "ray"
SERVER = "http://127.0.0.1:8188"
MOST_AHEAD = 8


def seconds(text: str) -> float:
    """A time that ends. Raises: ValueError."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def cancelled_by_signals() -> None:
    """The first Ctrl-C or SIGTERM cancels the running task, which takes all jobs off their servers."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there asyncio itself turns Ctrl-C into a cancel
            asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancelling() or task.cancel())


def add_servers(command: argparse.ArgumentParser) -> None:
    """The options that say which servers there are, and how they are reached."""
    add = command.add_argument
    add(
        "--server",
        action="append",
        default=[],
        metavar="URL",
        help=f"a ComfyUI, once for each that there is; with ray also RESOURCE=URL. Default {SERVER}",
    )
    add(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="what talks to the servers; default: this process",
    )
    add("--address", default="", metavar="ADDR", help="of the Ray cluster; without it, one is started on this machine")
    add(
        "--ahead",
        type=int,
        choices=range(MOST_AHEAD + 1),
        default=1,
        metavar="N",
        help="jobs that wait in a server's own queue while it works at one; default %(default)s",
    )
    add(
        "--patience",
        type=seconds,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long a server may stay away before it is asked no more; default %(default)g",
    )


def add_batch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command batch."""
    command = commands.add_parser(
        "batch",
        help="do a list of jobs on one ComfyUI or many",
        description="Do a list of jobs on one ComfyUI or many, and fetch what they make; docs/farm.md tells more. The "
        "same command goes on where it was. Exit status: 0 all are done, 1 some failed or are left, 2 wrong use, "
        "130 interrupted.",
        allow_abbrev=False,
    )
    add = command.add_argument
    add("jobs", type=Path, metavar="JOBS", help="the list, TOML")
    add("--example", action=_Example, help="print a list to begin with")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add_servers(command)
    add("--retry-failed", action="store_true", help="try again what was given up before")
    add_timeout(command, "a job", "its server")


def add_timeout(command: argparse.ArgumentParser, job: str, server: str) -> None:
    """How long a job may take. job, server: what the help calls them."""
    command.add_argument(
        "--timeout",
        type=seconds,
        default=LONGEST_S,
        metavar="SECONDS",
        help=f"how long {job} may take, the queue included, before it is taken off {server}; default %(default)g",
    )


class _Example(argparse.Action):
    """Prints, and ends the program."""

    def __init__(self, option_strings: Any, dest: str, **options: Any):
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from .jobs import EXAMPLE

        sys.stdout.write(EXAMPLE)
        parser.exit()
