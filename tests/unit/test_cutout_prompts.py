"""Points, boxes and masks as the user gives them."""

import numpy as np
import pytest

from ffgo.cutout.hints import deepest_points, prompts_from_mask, read_prompts
from ffgo.errors import FFGOError

SIZE = (400, 300)


def test_nothing_said():
    assert read_prompts("", " ", None, SIZE) == []


@pytest.mark.parametrize("points", ["[[10, 20], [30, 40, 0]]", '[{"x": 10, "y": 20}, {"x": 30, "y": 40, "label": 0}]'])
def test_points(points):
    (prompts,) = read_prompts(points, "", None, SIZE)
    assert np.asarray(prompts.points).tolist() == [[10, 20], [30, 40]]
    assert np.asarray(prompts.labels).tolist() == [1, 0]
    assert not prompts.ambiguous


def test_one_point_is_ambiguous():
    assert read_prompts("[10, 20]", "", None, SIZE)[0].ambiguous


def test_each_box_takes_its_own_points():
    first, second = read_prompts("[[10, 10], [200, 200], [390, 5, 0]]", "[[0, 0, 50, 50]]", [[
        {"x": 150, "y": 150, "width": 900, "height": 100}]], SIZE)  # fmt: skip
    assert np.asarray(first.points).tolist() == [[10, 10], [390, 5]]
    assert np.asarray(second.points).tolist() == [[200, 200], [390, 5]]
    assert np.asarray(second.box).tolist() == [150, 150, 400, 250]


@pytest.mark.parametrize(
    ("points", "boxes", "said"),
    [
        ("10, 20", "", r"points is not JSON: line 1, column 3.*Write for example \[\[320"),
        pytest.param("[" * 100_000, "", "points is nested too deeply", id="deep"),
        ("[[10]]", "", "is no point"),
        ("[[10, 20, 7]]", "", "is no point"),
        ("[[10, NaN]]", "", "is no point"),
        ("[[500, 20]]", "", "outside the picture of 400x300"),
        ("[[5, 5, 0]]", "", "label 0"),
        ("[[5, 5]]", "[[10, 10, 50, 50]]", "in none of the boxes"),
        ("", "[[50, 50, 10, 10]]", "holds nothing"),
        ("", "[[1, 2, 3]]", "is no box"),
        ("", '{"x": 1}', "is no box"),
        (f"[[{10**400}, 20]]", "", "is no point"),
        ("", f"[[0, 0, {10**400}, 1e300]]", "is no box"),
    ],
)
def test_refusals(points, boxes, said):
    with pytest.raises(FFGOError, match=said):
        read_prompts(points, boxes, None, SIZE)


@pytest.mark.parametrize("given", ["a box", 7, [1, 2, 3, 4], [None, "x"], [{"x": []}], True])
def test_what_another_node_gives_as_a_box_and_is_none(given):
    with pytest.raises(FFGOError, match="is no box"):
        read_prompts("", "", given, SIZE)


def test_prompts_from_a_mask():
    mask = np.zeros((300, 400), np.float32)
    mask[50:150, 100:300] = 1
    prompts = prompts_from_mask(mask)
    assert np.asarray(prompts.box).tolist() == [100, 50, 300, 150]
    logits = np.asarray(prompts.logits)
    assert logits.shape == (1, 256, 256)
    assert logits[0, 85, 128] == 8
    assert logits[0, 5, 5] == -8
    assert all(mask[int(y), int(x)] for x, y in np.asarray(prompts.points))


def test_deepest_points_are_apart():
    region = np.zeros((100, 300), bool)
    region[20:80, 10:290] = True
    points = deepest_points(region, 5)
    assert len(points) == 5
    gaps = [np.hypot(*(a - b)) for i, a in enumerate(points) for b in points[:i]]
    assert min(gaps) > 10
    assert len(deepest_points(np.eye(9, dtype=bool), 5)) == 1
