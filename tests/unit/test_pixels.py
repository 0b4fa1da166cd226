"""Float tensors to 8 bits and back."""

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.pixels import flatten_on_white, require_image, to_float, to_uint8

LEVELS = np.arange(256, dtype=np.uint8)


def test_all_levels_survive_the_way_there_and_back_and_into_a_saved_file():
    floats = to_float(Image.fromarray(LEVELS[None]))
    assert floats.dtype == np.float32
    assert (to_uint8(torch.from_numpy(floats)) == LEVELS).all()
    assert ((255.0 * floats).clip(0, 255).astype(np.uint8) == LEVELS).all()  # what Save Image does


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_round_to_the_same_level(dtype):
    levels = torch.arange(0, 256, 17)
    assert to_uint8((levels / 255).to(dtype)[None]).tolist() == [levels.tolist()]


def test_rounds_to_the_nearest_and_clips():
    values = torch.tensor([[-0.3, 0.49 / 255, 0.51 / 255, 99.4 / 255, 99.6 / 255, 1.7]])
    assert to_uint8(values).tolist() == [[0, 0, 1, 99, 100, 255]]


def test_takes_parts_of_a_picture_and_many_rows():
    pixels = np.random.default_rng(1).integers(0, 256, (301, 40, 4), dtype=np.uint8)
    image = torch.from_numpy(pixels).float() / 255
    assert (to_uint8(image) == pixels).all()
    assert (to_uint8(image[7:250, 3:20]) == pixels[7:250, 3:20]).all()
    assert (to_uint8(image[..., 3]) == pixels[..., 3]).all()


def test_flattens_every_colour_at_every_alpha_as_exact_arithmetic_rounds_it():
    colour, alpha = (level.astype(np.int64) for level in np.meshgrid(LEVELS, LEVELS))
    rgba = np.stack([colour, colour, colour, alpha], axis=-1).astype(np.uint8)
    exact = (2 * (colour * alpha + 255 * (255 - alpha)) + 255) // 510
    flat = flatten_on_white(Image.fromarray(rgba))
    assert flat.mode == "RGB"
    assert (np.asarray(flat)[..., 0] == exact).all()


def test_flattening_leaves_rgb_alone():
    rgb = Image.new("RGB", (3, 2), (9, 8, 7))
    assert flatten_on_white(rgb) is rgb


NOT_A_NUMBER, INFINITE = torch.zeros(2, 3, 4, 3), torch.zeros(1, 3, 4, 4)
NOT_A_NUMBER[1, 2, 3, 0], INFINITE[0, 0, 0, 3] = float("nan"), float("-inf")
BAD = {
    "mask": (torch.zeros(1, 4, 4), "is a mask"),
    "no batch": (torch.zeros(4, 4), "has the shape 4x4"),
    "two channels": (torch.zeros(1, 4, 4, 2), "has the shape 1x4x4x2"),
    "five channels": (torch.zeros(1, 4, 4, 5), "has the shape 1x4x4x5"),
    "empty batch": (torch.zeros(0, 4, 4, 3), "holds no picture"),
    "one pixel wide": (torch.zeros(1, 300, 1, 3), "is 1x300 px"),
    "one pixel": (torch.zeros(1, 1, 1, 4), "is 1x1 px"),
    "no height": (torch.zeros(1, 0, 9, 4), "is 9x0 px"),
    "nan": (NOT_A_NUMBER, "not numbers"),
    "infinite": (INFINITE, "not numbers"),
}


@pytest.mark.parametrize(("image", "said"), BAD.values(), ids=BAD.keys())
def test_refuses_what_is_no_image_and_names_it(image, said):
    with pytest.raises(FFGOError, match=f"^subject3 .*{said}"):
        require_image(image, "subject3")


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (5, 2, 900, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_accepts_images(shape, dtype):
    require_image(torch.zeros(shape, dtype=dtype), "background")
