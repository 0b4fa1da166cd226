"""The demo materials that are shipped as files, and the code that draws them."""

import numpy as np
import PIL
import pytest
from PIL import Image

from lab.workshop.materials import FOLDER, MATERIALS, draw

SUBJECTS = {"subject_robot": (820, 1100), "subject_boat": (1100, 800), "subject_balloon": (960, 960)}
BACKGROUNDS = {"background_lake": (1280, 720), "background_town": (1280, 720)}


def pixels(name: str) -> np.ndarray:
    with Image.open(FOLDER / f"{name}.png") as picture:
        return rgb(picture)


def rgb(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB") if picture.mode == "P" else picture).astype(int)


def test_every_material_is_drawn_and_nothing_else_lies_there():
    files = {file.stem for file in FOLDER.glob("*.png")}
    assert files == set(MATERIALS) == SUBJECTS.keys() | BACKGROUNDS.keys()


@pytest.mark.parametrize(("name", "size"), (SUBJECTS | BACKGROUNDS).items())
def test_size_mode_and_weight(name, size):
    file = FOLDER / f"{name}.png"
    with Image.open(file) as picture:
        mode = "RGBA" if name in SUBJECTS else "P"
        assert (picture.size, picture.mode) == (size, mode)
    assert file.stat().st_size <= 350 * 1024


@pytest.mark.parametrize("name", SUBJECTS)
def test_subject_has_soft_alpha_and_empty_margins(name):
    alpha = pixels(name)[..., 3]
    soft = ((alpha > 0) & (alpha < 255)).mean()
    assert 0.02 < soft < 0.5
    assert (alpha == 0).mean() > 0.3
    assert (alpha == 255).mean() > 0.1
    rows, columns = np.nonzero(alpha)
    margins = rows.min(), columns.min(), alpha.shape[0] - 1 - rows.max(), alpha.shape[1] - 1 - columns.max()
    assert min(margins) >= 15
    assert max(margins) >= 80, "cropping to the alpha box must change the picture"


@pytest.mark.parametrize("name", SUBJECTS)
def test_subject_colours_are_straight_not_black_at_the_fringe(name):
    picture = pixels(name)
    colour, alpha = picture[..., :3].max(2), picture[..., 3]
    assert colour[(alpha > 0) & (alpha < 64)].min() > 60  # premultiplied colours would be below 64 x the colour / 255
    assert colour[alpha == 0].min() > 60


@pytest.mark.parametrize("name", MATERIALS)
def test_the_code_draws_the_committed_file(name):
    with Image.open(FOLDER / f"{name}.png") as picture:
        same_pillow = picture.info["Software"] == f"Pillow {PIL.__version__}"
    difference = np.abs(rgb(draw(name)) - pixels(name))
    if same_pillow:
        assert difference.max() == 0, (
            "run `python -m lab.workshop.materials` and look at the pictures before you commit them"
        )
    assert np.quantile(difference, 0.999) <= 2  # another Pillow moves single pixels on edges
