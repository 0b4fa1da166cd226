"""Load Subject in the real host: from files as users have them to cut-outs."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ffgo.cutout.matte import cut_out

from .conftest import HostError

RED = (180, 40, 30)


def on(ground: str | tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (200, 160), ground)
    ImageDraw.Draw(picture).ellipse((60, 40, 140, 120), fill=RED)
    return picture


def cutout() -> Image.Image:
    picture = on("green")
    alpha = Image.new("L", picture.size)
    ImageDraw.Draw(alpha).ellipse((60, 40, 140, 120), fill=255)
    picture.putalpha(alpha)
    return picture


def street() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (160, 200, 3), dtype=np.uint8))


def jpeg(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def run(host, image: str, **inputs) -> tuple[np.ndarray, dict]:
    """The cut-out as it is saved, and what the node shows."""
    outputs = host.run(
        {
            "load": {"class_type": "FFGOLoadSubject", "inputs": {"image": image, **inputs}},
            "save": {"class_type": "SaveImage", "inputs": {"images": ["load", 0], "filename_prefix": "subject"}},
            "name": {"class_type": "PreviewAny", "inputs": {"source": ["load", 1]}},
        }
    )
    saved = host.base / "output" / outputs["save"]["images"][0]["filename"]
    with Image.open(saved) as picture:
        return np.asarray(picture), outputs["load"] | {"name": outputs["name"]["text"][0]}


def test_own_alpha_is_kept_to_the_pixel(host):
    pixels, shown = run(host, host.input("red_robot (1).png", cutout()))
    assert np.array_equal(pixels, np.asarray(cutout()))
    assert shown["name"] == "red robot"
    assert "cut by its own alpha" in shown["text"][0]


@pytest.mark.parametrize("ground", ["white", "#f4f2ee", "gray", "#00b140", "#102030"])
def test_a_plain_ground_is_cut_away(host, ground):
    pixels, shown = run(host, host.input(f"on_{ground.strip('#')}.jpg", jpeg(on(ground))))
    truth = np.asarray(cutout())[..., 3]
    assert np.abs(pixels[..., 3].astype(int) - truth).sum() / truth.sum() < 0.05
    assert "plain ground" in shown["text"][0]


def test_a_photo_on_white_is_cut_as_well_as_by_the_matte(host):
    photo = jpeg(on("white"))
    pixels, _ = run(host, host.input("photo.jpg", photo))
    with Image.open(BytesIO(photo)) as picture:
        matte = cut_out(np.asarray(picture, np.float32) / 255).image[0, ..., 3].numpy()
    # Save Image rounds down.
    assert np.array_equal(pixels[..., 3], (matte * np.float32(255)).astype(np.uint8))


def test_the_result_is_shown_on_checks_and_told_to_the_editor(host):
    _, shown = run(host, host.input("checks.png", cutout()))
    folder = host.base / "temp"
    (file,), (layer,) = shown["images"], shown["ffgo_subject"]
    with Image.open(folder / file["subfolder"] / file["filename"]) as picture:
        checks = np.asarray(picture)
    assert checks.shape == (160, 200, 3)
    assert len(np.unique(checks[:30].reshape(-1, 3), axis=0)) == 2
    assert layer["visible"] == [60, 40, 81, 81]
    with Image.open(folder / layer["subfolder"] / layer["filename"]) as picture:
        assert picture.mode == "RGBA"


def test_a_photo_without_alpha_or_plain_ground_is_told_in_numbers_with_the_ways_out(host):
    name = host.input("street.jpg", jpeg(street()))
    with pytest.raises(
        HostError, match=r"street\.jpg .* no transparency, and no plain ground: \d+% of .*45% must"
    ) as told:
        run(host, name)
    assert all(way in told.value.message for way in ("SAM2 Matte", "Gemini Extract", "another picture", "`nothing`"))
    pixels, _ = run(host, name, cut_by="nothing")
    assert pixels.shape == (160, 200, 3)


def test_a_subject_painted_in_the_mask_editor(host):
    """The editor saves what was painted as transparent, into the input folder, and names it with its folder."""
    painted = street()
    alpha = Image.new("L", painted.size, 255)
    ImageDraw.Draw(alpha).ellipse((60, 40, 140, 120), fill=0)
    painted.putalpha(alpha)
    for name in ("clipspace-painted-masked-17.png", "clipspace/clipspace-mask-17.png"):
        host.input(name, painted)
        pixels, shown = run(host, f"{name} [input]")
        assert np.array_equal(pixels, np.asarray(painted))
        assert any("`inverted alpha`" in line for line in shown["text"])
        pixels, shown = run(host, f"{name} [input]", cut_by="inverted alpha")
        assert np.array_equal(pixels[..., 3], 255 - np.asarray(alpha))
        assert shown["name"] == "subject"
        assert len(shown["text"]) == 1


def test_an_output_of_the_host_is_a_subject_too(host):
    run(host, host.input("again.png", cutout()))
    saved = sorted((host.base / "output").glob("subject_*.png"))[-1]
    pixels, _ = run(host, f"{saved.name} [output]", cut_by="auto")
    assert pixels.shape == (160, 200, 4)


@pytest.mark.parametrize(
    "image", ["missing.png", "../secret.png", "/etc/passwd", "a\u202eb.png", "", ".", "../output/subject_00001_.png", 3]
)
def test_what_is_no_picture_in_the_hosts_folders_is_refused(host, image):
    (host.base / "secret.png").write_bytes(b"")
    with pytest.raises(HostError, match="There is no picture"):
        run(host, image)


def test_another_file_of_the_same_name_is_seen(host):
    run(host, host.input("same.png", cutout()))
    pixels, _ = run(host, host.input("same.png", cutout().transpose(Image.Transpose.ROTATE_90)))
    assert pixels.shape == (200, 160, 4)


def test_the_choices_are_those_of_load_image(host):
    host.input("listed.webp", jpeg(on("white")))
    ours, theirs = (
        host.get(f"/object_info/{name}")[name]["input"]["required"]["image"]
        for name in ("FFGOLoadSubject", "LoadImage")
    )
    options = ours[1]["options"] if ours[0] == "COMBO" else ours[0]
    assert "listed.webp" in options
    assert options == (theirs[1]["options"] if theirs[0] == "COMBO" else theirs[0])
    assert ours[1]["image_upload"] is True
