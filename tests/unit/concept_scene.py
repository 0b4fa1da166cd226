"""A concept whose every pixel is known: a striped square that swings over a horizon."""

from pathlib import Path

import numpy as np
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.concept.material import ConceptClip, ConceptMaterial, write_material

WIDTH, HEIGHT, SIDE = 96, 64, 24
SCENE = np.full((HEIGHT, WIDTH, 3), (90, 120, 200), np.uint8)
SCENE[40:] = (60, 140, 70)
OTHER = np.full((HEIGHT, WIDTH, 3), (200, 190, 150), np.uint8)


def mask(frame: int) -> np.ndarray:
    found = np.zeros((HEIGHT, WIDTH), np.uint8)
    left = 36 + 2 * round(12 * np.sin(frame / 2))  # even: the colours of a clip have half its size
    found[20 : 20 + SIDE, left : left + SIDE] = 255
    return found


def picture(frame: int, scene: np.ndarray = SCENE, colour: tuple[int, int, int] = (220, 40, 40)) -> np.ndarray:
    """The concept over a scene, as it really is."""
    striped = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    striped[28:36] = (240, 220, 60)
    return np.where(mask(frame)[..., None] > 0, striped, scene)


def write_one(
    folder: Path, name: str = "cat", frames: int = 13, words: tuple[str, str] = ("sks1", "mvt1"), *, plate: bool = True
) -> ConceptClip:
    place = folder / name
    colour = (220, 40, 40) if name == "cat" else (30, 60, 230)
    write_clip(place / "clip.mp4", (picture(i, colour=colour) for i in range(frames)), 16)
    (place / "mask").mkdir()
    for i in range(frames):
        Image.fromarray(mask(i)).save(place / "mask" / f"{i:05d}.png")
    if plate:
        Image.fromarray(SCENE).save(place / "plate.png")
    return ConceptClip(
        place / "clip.mp4", place / "mask", place / "plate.png" if plate else None,
        f"a [v] {name} of stripes {{over a green field}}", "It swings.", *words,
    )  # fmt: skip


def write_concept(folder: Path, frames: int = 13, *, plates: int = 8, two: bool = False) -> ConceptMaterial:
    """A folder as FFGo Concept Dataset writes it."""
    clips = [write_one(folder, frames=frames)]
    if two:
        clips.append(write_one(folder, "dog", frames, ("sks2", "mvt2"), plate=False))
    (folder / "plates").mkdir()
    paths = []
    for i in range(plates):
        paths.append(folder / "plates" / f"{i}.png")
        Image.fromarray(np.clip(OTHER.astype(int) - 20 * i, 0, 255).astype(np.uint8)).save(paths[-1])
    material = ConceptMaterial(folder, tuple(clips), tuple(paths))
    write_material(material)
    return material
