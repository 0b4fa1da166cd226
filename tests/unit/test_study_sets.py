"""Who sees what in which order, and what is accepted as an answer."""

import json
from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from ffgo.errors import FFGOError
from ffgo.study.answering import StudyAnswer, answers_of, save, submit, take_note, watched
from ffgo.study.database import open_database
from ffgo.study.orders import gold_sets, schedule, williams
from ffgo.study.people import Arrival, RefusedError, log_in, participant_of
from ffgo.study.sets import LOST_AFTER_S, current, set_of
from ffgo.study.study_file import SERVED, Study, read_study, served_folder, write_study

from .study_scene import SECONDS, all_answers, arrive, do_set, make_study, open_set, token, watch


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path / "answers.sqlite", "toys")
    opened.execute("PRAGMA synchronous=OFF")  # the disk is not what is tested here
    yield opened
    opened.close()


@pytest.mark.parametrize("clips", range(2, 9))
def test_williams_rows_are_even_in_places_and_neighbours(clips):
    rows = williams(clips)
    assert len(rows) == (2 * clips if clips % 2 else clips)
    assert all(sorted(row) == list(range(clips)) for row in rows)
    places = Counter((place, clip) for row in rows for place, clip in enumerate(row))
    followed = Counter(pair for row in rows for pair in pairwise(row))
    assert len(set(places.values())) == 1
    assert len(set(followed.values())) == 1
    assert len(followed) == clips * (clips - 1)


def test_a_schedule_has_its_checks():
    for person in range(50):
        kinds = schedule(5, gold_sets(5), 1, "seed", person)
        assert Counter(kinds) == {"real": 5, "gold": 1, "repeat": 1}
        assert kinds[0] == "real"
        assert kinds[-1] == "repeat"
    assert len({tuple(schedule(5, 1, 1, "seed", person)) for person in range(50)}) > 3


def real_sets(database):
    rows = database.execute("SELECT item, order_json FROM assignment WHERE kind = 'real' AND state = 'done'")
    return [(item, json.loads(order)["clips"]) for item, order in rows]


@pytest.mark.parametrize("methods", [2, 3, 4])
def test_forty_people_fill_a_balanced_study(database, methods):
    """Ten at once, four times, 5 sets each; three leave in the middle of a set, and later ones fill in for them."""
    study = make_study(methods=methods)
    for wave in range(4):
        start = wave * 2 * LOST_AFTER_S
        people = [arrive(database, f"person {wave} {number}", start) for number in range(10)]
        leaves_at = (0, 2, 4, study.sets)[wave]
        for step in range(study.sets):
            for person in people:
                if person != people[0] or step < leaves_at:
                    do_set(database, study, person, start + step)
                elif step == leaves_at:
                    open_set(database, study, person, start + step)
    sets = real_sets(database)
    cases = Counter(item for item, _ in sets)
    assert all(abs(cases[item.id] - 4) <= 1 for item in study.items)
    method_of = {clip: method for item in study.items for method, clip in enumerate(item.clips)}
    by_method = Counter((place, method_of[clip]) for _, clips in sets for place, clip in enumerate(clips))
    even = len(sets) / methods
    assert all(abs(by_method[place, method] - even) <= 1 for place in range(methods) for method in range(methods))
    assert database.execute("SELECT count(*) FROM participant WHERE finished IS NOT NULL").fetchone() == (37,)


def test_nobody_sees_an_item_twice_but_in_the_repeat(database):
    study = make_study(cases=8)
    for number in range(8):
        person = arrive(database, f"person {number}")
        sets = [do_set(database, study, person) for _ in range(study.sets)]
        assert current(database, study, person, 0) is None
        assert len({one.item for one in sets if one.kind != "repeat"}) == study.sets - 1
        repeat = next(one for one in sets if one.kind == "repeat")
        before = next(one for one in sets if one.item == repeat.item)
        assert sorted(repeat.clips) == sorted(before.clips)
        assert repeat.clips != before.clips


def test_a_gold_set_holds_one_clip_of_another_case(database):
    study = make_study(cases=8)
    for number in range(8):
        person = arrive(database, f"person {number}")
        gold = next(one for one in (do_set(database, study, person) for _ in range(study.sets)) if one.kind == "gold")
        foreign = json.loads(
            database.execute("SELECT order_json FROM assignment WHERE id = ?", (gold.id,)).fetchone()[0]
        )["foreign"]
        own = study.item(gold.item).clips
        assert gold.clips[foreign] not in own
        assert len(set(gold.clips) & set(own)) == study.places - 1


def test_pairs_of_one_case_go_to_different_people(database):
    methods = list(combinations(range(3), 2))
    base = make_study(cases=6, methods=3)
    items = tuple(
        replace(item, id=token(9, case, *pair), clips=tuple(item.clips[one] for one in pair))
        for case, item in enumerate(base.items)
        for pair in methods
    )
    study = replace(base, kind="pairwise", items=items)
    for number in range(9):
        person = arrive(database, f"person {number}")
        sets = [do_set(database, study, person) for _ in range(study.sets)]
        assert len({study.item(one.item).case for one in sets if one.kind == "real"}) == study.per_participant
    assert set(Counter(item for item, _ in real_sets(database)).values()) <= {2, 3}


def test_whoever_comes_back_is_at_the_same_set(database):
    study = make_study()
    person = arrive(database, "a")
    first = open_set(database, study, person, 0)
    save(database, study, first, [StudyAnswer(1, "rank", 2)], 1)
    again = open_set(database, study, arrive(database, " a "), 2)
    assert again.token == first.token
    assert answers_of(database, again) == [StudyAnswer(1, "rank", 2)]


