"""Bringing what a model returned back onto the photo."""

from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ffgo.clip.video_io import read_frames
from ffgo.curation.elements import extract_offline, read_elements
from ffgo.curation.harmonic import harmonic_fill
from ffgo.curation.plate import restore_plate
from ffgo.curation.registration import register, warp
from ffgo.curation.remove import remove_offline
from ffgo.errors import FFGOError

WIDTH, HEIGHT = 640, 360


@cache
def scene(seed: int = 0) -> Image.Image:
    """Coarse and fine texture, as photos have. One picture for all: draw on a copy."""
    random = np.random.default_rng(seed)
    layers = [random.integers(0, 256, (HEIGHT // step, WIDTH // step, 3), np.uint8) for step in (40, 10, 4)]
    layers = [np.asarray(Image.fromarray(x).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) for x in layers]
    return Image.fromarray(np.mean(layers, 0).astype(np.uint8))


def with_object(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    ImageDraw.Draw(picture).ellipse((250, 120, 350, 240), fill="red")
    return picture


def returned(
    picture: Image.Image, scale: float, dx: float, dy: float, size=(1344, 768)
) -> tuple[np.ndarray, np.ndarray]:
    """The picture on a model's canvas, scaled about its centre on top of the stretch and shifted; and the true map."""
    across, down = size[0] / WIDTH * scale, size[1] / HEIGHT * scale
    x, y = size[0] / 2 + dx - across * WIDTH / 2, size[1] / 2 + dy - down * HEIGHT / 2
    back = (1 / across, 0, -x / across, 0, 1 / down, -y / down)
    moved = picture.transform(size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC, fillcolor="white")
    return np.asarray(moved), np.array([[across, 0, x], [0, down, y]])


def farthest(registration, truth: np.ndarray) -> float:
    """Largest error of the map over the whole photo, bend included, in pixels of the photo."""
    x, y = np.meshgrid(np.linspace(0, WIDTH, 9), np.linspace(0, HEIGHT, 9))
    points = np.stack([x, y, np.ones_like(x)], -1)
    error = points @ registration.matrix.T - points @ truth.T
    return np.hypot(error[..., 0] / truth[0, 0], error[..., 1] / truth[1, 1]).max() + np.abs(registration.bend).max()


CANVASES = [(WIDTH, HEIGHT), (1344, 768)]


@pytest.mark.parametrize(
    ("scale", "dx", "dy", "size"),
    [
        (1, 0, 0, CANVASES[0]),
        (0.94, 24, -24, CANVASES[0]),
        (1.06, -24, 24, CANVASES[0]),
        (0.97, -13.3, 8, CANVASES[1]),
        (1.06, 24, 5, CANVASES[1]),
    ],
)
def test_known_shifts_and_scales_are_found_and_undone(scale, dx, dy, size):
    plate, truth = returned(scene(), scale, dx, dy, size)
    found = register(np.asarray(with_object(scene())), plate)
    assert found.same_scene
    assert farthest(found, truth) < 0.5
    pixels, inside = warp(plate, found, WIDTH, HEIGHT)
    x, y = (line * truth[axis, axis] + truth[axis, 2] for axis, line in enumerate((np.r_[:WIDTH], np.r_[:HEIGHT])))
    there = ((y >= 0) & (y < size[1]))[:, None] & ((x >= 0) & (x < size[0]))
    assert (inside == there).mean() > 0.99
    assert np.abs(pixels - np.asarray(scene(), np.float32) / 255)[inside].mean() < 0.01


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1264, 848), (1264 / 640, 1264 / 640)), ((1024, 1024), (1024 / 360, 1024 / 360))],
    ids=["letterboxed", "cropped"],
)
def test_letterbox_and_crop(size, expected):
    """The model keeps the aspect: with bars, or by cropping both sides."""
    scale = expected[0]
    back = (1 / scale, 0, WIDTH / 2 - size[0] / 2 / scale, 0, 1 / scale, HEIGHT / 2 - size[1] / 2 / scale)
    plate = scene().transform(size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC, fillcolor="black")
    found = register(np.asarray(scene()), np.asarray(plate))
    assert found.same_scene
    assert (found.matrix[0, 0], found.matrix[1, 1]) == pytest.approx(expected, rel=2e-3)


