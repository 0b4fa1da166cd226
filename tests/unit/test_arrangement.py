"""The arrangement: its text, which entry is whose, and where that puts the subjects."""

import hashlib
import json
import math
import random
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ffgo.errors import FFGOError
from ffgo.frame.arrangement import MAX_TEXT, Arrangement, read_arrangement
from ffgo.frame.compose import compose
from ffgo.frame.custom import arrange, bind, corners, drawing_order, mark
from ffgo.frame.geometry import Box
from ffgo.frame.layout import LAYOUTS, Subject
from ffgo.frame.pictures import look_at
from ffgo.pixels import to_uint8

CASES = json.loads((Path(__file__).parents[1] / "data" / "arrangement_cases.json").read_text())


def arrangement(*entries: dict, **keys) -> str:
    value = {"version": 1, "canvas": {"width": 1280, "height": 720}, "subjects": list(entries)}
    return json.dumps(value | keys)


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


def entry(x: float, y: float, width: float, height: float, **keys) -> dict:
    return {"x": x, "y": y, "width": width, "height": height, **keys}


def cutout(seed: int, size: tuple[int, int] = (60, 40), margin: int = 8) -> Tensor:
    """A patch of noise in the middle of a transparent picture, (1, H, W, 4)."""
    width, height = size
    picture = np.random.default_rng(seed).random((1, height, width, 4), np.float32)
    picture[..., 3] = 0
    picture[:, margin : height - margin, margin : width - margin, 3] = 1
    return torch.from_numpy(picture)


def block(colour: tuple[float, ...], size: tuple[int, int] = (60, 40)) -> Tensor:
    """One colour, (1, H, W, channels)."""
    return torch.tensor(colour).expand(1, size[1], size[0], len(colour)).contiguous()


def composed(subjects: list[Tensor], text: str, **settings):
    named = {f"subject{i}": subject for i, subject in enumerate(subjects)}
    settings = {"width": 160, "height": 90, "layout": "custom"} | settings
    return compose(block((0.2, 0.4, 0.6), (160, 90)), named, arrangement=text, **settings)


def small(*entries: dict, **keys) -> str:
    """An arrangement for a canvas of 160x90."""
    return arrangement(*entries, **{"canvas": {"width": 160, "height": 90}, **keys})


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(1280, 720), (401, 301), (64, 200)])
@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_an_automatic_frame_written_as_an_arrangement_gives_the_same_frame(layout, size, count):
    width, height = size
    shapes = [(60, 40), (300, 30), (20, 300), (640, 480)]
    subjects = {f"subject{i}": cutout(i, shapes[i % 4]) for i in range(count)}
    settings = {"width": width, "height": height}
    automatic = compose(block((0.2, 0.4, 0.6), (500, 400)), subjects, layout=layout, **settings)
    entries = []
    for cut, place in zip(automatic.subjects, automatic.plan.subjects, strict=True):
        whole = place.crop == Box(0, 0, *cut.subject.size)
        entries.append(asdict(place.box) | {"crop": "full" if whole else "visible", "fingerprint": cut.fingerprint})
    base = "script" if layout == "script" else "published"
    text = arrangement(*entries[::-1], canvas=settings, base=base)
    custom = compose(block((0.2, 0.4, 0.6), (500, 400)), subjects, layout="custom", arrangement=text, **settings)
    assert torch.equal(custom.image, automatic.image)
    assert torch.equal(custom.masks, automatic.masks)
    assert custom.plan == automatic.plan


def test_an_empty_arrangement_is_published_and_says_so():
    frame = composed([cutout(0)], "")
    published = composed([cutout(0)], "", layout="published")
    assert torch.equal(frame.image, published.image)
    assert any("Nothing is arranged yet" in warning for warning in frame.warnings)


def test_other_layouts_do_not_read_the_arrangement():
    composed([cutout(0)], "{", layout="packed")


