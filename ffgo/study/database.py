"""The answers on disk: SQLite with a write-ahead log, one thread that writes, and nothing said before it is safe.

Whatever comes in while the disk is busy is written in one transaction with the next, each part of it whole or not at
all; so forty people at once cost the disk little more than one. A part is answered when the disk has it
(synchronous=FULL): a kill, or a power cut, after that takes nothing away.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from ..errors import FFGOError

T = TypeVar("T")
SCHEMA_VERSION = 1
MOST_AT_ONCE = 200
"""Parts of one transaction."""
_SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE participant(
    id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, code TEXT NOT NULL,
    started REAL NOT NULL, consented REAL, instructed REAL, finished REAL);
CREATE TABLE person(
    participant INTEGER PRIMARY KEY REFERENCES participant, pid TEXT NOT NULL UNIQUE,
    study_id TEXT NOT NULL, session_id TEXT NOT NULL, agent TEXT NOT NULL);
CREATE TABLE assignment(
    id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, participant INTEGER NOT NULL REFERENCES participant,
    ordinal INTEGER NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('real', 'gold', 'repeat')),
    williams_row INTEGER NOT NULL, order_json TEXT NOT NULL,
    state TEXT NOT NULL CHECK(state IN ('open', 'shown', 'done', 'lost')),
    active_at REAL NOT NULL, shown_at REAL, done_at REAL, UNIQUE(participant, ordinal));
CREATE INDEX assignment_item ON assignment(kind, state, item, williams_row);
CREATE TABLE answer(
    assignment INTEGER NOT NULL REFERENCES assignment, slot INTEGER NOT NULL, question TEXT NOT NULL,
    value INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY(assignment, slot, question)) WITHOUT ROWID;
CREATE TABLE event(
    id INTEGER PRIMARY KEY, assignment INTEGER NOT NULL REFERENCES assignment, at REAL NOT NULL,
    what TEXT NOT NULL, slot INTEGER NOT NULL);
CREATE INDEX event_assignment ON event(assignment, what, slot);
"""


class StorageError(FFGOError):
    """The disk did not take it: nothing of the request was written, everything from before is there."""


def open_database(path: Path, study_id: str) -> sqlite3.Connection:
    """The answers of a study; made where there are none. Raises: FFGOError where it is no such file, or another's."""
    if path.is_file() and not path.stat().st_size:
        raise FFGOError(
            f"{path} is empty, as a copy that failed is. Put back a backup, or delete it if nobody has answered."
        )
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise FFGOError(f"{path} cannot be opened ({error}). Choose a folder that can be written to.") from error
    try:
        _prepare(database, path, study_id)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        database.close()
        raise unreadable(path, error) from error
    except FFGOError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path, study_id: str) -> None:
    if database.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise FFGOError(f"{path}: SQLite keeps no log there, as on network drives. Move the study to a local disk.")
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "trusted_schema=OFF"):
        database.execute(f"PRAGMA {pragma}")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    _refuse_damaged(database)
    if version == 0:
        database.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};")
        facts = [("secret", token_hex(32)), ("study", study_id)]
        database.executemany("INSERT INTO meta VALUES (?, ?)", facts)
        database.execute("COMMIT")
    elif version != SCHEMA_VERSION:
        raise FFGOError(f"{path} was made by another version of the pack ({version}). Update the pack.")
    if (found := meta(database, "study")) != study_id:
        raise FFGOError(f"{path} holds the answers of another study ({found}). Build into a folder of its own.")


def meta(database: sqlite3.Connection, name: str) -> str:
    """A fact of the whole file."""
    row = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else ""


def open_to_read(path: Path) -> sqlite3.Connection:
    """The answers, also while a server writes. Raises: FFGOError where there are none."""
    if not path.is_file():
        raise FFGOError(
            f"{path} is not there: nobody has answered yet. `python -m ffgo.study serve` lets people answer."
        )
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA query_only=ON")
        database.execute("SELECT count(*) FROM assignment")
        _refuse_damaged(database)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        database.close()
        raise unreadable(path, error) from error
    return database


def _refuse_damaged(database: sqlite3.Connection) -> None:
    """Raises: sqlite3.DatabaseError where a page is not what it should be: some answers would be missed silently."""
    if (found := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(found)


def unreadable(path: Path, error: Exception) -> FFGOError:
    """What is said of a file that is damaged, or something else."""
    return FFGOError(f"{path} holds no answers that can be read ({error}). Put a backup in its place.")


def back_up(path: Path, to: Path) -> None:
    """A copy of the answers as they are now, also while a server writes. Raises: FFGOError."""
    if to.exists():
        raise FFGOError(f"{to} is there already. Name a file that is not.")
    with closing(open_to_read(path)) as database:
        try:
            database.execute("PRAGMA query_only=OFF")
            database.execute("VACUUM INTO ?", (str(to),))
        except sqlite3.Error as error:
            raise FFGOError(f"{to} cannot be written ({error}). Choose another place.") from error


class Writer:
    """The one thread that reads and writes for the server."""

    def __init__(self, database: sqlite3.Connection):
        self._database = database
        self._parts: queue.SimpleQueue[tuple[Callable[..., Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="study answers", daemon=True)
        self._thread.start()

    async def run(self, part: Callable[[sqlite3.Connection], T]) -> T:
        """What `part` returns, once the disk has all that it wrote; what it raises, with nothing of it written.

        Raises: StorageError where the disk refuses.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._parts.put((part, future))
        return await future

    def close(self) -> None:
        """Finish what was asked for, and close the file."""
        self._parts.put(None)
        self._thread.join()
        self._database.close()

    def _work(self) -> None:
        open_ = True
        while open_:
            parts = [self._parts.get()]
            with suppress(queue.Empty):
                while len(parts) < MOST_AT_ONCE:
                    parts.append(self._parts.get_nowait())
            open_ = None not in parts
            asked = [part for part in parts if part is not None]
            for (_, future), (result, error) in zip(asked, self._together([part for part, _ in asked]), strict=True):
                with suppress(RuntimeError):  # the loop has ended
                    future.get_loop().call_soon_threadsafe(_settle, future, result, error)

    def _together(self, parts: list[Callable[..., Any]]) -> list[tuple[Any, BaseException | None]]:
        """The outcome of each, in one transaction."""
        if not parts:
            return []
        try:
            self._database.execute("BEGIN IMMEDIATE")
            outcomes = [self._one(part) for part in parts]
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            refused = StorageError(f"The study's disk did not take it ({error}). All that was saved before is there.")
            return [(None, refused)] * len(parts)
        return outcomes

    def _one(self, part: Callable[..., Any]) -> tuple[Any, BaseException | None]:
        self._database.execute("SAVEPOINT part")
        try:
            result = part(self._database)
        except sqlite3.OperationalError:  # such as a full disk: nothing of the transaction can be trusted
            raise
        except Exception as error:
            self._database.execute("ROLLBACK TO part")
            self._database.execute("RELEASE part")
            return None, error
        self._database.execute("RELEASE part")
        return result, None


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
