"""The headless command: python -m ffgo.remote run --workflow FILE --out DIR ..., or batch JOBS --out DIR ..."""

import argparse
import asyncio
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from ..errors import FFGOError, printable
from . import Result, UsageError, factorized_settings, load_workflow, run
from .arguments import SERVER, add_batch, add_timeout, cancelled_by_signals
from .best import BY, Candidate, run_seeds

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ffgo.remote", description="Work with a running ComfyUI.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run | batch")
    _add_run(commands)
    add_batch(commands)
    return parser.parse_args(arguments)


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "run",
        help="run a workflow and fetch what it makes",
        description="Run an API-format workflow on a ComfyUI and fetch its files. "
        "Exit status: 0 done, 1 a node or the server failed, 2 wrong use, 130 interrupted.",
        allow_abbrev=False,
    )
    add = command.add_argument
    add("--server", default=SERVER, metavar="URL", help="the ComfyUI, default %(default)s")
    add("--workflow", type=Path, required=True, metavar="FILE", help="workflow in API format")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--background", type=Path, metavar="FILE", help='image for the node titled "Background"')
    add("--first-frame", type=Path, metavar="FILE", help='own first frame, for the node titled "Own anchor"')
    add(
        "--subject",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="cut-out for the canvas; up to 8 times",
    )
    add("--prompt", metavar="TEXT", help='text for the node titled "Prompt"')
    add("--negative", metavar="TEXT", help='text for the node titled "Negative prompt"')
    add("--style", metavar="NAME", help="factorized workflows: how the first frame looks, such as watercolor")
    add("--strategy", metavar="NAME", help="factorized workflows: combined, original or motion only")
    add("--skip-reasoning", action="store_true", help="factorized workflows: the prompt is the first frame's caption")
    add("--skip-anchor", action="store_true", help="factorized workflows: draw nothing, take the own first frame")
    add("--seed", type=int, metavar="N", help='seed for the node titled "Noise"')
    add("--seeds", type=int, metavar="N", help="run as many seeds, from --seed on; goes with --keep-best")
    add("--keep-best", choices=list(BY), help="name the best of --seeds first; every file is kept")
    add(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        help="any input, by the node's title, id or class",
    )
    add_timeout(command, "the job", "the server")
    add("--previews", action="store_true", help="fetch what nodes only show, too")


async def run_until_signal(arguments: argparse.Namespace) -> Result:
    """Run; the first Ctrl-C or SIGTERM cancels, which takes the job off the server."""
    cancelled_by_signals()
    workflow = load_workflow(arguments.workflow)
    choices = factorized_settings(
        workflow,
        style=arguments.style,
        strategy=arguments.strategy and arguments.strategy.replace("-", " "),
        skip_reasoning=arguments.skip_reasoning,
        skip_anchor=arguments.skip_anchor,
    )
    options: dict[str, Any] = dict(  # noqa: C408 (named as the parameters are)
        background=arguments.background,
        first_frame=arguments.first_frame,
        subjects=arguments.subject,
        prompt=arguments.prompt,
        negative=arguments.negative,
        seed=arguments.seed,
        settings=[*choices, *arguments.set],
        previews=arguments.previews,
        timeout_s=arguments.timeout,
    )
    where = arguments.server, workflow, arguments.out
    if arguments.seeds is None and arguments.keep_best is None:
        return await run(*where, **options)
    if arguments.keep_best is None:
        raise UsageError(f"--seeds goes with --keep-best, which says what is best: --keep-best {' or '.join(BY)}.")
    return _best(await run_seeds(*where, seeds=arguments.seeds or 0, by=arguments.keep_best, **options))


def _best(candidates: list[Candidate]) -> Result:
    """List all candidates, best first; the best one's result."""
    for candidate in candidates:
        print(printable(candidate.in_words()), file=sys.stderr)
    best = candidates[0].result
    assert best is not None  # where all failed, an error was raised
    return best


def _forgive_terminals() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail


def report(result: Result) -> None:
    """Texts to stderr; the local paths, one a line, to stdout for the next program."""
    _forgive_terminals()
    for title, texts in result.texts.items():
        print(f"{title}: {' '.join(texts)}", file=sys.stderr)
    paths = list(dict.fromkeys(path for paths in result.files.values() for path in paths))
    print(*paths, sep="\n") if paths else print(
        "The job left no files; --previews fetches what nodes show.", file=sys.stderr
    )


def batch(parsed: argparse.Namespace) -> int:
    """Do a list of jobs; returns the exit status."""
    from .batch_command import batch_command, in_words

    _forgive_terminals()
    count = asyncio.run(batch_command(parsed))
    print(in_words(count), file=sys.stderr)
    print(parsed.out / "results.html")
    return FAILED if count.failed or count.left else 0


def main(arguments: list[str] | None = None) -> int:
    parsed = parse(arguments)
    try:
        if parsed.command == "batch":
            return batch(parsed)
        report(asyncio.run(run_until_signal(parsed)))
    except FFGOError as error:
        print(f"Error: {error}", file=sys.stderr)
        return BAD_USAGE if isinstance(error, UsageError) else FAILED
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