def test_flipped_and_turned_by_right_angles_are_the_pixels_as_they_are():
    subject = cutout(1, (40, 40), margin=0)
    pixels = composed([subject], small(entry(20, 30, 40, 40))).image[0, 30:70, 20:60]
    for keys, expected in [
        ({"flip": True}, pixels.flip(1)),
        ({"angle": 90}, pixels.rot90(-1)),
        ({"angle": -90}, pixels.rot90(1)),
        ({"angle": 180}, pixels.flip(0, 1)),
        ({"angle": 360}, pixels),
        ({"angle": 90, "flip": True}, pixels.flip(1).rot90(-1)),
    ]:
        frame = composed([subject], small(entry(20, 30, 40, 40, **keys)))
        assert torch.equal(frame.image[0, 30:70, 20:60], expected), keys
        assert torch.equal(frame.masks[0, 30:70, 20:60], torch.ones(40, 40)), keys


@pytest.mark.parametrize("angle", [7, 30, -45, 118.5])
def test_a_turned_box_covers_exactly_what_lies_between_its_corners(angle):
    frame = composed([block((1.0, 0.0, 0.0))], small(entry(10, 20, 60, 40, angle=angle)))
    turn = math.radians(angle)
    y, x = torch.meshgrid(torch.arange(90) + 0.5 - 40, torch.arange(160) + 0.5 - 40, indexing="ij")
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    outside = torch.maximum(along.abs() - 30, across.abs() - 20)  # pixels beyond the nearest edge
    left = torch.arange(160) < 80  # the background begins there
    assert (frame.masks[0][outside < -1] == 1).all()
    assert (frame.masks[0][outside > 1] == 0).all()
    assert (frame.image[0][(outside > 1) & left] == 1).all()
    assert frame.masks[0].sum() == pytest.approx(60 * 40, abs=4 if abs(angle) != 45 else 120)


def test_the_upper_subject_covers_the_lower_one_as_far_as_it_is_opaque():
    lower, upper = block((1.0, 0.0, 0.0)), block((0.0, 0.0, 1.0, 0.6))
    places = [entry(10, 10, 60, 40), entry(40, 30, 60, 40)]
    for order, subjects in (((0, 1), [lower, upper]), ((1, 0), [upper, lower])):
        text = small(*({**places[i], "z": i} for i in order))
        frame = composed(subjects, text)
        masks = frame.masks[list(order)]
        below, above = (slice(10, 30), slice(10, 70)), (slice(50, 70), slice(40, 70))
        overlap = slice(30, 50), slice(40, 70)
        red, blue, scene = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0]), torch.tensor([0.2, 0.4, 0.6])
        for area, seen, colour in [
            (below, (1, 0), red),
            (overlap, (0.4, 0.6), 0.4 * red + 0.6 * blue),
            (above, (0, 0.6), 0.4 * torch.ones(3) + 0.6 * blue),
            ((slice(30, 65), slice(80, 100)), (0, 0.6), 0.4 * scene + 0.6 * blue),
        ]:
            assert torch.allclose(frame.image[0][area], colour, atol=2.1 / 255), area
            for mask, alpha in zip(masks, seen, strict=True):
                assert torch.allclose(mask[area], torch.tensor(float(alpha)), atol=1 / 255), area


def test_a_hidden_subject_keeps_its_number_and_has_an_empty_mask():
    frame = composed([cutout(0), cutout(1)], small(entry(5, 5, 40, 26, shown=False), entry(5, 40, 40, 26)))
    assert frame.masks.shape == (2, 90, 160)
    assert not frame.masks[0].any()
    assert frame.masks[1].any()
    assert [place.shown for place in frame.plan.subjects] == [False, True]
    assert [pixels > 0 for pixels in frame.plan.pixels] == [False, True]


def test_what_lies_beyond_the_canvas_is_cut_off():
    whole = composed([cutout(3, margin=0)], small(entry(0, 0, 60, 40)))
    moved = composed([cutout(3, margin=0)], small(entry(-20, -10, 60, 40)))
    assert torch.equal(moved.image[0, :30, :40], whole.image[0, 10:40, 20:60])
    gone = composed([cutout(3)], small(entry(-300, 0, 60, 40)))
    assert not gone.masks.any()


def test_warnings_of_an_arrangement_name_the_subjects():
    text = small(entry(-5, 5, 40, 26), entry(20, 20, 60, 40), entry(60, 45, 60, 40), entry(0, 0, 9, 9, shown=False))
    warnings = composed([cutout(i) for i in range(4)], text).warnings
    assert [warning.split(".")[0] for warning in warnings if "covers" not in warning] == [
        "subject0 leaves the frame: the rest is cut off",
        "subject0 and subject1 overlap",
        "subject1 and subject2 overlap",
        "subject2 reaches into the half of the background, where FFGo has never seen a subject",
    ]
    assert all("subject3" not in warning for warning in warnings)


