"""Small studies without clips, and people who answer them."""

import sqlite3
from dataclasses import replace

from ffgo.study.answering import StudyAnswer, save, submit, take_note
from ffgo.study.people import Arrival, log_in, note, participant_of
from ffgo.study.sets import StudySet, current
from ffgo.study.study_file import NEITHER, Study, StudyItem, StudyQuestion

SECONDS = 2.0
QUESTIONS = (
    StudyQuestion("object", "Objects", "Do they stay the same?", "not at all", "entirely"),
    StudyQuestion("scene", "Scene", "Does it stay the same?", "not at all", "entirely"),
)


def token(*parts: int) -> str:
    return "".join(f"{part:04x}" for part in (7, *parts)).ljust(16, "0")


def make_study(cases: int = 50, methods: int = 4, **changes) -> Study:
    """The paper's size, with the clips named by case and method."""
    items = tuple(
        StudyItem(
            token(1, case),
            token(2, case),
            f"Case {case} happens.",
            token(3, case),
            tuple(token(4, case, method) for method in range(methods)),
        )
        for case in range(cases)
    )
    study = Study("toys", "Toys", "rank", items, QUESTIONS, ("You may stop.",), ("Look.",), SECONDS, "seed")
    return replace(study, **changes)


def arrive(database: sqlite3.Connection, pid: str, now: float = 0.0):
    """Log in, consent, read; returns the participant."""
    participant = participant_of(database, log_in(database, Arrival(pid), now))
    note(database, participant, "consented", now)
    note(database, participant, "instructed", now)
    return participant_of(database, log_in(database, Arrival(pid), now))


def all_answers(study: Study, prefer=lambda clip: clip, clips=()) -> list[StudyAnswer]:
    """Ranks in the order of `prefer` over the clips, 3 on every scale; of a pair, neither."""
    if study.kind == "pairwise":
        return [StudyAnswer(0, question.id, NEITHER) for question in study.questions]
    best_first = sorted(range(len(clips)), key=lambda place: prefer(clips[place]))
    ranks = [StudyAnswer(place + 1, "rank", rank) for rank, place in enumerate(best_first, 1)]
    places = range(1, study.places + 1)
    return ranks + [StudyAnswer(place, question.id, 3) for question in study.questions for place in places]


def watch(database, study, one, now):
    for slot in range(1, study.places + 1):
        take_note(database, study, one, what="play", slot=slot, now=now)
        take_note(database, study, one, what="ended", slot=slot, now=now + study.seconds)


def open_set(database: sqlite3.Connection, study: Study, participant, now: float) -> StudySet:
    """The set that a participant is at."""
    one = current(database, study, participant, now)
    assert one is not None
    return one


def do_set(database: sqlite3.Connection, study: Study, participant, now: float = 0.0, answers=all_answers) -> StudySet:
    """Do the set that is open, all of it; returns it."""
    one = open_set(database, study, participant, now)
    watch(database, study, one, now)
    save(database, study, one, answers(study, clips=one.clips), now)
    submit(database, study, participant, one, now)
    return one