OFFICIAL = {"11": (1.066, -9.8, -1.6), "12": (1.039, 7.6, 10.3), "13": (1.066, -9.3, -0.3), "16": (1.066, -9.8, 0)}
"""Scale and shift of the official plates, measured by feature matching."""


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_plates(official, name):
    photo = next(read_frames(official / f"train/videos/{name}.mp4", 1))
    plate = np.asarray(Image.open(official / f"train/materials/video_{name}/main_entity.png").convert("RGB"))
    found = register(photo, plate)
    scale, dx, dy = OFFICIAL[name]
    centre = np.array([640, 360, 1])
    assert found.score > 0.65
    assert found.error_px < 0.4
    assert found.matrix @ centre == pytest.approx([640 * scale + dx, 360 * scale + dy], abs=1.5)


def restored(plate: np.ndarray, mask=None):
    photo = with_object(scene())
    floats = np.asarray(photo, np.float32) / 255
    return floats, restore_plate(floats, plate, np.asarray(photo), mask)


@pytest.mark.parametrize("masked", [True, False])
def test_the_object_goes_and_the_rest_is_the_photo_to_the_bit(masked):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[110:250, 240:360] = True
    photo, plate = restored(returned(scene(), 1.03, 5, -3)[0], mask if masked else None)
    assert plate.warnings == []
    assert np.array_equal(plate.pixels[~plate.mask], photo[~plate.mask])
    assert plate.mask[180, 300]
    assert plate.mask.mean() < 0.1
    truth = np.asarray(scene(), np.float32) / 255
    assert np.abs(plate.pixels - truth)[plate.mask].mean() < 0.02


def test_the_tone_of_the_model_is_taken_back():
    darker = Image.fromarray((np.asarray(scene()) * 0.93).astype(np.uint8))
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[110:250, 240:360] = True
    _, plate = restored(returned(darker, 1, 0, 0)[0], mask)
    truth = np.asarray(scene(), np.float32) / 255
    assert abs((plate.pixels - truth)[mask].mean()) < 0.02  # of the 0.035 that it was


def test_another_scene_is_only_resized_and_said_so():
    other, _ = returned(scene(seed=5), 1, 0, 0)
    _, plate = restored(other)
    assert not plate.registration.same_scene
    assert plate.mask.all()
    assert "not the same scene" in plate.warnings[0]
    assert np.abs(plate.pixels * 255 - np.asarray(scene(seed=5))).mean() < 3


def test_the_same_scene_from_elsewhere_is_known_by_its_score():
    """As parallax does it: every part of the picture is there, each moved differently."""
    plate, random = scene().copy(), np.random.default_rng(1)
    for x in range(0, WIDTH, 80):
        for y in range(0, HEIGHT, 90):
            dx, dy = random.integers(-9, 10, 2)
            plate.paste(scene().crop((x + dx, y + dy, x + dx + 80, y + dy + 90)), (x, y))
    found = register(np.asarray(scene()), np.asarray(plate))
    assert 0.05 < found.score < 0.5
    assert not found.same_scene


def test_nothing_removed_is_said():
    _, plate = restored(returned(with_object(scene()), 1, 0, 0)[0])
    assert "removed nothing" in plate.warnings[0]


def test_a_plain_wall():
    """No texture to go by: same colours are the same scene, other ones are not."""
    wall = Image.new("RGB", (WIDTH, HEIGHT), (200, 190, 180))
    photo = np.asarray(with_object(wall))
    assert register(photo, returned(wall, 1, 0, 0)[0]).same_scene
    assert not register(photo, np.zeros((768, 1344, 3), np.uint8)).same_scene


def test_where_the_model_cropped_the_mask_is_filled():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, :40] = True
    _, plate = restored(returned(scene(), 1.06, -8, 0)[0], mask)
    assert "where the model cropped" in plate.warnings[0]
    assert np.isfinite(plate.pixels).all()


def test_harmonic_fill_is_exact_on_planes():
    y, x = np.mgrid[0:90, 0:120].astype(np.float32)
    plane = np.stack([x / 120, y / 90, (x + y) / 210], -1)
    hole = np.zeros((90, 120), bool)
    hole[20:60, 30:90] = True
    filled = harmonic_fill(np.where(hole[..., None], 0, plane), hole)
    assert np.array_equal(filled[~hole], plane[~hole])
    assert np.abs(filled - plane).max() < 0.02


