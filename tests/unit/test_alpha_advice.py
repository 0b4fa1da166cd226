"""What the canvas says of a cut-out whose alpha looks wrong."""

import pytest
import torch

from ffgo.frame.compose import compose


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
