"""The layout packed gives what the page's editor shows before a run: one table for both."""

import json
from pathlib import Path

import pytest

from ffgo.frame.geometry import Box
from ffgo.frame.layout import Subject, place_subjects

CASES = json.loads((Path(__file__).parents[1] / "data" / "packed_cases.json").read_text())


def corners(box: Box) -> list[int]:
    return [box.x, box.y, box.width, box.height]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['subjects'])} subjects, gap {case['gap']}")
def test_the_table_of_packed_layouts(case):
    subjects = [Subject(tuple(s["size"]), Box(*s["visible"]), s["area"]) for s in case["subjects"]]
    places = place_subjects(subjects, tuple(case["canvas"]), "packed", max_upscale=case["max_upscale"], gap=case["gap"])
    assert [{"crop": corners(place.crop), "box": corners(place.box)} for place in places] == case["expected"]
