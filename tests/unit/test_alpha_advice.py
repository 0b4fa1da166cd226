"""What the canvas says of a cut-out whose alpha looks wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ffgo.errors import FFGOError
from ffgo.frame.compose import compose
from ffgo.frame.pictures import look_at
from ffgo.frame.previews import describe_subject

CASES = json.loads((Path(__file__).parents[1] / "data" / "alpha_cases.json").read_text())
"""Drawn from rectangles [x, y, width, height, alpha]; tests/web/alpha.test.mjs holds the editor to them."""


def cutout(size: int = 400) -> torch.Tensor:
    """A red disc in the middle, with a soft edge, (1, size, size, 4)."""
    y, x = torch.meshgrid(*(torch.arange(size) - size / 2 + 0.5,) * 2, indexing="ij")
    picture = torch.zeros(1, size, size, 4)
    picture[..., 0] = 1
    picture[..., 3] = ((size / 4 - (x**2 + y**2).sqrt()) / 2 + 0.5).clamp(0, 1)
    return picture


def warnings(subject: torch.Tensor, **options) -> list[str]:
    found = compose(torch.rand(1, 90, 160, 3), {"subject0": subject}, width=640, height=360, **options).warnings
    return [text for text in found if "covers" not in text and "background" not in text]


def test_a_good_cutout_is_not_talked_about():
    assert warnings(cutout()) == []


def test_faint_dust_is_told_with_both_sizes():
    """Two corner pixels of alpha 1/255, as background removers leave them: the official crop is the whole picture."""
    dusty = cutout()
    dusty[0, 0, 0, 3] = dusty[0, -1, -1, 3] = 1 / 255
    (warning,) = warnings(dusty)
    assert "without alpha below 26 of 255 it is 202x202 px, with it 400x400 px" in warning


def test_dust_beside_the_subject_is_not_worth_a_word():
    dusty = cutout()
    dusty[0, 95, 95, 3] = 1 / 255
    assert warnings(dusty) == []


def test_a_mask_the_wrong_way_round_is_told():
    inverted = cutout()
    inverted[..., 3] = 1 - inverted[..., 3]
    (warning,) = warnings(inverted)
    assert "inside out: 100% of its border is opaque" in warning
    assert "Invert Mask" in warning


def test_a_subject_that_touches_all_sides_is_not_inside_out():
    window_frame = cutout()
    window_frame[..., 3] = 1 - window_frame[..., 3] * 0.5
    assert warnings(window_frame) == []


@pytest.mark.parametrize("channels", [3, 4])
def test_alpha_that_is_opaque_everywhere_is_told_and_a_picture_without_is_not(channels):
    said = warnings(torch.ones(1, 40, 40, channels))
    assert [("stays a rectangle" in text) for text in said] == [True] * (channels == 4)


def test_a_subject_that_can_hardly_be_seen_is_told():
    faint = cutout()
    faint[..., 3] *= 0.05
    (warning,) = warnings(faint)
    assert "nearly transparent: its alpha is 13 of 255 at most" in warning


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_is_seen_and_what_is_wrong(case):
    width, height = case["size"]
    picture = np.zeros((height, width, 4), np.uint8)
    for x, y, across, down, alpha in case["rects"]:
        picture[y : y + down, x : x + across, 3] = alpha
    found, expected = describe_subject(look_at("subject0", picture, case.get("min_alpha", 0))), case["expected"]
    assert (found["visible"], found["alpha_trouble"]) == (expected["visible"], expected["trouble"])
    assert found["area"] == pytest.approx(expected["area"], abs=0.005)


@pytest.mark.parametrize("layout", ["published", "script", "packed", "custom"])
def test_min_alpha_crops_dust_away(layout):
    """A clean cut-out and one with dust give the same frame; without min_alpha they do not."""
    clean, dusty = cutout(1600), cutout(1600)
    dusty[0, 0, 0, 3] = dusty[0, -1, -1, 3] = 0.06
    frames = [
        compose(torch.zeros(1, 90, 160, 3), {"subject0": subject}, layout=layout, min_alpha=least).image
        for subject, least in ((clean, 0), (dusty, 0.1), (dusty, 0))
    ]
    same = [(frame == frames[0]).float().mean() for frame in frames[1:]]
    assert same[0] > 0.9999  # its soft edge has fainter pixels, too
    assert same[1] < (1 if layout == "script" else 0.9)
    assert warnings(dusty, min_alpha=0.1) == []


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan")])
def test_a_min_alpha_that_is_none_is_refused(least):
    with pytest.raises(FFGOError, match=r"min_alpha is .* between 0"):
        warnings(cutout(), min_alpha=least)


def test_a_min_alpha_above_all_says_the_highest():
    faint = cutout()
    faint[..., 3] *= 0.5
    with pytest.raises(FFGOError, match=r"subject0: nothing of it has an alpha of 0\.8 or more; its highest is 0\.50"):
        warnings(faint, min_alpha=0.8)