def test_a_set_that_was_left_goes_to_another_and_is_kept_for_who_left(database):
    study = make_study(cases=2, per_participant=1, gold=0, repeats=0, raters_per_case=1)
    left = open_set(database, study, arrive(database, "leaves"), 0)
    other = open_set(database, study, arrive(database, "second"), 1)
    assert {left.item, other.item} == {item.id for item in study.items}
    third = open_set(database, study, arrive(database, "third"), LOST_AFTER_S + 0.5)
    assert third.item == left.item
    back = open_set(database, study, arrive(database, "leaves"), LOST_AFTER_S + 2)
    assert back.token == left.token
    assert do_set(database, study, arrive(database, "leaves"), LOST_AFTER_S + 3).token == left.token


def test_one_person_has_one_session_and_others_have_theirs(database):
    first, again = (log_in(database, Arrival("5f1c"), now) for now in (0, 1))
    other = log_in(database, Arrival("5f1d"), 2)
    assert first == again
    assert other != first
    for forged in ("", "x", first[:-1], first.partition(".")[0] + other[other.index(".") :], "ü." + "0" * 64):
        with pytest.raises(RefusedError) as refused:
            participant_of(database, forged)
        assert refused.value.status == 403
    for pid in ("", "  ", "x" * 101, "a\nb"):
        with pytest.raises(RefusedError, match="cannot be used"):
            log_in(database, Arrival(pid), 0)


def test_another_ones_set_and_none_are_refused(database):
    study = make_study()
    mine, theirs = arrive(database, "a"), arrive(database, "b")
    one = open_set(database, study, theirs, 0)
    with pytest.raises(RefusedError) as refused:
        set_of(database, mine, one.token)
    assert refused.value.status == 403
    with pytest.raises(RefusedError) as refused:
        set_of(database, mine, "0" * 16)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "answer",
    [
        StudyAnswer(0, "rank", 1), StudyAnswer(5, "rank", 1), StudyAnswer(1, "rank", 5), StudyAnswer(1, "rank", 0),
        StudyAnswer(1, "object", 6), StudyAnswer(1, "none", 1),
    ],
)  # fmt: skip
def test_answers_to_nothing_are_refused_whole(database, answer):
    study = make_study()
    one = open_set(database, study, arrive(database, "a"), 0)
    with pytest.raises(RefusedError, match="no such"):
        save(database, study, one, [StudyAnswer(1, "rank", 1), answer], 0)
    assert answers_of(database, one) == []


def test_a_set_is_handed_in_only_when_it_is_complete(database):
    study, person = make_study(), arrive(database, "a")
    one = open_set(database, study, person, 0)
    whole = all_answers(study, clips=one.clips)
    save(database, study, one, [answer for answer in whole if answer != whole[0]], 0)
    with pytest.raises(RefusedError, match=r"Watch video 1 .* Answer rank for video \d"):
        submit(database, study, person, one, 0)
    save(database, study, one, whole, 0)
    with pytest.raises(RefusedError, match="Watch video 4"):
        submit(database, study, person, one, 0)
    watch(database, study, one, 0)
    save(database, study, one, [StudyAnswer(slot, "rank", 1) for slot in (1, 2)], 0)
    with pytest.raises(RefusedError, match="its own rank"):
        submit(database, study, person, one, 0)
    save(database, study, one, whole, 0)
    submit(database, study, person, one, 0)
    one = set_of(database, person, one.token)
    submit(database, study, person, one, 1)  # a request that came twice
    with pytest.raises(RefusedError, match="already"):
        save(database, study, one, whole, 2)
    assert open_set(database, study, person, 3).ordinal == 1


def test_only_a_clip_that_ran_counts_as_watched(database):
    study, person = make_study(), arrive(database, "a")
    one = open_set(database, study, person, 0)

    def happens(what, slot, now):
        return take_note(database, study, one, what=what, slot=slot, now=now)

    assert happens("ended", 1, 100) == []
    happens("play", 1, 100)
    assert happens("ended", 1, 100.5) == []  # wound forward
    happens("play", 1, 101)
    assert happens("ended", 1, 101 + 0.9 * SECONDS) == [1]
    happens("play", 2, 200)
    happens("play", 2, 210)  # reloaded
    assert happens("ended", 2, 211) == [1]
    assert watched(database, study, one) == [1]
    for what, slot in (("eaten", 1), ("play", 5), ("play", -1)):
        with pytest.raises(RefusedError):
            happens(what, slot, 0)


def test_a_study_is_read_as_it_was_written(tmp_path):
    study, served = make_study(completion_url="https://app.prolific.com/submissions/complete?cc=1"), tmp_path / SERVED
    served.mkdir()
    write_study(study, served)
    assert read_study(tmp_path) == read_study(served) == study
    assert served_folder(tmp_path) == served


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"per_participant": 50}, "nobody sees an item twice"),
        ({"questions": []}, "questions are none"),
        ({"items": []}, "items is empty"),
        ({"completion_url": "javascript:alert(1)"}, "https"),
        ({"kind": "pairwise"}, "a pairwise study has two"),
        ({"colour": 1}, "unknown key"),
        ({"version": 2}, "update the pack"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(tmp_path, change, words):
    write_study(make_study(), tmp_path)
    path = tmp_path / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FFGOError, match=words):
        read_study(tmp_path)


def test_a_folder_without_a_study_is_named(tmp_path):
    with pytest.raises(FFGOError, match="is no study"):
        read_study(tmp_path)


def test_the_study_says_how_long_it_is():
    study: Study = make_study()
    assert study.sets == 7
    assert list(study.asked) == ["rank", "object", "scene"]
