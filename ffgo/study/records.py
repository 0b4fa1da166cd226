"""Answers read back: every finished set with the methods that its places were, and who seems not to have looked."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import FFGOError
from ..plain import Source
from .database import meta, open_to_read, unreadable
from .key import StudyKey
from .orders import SetKind
from .study_file import RANK, Study

FOREIGN = ""
"""In place of a method: the clip of another case."""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """A finished set of one rater."""

    rater: int
    """A number of this study; IDs of people are not read."""
    item: str
    case: str
    """The test set's name of it."""
    kind: SetKind
    methods: tuple[str, ...]
    """By place."""
    answers: Mapping[str, Mapping[int, int]]
    """By question and place, from 1; place 0 of pairs."""
    seconds: float
    """From when it was first shown to when it was handed in."""

    def by_method(self, question: str) -> dict[str, int]:
        """Answers to a question, without that about a clip of another case."""
        return {
            method: self.answers[question][place] for place, method in enumerate(self.methods, 1) if method != FOREIGN
        }

    @property
    def ranking(self) -> tuple[str, ...]:
        """Methods from best to worst."""
        ranks = self.by_method(RANK)
        return tuple(sorted(ranks, key=ranks.__getitem__))

    def preferred(self, question: str) -> str | None:
        """The method that is preferred in a pair; none where neither is."""
        place = self.answers[question][0]
        return self.methods[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Records:
    """All that a study's participants did."""

    sets: tuple[JudgedSet, ...]
    participants: int
    """That logged in."""
    finished: int

    def of_kind(self, kind: SetKind) -> list[JudgedSet]:
        return [one for one in self.sets if one.kind == kind]

    def without(self, raters: Mapping[int, object]) -> "Records":
        kept = tuple(one for one in self.sets if one.rater not in raters)
        return Records(kept, self.participants - len(raters), self.finished)


@dataclass(frozen=True, slots=True)
class _Row:
    """A finished set as the file has it."""

    rater: int
    item: str
    kind: SetKind
    order: str
    """JSON: the clips by place, and which of them is another case's."""
    seconds: float
    answers: Mapping[str, Mapping[int, int]]


def read_records(database: Path, study: Study, key: StudyKey) -> Records:
    """Raises: FFGOError where there are no answers, or they, the study and the key do not belong together."""
    try:
        with closing(open_to_read(database)) as opened:
            if not meta(opened, "study") == study.id == key.study:
                raise FFGOError(
                    f"{database}, study.json and key.json are not of one study ({meta(opened, 'study')}, {study.id}, "
                    f"{key.study}). Put those of one build together, or name the key with --key."
                )
            rows = _rows(opened)
            people, finished = opened.execute("SELECT count(*), count(finished) FROM participant").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise unreadable(database, error) from error
    source = Source(database.name, "Put a backup in its place.", whole=str(database))
    return Records(tuple(_judged(row, study, key, source) for row in rows), people, finished)


def _rows(opened: sqlite3.Connection) -> list[_Row]:
    answers: dict[int, dict[str, dict[int, int]]] = {}
    for assignment, slot, question, value in opened.execute("SELECT assignment, slot, question, value FROM answer"):
        answers.setdefault(assignment, {}).setdefault(question, {})[slot] = value
    sets = opened.execute(
        "SELECT id, participant, item, kind, order_json, coalesce(done_at - shown_at, 0) FROM assignment "
        "WHERE state = 'done' ORDER BY participant, ordinal"
    )
    return [
        _Row(rater, item, kind, order, seconds, answers.get(assignment, {}))
        for assignment, rater, item, kind, order, seconds in sets
    ]


def _judged(row: _Row, study: Study, key: StudyKey, source: Source) -> JudgedSet:
    """Raises: FFGOError where the set is not of this study, or the key is not."""
    order = source.json(row.order).object(["clips", "foreign"])
    clips = [clip.string() for clip in order["clips"].list("tokens")]
    places = [key.clips[clip] for clip in clips if clip in key.clips]
    first = study.item(row.item).clips[0]
    if len(places) < len(clips) or first not in key.clips:
        raise FFGOError("The key lacks clips of this study. Put the key.json of its build beside it.")
    methods = tuple(FOREIGN if place == order["foreign"].value else at[0] for place, at in enumerate(places))
    if lacking := study.asked.keys() - row.answers.keys():
        raise FFGOError(
            f"A finished set has no answer to {', '.join(sorted(lacking))}: the questions in study.json were "
            "changed after people answered. Put those back that they were asked."
        )
    for question, (slots, values) in study.asked.items():
        given = row.answers[question]
        if len(clips) != study.places or set(given) != set(slots) or not set(given.values()) <= set(values):
            source.refuse("", f"has a finished set whose answers to {question} cannot be", "it was changed by hand")
    return JudgedSet(row.rater, row.item, key.clips[first][1], row.kind, methods, row.answers, row.seconds)


def exclusions(study: Study, records: Records) -> dict[int, list[str]]:
    """Raters who seem not to have looked, with the reasons; nothing is deleted for it."""
    found: dict[int, list[str]] = {}
    for rater in sorted({one.rater for one in records.sets}):
        mine = [one for one in records.sets if one.rater == rater]
        reasons = []
        if any(_likes_foreign(study, one) for one in mine if one.kind == "gold"):
            reasons.append("preferred a clip of another case")
        if _is_one_answer(study, [one for one in mine if one.kind == "real"]):
            reasons.append("gave one answer to everything")
        if reasons:
            found[rater] = reasons
    return found


def _likes_foreign(study: Study, one: JudgedSet) -> bool:
    if study.kind == "pairwise":
        return one.preferred(study.questions[-1].id) == FOREIGN
    return one.answers[RANK][one.methods.index(FOREIGN) + 1] == 1


def _is_one_answer(study: Study, sets: Sequence[JudgedSet]) -> bool:
    """Whether all places of several sets have the same answer to every question, but for ranks."""
    given = {
        value for one in sets for question in study.questions for value in one.answers.get(question.id, {}).values()
    }
    return len(sets) > 1 and len(given) == 1
