"""From picture files to cut-outs: drawn ones, whose alpha is known, on many grounds and in all kinds of files."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, shift

from ffgo.cutout.ground import PLAIN, ground_of
from ffgo.cutout.upload import name_of, open_upload
from ffgo.cutout.ways import MOST_PX, LoadedSubject, subject_of
from ffgo.errors import FFGOError
from ffgo.frame.advice import warn_of_loaded
from ffgo.frame.pictures import look_at
from ffgo.frame.previews import on_checks
from ffgo.pixels import to_uint8

WIDTH, HEIGHT = 300, 240
ORANGE = (210, 120, 40)
GROUNDS = {
    "white": (255, 255, 255), "off-white": (244, 240, 232), "grey": (128, 128, 128), "green": (0, 177, 64),
    "blue": (40, 90, 200), "black": (0, 0, 0), "dark": (30, 26, 40),
}  # fmt: skip


def alpha(x: float = 150, y: float = 120, radius: float = 70, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A disc with an edge that is one pixel soft, (H, W) 0..1."""
    row, column = np.ogrid[: size[1], : size[0]]
    return np.clip(radius + 0.5 - np.hypot(row - y, column - x), 0, 1)


def on(ground: tuple[int, int, int], light: np.ndarray | float = 1.0, mask: np.ndarray | None = None) -> Image.Image:
    """The subject on a ground that is lit so."""
    mask = (alpha() if mask is None else mask)[..., None]
    behind = np.asarray(ground) * np.broadcast_to(light, mask.shape[:2])[..., None]
    return Image.fromarray(np.rint(np.asarray(ORANGE) * mask + behind * (1 - mask)).astype(np.uint8))


def falling_off(by: float) -> np.ndarray:
    y, x = np.meshgrid(np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH), indexing="ij")
    return 1 - by * (0.7 * x * x + y * y + 0.4 * x)


def rgba(mask: np.ndarray, colours: tuple[int, int, int] = ORANGE) -> Image.Image:
    picture = Image.new("RGB", mask.shape[::-1], colours)
    picture.putalpha(Image.fromarray(np.rint(255 * mask).astype(np.uint8)))
    return picture


def street(seed: int = 1) -> Image.Image:
    """Blocks of all colours, as windows, cars and people are."""
    blocks = np.random.default_rng(seed).integers(0, 255, (12, 15, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def error(cut: LoadedSubject, mask: np.ndarray) -> float:
    """Sum of the alpha errors, as a share of the subject."""
    return float(np.abs(cut.image[0, ..., 3].numpy() - mask).sum() / mask.sum())


def through_a_file(picture: Image.Image, path: Path, **options) -> LoadedSubject:
    picture.save(path, **options)
    return subject_of(open_upload(path, path.name).picture, path.name)


# ---------------------------------------------------------------- grounds


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("quality", [None, 75])
def test_any_plain_ground(tmp_path, ground, quality):
    name, options = ("a.png", {}) if quality is None else ("a.jpg", {"quality": quality})
    cut = through_a_file(on(GROUNDS[ground]), tmp_path / name, **options)
    assert error(cut, alpha()) < (0.01 if quality is None else 0.05)
    assert cut.warnings == []


@pytest.mark.parametrize("ground", ["white", "grey", "green", "blue"])
def test_lighting_that_falls_off(ground):
    picture = on(GROUNDS[ground], falling_off(0.12))
    assert error(subject_of(picture, "a"), alpha()) < 0.02


@pytest.mark.parametrize("ground", ["white", "grey", "green", "blue"])
def test_a_soft_shadow_is_left_out_or_kept(ground):
    shade = 0.28 * gaussian_filter(shift(alpha(), (9, 6), order=1), 8)
    picture = on(GROUNDS[ground], 1 - shade)
    assert error(subject_of(picture, "a"), alpha()) < 0.03
    kept = subject_of(picture, "a", shadow="keep").image[0, ..., 3].numpy()
    assert np.abs(kept - (alpha() + (1 - alpha()) * shade)).mean() < 0.02


def test_a_shadow_on_a_coloured_ground_whose_colours_jpeg_has_rounded(tmp_path):
    shade = 0.2 * gaussian_filter(shift(alpha(), (9, 6), order=1), 8)
    noise = np.random.default_rng(1).normal(0, 1.2, (HEIGHT, WIDTH, 3))
    pixels = np.asarray(on(GROUNDS["green"], 1 - shade)) + noise
    picture = Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))
    assert error(through_a_file(picture, tmp_path / "a.jpg", quality=90), alpha()) < 0.05


def test_a_subject_that_is_cut_off_by_the_border():
    mask = alpha(y=HEIGHT - 40, radius=90)
    cut = subject_of(on(GROUNDS["grey"], mask=mask), "a")
    assert error(cut, mask) < 0.01
    assert cut.warnings == []


