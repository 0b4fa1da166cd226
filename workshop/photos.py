"""Draw the demo's photos from its materials: subjects in a scene with coarse masks of each, and subjects on white."""

from pathlib import Path

from PIL import Image, ImageFilter

MATERIALS = Path(__file__).parents[1] / "assets" / "materials"
PHOTO, PLATE = "demo_photo.png", "background_lake.png"
# Subject, height and centre, as shares of the photo's height and size.
SUBJECTS = {"robot": (0.5, 0.22, 0.68), "boat": (0.42, 0.62, 0.66)}
MASK_GROWTH = 41
"""Pixels, odd: the masks are coarse, as a hand paints them."""


def photo_and_alphas() -> tuple[Image.Image, dict[str, Image.Image]]:
    """The photo, RGB, and where each subject is in it, L, 255 = subject."""
    photo = Image.open(MATERIALS / PLATE).convert("RGB")
    alphas = {}
    for name, (share, x, y) in SUBJECTS.items():
        picture = Image.open(MATERIALS / f"subject_{name}.png").convert("RGBA")
        picture = picture.crop(picture.getchannel("A").getbbox())
        height = round(share * photo.height)
        picture = picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)
        corner = round(x * photo.width - picture.width / 2), round(y * photo.height - picture.height / 2)
        photo.paste(picture, corner, picture)
        alphas[name] = Image.new("L", photo.size)
        alphas[name].paste(picture.getchannel("A"), corner)
    return photo, alphas


def draw_photos(folder: Path) -> None:
    """Write the photo, a copy for each subject with that subject painted out as in ComfyUI's mask editor, and each
    subject alone on white."""
    folder.mkdir(parents=True, exist_ok=True)
    photo, alphas = photo_and_alphas()
    photo.save(folder / PHOTO)
    for name, alpha in alphas.items():
        painted = photo.copy()
        painted.putalpha(alpha.filter(ImageFilter.MaxFilter(MASK_GROWTH)).point(lambda value: 255 - value))
        painted.save(folder / f"demo_photo_{name}.png")
        subject = Image.open(MATERIALS / f"subject_{name}.png").convert("RGBA")
        white = Image.new("RGB", subject.size, "white")
        white.paste(subject, mask=subject)
        white.save(folder / f"{name}_on_white.png")
