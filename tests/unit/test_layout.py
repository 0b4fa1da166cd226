"""Where things go on the canvas."""

import itertools
import json
import random

import pytest

from ffgo.frame.geometry import PRESETS, Box, halves
from ffgo.frame.layout import (
    LAYOUTS,
    MAX_SUBJECTS,
    Layout,
    Placement,
    Subject,
    place_background,
    place_subjects,
)

CANVASES = [*PRESETS.values(), (1281, 721), (721, 1281), (333, 334), (16, 16), (64, 2000), (2000, 64)]
HUGE = Subject((4000, 4000), Box(0, 0, 4000, 4000), 16_000_000)
WIDE = Subject((4000, 400), Box(0, 0, 4000, 400), 1_600_000)


def some_subjects(count: int, seed: int = 0) -> list[Subject]:
    rng = random.Random(100 * count + seed)
    subjects = []
    for _ in range(count):
        width, height = rng.randint(20, 2000), rng.randint(20, 2000)
        left, top = rng.randint(0, width // 2), rng.randint(0, height // 2)
        visible = Box(left, top, rng.randint(1, width - left), rng.randint(1, height - top))
        subjects.append(Subject((width, height), visible, visible.width * visible.height * rng.uniform(0.1, 1)))
    return subjects


def boxes(placements: list[Placement]) -> list[tuple[int, int, int, int]]:
    return [(p.box.x, p.box.y, p.box.width, p.box.height) for p in placements]


def smallest(subjects: list[Subject], placements: list[Placement]) -> float:
    return min(
        s.area * (p.box.width / p.crop.width) * (p.box.height / p.crop.height)
        for s, p in zip(subjects, placements, strict=True)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("canvas", CANVASES, ids=str)
def test_subjects_lie_apart_in_the_left_half_and_are_never_enlarged(layout, canvas):
    left, _ = halves(*canvas)
    for count in range(1, MAX_SUBJECTS + 1):
        placements = place_subjects(some_subjects(count), canvas, layout)
        assert len(placements) == count
        for place in placements:
            assert 0 <= place.box.x < place.box.right <= left.right
            assert 0 <= place.box.y < place.box.bottom <= left.bottom
            assert place.box.width <= place.crop.width
            assert place.box.height <= place.crop.height
        for one, other in itertools.combinations([p.box for p in placements], 2):
            beside = one.right <= other.x or other.right <= one.x
            assert beside or one.bottom <= other.y or other.bottom <= one.y


@pytest.mark.parametrize("canvas", CANVASES, ids=str)
@pytest.mark.parametrize("size", [(1344, 768), (100, 3000), (3000, 100), (50, 40)], ids=str)
def test_the_background_lies_centred_in_the_right_half(canvas, size):
    _, right = halves(*canvas)
    box = place_background(size, canvas)
    before, after = box.x - right.x, right.right - box.right
    above, below = box.y, right.bottom - box.bottom
    assert 0 <= before <= after <= before + 1
    assert 0 <= above <= below <= above + 1
    assert box.width == min(size[0], right.width) or box.height == min(size[1], right.height)


def test_the_official_background_place():
    assert place_background((1280, 720), (1280, 720)) == Box(640, 180, 640, 360)


PUBLISHED = {
    1: [(0, 0, 640, 720)],
    2: [(0, 0, 640, 360), (0, 360, 640, 360)],
    3: [(0, 0, 640, 240), (0, 240, 640, 240), (0, 480, 640, 240)],
    4: [(0, 0, 320, 360), (320, 0, 320, 360), (0, 360, 320, 360), (320, 360, 320, 360)],
    5: [(0, 0, 320, 240), (320, 0, 320, 240), (0, 240, 320, 240), (320, 240, 320, 240), (0, 480, 640, 240)],
}


@pytest.mark.parametrize("count", PUBLISHED)
def test_published_slots(count):
    subjects = [Subject(slot[2:], Box(0, 0, *slot[2:]), 1.0) for slot in PUBLISHED[count]]
    assert boxes(place_subjects(subjects, (1280, 720))) == PUBLISHED[count]


@pytest.mark.parametrize("count", range(1, MAX_SUBJECTS + 1))
def test_script_has_rows_only_and_shows_whole_pictures(count):
    placements = place_subjects([HUGE] * count, (1280, 720), "script")
    slot = 720 // count
    side = min(slot, 640)
    assert boxes(placements) == [((640 - side) // 2, i * slot + (slot - side) // 2, side, side) for i in range(count)]
    inner = Subject((900, 300), Box(400, 100, 20, 20), 400.0)
    assert place_subjects([inner], (1280, 720), "script")[0].crop == Box(0, 0, 900, 300)


@pytest.mark.parametrize("layout", ["published", "packed"])
def test_crops_to_what_can_be_seen_with_a_margin_clipped_to_the_picture(layout):
    inside, corner = Subject((900, 300), Box(400, 100, 20, 30), 600.0), Subject((50, 50), Box(4, 0, 43, 46), 600.0)
    crops = [place.crop for place in place_subjects([inside, corner], (1280, 720), layout)]
    assert crops == [Box(395, 95, 30, 40), Box(0, 0, 50, 50)]


@pytest.mark.parametrize(("canvas", "seeds"), [((1280, 720), 4), ((1281, 721), 4), ((480, 832), 4), ((16, 16), 15)])
@pytest.mark.parametrize("count", range(1, MAX_SUBJECTS + 1))
def test_packed_is_never_worse(canvas, seeds, count):
    for seed in range(seeds):
        subjects = some_subjects(count, seed)
        packed = smallest(subjects, place_subjects(subjects, canvas, "packed"))
        for layout in ("published", "script"):
            assert packed >= smallest(subjects, place_subjects(subjects, canvas, layout))


def test_packed_finds_what_rows_waste():
    # Two banners and a poster: rows give the poster a third of the height, packing nearly all of it.
    poster = Subject((400, 1200), Box(0, 0, 400, 1200), 480_000.0)
    subjects = [WIDE, poster, WIDE]
    published = smallest(subjects, place_subjects(subjects, (1280, 720)))
    assert smallest(subjects, place_subjects(subjects, (1280, 720), "packed")) > 1.5 * published


def test_packed_enlarges_up_to_the_limit_only_if_asked():
    small = Subject((100, 100), Box(0, 0, 100, 100), 5000.0)
    sides = [
        place_subjects([small], (1280, 720), "packed", max_upscale=factor)[0].box.size for factor in (1.0, 2.5, 8.0)
    ]
    assert sides == [(100, 100), (250, 250), (640, 640)]


def test_packed_keeps_the_gap():
    places = place_subjects([HUGE, HUGE], (1280, 720), "packed", gap=30)
    top, bottom = sorted((place.box for place in places), key=lambda box: box.y)
    assert bottom.y - top.bottom == 30
    assert top.size == bottom.size == (345, 345)


def test_scale_and_json():
    placement = Placement(Box(5, 6, 300, 100), Box(10, 20, 150, 50))
    text = Layout((1280, 720), Box(640, 180, 640, 360), [placement], [1234.5678]).to_json()
    assert json.loads(text) == {
        "version": 1,
        "canvas": {"width": 1280, "height": 720},
        "background": {"x": 640, "y": 180, "width": 640, "height": 360},
        "subjects": [
            {
                "crop": {"x": 5, "y": 6, "width": 300, "height": 100},
                "box": {"x": 10, "y": 20, "width": 150, "height": 50},
                "angle": 0.0,
                "flip": False,
                "shown": True,
                "z": 0,
                "scale": 0.5,
                "pixels": 1234.57,
            }
        ],
    }