def test_colours_hold_nothing_of_the_ground():
    cut = subject_of(on(GROUNDS["green"]), "a").image[0].numpy()
    edge = (alpha() > 0.2) & (alpha() < 0.9)
    assert np.abs(cut[edge][:, :3] - np.asarray(ORANGE) / 255).max() < 0.04


@pytest.mark.parametrize("seed", range(5))
def test_a_street_has_no_plain_ground(seed):
    assert ground_of(np.asarray(street(seed), np.float32) / 255).plain < PLAIN


# ---------------------------------------------------------------- ways


def test_own_alpha_is_kept_as_it_is():
    picture = rgba(alpha())
    assert np.array_equal(to_uint8(subject_of(picture, "a").image[0]), np.asarray(picture))


@pytest.mark.parametrize("opacity", [255, 254])
def test_alpha_that_is_opaque_everywhere_is_none(opacity):
    picture = on(GROUNDS["white"])
    picture.putalpha(opacity)
    assert error(subject_of(picture, "a"), alpha()) < 0.01


def test_inverted_alpha():
    cut = subject_of(rgba(1 - alpha()), "a", cut_by="inverted alpha")
    assert error(cut, alpha()) < 0.01


def test_nothing_is_a_rectangle_on_white():
    cut = subject_of(rgba(alpha()), "a", cut_by="nothing").image
    assert cut.shape == (1, HEIGHT, WIDTH, 3)
    assert cut[0, 0, 0].tolist() == [1, 1, 1]


def test_plain_ground_by_order_takes_less_of_it_and_passes_alpha_by():
    wide = np.zeros((HEIGHT, WIDTH))
    wide[85:] = 1
    close = Image.composite(street(), on(GROUNDS["grey"], mask=wide), Image.fromarray(wide > 0))
    with pytest.raises(FFGOError, match=r"4\d% of its border has one colour, 45% must"):
        subject_of(close, "a")
    assert error(subject_of(close, "a", cut_by="plain ground"), wide) < 0.02
    both = on(GROUNDS["white"])
    both.putalpha(Image.fromarray(np.rint(255 * alpha(radius=20)).astype(np.uint8)))
    assert subject_of(both, "a", cut_by="plain ground").image[0, ..., 3].sum() == pytest.approx(
        alpha(radius=20).sum(), 0.1
    )


@pytest.mark.parametrize(
    ("picture", "cut_by", "said"),
    [
        (
            street(),
            "auto",
            r"has no transparency, and no plain ground: \d+% of its border .*SAM2 Matte.*Gemini Extract.*`no",
        ),
        (street().convert("RGBA"), "auto", r"no transparency to speak of \(its least alpha is 255 of 255\)"),
        (street(), "own alpha", "x.png has no alpha"),
        (street(), "inverted alpha", "x.png has no alpha"),
        (Image.new("RGB", (40, 30), (9, 90, 9)), "auto", "nothing but its ground, RGB 9 90 9, was found"),
        (rgba(0 * alpha()), "auto", "nothing of x.png can be seen by its own alpha. Set cut_by to `inverted alpha`"),
        (rgba(0 * alpha() + 1), "inverted alpha", "can be seen by its inverted alpha. Set cut_by to `own alpha`"),
    ],
)
def test_what_cannot_be_cut_out_is_told(picture, cut_by, said):
    with pytest.raises(FFGOError, match=said):
        subject_of(picture, "x.png", cut_by=cut_by)


def test_a_photo_with_bars_is_said_to_be_a_rectangle():
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    picture.paste(street().resize((WIDTH, 140)), (0, 50))
    (warning,) = subject_of(picture, "a").warnings
    assert "is a rectangle of 300x14" in warning


def test_a_wall_above_a_table_is_said_to_touch_the_border():
    picture = on(GROUNDS["off-white"])
    ImageDraw.Draw(picture).rectangle((0, 190, WIDTH, HEIGHT), fill=(120, 80, 50))
    (warning,) = subject_of(picture, "a").warnings
    assert "touches 37% of the picture's border" in warning


def test_huge_pictures_are_made_smaller_and_tiny_ones_are_not():
    huge = on(GROUNDS["off-white"]).resize((4000, 3000))
    cut = subject_of(huge, "a")
    assert cut.image.shape[1:3] == (1500, 2000)
    assert MOST_PX == 1500 * 2000
    assert "4000x3000 px, made 2000x1500 px" in cut.summary
    tiny = on(GROUNDS["white"], mask=alpha(8, 6, 3, size=(16, 12)))
    assert error(subject_of(tiny, "a"), alpha(8, 6, 3, size=(16, 12))) < 0.15


