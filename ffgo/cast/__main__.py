"""The cast on the command line: python -m ffgo.cast list | export NAME FILE | import FILE."""

import argparse
import sys
from pathlib import Path

from ..errors import FFGOError
from .portable import export_member, import_member
from .shelf import FOLDER, Cast

FAILED = 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ffgo.cast", description="Who is in the cast, in and out.")
    parser.add_argument(
        "--folder", type=Path, default=Path(f"../../input/{FOLDER}"), metavar="DIR",
        help="the cast's folder, below ComfyUI's input folder; default, from where the pack lies: %(default)s",
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("list", help="who is there")
    out = commands.add_parser("export", help="write one member into a file")
    out.add_argument("name", help="a name as `list` prints it")
    out.add_argument("file", type=Path, help="the file to write, or a folder for it")
    into = commands.add_parser("import", help="take a member's file into the cast")
    into.add_argument("file", type=Path, help="a .ffgocast file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    parsed = parse(arguments)
    cast = Cast(parsed.folder)
    try:
        match parsed.command:
            case "list":
                for label, slug in cast.labels().items():
                    print(f"{label}\t{slug}")
                for reason in cast.broken().values():
                    print(f"Left out: {reason}", file=sys.stderr)
            case "export":
                print(export_member(cast, parsed.name, parsed.file))
            case _:
                saved = import_member(cast, parsed.file)
                print(saved.note)
    except FFGOError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
