"""The command: python -m ffgo.evaluation run SET METHODS --out RUNS, then measure RUNS, then report RUNS.

Exit status: 0 done, 1 something failed, 2 wrong use, 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

from ..errors import FFGOError, printable
from ..remote.arguments import add_servers

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
JUDGE = "gemini-3.1-pro-preview"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m ffgo.evaluation",
        description="Make the cases of a test set by several methods, measure the clips, and compare. "
        "docs/evaluation.md tells more. Exit status: 0 done, 1 something failed, 2 wrong use, 130 interrupted.",
    )
    top.add_argument("--example", action="store_true", help="print a methods.toml to begin with")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".", allow_abbrev=False)

    one = command("import-official", "write the authors' test set in this pack's format")
    one.add_argument("data", type=Path, help="a copy of zli12321/FFGO-Video-Customization, or its Data folder")
    one.add_argument("out", type=Path, help="folder for the test set")

    one = command("check", "open every file of a test set, and say what is wrong")
    one.add_argument("set", type=Path, help="testset.json, or its folder")

    one = command("run", "make the clips of all methods; what is done already is kept")
    one.add_argument("set", type=Path, help="testset.json, or its folder")
    one.add_argument("methods", type=Path, help="methods.toml; --example prints one")
    one.add_argument("--out", type=Path, required=True, metavar="RUNS", help="the run folder")
    add_servers(one)
    one.add_argument("--only", action="append", default=[], metavar="CASE", help="this case alone; may come often")
    one.add_argument("--retry", action="store_true", help="try again what failed before")
    one.add_argument("--anew", action="store_true", help="make again what was made from other settings")
    one.add_argument("--timeout", type=float, default=86400.0, metavar="SECONDS", help="for one clip; default a day")

    one = command("measure", "measure every clip of a run folder, and write the tables")
    one.add_argument("runs", type=Path, metavar="RUNS", help="the run folder")
    _add_models(one)
    one.add_argument(
        "--judge", metavar="MODEL", nargs="?", const=JUDGE,
        help="have Gemini rate each clip, for money: a question a clip; of %(const)s, if no other is named",
    )  # fmt: skip
    one.add_argument("--selftest", type=Path, metavar="FILE", help="what selftest --out wrote of this embedder")

    one = command("selftest", "say how well an embedder tells subjects and scenes apart")
    one.add_argument("set", type=Path, help="a test set whose cases have reference clips")
    _add_models(one)
    one.add_argument("--out", type=Path, metavar="FILE", help="keep the result for measure --selftest")

    one = command("faults", "say which faults of a clip the metrics notice, and what else falls by them")
    one.add_argument("set", type=Path, help="a test set whose cases have reference clips")
    _add_embedder(one)
    one.set_defaults(text_model=None, faces=None)

    one = command("report", "make a page of what was measured: report.html")
    one.add_argument("runs", type=Path, metavar="RUNS", help="the run folder")
    return top


def _add_models(command: argparse.ArgumentParser) -> None:
    _add_embedder(command)
    command.add_argument("--text-model", type=Path, metavar="FOLDER", help="a CLIP model in transformers' format")
    command.add_argument("--faces", type=Path, metavar="FOLDER", help="dlib's two files for faces; needs dlib")


def _add_embedder(command: argparse.ArgumentParser) -> None:
    command.add_argument("--embedder", type=Path, metavar="FILE", help="a CLIP_VISION model file of ComfyUI's kinds")


def main(arguments: list[str] | None = None) -> int:
    from .methods import EXAMPLE

    asked = parser().parse_args(arguments)
    if asked.example:
        print(EXAMPLE, end="")
        return 0
    if not asked.command:
        parser().print_help()
        return BAD_USAGE
    try:
        return _COMMANDS[asked.command](asked)
    except FFGOError as error:
        from ..remote import UsageError

        print(f"Error: {error}", file=sys.stderr)
        return BAD_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print("Interrupted. What is done is there; the same command goes on.", file=sys.stderr)
        return INTERRUPTED


def _show(lines: list[str]) -> None:
    for line in lines:
        print(printable(line))


def _import_official(asked: argparse.Namespace) -> int:
    from .official import describe, import_official

    imported = import_official(asked.data, asked.out)
    _show(describe(imported))
    return 0 if imported.cases.cases else FAILED


def _check(asked: argparse.Namespace) -> int:
    from .check import check_set, describe

    checked = check_set(asked.set)
    _show(describe(checked))
    return FAILED if checked.problems else 0


def _run(asked: argparse.Namespace) -> int:
    from .command import run_command

    return run_command(asked)


def _measure(asked: argparse.Namespace) -> int:
    from .command import measure_command

    lines, failed = measure_command(asked)
    _show(lines)
    return FAILED if failed else 0


def _selftest(asked: argparse.Namespace) -> int:
    from .command import selftest_command

    _show(selftest_command(asked))
    return 0


def _faults(asked: argparse.Namespace) -> int:
    from .command import faults_command

    _show(faults_command(asked))
    return 0


def _report(asked: argparse.Namespace) -> int:
    from .report import write_report
    from .runs import read_runs

    _show([str(write_report(read_runs(asked.runs)))])
    return 0


_COMMANDS = {
    "import-official": _import_official,
    "check": _check,
    "run": _run,
    "measure": _measure,
    "selftest": _selftest,
    "faults": _faults,
    "report": _report,
}

if __name__ == "__main__":
    sys.exit(main())
