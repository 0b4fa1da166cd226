"""Files that are there only when they are complete, and what is left of those that never were."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

STEM_BYTES = 200
"""Of the final name, in the name of what is unfinished; with all that is around it, it fits into 255."""

_HOST = re.sub(r"[^A-Za-z0-9]+", "_", platform.node())[:12] or "host"
_WRITER = r"\.ffgo-\w+-\d+-[0-9a-f]{8}"
_MADE_BEFORE = "-?[0-9a-f]{32}"
"""As version 0.1.0 named writers."""


def unfinished_name(path: Path) -> Path:
    """A hidden name beside `path`, of the same suffix, for what is not finished: it tells who writes there.

    `my_lora.safetensors` becomes `.my_lora.ffgo-<host>-<pid>-<random>.safetensors`.
    """
    return path.with_name(f".{_stem(path)}.ffgo-{_HOST}-{os.getpid()}-{uuid4().hex[:8]}{path.suffix}")


def _stem(path: Path) -> str:
    return path.stem.encode()[:STEM_BYTES].decode(errors="ignore")


def leftovers(folder: Path, of: Path | None = None) -> list[Path]:
    """What is unfinished in a folder: files and folders. of: only what was to become this one."""
    if of is None:
        names = rf"\.(.+)?({_WRITER}|{_MADE_BEFORE})(\.\w*)?|\.step_\d+\..*"
    else:
        names = rf"\.{re.escape(_stem(of))}{_WRITER}{re.escape(of.suffix)}|\.{re.escape(of.name)}{_MADE_BEFORE}"
    try:
        return [path for path in folder.iterdir() if re.fullmatch(names, path.name)]
    except OSError:  # there is no such folder yet
        return []


def sweep(folder: Path, of: Path | None = None) -> None:
    """Remove what is unfinished in a folder. Only for who keeps all others from writing there (`locks`)."""
    for path in leftovers(folder, of):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # what cannot go now goes the next time
                path.unlink()


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """A file of the name of `path` to write to; it takes the place of `path` when nothing was raised.

    It lies in a hidden folder beside `path`: safetensors writes into a file with a name of its own before it gives it
    the one that it was told, and what a kill leaves of that must be known as ours.
    What a failure leaves is removed, and `path` stays as it was. Raises: OSError where the disk refuses.
    """
    folder = unfinished_name(path)
    folder.mkdir()
    partial = folder / path.name
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