def an_image() -> torch.Tensor:
    return torch.from_numpy(np.asarray(with_object(scene()), np.float32) / 255)[None]


def test_remove_offline_changes_the_mask_only():
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, 110:250, 240:360] = 1
    image = an_image()
    result = remove_offline(image, mask)
    keep = mask[0] == 0
    assert torch.equal(result.image[0][keep], image[0][keep])
    assert (result.image[0, 180, 300] - image[0, 180, 300]).abs().max() > 0.1
    assert "preview" in result.warnings[0]


def test_several_masks_count_as_one():
    masks = torch.zeros(2, HEIGHT, WIDTH)
    masks[0, 110:150, 240:300] = masks[1, 200:250, 300:360] = 1
    assert torch.equal(remove_offline(an_image(), masks).mask[0], masks.amax(0))


@pytest.fixture
def two_masks() -> torch.Tensor:
    masks = torch.zeros(2, HEIGHT, WIDTH)
    masks[0, 120:240, 250:350] = 1
    masks[1, :40] = 1
    return masks


def test_extract_offline_puts_the_masked_on_white(two_masks):
    image = an_image()
    result = extract_offline(image, "- the ball\nthe top", two_masks)
    assert result.names == ["the ball", "the top"]
    assert result.images.shape == (2, HEIGHT, WIDTH, 3)
    assert torch.equal(result.images[0, :100].unique(), torch.ones(1))
    assert torch.allclose(result.images[0, 160:200, 280:320], image[0, 160:200, 280:320], atol=0.01)
    assert "hidden" in result.warnings[0]


def test_extract_offline_with_sam2_reads_a_place_for_each_element(two_masks):
    asked = []

    def ask(picture, prompts):
        asked.append(prompts[0])
        return two_masks[len(asked) - 1].numpy()

    places = "[250, 120, 350, 240]\n[[300, 20], [300, 300, 0]]"
    result = extract_offline(an_image(), "the ball\nthe top", None, places=places, ask=ask)
    assert list(asked[0].box) == [250, 120, 350, 240]
    assert asked[1].points.tolist() == [[300, 20], [300, 300]]
    assert torch.equal(result.images[1, 100:].unique(), torch.ones(1))


BAD_PLACES = {
    "nothing": ({}, "Connect masks"),
    "one mask for two": ({"masks": torch.ones(1, HEIGHT, WIDTH)}, "1 masks for 2 elements"),
    "an empty mask": ({"masks": torch.zeros(2, HEIGHT, WIDTH)}, "The mask of a, b is empty"),
    "one place for two": ({"masks": None, "places": "[1, 2, 3, 4]"}, "1 lines for 2 elements"),
    "no SAM2": ({"places": "[1, 2, 30, 40]\n[[1, 2]]"}, "SAM2"),
}


@pytest.mark.parametrize(("given", "said"), BAD_PLACES.values(), ids=BAD_PLACES)
def test_extract_offline_refuses(given, said):
    with pytest.raises(FFGOError, match=said):
        extract_offline(an_image(), "a\nb", given.pop("masks", None), **given)


BAD_MASKS = {
    "missing": (None, "Connect a mask"),
    "empty": (torch.zeros(1, HEIGHT, WIDTH), "The mask is empty"),
    "full": (torch.ones(1, HEIGHT, WIDTH), "covers the whole photo"),
    "another shape": (torch.ones(1, 64, 64), "another shape"),
}


@pytest.mark.parametrize(("mask", "said"), BAD_MASKS.values(), ids=BAD_MASKS)
def test_bad_masks(mask, said):
    with pytest.raises(FFGOError, match=said):
        remove_offline(an_image(), mask)


def test_elements():
    assert read_elements("- a cat\n\n* a dog \na cat\n") == ["a cat", "a dog"]
    with pytest.raises(FFGOError, match="elements is empty"):
        read_elements(" \n-")
    with pytest.raises(FFGOError, match="17 lines"):
        read_elements("\n".join(map(str, range(17))))
