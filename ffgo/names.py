"""One checker for every name of a file or folder that comes from outside: a workflow, a job file, a server.

Links that users made in their own folders are followed: that is how datasets are shared. A name that is refused is
refused for how it is written, so that no message tells what exists elsewhere.
"""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .errors import FFGOError

MOST_BYTES = 200
"""Of one name; the rest up to the 255 of file systems is for what is put around it."""
MOST_BYTES_IN_ALL = 1000

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that cannot be seen: control, direction of writing, halves of pairs."""
NO_LETTERS = '<>:"|?*'
"""What Windows takes for something else than a letter: a drive, a stream, a pattern."""
BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters without a shape."""
LIKE_SLASHES = "\u2044\u2215\u2216\u29f5\u29f8\u29f9\uff0f\uff3c"
RESERVED = {
    *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789\u00b9\u00b2\u00b3"),
}
"""Devices of Windows, whatever follows after a dot."""


def plain_name(name: str, what: str) -> str:
    """`name` where it is the plain name of a file or folder, on every system. Raises: FFGOError."""
    if "/" in name:
        _refuse(name, what, "holds a slash")
    _check_part(name, name, what)
    return name


def path_below(folder: Path, name: str, what: str) -> Path:
    """The path that `name`, which may have folders with slashes between them, is below `folder`. Raises: FFGOError."""
    if _size(name) > MOST_BYTES_IN_ALL:
        _refuse(name, what, f"is longer than {MOST_BYTES_IN_ALL} bytes")
    for part in name.split("/"):
        _check_part(part, name, what)
    return folder / name


def path_within(folder: Path, written: str) -> Path | None:
    """The path that is meant, relative or whole, if it is `folder` or below it; for what is looked for, not made."""
    written = written.strip()
    if not written or _size(written) > MOST_BYTES_IN_ALL or any(map(_is_unseen, written)):
        return None
    path = Path(os.path.normpath(folder / written))
    if not path.is_relative_to(folder) or any(_is_reserved(part) for part in path.relative_to(folder).parts):
        return None
    return path


def folder_with(folders: Sequence[Path], written: str) -> Path | None:
    """The first folder that holds the file; where none does, the first that it could be in; None where it leads out."""
    inside = [folder for folder in folders if path_within(folder, written)]
    return next((folder for folder in inside if (folder / written.strip()).is_file()), next(iter(inside), None))


def _check_part(part: str, name: str, what: str) -> None:
    """Raises: FFGOError where a part of a name can be no file's on some system, or seems to be another."""
    if not part.strip():
        _refuse(name, what, "is empty, or a part of it is" if name.strip() else "is empty")
    if any(map(_is_unseen, part)):
        _refuse(name, what, "holds a character that cannot be seen")
    if found := next((c for c in part if c in NO_LETTERS or c == "\\" or c in LIKE_SLASHES), None):
        _refuse(name, what, f"holds {found}")
    if part[0] in ".~" or part != part.strip() or part.endswith("."):
        _refuse(name, what, "begins or ends with a dot, a space or ~")
    if _is_reserved(part):
        _refuse(name, what, "is a device of Windows")
    if _size(part) > MOST_BYTES:
        _refuse(name, what, f"is longer than {MOST_BYTES} bytes")


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN or character in BLANK


def _is_reserved(part: str) -> bool:
    return part.partition(".")[0].strip().casefold() in RESERVED


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def _refuse(name: str, what: str, why: str) -> NoReturn:
    shown = name if len(name) <= 60 else f"{name[:60]}..."
    raise FFGOError(f"{what} is {shown!r}, which {why}. Take letters, digits, '-' and '_'.")
