"""Who takes part: logging in, sessions, consent. Each function is one whole step in the answers.

All take the open database, and run inside a transaction of whoever calls.
"""

import hmac
import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex

from ..errors import FFGOError
from .database import meta

MOST_PID = 100


class RefusedError(FFGOError):
    """A request that is not granted; status: as HTTP has it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes, as the page or Prolific's link says."""

    pid: str
    study_id: str = ""
    session_id: str = ""
    agent: str = ""
    """The browser."""


@dataclass(frozen=True, slots=True)
class StudyParticipant:
    """Somebody who takes part."""

    id: int
    token: str
    code: str
    consented: float | None
    instructed: float | None
    finished: float | None


def log_in(database: sqlite3.Connection, arrival: Arrival, now: float) -> str:
    """The session of a person, who is the same one whenever the same ID comes. Raises: RefusedError."""
    pid = arrival.pid.strip()
    if not pid or len(pid) > MOST_PID or not pid.isprintable():
        raise RefusedError(400, f"This ID cannot be used. It has 1 to {MOST_PID} letters and digits.")
    found = database.execute("SELECT participant FROM person WHERE pid = ?", (pid,)).fetchone()
    if found:
        token = database.execute("SELECT token FROM participant WHERE id = ?", found).fetchone()[0]
        return _session(database, token)
    token, code = token_hex(8), token_hex(4).upper()
    new = database.execute("INSERT INTO participant(token, code, started) VALUES (?, ?, ?)", (token, code, now))
    about = (new.lastrowid, pid, arrival.study_id[:MOST_PID], arrival.session_id[:MOST_PID], arrival.agent[:300])
    database.execute("INSERT INTO person VALUES (?, ?, ?, ?, ?)", about)
    return _session(database, token)


def _session(database: sqlite3.Connection, token: str) -> str:
    return f"{token}.{hmac.new(meta(database, 'secret').encode(), token.encode(), sha256).hexdigest()}"


def participant_of(database: sqlite3.Connection, session: str) -> StudyParticipant:
    """Whose session it is. Raises: RefusedError where it is nobody's."""
    token = session.partition(".")[0]
    if not hmac.compare_digest(_session(database, token).encode(), session.encode()):
        raise RefusedError(403, "Please log in again with the same ID. All that you answered is kept.")
    row = database.execute(
        "SELECT id, token, code, consented, instructed, finished FROM participant WHERE token = ?", (token,)
    ).fetchone()
    if not row:
        raise RefusedError(403, "Please log in again with the same ID.")
    return StudyParticipant(*row)


def note(database: sqlite3.Connection, participant: StudyParticipant, what: str, now: float) -> None:
    """Write down that somebody consented, or read the instructions; the first time counts."""
    if what not in _NOTES:
        raise RefusedError(400, "There is no such step.")
    database.execute(_NOTES[what], (now, participant.id))


_NOTES = {
    "consented": "UPDATE participant SET consented = coalesce(consented, ?) WHERE id = ?",
    "instructed": "UPDATE participant SET instructed = coalesce(instructed, ?) WHERE id = ?",
}
