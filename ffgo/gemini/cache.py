"""Answers on disk, so that nothing is ever paid twice.

One file for each answer: a line with the SHA-256 of the rest, a line of JSON, then the picture file or the text. Any
number of processes may share the folder: files appear by renaming, only while the folder's lock is held, and the
system lets go of the lock of a process that dies. What such a process leaves unfinished goes with the next answer.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import FFGOError
from ..locks import try_lock
from ..plain import parse_json, part, read_limited
from .answer import Answer, Usage, count

logger = logging.getLogger("ffgo.gemini")

DEFAULT_LIMIT = 2 * 1024**3
"""Bytes: some two thousand pictures."""

ENTRY, UNFINISHED = ".answer", ".unfinished"
WAIT_S, LONGEST_WAIT_S = 0.02, 30.0
LEAST_ROOM = 64 * 1024**2
"""Bytes that are free before anything is asked: what is paid has a place to lie."""
MOST_ENTRY = 1024**3
"""Bytes of one answer."""
MOST_UNWRITTEN = 32

_UNWRITTEN: dict[Path, Answer] = {}
"""What the disk refused, by the path that it should have."""


class AnswerCache:
    """Answers by the key of their request, in one folder of at most `limit` bytes."""

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT):
        self.folder, self.limit = folder, limit

    def prepare(self) -> None:
        """Make the folder. Raises: FFGOError where nothing could be kept in it, before anything is paid."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            writable = os.access(self.folder, os.W_OK)
            room = shutil.disk_usage(self.folder).free
        except (OSError, ValueError):
            writable, room = False, 0
        if not writable:
            raise FFGOError(f"Gemini's answers cannot be kept in {self.folder}: it is no folder that can be written.")
        if room < LEAST_ROOM:
            raise FFGOError(
                f"Gemini's answers cannot be kept in {self.folder}: its disk is full. Make room; nothing was asked."
            )

    def get(self, key: str) -> Answer | None:
        """The answer that is kept; None where there is none, or where its file is not what was written.

        Raises: FFGOError where a file is there and cannot be read: asking again would pay again.
        """
        path = self.folder / f"{key}{ENTRY}"
        if unwritten := _UNWRITTEN.get(path):
            return unwritten
        try:
            content = read_limited(path, MOST_ENTRY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FFGOError(
                f"Gemini's answer in {path} cannot be read ({error.strerror}). Mend or delete the file; nothing was "
                "asked."
            ) from error
        answer = _unpacked(key, content)
        if answer is None:
            logger.warning("%s is damaged: its answer is asked for again.", path)
        else:
            with suppress(OSError):  # a folder that others write is a cache all the same
                os.utime(path)  # the longest unused goes first
        return answer

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; the longest unused ones go where room is needed. One bigger than the limit is not kept.

        Raises: OSError where the disk refuses; then this process remembers the answer as long as it lives.
        """
        content = _packed(key, answer)
        if len(content) > self.limit:
            return
        path = self.folder / f"{key}{ENTRY}"
        try:
            self._write(key, content)
            _UNWRITTEN.pop(path, None)
        except OSError:
            _UNWRITTEN[path] = replace(answer, cached=True)
            while len(_UNWRITTEN) > MOST_UNWRITTEN:
                del _UNWRITTEN[next(iter(_UNWRITTEN))]
            raise

    def _write(self, key: str, content: bytes) -> None:
        lock, end = self.folder / "cache.lock", time.monotonic() + LONGEST_WAIT_S
        while (held := try_lock(lock)) is None:
            if time.monotonic() > end:
                raise OSError(errno.ETIMEDOUT, f"somebody holds {lock}")
            time.sleep(WAIT_S)
        try:
            self._make_room(self.limit - len(content), besides=key)
            unfinished = self.folder / f"{key}{UNFINISHED}"
            unfinished.write_bytes(content)
            unfinished.replace(self.folder / f"{key}{ENTRY}")
        finally:
            held.let_go()

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
    try:
        about = parse_json(head.decode())
    except ValueError:
        return None
    kind = part(about, "kind", of=str)
    if part(about, "key", of=str) != key or kind not in ("picture", "text", "body"):  # a file under another's name
        return None
    usage = part(about, "usage", of=dict)
    tokens = Usage(*(count(usage.get(name)) for name in ("input", "text", "picture")))
    return Answer(kind, data, tokens, cached=True)
