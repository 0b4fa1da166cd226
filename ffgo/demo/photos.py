"""Draw the demo's photos from its materials: subjects in a scene with coarse masks of each, and subjects on white."""

from pathlib import Path

from PIL import Image, ImageFilter

from . import MATERIALS

PHOTO, PLATE = "demo_photo.png", "background_lake.png"
# Subject, height and centre, as shares of the photo's height and size.
SUBJECTS = {"robot": (0.5, 0.22, 0.68), "boat": (0.42, 0.62, 0.66)}
PHOTOS = PHOTO, *(name for subject in SUBJECTS for name in (f"demo_photo_{subject}.png", f"{subject}_on_white.png"))
TWINS = {"robot": "subject_robot_blue.png", "boat": "subject_boat_violet.png", "balloon": "subject_balloon_gold.png"}
"""The subjects in other colours, for a frame of more of them."""
MASK_GROWTH = 41
"""Pixels, odd: the masks are coarse, as a hand paints them."""


def placed_subjects(size: tuple[int, int]) -> dict[str, Image.Image]:
    """Each subject alone, RGBA, where it is in the photo of that size."""
    layers = {}
    for name, (share, x, y) in SUBJECTS.items():
        picture = Image.open(MATERIALS / f"subject_{name}.png").convert("RGBA")
        picture = picture.crop(picture.getchannel("A").getbbox())
        height = round(share * size[1])
        picture = picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)
        corner = round(x * size[0] - picture.width / 2), round(y * size[1] - picture.height / 2)
        layers[name] = Image.new("RGBA", size)
        layers[name].paste(picture, corner)
    return layers


def draw_photos(folder: Path) -> None:
    """Write the photo, a copy for each subject with that subject painted out as in ComfyUI's mask editor, and each
    subject alone on white."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = Image.open(MATERIALS / PLATE).convert("RGB")
    layers = placed_subjects(photo.size)
    for layer in layers.values():
        photo.paste(layer, mask=layer)
    photo.save(folder / PHOTO)
    for name, layer in layers.items():
        painted = photo.copy()
        coarse = layer.getchannel("A").filter(ImageFilter.MaxFilter(MASK_GROWTH))
        painted.putalpha(coarse.point(lambda value: 255 - value))
        painted.save(folder / f"demo_photo_{name}.png")
        subject = Image.open(MATERIALS / f"subject_{name}.png").convert("RGBA")
        white = Image.new("RGB", subject.size, "white")
        white.paste(subject, mask=subject)
        white.save(folder / f"{name}_on_white.png")


def draw_twins(folder: Path) -> None:
    """Write each subject with its colours exchanged: red is blue, green is red, blue is green."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in TWINS.items():
        red, green, blue, alpha = Image.open(MATERIALS / f"subject_{name}.png").convert("RGBA").split()
        Image.merge("RGBA", (green, blue, red, alpha)).save(folder / file)
