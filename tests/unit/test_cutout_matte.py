"""Cut-outs of drawn subjects whose alpha is known."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from ffgo.curation.element import element_on_white
from ffgo.cutout.matte import cut_out, cut_out_batch
from ffgo.cutout.subject import coarse_masks
from ffgo.errors import FFGOError

SIDE = 240
RED = np.array([0.7, 0.15, 0.1], np.float32)


def disc(x: float, y: float, radius: float, side: int = SIDE) -> np.ndarray:
    """A filled circle with an edge that is one pixel soft, (side, side)."""
    row, column = np.ogrid[:side, :side]
    return np.clip(radius + 0.5 - np.hypot(row - y, column - x), 0, 1).astype(np.float32)


RING = disc(120, 120, 80) - disc(120, 120, 25)
SOLID = disc(120, 120, 80)


def on_ground(alpha: np.ndarray, colour: np.ndarray, ground: float | np.ndarray) -> np.ndarray:
    ground = np.broadcast_to(np.asarray(ground, np.float32), alpha.shape)[..., None]
    mixed = colour * alpha[..., None] + ground * (1 - alpha[..., None])
    return (np.rint(mixed * 255) / 255).astype(np.float32)


def error(alpha: np.ndarray, cut) -> float:
    """Sum of the alpha errors, as a share of the subject."""
    return float(np.abs(cut.image[0, ..., 3].numpy() - alpha).sum() / alpha.sum())


def shadow_of(alpha: np.ndarray) -> np.ndarray:
    return 0.28 * gaussian_filter(shift(alpha, (8, 5), order=1), 7)


@pytest.mark.parametrize("ground", [1.0, 245 / 255])
def test_soft_edge_and_opening(ground):
    cut = cut_out(on_ground(RING, RED, ground))
    assert error(RING, cut) < 0.002
    assert cut.image[0, 120, 120, 3] == 0


def test_colours_hold_nothing_of_the_background():
    cut = cut_out(on_ground(SOLID, RED, 1.0)).image[0].numpy()
    edge = (SOLID > 0.2) & (SOLID < 0.9)
    assert np.abs(cut[edge][:, :3] - RED).max() < 0.03


@pytest.mark.parametrize("scattered", [True, False])
def test_a_mask_of_specks_or_of_one_line_is_said(scattered):
    """What SAM2 answers to a box on bare texture; a line is where the picture shows nothing either."""
    noise = np.random.default_rng(1)
    picture = noise.integers(40, 120, (SIDE, SIDE, 3)).astype(np.float32) / 255
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[120, :] = not scattered
    mask[noise.random(mask.shape) > 0.999] = 1
    with pytest.raises(FFGOError, match=r"specks or thin lines \(\d+ px in all\)"):
        cut_out(picture, mask)


def test_noise():
    noise = np.random.default_rng(1).integers(-6, 7, (SIDE, SIDE, 3)) / 255
    picture = np.clip(on_ground(RING, RED, 1.0) + noise, 0, 1).astype(np.float32)
    assert error(RING, cut_out(picture)) < 0.01


def test_white_parts_of_the_subject_stay():
    white_middle = np.where(gaussian_filter(disc(120, 120, 40), 6)[..., None] > 0.3, np.float32(1), RED)
    blurred = gaussian_filter(white_middle, (6, 6, 0))
    assert error(SOLID, cut_out(on_ground(SOLID, blurred, 1.0))) < 0.002


def test_shadow_is_dropped_or_kept():
    shade = shadow_of(RING)
    picture = on_ground(RING, RED, 1 - shade)
    dropped = cut_out(picture)
    assert error(RING, dropped) < 0.02
    assert any("shadow" in warning for warning in dropped.warnings)
    kept = cut_out(picture, shadow="keep").image[0].numpy()
    assert np.abs(kept[..., 3] - (RING + (1 - RING) * shade)).mean() < 0.01
    again = kept[..., :3] * kept[..., 3:] + 1 - kept[..., 3:]
    assert np.abs(again - picture).mean() < 0.01


def test_white_on_white_is_announced_and_a_mask_solves_it():
    white = np.full(3, 0.995, np.float32)
    top = np.where((np.arange(SIDE) < 120)[:, None, None], white, RED).astype(np.float32)
    noise = np.random.default_rng(1).integers(-6, 7, (SIDE, SIDE, 3)) / 255
    picture = np.clip(on_ground(SOLID, top, 1.0) + noise, 0, 1).astype(np.float32)
    alone = cut_out(picture)
    assert any("mask" in warning for warning in alone.warnings) or any("noisy" in w for w in alone.warnings)
    assert error(SOLID, alone) > 0.2
    coarse = disc(122, 119, 80)
    assert error(SOLID, cut_out(picture, coarse)) < 0.02


def test_photo_with_a_coarse_mask():
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE
    scene = np.stack([0.2 + 0.2 * row, 0.5 - 0.2 * column, 0.6 + 0 * row], -1).astype(np.float32)
    picture = (RED * SOLID[..., None] + scene * (1 - SOLID[..., None])).astype(np.float32)
    assert error(SOLID, cut_out(picture, disc(121, 119, 81))) < 0.01


def test_a_photo_without_a_mask_is_an_error():
    with pytest.raises(FFGOError, match="0% of the picture's border is white"):
        cut_out(on_ground(SOLID, RED, 0.4))


def test_batch_trim_and_progress():
    pictures = torch.from_numpy(np.stack([on_ground(disc(x, 100, 30), RED, 1.0) for x in (60, 150)]))
    steps: list[int] = []
    cuts = cut_out_batch(pictures, [None, None], trim=True, step=steps.append)
    assert steps == [1, 2]
    assert cuts.image.shape[0] == 2
    assert cuts.image.shape[3] == 4
    assert abs(cuts.image.shape[1] - 61) <= 4
    assert abs(cuts.image.shape[2] - 151) <= 4
    assert torch.equal(cuts.mask, cuts.image[..., 3])
    with pytest.raises(FFGOError, match="image 2 of 2"):
        cut_out_batch(torch.cat([pictures[:1], pictures[:1] * 0.3]), [None, None])


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (torch.zeros(1, SIDE, SIDE), "the mask is empty"),
        (torch.ones(1, 64, 64), "64x64 px, the image 240x240"),
        (torch.ones(3, SIDE, SIDE), "3 masks for 1 pictures"),
        (torch.full((1, SIDE, SIDE), float("nan")), "not numbers"),
    ],
)
def test_masks_that_do_not_fit(mask, said):
    picture = torch.from_numpy(on_ground(SOLID, RED, 1.0))[None]
    with pytest.raises(FFGOError, match=said):
        cut_out_batch(picture, coarse_masks(picture, mask).masks)


def test_sam2_is_believed_only_where_it_sees_the_same_thing():
    picture = torch.from_numpy(on_ground(SOLID, RED, 1.0))[None]
    same = coarse_masks(picture, None, ask=lambda _, prompts: SOLID)
    assert same.masks[0] is SOLID
    assert not same.warnings
    other = coarse_masks(picture, None, ask=lambda _, prompts: disc(20, 20, 15))
    assert other.masks == [None]
    assert "agree on only 0%" in other.warnings[0]


def test_element_on_white():
    scene = torch.from_numpy(on_ground(SOLID, RED, 0.3))[None]
    element, _ = element_on_white(scene, torch.from_numpy(SOLID)[None])
    assert element.shape == (1, SIDE, SIDE, 3)
    assert element[0, 5, 5].tolist() == [1, 1, 1]
    assert np.abs(element[0, 120, 120].numpy() - RED).max() < 0.01
