"""Which set a participant sees next, and in which order. Each function is one whole step in the answers.

All take the open database, and run inside a transaction of whoever calls.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from .orders import SetKind, draw, least_seen, next_set, schedule, williams, with_foreign_clip
from .people import RefusedError, StudyParticipant
from .study_file import Study

LOST_AFTER_S = 3600.0
"""An assignment that nothing happened to for so long no longer counts; whoever comes back to it goes on with it."""


@dataclass(frozen=True, slots=True)
class StudySet:
    """An assignment: a set of clips in the order in which one participant sees them."""

    id: int
    token: str
    ordinal: int
    item: str
    kind: SetKind
    clips: tuple[str, ...]
    """Tokens, by place."""
    state: str


def _set(row: Sequence) -> StudySet:
    """Of a row with the first columns of the table `assignment`."""
    set_id, token, _, ordinal, item, kind, _, order, state = row[:9]
    return StudySet(set_id, token, ordinal, item, kind, tuple(json.loads(order)["clips"]), state)


def current(database: sqlite3.Connection, study: Study, participant: StudyParticipant, now: float) -> StudySet | None:
    """The set that a participant is at: the one that is open, else the next one; None where all are done."""
    row = database.execute(
        "SELECT * FROM assignment WHERE participant = ? AND state != 'done'", (participant.id,)
    ).fetchone()
    if row is None:
        done = database.execute("SELECT count(*) FROM assignment WHERE participant = ?", (participant.id,)).fetchone()
        if done[0] >= study.sets:
            return None
        row = _assign(database, study, participant, done[0], now)
    database.execute(
        "UPDATE assignment SET state = 'shown', shown_at = coalesce(shown_at, ?), active_at = ? WHERE id = ?",
        (now, now, row[0]),
    )
    return _set(row)


def _assign(
    database: sqlite3.Connection, study: Study, participant: StudyParticipant, ordinal: int, now: float
) -> Sequence:
    """Draw a participant's next set, and write it down."""
    database.execute(
        "UPDATE assignment SET state = 'lost' WHERE state IN ('open', 'shown') AND active_at < ?", (now - LOST_AFTER_S,)
    )
    kind = schedule(study.per_participant, study.gold, study.repeats, study.seed, participant.id)[ordinal]
    item_id, row = _next(database, study, participant, kind)
    item = study.item(item_id)
    clips, foreign = [item.clips[clip] for clip in williams(study.places)[row]], None
    if kind == "gold":
        other = [one for one in study.items if one.case != item.case]
        picked = other[int(draw(study.seed, "foreign", participant.id, ordinal) * len(other))]
        place = int(draw(study.seed, "clip", participant.id, ordinal) * study.places)
        clips, foreign = with_foreign_clip(clips, picked.clips[place], study.seed, participant.id, ordinal)
    order = json.dumps({"clips": clips, "foreign": foreign})
    return database.execute(
        "INSERT INTO assignment(token, participant, ordinal, item, kind, williams_row, order_json, state, active_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?) RETURNING *",
        (token_hex(8), participant.id, ordinal, item.id, kind, row, order, now),
    ).fetchone()


def _next(database: sqlite3.Connection, study: Study, participant: StudyParticipant, kind: SetKind) -> tuple[str, int]:
    """The item and its Williams row."""
    mine: list[tuple[str, str, int]] = database.execute(
        "SELECT item, kind, williams_row FROM assignment WHERE participant = ? ORDER BY ordinal", (participant.id,)
    ).fetchall()
    used = {
        (item, row): times
        for item, row, times in database.execute(
            "SELECT item, williams_row, count(*) FROM assignment WHERE kind = ? AND state != 'lost' "
            "GROUP BY item, williams_row",
            (kind,),
        )
    }
    rows = range(len(williams(study.places)))
    if kind == "repeat":  # the earliest ones, in turn: they are the longest ago
        before = sum(1 for _, was, _ in mine if was == "repeat")
        again, seen_in = [(item, row) for item, was, row in mine if was == "real"][before]
        others = [(again, row) for row in rows if row != seen_in]
        return next_set(others, study.places, used, study.seed, kind, participant.id)
    times = Counter[str]()
    for (item, _), often in used.items():
        times[item] += often
    cases = {item.id: item.case for item in study.items}
    new = cases.keys() - {item for item, _, _ in mine}
    fresh = {item for item in new if cases[item] not in {cases[one] for one, _, _ in mine}}
    may_come = [(item, row) for item in least_seen(fresh or new, times) for row in rows]
    return next_set(may_come, study.places, used, study.seed, kind, participant.id)


def may_see(database: sqlite3.Connection, participant: StudyParticipant, study: Study) -> set[str]:
    """Tokens of the clips and first frames of a participant's own sets."""
    rows = database.execute("SELECT item, order_json FROM assignment WHERE participant = ?", (participant.id,))
    mine = rows.fetchall()
    clips = {clip for _, order in mine for clip in json.loads(order)["clips"]}
    return clips | {study.item(item).frame for item, _ in mine}


def set_of(database: sqlite3.Connection, participant: StudyParticipant, token: str) -> StudySet:
    """A participant's own set. Raises: RefusedError where there is none, or it is somebody else's."""
    row = database.execute("SELECT * FROM assignment WHERE token = ?", (token,)).fetchone()
    if not row:
        raise RefusedError(404, "There is no such set. Reload the page.")
    if row[2] != participant.id:
        raise RefusedError(403, "This set is somebody else's. Reload the page.")
    return _set(row)
