"""One writer at a time: a run, a dataset, an export, Gemini's answers; who comes second is told who holds it.

A lock is a file that the operating system lets one process hold, on all machines that share its disk, and lets go when
that process dies. The words in it, who holds it and since when, are for people alone. Where a file system has no locks
(some of clusters: Lustre mounted with `noflock`), there is a warning, and the user has to see to it.
"""

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import lock_descriptor

from .errors import FFGOError
from .files import sweep
from .plain import parse_json, part

logger = logging.getLogger("ffgo")

LOCK_FILE = ".ffgo.lock"
"""Of all that lies in a folder."""
POLL_S = 0.05
WORDS_S = 1.0
"""How long a holder may take to say who it is."""
MOST_WORDS = 1000
"""Bytes of what a lock file says."""
_HELD_BYTE = 1
"""Windows lets nobody else read the byte that is locked, which is the first one."""


class BusyError(FFGOError):
    """Somebody else writes there."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lock that this process holds."""

    path: Path
    descriptor: int
    is_sure: bool
    """Whether the file system keeps others out."""

    def sweep(self, folder: Path, of: Path | None = None) -> None:
        """Remove what writers that died left unfinished in a folder that this lock is for (`files.sweep`)."""
        if self.is_sure:
            sweep(folder, of)

    def let_go(self) -> None:
        """Delete the lock file, and let others hold it."""
        if os.name == "nt":  # where an open file cannot be deleted, nor one that somebody else opened meanwhile
            os.close(self.descriptor)
            with suppress(OSError):
                self.path.unlink()
            return
        with suppress(OSError):
            if _is_at(self.descriptor, self.path):
                self.path.unlink()
        os.close(self.descriptor)


def lock_for(path: Path) -> Path:
    """The lock file of one file or folder among others, beside it."""
    return path.with_name(f".{path.name}.ffgo.lock")


def try_lock(path: Path) -> Hold | None:
    """Hold the lock file at `path`; None where somebody else does. Raises: OSError where there can be no file."""
    descriptor = _open(path)
    if descriptor is None:
        return None
    try:
        sure = _take(descriptor, path)
        if sure is not None and _is_at(descriptor, path):
            _write_words(descriptor)
            return Hold(path, descriptor, sure)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


@contextmanager
def sole_writer(
    path: Path, doing: str, *, patience_s: float = 0, waiting: Callable[[], object] = lambda: None
) -> Iterator[Hold]:
    """Hold the lock file at `path`, whose folder is made where it is missing.

    doing: what nobody else may do meanwhile, as the start of a sentence: "The dataset X is being written"; patience_s:
    how long to wait for another holder; waiting: called meanwhile, to look whether the user cancelled.
    Raises: BusyError that says who holds it; FFGOError where the folder cannot be written to.
    """
    end = time.monotonic() + patience_s
    while (hold := _try_in_folder(path)) is None:
        holder = _holder(path)
        if time.monotonic() >= end + (0 if holder else WORDS_S):
            who = holder or f"another process ({path} is its lock)"
            raise BusyError(f"{doing} by {who}. Wait until it is done, or stop it, then run again.")
        waiting()
        time.sleep(POLL_S)
    try:
        yield hold
    finally:
        hold.let_go()


def _try_in_folder(path: Path) -> Hold | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return try_lock(path)
    except OSError as error:
        raise FFGOError(
            f"{path.parent} cannot be written to ({error.strerror}). Choose another output folder, or mend this one."
        ) from error


def _open(path: Path) -> int | None:
    """The lock file, opened; None where it is being deleted (Windows). No link is followed."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except PermissionError:
        if os.name == "nt" and path.exists():
            return None
        raise


def _take(descriptor: int, path: Path) -> bool | None:
    """True where it is held now, None where somebody else holds it, False where the file system has no locks."""
    try:
        return True if lock_descriptor(descriptor, blocking=False) else None
    except OSError as error:
        logger.warning(
            "%s: the file system keeps no locks (%s). See to it that no second process writes there.",
            path.parent, error.strerror,
        )  # fmt: skip
        return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Its last holder deletes the file: a lock on one that is no longer there keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _write_words(descriptor: int) -> None:
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    words = json.dumps({"pid": str(os.getpid()), "host": platform.node()[:100], "since": since})
    with suppress(OSError):  # a full disk locks as well as any
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b" " * _HELD_BYTE + words.encode())


def _holder(path: Path) -> str:
    """Who holds a lock, in words; nothing where its file is gone, or empty still."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(_HELD_BYTE)
            words = parse_json(file.read(MOST_WORDS).decode())
    except (OSError, ValueError):
        return ""
    pid, host, since = (part(words, name, of=str)[:100] for name in ("pid", "host", "since"))
    return f"process {pid} on {host} since {since}" if pid and host and since else ""
