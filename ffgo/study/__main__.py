"""The command: python -m ffgo.study simulate ..."""

import argparse
import json
import sys

from ..errors import FFGOError

FAILED, INTERRUPTED = 1, 130


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ffgo.study",
        description="Let people compare clips of several methods. Exit status: 0 done, 1 something is wrong, 2 wrong "
        "use, 130 interrupted.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_simulate(commands)
    return parser.parse_args(arguments)


def _add_simulate(commands) -> None:
    from .simulate import Size

    add = _command(commands, "simulate", _simulate, "how wide the intervals of a study of some size are")
    usual = Size()
    for name in ("raters", "sets", "cases", "methods"):
        add(f"--{name}", type=int, default=getattr(usual, name), metavar="N", help="default %(default)s")
    add("--studies", type=int, default=400, metavar="N", help="how many are drawn, default %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="default %(default)s")
    add("--json", action="store_true", help="one JSON object a line")


def _command(commands, name: str, run, what: str):
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    command.set_defaults(run=run)
    return command.add_argument


def _simulate(arguments: argparse.Namespace) -> None:
    from .simulate import Size, as_plain, simulate

    size = Size(arguments.raters, arguments.sets, arguments.cases, arguments.methods)
    found = as_plain(simulate(size, arguments.studies, arguments.seed))
    if arguments.json:
        print(*(json.dumps(one) for one in found), sep="\n")
        return
    print(f"{'measure':<12} {'interval':<10} {'covers the truth':>17} {'mean width':>11}")
    for one in found:
        unit = " %" if one["measure"].startswith("%") else ""
        print(f"{one['measure']:<12} {one['interval']:<10} {one['coverage']:>15.1f} % {one['width']:>10.2f}{unit}")


def main(arguments: list[str] | None = None) -> int:
    parsed = parse(arguments)
    try:
        parsed.run(parsed)
    except FFGOError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
