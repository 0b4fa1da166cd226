"""Files that are there only when they are complete, and what is left of those that never were."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

STEM_BYTES = 100
"""Of the final name, in the name of an unfinished file; with all that is around it, it fits into 255."""

_HOST = re.sub(r"[^A-Za-z0-9]+", "_", platform.node())[:24] or "host"
_UNFINISHED = re.compile(r"\..*\.ffgo-\w+-\d+-[0-9a-f]{8}(\.\w*)?")
_MADE_BEFORE = re.compile(r"\.(.+-)?[0-9a-f]{32}(\.\w+)?|\.step_\d+\..*")
"""As version 0.1.0 and those before it called them."""


def unfinished_name(path: Path) -> Path:
    """A hidden name beside `path`, of the same suffix, for what is not finished: it tells who writes there.

    `my_lora.safetensors` becomes `.my_lora.ffgo-<host>-<pid>-<random>.safetensors`.
    """
    stem = path.stem.encode()[:STEM_BYTES].decode(errors="ignore")
    return path.with_name(f".{stem}.ffgo-{_HOST}-{os.getpid()}-{uuid4().hex[:8]}{path.suffix}")


def leftovers(folder: Path, of: str = "") -> list[Path]:
    """What is unfinished in a folder: files and folders. of: the start of their names without the dot."""
    try:
        paths = list(folder.iterdir())
    except OSError:  # there is no such folder yet
        return []
    patterns = (_UNFINISHED, _MADE_BEFORE)
    return [
        path
        for path in paths
        if path.name.startswith(f".{of}") and any(pattern.fullmatch(path.name) for pattern in patterns)
    ]


def sweep(folder: Path, of: str = "") -> None:
    """Remove what is unfinished in a folder. Only for who keeps all others from writing there (`locks`)."""
    for path in leftovers(folder, of):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # what cannot go now goes the next time
                path.unlink()


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, of the same suffix; it takes the place of `path` when nothing was raised.

    What a failure leaves is removed, and `path` stays as it was. Raises: OSError where the disk refuses.
    """
    partial = unfinished_name(path)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