def test_hidden_subjects_alone_are_warned_about():
    frame = composed([cutout(0)], small(entry(0, 0, 9, 9, shown=False)))
    assert any("No subject is shown" in warning for warning in frame.warnings)


def test_the_fingerprint_is_the_documented_one():
    picture = torch.tensor([[[0.0, 0.5, 1.0], [0.2, 0.4, 0.6]], [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    pixels = bytes([0, 128, 255, 255, 51, 102, 153, 255, 255, 255, 255, 255, 0, 0, 0, 255])
    told = hashlib.sha256((2).to_bytes(4, "little") + (2).to_bytes(4, "little") + pixels).hexdigest()[:16]
    assert look_at("picture", to_uint8(picture)).fingerprint == told
    assert look_at("picture", to_uint8(torch.cat([picture, torch.ones(2, 2, 1)], -1))).fingerprint == told
    assert look_at("picture", to_uint8(picture.flip(0))).fingerprint != told


NUMBERS = [0, -1, 0.5, 1, 7, 160, 1e9, -1e9, 1e308, -0.0, 2**63, 10**30, float("nan"), float("inf"), True, None]
OTHERS = ["", "12", "\ud800", "\u202e\U0001f600", "full", "aaaaaaaaaaaaaaa1", [], {}, [[]], "x" * 3000, False]


def hostile(draw: random.Random) -> str:
    """An arrangement for two subjects on 160x90 with a few things wrong, or nothing."""

    def number(least: float, most: float):
        return draw.choice(NUMBERS + OTHERS) if draw.random() < 0.02 else draw.uniform(least, most)

    def random_entry():
        keys = {
            "fingerprint": draw.choice([None, "aaaaaaaaaaaaaaa1", draw.randbytes(8).hex()]),
            "angle": number(-360, 360),
            "flip": draw.random() < 0.5,
            "crop": draw.choice(["visible", "full"]),
            "shown": draw.random() < 0.9,
            "z": draw.randint(-1000, 1000),
        }
        found = entry(number(-640, 640), number(-360, 360), number(1, 640), number(1, 360), **keys)
        if draw.random() < 0.05:
            found[draw.choice([*found, "source", "", "\ud800", "__proto__"])] = draw.choice(NUMBERS + OTHERS)
        return found

    width, height = draw.choice([(160, 90), (90, 160), (1280, 720), (16, 16), (8192, 8192)])
    value = json.loads(small(*(random_entry() for _ in range(draw.randint(0, 4)))))
    value["canvas"] = {"width": width, "height": height}
    value["parked"] = [random_entry() for _ in range(draw.randint(0, 2))]
    if draw.random() < 0.1:
        value[draw.choice([*value, "more"])] = draw.choice(NUMBERS + OTHERS)
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.1:
        at = draw.randrange(len(text))
        odd = draw.choice(["", "\x00", "{", "[" * 5000, "9" * 5000, "\ud800", " " * 1_000_000])
        text = text[:at] + odd + text[at + 1 :]
    return text


@pytest.mark.filterwarnings("error")
def test_2000_random_arrangements_give_a_frame_of_the_right_size_or_say_what_is_wrong():
    draw = random.Random(3)
    subjects = [cutout(0), cutout(1, (30, 50))]
    refused = []
    for _ in range(2000):
        text = hostile(draw)
        try:
            frame = composed(subjects, text, width=80, height=46)
        except FFGOError as error:
            refused.append(str(error))
            continue
        assert frame.image.shape == (1, 46, 80, 3)
        assert frame.masks.shape == (2, 46, 80)
        assert 0 <= frame.image.min() <= frame.image.max() <= 1
        assert 0 <= frame.masks.min() <= frame.masks.max() <= 1
        json.dumps(json.loads(frame.plan.to_json()), allow_nan=False)
    assert 400 < len(refused) < 1600
    assert all("arrangement" in message.lower() for message in refused)
    "".join(refused).encode()  # no lone surrogates: the host writes messages to its log