# ---------------------------------------------------------------- files


FILES: dict[str, Callable[[Image.Image], tuple[Image.Image, dict]]] = {
    "palette.gif": lambda picture: (picture.convert("P"), {}),
    "grey.png": lambda picture: (picture.convert("L"), {}),
    "printers.jpg": lambda picture: (picture.convert("CMYK"), {"quality": 95}),
    "deep.png": lambda picture: (Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257), {}),
    "old.bmp": lambda picture: (picture, {}),
    "new.webp": lambda picture: (picture, {"quality": 90}),
    "scan.tiff": lambda picture: (picture, {}),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_all_kinds(tmp_path, name):
    picture, options = FILES[name](on(GROUNDS["white"]))
    assert error(through_a_file(picture, tmp_path / name, **options), alpha()) < 0.03


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif", "a.tiff"])
def test_transparency_of_all_kinds(tmp_path, name):
    hard = (alpha() > 0.5).astype(float)
    cut = through_a_file(rgba(hard), tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    assert np.array_equal(cut.image[0, ..., 3].numpy(), hard)
    assert "own alpha" in cut.summary


def test_a_transparent_value_of_deep_grey_is_alpha(tmp_path):
    values = np.where(alpha() > 0.5, 20_000, 0).astype(np.uint16)
    cut = through_a_file(Image.fromarray(values), tmp_path / "a.png", transparency=0)
    assert np.array_equal(cut.image[0, ..., 3].numpy(), (alpha() > 0.5).astype(float))


def test_the_camera_says_what_is_up(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    cut = through_a_file(on(GROUNDS["white"]), tmp_path / "a.jpg", exif=exif, quality=95)
    assert error(cut, np.rot90(alpha(), -1)) < 0.02


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_of_an_animation_the_first_picture_is_taken_and_that_is_said(tmp_path, name):
    path = tmp_path / name
    on(GROUNDS["white"]).save(path, save_all=True, append_images=[street(), street(2)])
    upload = open_upload(path, name)
    assert upload.warnings == [f"{name} is an animation of 3 pictures: the first one is taken."]
    assert error(subject_of(upload.picture, name), alpha()) < 0.03


def test_damaged_files_and_such_as_are_no_pictures(tmp_path):
    path = tmp_path / "x.jpg"
    with pytest.raises(FFGOError, match=r"x\.jpg is not there any more"):
        open_upload(path, "x.jpg")
    street().save(path, quality=90)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FFGOError, match=r"x\.jpg cannot be read: .*truncated.*Save it anew"):
        open_upload(path, "x.jpg")
    for content in (b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        path.write_bytes(content)
        with pytest.raises(FFGOError, match="no picture that can be read"):
            open_upload(path, "x.jpg")
    Image.new("RGB", (1, 40)).save(path)
    with pytest.raises(FFGOError, match="is 1x40 px"):
        open_upload(path, "x.jpg")
    Image.new("1", (9000, 9000)).save(tmp_path / "x.png")
    with pytest.raises(FFGOError, match="is 9000x9000 px"):
        open_upload(tmp_path / "x.png", "x.png")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("red_robot.png", "red robot"), ("pets/Müllers Hund-2.JPG", "Müllers Hund 2"), ("cat (3).webp", "cat"),
        ("ComfyUI_00012_.png", "ComfyUI"), ("boat - copy.png", "boat"), ("clipspace-painted-masked-17.png", "subject"),
        ("IMG_2041.HEIC.jpg", "IMG 2041 HEIC"), ("机器人.png", "机器人"), ("...png", "subject"),
        ("a\u202eb.png", "a b"), ("grandma's hat.png", "grandma's hat"), ("x" * 300 + ".png", "x" * 80),
    ],
)  # fmt: skip
def test_names_are_made_plain(file, name):
    assert name_of(file) == name


# ---------------------------------------------------------------- what is shown


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (alpha(), None),
        (1 - alpha(), "inside out: 100% of its border is opaque.*`inverted alpha`"),
        (0.05 * alpha(), "nearly transparent: its alpha is 13 of 255"),
        (np.maximum(alpha(), np.eye(HEIGHT, WIDTH) / 255), r"faint dust .*min_alpha of FFGo Compose Canvas to 0\.10"),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_said_with_what_this_node_can_do(mask, said):
    found = warn_of_loaded(look_at("a.png", np.asarray(rgba(mask))))
    assert (found == []) if said is None else re.search(said, found[0])


def test_checks_show_through_where_it_is_transparent():
    shown = np.asarray(on_checks(look_at("a.png", np.asarray(rgba(alpha())))))
    assert shown[120, 150].tolist() == list(ORANGE)
    assert len(np.unique(shown[:32, :32])) == 2
