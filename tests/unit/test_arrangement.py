"""The arrangement: its text, which entry is whose, and where that puts the subjects."""

import json
from pathlib import Path

import pytest

from ffgo.errors import FFGOError
from ffgo.frame.arrangement import MAX_TEXT, Arrangement, read_arrangement
from ffgo.frame.custom import arrange, bind, corners, drawing_order, mark
from ffgo.frame.geometry import Box
from ffgo.frame.layout import Subject

CASES = json.loads((Path(__file__).parents[1] / "data" / "arrangement_cases.json").read_text())


def arrangement(*entries: dict, **keys) -> str:
    return json.dumps({"version": 1, "canvas": {"width": 1280, "height": 720}, "subjects": list(entries), **keys})


def read(text: str) -> Arrangement:
    found = read_arrangement(text)
    assert found is not None
    return found


def numbers(box: Box) -> list[int]:
    return [box.x, box.y, box.width, box.height]


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_the_shared_cases(case):
    arranged, canvas, expected = read(json.dumps(case["arrangement"])), tuple(case["canvas"]), case["expected"]
    subjects = []
    for subject in case["subjects"]:
        visible = Box(*subject["visible"])
        subjects.append(Subject(tuple(subject["size"]), visible, visible.width * visible.height))

    fingerprints = [subject["fingerprint"] for subject in case["subjects"]]
    entries, places = bind(arranged, fingerprints), arrange(arranged, fingerprints, subjects, canvas)

    lists = {"subjects": arranged.subjects, "parked": arranged.parked}
    for entry, bound in zip(entries, expected["bound"], strict=True):
        assert entry is (None if bound is None else lists[bound[0]][bound[1]])
    assert [
        {"crop": numbers(p.crop), "box": numbers(p.box), "angle": p.angle, "flip": p.flip, "shown": p.shown, "z": p.z}
        for p in places
    ] == expected["places"]
    assert drawing_order(places) == expected["order"]
    assert [[list(point) for point in corners(place)] for place in places] == [
        [pytest.approx(point, abs=0.0006) for point in outline] for outline in expected["corners"]
    ]
    assert [{"leaves": m.leaves, "background": m.background, "overlaps": m.overlaps} for m in mark(places, canvas)] == (
        expected["marks"]
    )


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["text"][:60])
def test_what_is_no_arrangement_is_refused(case):
    with pytest.raises(FFGOError) as refused:
        read_arrangement(case["text"])
    assert case["where"] in str(refused.value)
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_text_is_no_arrangement(text):
    assert read_arrangement(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" " + arrangement() + " " * MAX_TEXT, "characters long"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 20_000, "nested too deeply"),
        ('{"version": ' + "9" * 5000 + "}", "thousands of digits"),
        ('{"version": ' + "9" * 4000 + "}", "more than 20 digits"),
        (arrangement().replace('"version": 1', '"version": 1, "version": 1'), '"version" twice'),
        ("{" + ",".join(f'"{i}":0' for i in range(20_000)) + "}", "version is missing"),
        ("\ufeff" + arrangement(), "is not JSON"),
    ],
    ids=["long", "deep list", "deep object", "digits", "many digits", "twice", "many keys", "byte order mark"],
)
def test_hostile_texts_are_refused(text, said):
    with pytest.raises(FFGOError, match=said):
        read_arrangement(text)
