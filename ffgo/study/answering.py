"""Answers: written down one by one, what a clip did, and a set handed in. Each function is one whole step.

All take the open database, and run inside a transaction of whoever calls.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from .people import RefusedError, StudyParticipant
from .sets import StudySet
from .study_file import RANK, Study

WATCHED = 0.8
"""Share of a clip's length that must have passed between its start and its end."""
EVENTS = ("play", "ended", "error", "hidden", "shown")
MOST_EVENTS = 500
"""Of one set; further ones are not written down."""


@dataclass(frozen=True, slots=True)
class StudyAnswer:
    """What is said of the clip at a place (from 1; 0 where it is about the whole set)."""

    slot: int
    question: str
    value: int | None
    """None takes an answer back."""


def answers_of(database: sqlite3.Connection, one: StudySet) -> list[StudyAnswer]:
    rows = database.execute("SELECT slot, question, value FROM answer WHERE assignment = ?", (one.id,))
    return [StudyAnswer(*row) for row in rows.fetchall()]


def watched(database: sqlite3.Connection, study: Study, one: StudySet) -> list[int]:
    """The places whose clip was played to its end, in a time in which that can be."""
    rows = database.execute(
        "SELECT DISTINCT slot FROM event AS ended WHERE assignment = ? AND what = 'ended' AND ended.at - ("
        "SELECT max(at) FROM event AS start WHERE start.assignment = ended.assignment AND start.slot = ended.slot "
        "AND start.what = 'play' AND start.id < ended.id) >= ? ORDER BY slot",
        (one.id, WATCHED * study.seconds),
    )
    return [slot for (slot,) in rows.fetchall()]


def save(database: sqlite3.Connection, study: Study, one: StudySet, answers: Sequence[StudyAnswer], now: float) -> None:
    """Write answers down in place of those of before. Raises: RefusedError; then nothing is written."""
    if one.state == "done":
        raise RefusedError(409, "This set is handed in already. Reload the page.")
    for answer in answers:
        slots, values = study.asked.get(answer.question, ((), ()))
        if answer.slot not in slots or (answer.value is not None and answer.value not in values):
            raise RefusedError(400, "There is no such question, or no such answer to it. Reload the page.")
    for answer in answers:
        if answer.value is None:
            about = (one.id, answer.slot, answer.question)
            database.execute("DELETE FROM answer WHERE assignment = ? AND slot = ? AND question = ?", about)
            continue
        database.execute(
            "INSERT INTO answer VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET value = excluded.value, at = excluded.at",
            (one.id, answer.slot, answer.question, answer.value, now),
        )
    database.execute("UPDATE assignment SET active_at = ? WHERE id = ?", (now, one.id))


def take_note(
    database: sqlite3.Connection, study: Study, one: StudySet, *, what: str, slot: int, now: float
) -> list[int]:
    """Write down what a clip did; returns the places that count as watched. Raises: RefusedError."""
    if what not in EVENTS or slot not in range(study.places + 1):
        raise RefusedError(400, "There is no such event.")
    times = database.execute("SELECT count(*) FROM event WHERE assignment = ?", (one.id,)).fetchone()[0]
    if times < MOST_EVENTS and one.state != "done":
        database.execute("INSERT INTO event(assignment, at, what, slot) VALUES (?, ?, ?, ?)", (one.id, now, what, slot))
        database.execute("UPDATE assignment SET active_at = ? WHERE id = ?", (now, one.id))
    return watched(database, study, one)


def submit(
    database: sqlite3.Connection, study: Study, participant: StudyParticipant, one: StudySet, now: float
) -> None:
    """Hand a set in; a second time changes nothing. Raises: RefusedError that says what is missing."""
    if one.state == "done":
        return
    if missing := what_is_missing(study, answers_of(database, one), watched(database, study, one)):
        raise RefusedError(422, " ".join(missing))
    database.execute(
        "UPDATE assignment SET state = 'done', done_at = ?, active_at = ? WHERE id = ?", (now, now, one.id)
    )
    done = database.execute(
        "SELECT count(*) FROM assignment WHERE participant = ? AND state = 'done'", (participant.id,)
    ).fetchone()[0]
    if done >= study.sets:
        database.execute("UPDATE participant SET finished = coalesce(finished, ?) WHERE id = ?", (now, participant.id))


def what_is_missing(study: Study, answers: Sequence[StudyAnswer], seen: Sequence[int]) -> list[str]:
    """What is left to do before a set can be handed in, a sentence each."""
    given = {(answer.question, answer.slot): answer.value for answer in answers}
    missing = [f"Watch video {slot} to its end." for slot in range(1, study.places + 1) if slot not in seen]
    for question, (slots, _) in study.asked.items():
        gaps = [slot for slot in slots if (question, slot) not in given]
        if gaps:
            missing.append(f"Answer {question}" + (f" for video {', '.join(map(str, gaps))}." if any(gaps) else "."))
    if study.kind == "rank":
        ranks = [given.get((RANK, slot)) for slot in range(1, study.places + 1)]
        if None not in ranks and len(set(ranks)) < len(ranks):
            missing.append("Give each video its own rank.")
    return missing
