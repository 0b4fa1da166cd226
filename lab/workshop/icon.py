"""Draws what the registry shows of the pack: docs/images/icon.png, and banner.jpg beside it, a composed frame.

Run from the repository root: `python -m lab.workshop.icon`.
"""

import numpy as np
import torch
from PIL import Image, ImageDraw

from ffgo.charts import SUBJECTS
from ffgo.frame.compose import compose
from ffgo.pixels import to_uint8

from .comfyui import REPO
from .materials import FOLDER

IMAGES = REPO / "docs" / "images"
SIDE, FINER = 400, 4
"""Pixels of the icon, at most 400; and how many times finer it is drawn."""
BANNER = 1260, 540
"""Pixels: 21 to 9."""
SKY, SUN, HILLS, LAKE = "#f6b48c", "#fff1c9", "#6a4b8c", "#3d6fa8"
MATERIALS = "subject_robot", "subject_boat", "subject_balloon"


def draw_icon() -> Image.Image:
    """A first frame in small: three subjects on white at the left, a lake in the evening at the right."""
    unit = SIDE * FINER / 100
    page = Image.new("RGBA", (SIDE * FINER, SIDE * FINER), "#ffffff")
    draw = ImageDraw.Draw(page)

    def at(*points: float) -> list[float]:
        return [point * unit for point in points]

    draw.rectangle(at(50, 0, 100, 66), fill=SKY)
    draw.ellipse(at(64, 28, 86, 50), fill=SUN)
    draw.polygon(at(50, 66, 50, 48, 61, 38, 74, 58, 86, 44, 100, 56, 100, 66), fill=HILLS)
    draw.rectangle(at(50, 66, 100, 100), fill=LAKE)
    draw.ellipse(at(13, 9, 37, 33), fill=SUBJECTS[0])
    draw.rounded_rectangle(at(13, 39, 37, 61), at(4)[0], fill=SUBJECTS[4])
    draw.polygon(at(25, 67, 39, 91, 11, 91), fill=SUBJECTS[1])
    corners = Image.new("L", page.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, page.width - 1, page.height - 1), at(14)[0], fill=255)
    page.putalpha(corners)
    return page.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def draw_banner() -> Image.Image:
    """The demo's pictures, composed by the pack."""
    background, *cutouts = (
        torch.from_numpy(np.array(Image.open(FOLDER / f"{name}.png"))).float()[None] / 255
        for name in ("background_lake", *MATERIALS)
    )
    subjects: dict[str, torch.Tensor] = dict(zip(MATERIALS, cutouts, strict=True))
    width, height = BANNER
    frame = compose(background, subjects, width=width, height=height, layout="packed").image[0]
    return Image.fromarray(to_uint8(frame))


if __name__ == "__main__":
    draw_icon().save(IMAGES / "icon.png", optimize=True)
    draw_banner().save(IMAGES / "banner.jpg", quality=85)
