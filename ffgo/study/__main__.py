"""The command: python -m ffgo.study build | serve | analyse | simulate ..."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Literal

from ..errors import FFGOError
from ..plain import Source

FAILED, INTERRUPTED = 1, 130
LOOPBACK, PORT = "127.0.0.1", 8790
SWITCH_S = 0.0005
"""How long the server's thread that speaks HTTP may keep the one that writes waiting, at each of its short steps."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ffgo.study",
        description="Let people compare clips of several methods. Exit status: 0 done, 1 something is wrong, 2 wrong "
        "use, 130 interrupted.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands)
    _add_serve(commands)
    _add_analyse(commands)
    _add_simulate(commands)
    return parser.parse_args(arguments)


def _add_build(commands) -> None:
    add = _command(commands, "build", _build, "make a study of a run folder: clips that tell nothing, and their key")
    add("runs", type=Path, metavar="RUNS", help="what `python -m ffgo.evaluation run` made")
    add("out", type=Path, metavar="STUDY", help="folder to make; its part `served` is all that a server needs")
    add("--kind", choices=("rank", "pairwise"), default="rank", help="all methods at once, or two; default %(default)s")
    add("--method", action="append", default=[], metavar="NAME", help="compare these only; several times")
    add("--against", default="", metavar="NAME", help="pairs of this method and each other; default: all pairs")
    add("--seed", type=int, metavar="N", help="of the clips; default: the first that all methods have")
    add("--trim", action="append", default=[], metavar="METHOD=N", help="leave out so many frames, or `auto`")
    add("--seconds", type=float, default=math.inf, metavar="N", help="cut all clips to so much; default: the shortest")
    add("--title", default="Which video is better?", help="default %(default)r")
    add("--per-participant", type=int, metavar="N", help="sets of each person, without checks; default 5")
    add("--raters", type=int, default=4, metavar="N", help="people for each case, default %(default)s")
    add("--gold", type=int, metavar="N", help="sets with a clip of another case; default: one in six")
    add("--repeats", type=int, default=1, metavar="N", help="sets that come again, default %(default)s")
    add("--completion-url", default="", metavar="URL", help="where people go in the end, such as Prolific's")
    add("--consent", type=Path, metavar="FILE", help="text that people agree to, paragraphs with empty lines between")
    add("--instructions", type=Path, metavar="FILE", help="text that says what to do, in the same form")


def _add_serve(commands) -> None:
    add = _command(commands, "serve", _serve, "let people answer a study in their browsers")
    add("study", type=Path, metavar="STUDY", help="the study's folder, or the served folder in it")
    add("--host", default=LOOPBACK, help="address to listen on, default %(default)s: this machine alone")
    add("--port", type=int, default=PORT, help="default %(default)s; 0 takes a free one")
    add("--behind-proxy", action="store_true", help="a reverse proxy of yours, which adds HTTPS, asks for others")


def _add_analyse(commands) -> None:
    add = _command(
        commands, "analyse", _analyse, "print what people said: table 1, intervals, agreement; write it, too"
    )
    add("study", type=Path, metavar="STUDY", help="the study's folder; people may answer meanwhile")
    add("--out", type=Path, metavar="DIR", help="folder for table1.csv, .md and .html; default: the study's")
    add("--key", type=Path, metavar="FILE", help="key.json, where it is not in the study's folder")
    add = _command(commands, "backup", _backup, "copy the answers; people may answer meanwhile")
    add("study", type=Path, metavar="STUDY", help="the study's folder")
    add("to", type=Path, metavar="FILE", help="the copy, which must not be there")


def _add_simulate(commands) -> None:
    add = _command(commands, "simulate", _simulate, "print how wide the intervals of a study of some size are")
    for name, of_the_paper in (("raters", 40), ("sets", 5), ("cases", 50), ("methods", 4)):
        add(f"--{name}", type=int, default=of_the_paper, metavar="N", help="default %(default)s")
    add("--studies", type=int, default=400, metavar="N", help="how many are drawn, default %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="default %(default)s")
    add("--json", action="store_true", help="one JSON object a line")


def _command(commands, name: str, run, what: str):
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    command.set_defaults(run=run)
    return command.add_argument


def _build(arguments: argparse.Namespace) -> None:
    from .build import StudyPlan, build
    from .texts import CONSENT

    plan = StudyPlan(
        kind=arguments.kind,
        title=arguments.title,
        methods=tuple(arguments.method),
        against=arguments.against,
        seed=arguments.seed,
        trims=dict(_trim(text) for text in arguments.trim),
        most_seconds=arguments.seconds,
        per_participant=arguments.per_participant,
        raters_per_case=arguments.raters,
        gold=arguments.gold,
        repeats=arguments.repeats,
        completion_url=arguments.completion_url,
        consent=_paragraphs(arguments.consent) or CONSENT,
        instructions=_paragraphs(arguments.instructions),
    )
    built = build(arguments.runs, arguments.out, plan)
    for note in built.notes:
        print(note, file=sys.stderr)
    study = built.study
    print(
        f"{built.folder}: {len(study.items)} items of {study.places} clips, {study.seconds:.2f} s each; "
        f"{built.participants} people with {study.per_participant} sets each, and {study.sets - study.per_participant} "
        f"checks, make it full. key.json says which clip is whose: keep it to yourself."
    )


def _trim(text: str) -> tuple[str, int | Literal["auto"]]:
    """METHOD=N. Raises: FFGOError."""
    method, equals, frames = text.rpartition("=")
    if not equals or not (frames == "auto" or frames.isdecimal()):
        raise FFGOError(f"--trim {text} is not of the form METHOD=N, where N is a number of frames, or auto.")
    return method, "auto" if frames == "auto" else int(frames)


def _paragraphs(path: Path | None) -> tuple[str, ...]:
    text = Source("text", whole=str(path)).file(path) if path else ""
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def _serve(arguments: argparse.Namespace) -> None:
    from .serve import serve

    sys.setswitchinterval(SWITCH_S)

    def started(url: str) -> None:
        print(f"{url}  (Ctrl-C ends it; every answer is on the disk)", flush=True)

    serve(arguments.study, arguments.host, arguments.port, behind_proxy=arguments.behind_proxy, started=started)


def _analyse(arguments: argparse.Namespace) -> None:
    from .analyse import analyse

    found = analyse(arguments.study, arguments.out, arguments.key)
    print(next(path for path in found.files if path.suffix == ".md").read_text("utf-8"))
    print(*found.files, sep="\n", file=sys.stderr)


def _backup(arguments: argparse.Namespace) -> None:
    from .database import back_up
    from .study_file import ANSWERS_FILE, served_folder

    back_up(served_folder(arguments.study) / ANSWERS_FILE, arguments.to)


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
