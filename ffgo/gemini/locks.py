"""Files that one process at a time holds; the system lets go of them when the holder dies."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

if os.name == "nt":
    import msvcrt

    def _take(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def try_lock(path: Path) -> BinaryIO | None:
    """Hold the lock file at `path`; None where somebody else does. Let go with `unlock`."""
    file = path.open("ab")
    if _take(file) and _is_at(file, path):
        return file
    file.close()
    return None


def unlock(file: BinaryIO, path: Path) -> None:
    """Let go of a lock file, and delete it where the system deletes open files (not on Windows)."""
    with suppress(PermissionError):
        path.unlink(missing_ok=True)
    file.close()


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Its last holder deletes the file: a lock on one that is no longer there keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
