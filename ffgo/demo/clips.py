"""Draw the demo's training clips from its materials: subjects that cross the scene."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..clip.video_io import write_clip
from . import MATERIALS

SIZE, FRAMES, FPS = (640, 360), 81, 24
CLIPS = {
    "demo_clip_lake.mp4": ("background_lake", [("subject_boat", 0.3, 0.72), ("subject_balloon", 0.22, 0.3)]),
    "demo_clip_town.mp4": ("background_town", [("subject_robot", 0.45, 0.68)]),
}
"""By name: the background, and each subject's picture, height and middle, as shares of the frame's height."""
MASKS = {"demo_clip_town_mask.mp4": "demo_clip_town.mp4"}
"""Where the subjects of a clip are: white on black."""
NAMES = (*CLIPS, *MASKS)


def draw_clips(folder: Path) -> None:
    """Write the clips into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (background, subjects) in CLIPS.items():
        scene = Image.open(MATERIALS / f"{background}.png").convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        write_clip(folder / name, _frames(scene, subjects), FPS)
    for name, of in MASKS.items():
        black = Image.new("RGB", SIZE)
        write_clip(folder / name, _frames(black, CLIPS[of][1], of_white=True), FPS)


def _frames(
    scene: Image.Image, subjects: list[tuple[str, float, float]], *, of_white: bool = False
) -> Iterator[np.ndarray]:
    pictures = [(_scaled(name, round(share * SIZE[1])), middle) for name, share, middle in subjects]
    for time in np.linspace(0, 1, FRAMES):
        frame = scene.copy()
        for order, (picture, middle) in enumerate(pictures):
            along = time if order % 2 == 0 else 1 - time
            x = round(along * (SIZE[0] - picture.width))
            y = round(middle * SIZE[1] - picture.height / 2 + 6 * math.sin(time * 4 * math.pi))
            frame.paste("white" if of_white else picture, _box(x, y, picture), picture)
        yield np.asarray(frame)


def _box(x: int, y: int, picture: Image.Image) -> tuple[int, int, int, int]:
    return x, y, x + picture.width, y + picture.height


def _scaled(name: str, height: int) -> Image.Image:
    picture = Image.open(MATERIALS / f"{name}.png").convert("RGBA")
    picture = picture.crop(picture.getchannel("A").getbbox())
    return picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)
