"""Answers on disk, so that nothing is ever paid twice.

One file for each answer: a line with the SHA-256 of the rest, a line of JSON, then the picture file or the text. Any
number of processes may share the folder: files appear by renaming, only while the folder's lock is held, and the
system lets go of the lock of a process that dies. What such a process leaves unfinished goes with the next answer.
"""

import hashlib
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ..errors import FFGOError
from .answer import Answer, Usage
from .locks import try_lock, unlock

logger = logging.getLogger("ffgo.gemini")

DEFAULT_LIMIT = 2 * 1024**3
"""Bytes: some two thousand pictures."""

ENTRY, UNFINISHED = ".answer", ".unfinished"
WAIT_S = 0.02


class AnswerCache:
    """Answers by the key of their request, in one folder of at most `limit` bytes."""

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT):
        self.folder, self.limit = folder, limit

    def prepare(self) -> None:
        """Make the folder. Raises: FFGOError where nothing could be kept in it, before anything is paid."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            writable = os.access(self.folder, os.W_OK)
        except OSError:
            writable = False
        if not writable:
            raise FFGOError(f"Gemini's answers cannot be kept in {self.folder}: it is no folder that can be written.")

    def get(self, key: str) -> Answer | None:
        """The answer that is kept; None where there is none, or where its file is not what was written."""
        path = self.folder / f"{key}{ENTRY}"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        answer = _unpacked(key, content)
        if answer is None:
            logger.warning("%s is damaged: its answer is asked for again.", path)
        else:
            with suppress(OSError):  # a folder that others write is a cache all the same
                os.utime(path)  # the longest unused goes first
        return answer

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; the longest unused ones go where room is needed. One bigger than the limit is not kept.

        Raises: OSError where the disk refuses.
        """
        content = _packed(key, answer)
        if len(content) > self.limit:
            return
        lock = self.folder / "cache.lock"
        while (held := try_lock(lock)) is None:
            time.sleep(WAIT_S)
        try:
            self._make_room(self.limit - len(content), besides=key)
            unfinished = self.folder / f"{key}{UNFINISHED}"
            unfinished.write_bytes(content)
            unfinished.replace(self.folder / f"{key}{ENTRY}")
        finally:
            unlock(held, lock)

    def _make_room(self, most: int, besides: str) -> None:
        """Leave at most `most` bytes, without the entry that is about to be replaced. Only for who holds the lock."""
        entries = []
        for file in os.scandir(self.folder):
            if file.name.endswith(UNFINISHED):  # its writer died: it would hold the lock
                Path(file.path).unlink(missing_ok=True)
            elif file.name.endswith(ENTRY) and file.name != f"{besides}{ENTRY}":
                entries.append((file.stat().st_mtime_ns, file.stat().st_size, file.path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= most:
                return
            Path(path).unlink(missing_ok=True)
            total -= size


def _packed(key: str, answer: Answer) -> bytes:
    about = {"key": key, "kind": answer.kind, "usage": asdict(answer.usage), "time": round(time.time())}
    rest = json.dumps(about).encode() + b"\n" + answer.data
    return hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def _unpacked(key: str, content: bytes) -> Answer | None:
    checksum, _, rest = content.partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != checksum:
        return None
    head, _, data = rest.partition(b"\n")
    about = json.loads(head)
    if about["key"] != key:  # a file under another's name
        return None
    return Answer(about["kind"], data, Usage(**about["usage"]), cached=True)
