"""What a batch has done: `results.jsonl`, one line a try, written and flushed as it ends; and what servers have now."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..names import path_within
from ..plain import MOST_BYTES, parse_json, part
from .kinds import LocalDiskError

RESULTS, FLYING = "results.jsonl", ".flying.jsonl"


@dataclass(frozen=True, slots=True)
class Flight:
    """A job that a server was given."""

    key: str
    server: str
    job_id: str


class Flights:
    """What servers have now, which a runner that is killed leaves behind: a line as a job begins, one as it ends."""

    def __init__(self, out: Path):
        """Read what is there. Raises: LocalDiskError."""
        self._out = out
        try:
            lines = list(_lines(out / FLYING))
            ended = {part(line, "ended", of=str) for line in lines}
            given = [Flight(*(part(line, name, of=str) for name in ("key", "server", "job_id"))) for line in lines]
            self.before = [flight for flight in given if flight.job_id and flight.job_id not in ended]
            """What servers had when the last runner ended."""
            self._file = _opened(out / FLYING)
        except OSError as error:
            raise disk_error(out, error) from error

    def begins(self, flight: Flight) -> None:
        """A job is given to a server. Raises: LocalDiskError."""
        line = {"key": flight.key, "server": flight.server, "job_id": flight.job_id}
        _write(self._out, self._file, line, at_once=False)

    def ends(self, job_id: str) -> None:
        """No server has the job any more. Raises: LocalDiskError."""
        _write(self._out, self._file, {"ended": job_id}, at_once=False)

    def close(self, *, all_ended: bool) -> None:
        """all_ended: no server has anything any more."""
        _close(self._file)
        if all_ended:
            (self._out / FLYING).unlink(missing_ok=True)


class Results:
    """The books of one folder; only for who keeps all others from writing there."""

    def __init__(self, out: Path):
        """Read what is there. Raises: LocalDiskError."""
        self._out = out
        try:
            self.last = {part(row, "key", of=str): row for row in _lines(out / RESULTS)}
            """Key of a job -> the line of its last try."""
            self._file = _opened(out / RESULTS)
        except OSError as error:
            raise disk_error(out, error) from error

    def close(self) -> None:
        _close(self._file)

    def is_done(self, key: str) -> bool:
        """Whether a job is done, and its files are there."""
        row = self.last.get(key, {})
        paths = (path_within(self._out, one) for one in files_of_row(row))
        return row.get("status") == "done" and all(path and path.is_file() for path in paths)

    def has_failed(self, key: str) -> bool:
        """Whether a job was given up."""
        return self.last.get(key, {}).get("status") == "failed"

    def ends(self, row: Mapping[str, Any]) -> None:
        """A try is over. Raises: LocalDiskError."""
        row = {**row, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        _write(self._out, self._file, row)
        self.last[row["key"]] = row


def disk_error(out: Path, error: OSError) -> LocalDiskError:
    """Why nothing more can be written, and what to do."""
    return LocalDiskError(
        f"{out} cannot be written to: {error.strerror or error}. What is done is there; make room, then run the same "
        "command again, and it goes on."
    )


def files_of_row(row: Mapping[str, Any]) -> list[str]:
    """The files of a line, relative to the folder of the batch."""
    files = part(row, "files", of=dict)
    return [one for name in files for one in part(files, name, of=list) if isinstance(one, str)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole: a kill or a full disk may have cut the last one short."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(MOST_BYTES):
            try:
                row = parse_json(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _opened(path: Path) -> IO[str]:
    """To append to, at the start of a line."""
    file = path.open("a+", encoding="utf-8")
    if size := path.stat().st_size:
        with path.open("rb") as look:
            look.seek(size - 1)
            if look.read(1) != b"\n":
                file.write("\n")
    return file


def _write(out: Path, file: IO[str], row: Mapping[str, Any], *, at_once: bool = True) -> None:
    """at_once: onto the disk, which a power cut cannot undo."""
    try:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        if at_once:
            os.fsync(file.fileno())
    except OSError as error:
        raise disk_error(out, error) from error


def _close(file: IO[str]) -> None:
    with suppress(OSError):  # of a full disk: what a file could not be given was told when it was
        file.close()
