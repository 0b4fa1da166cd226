"""Frames, to the last bit where there is something official to compare with."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ffgo.errors import FFGOError
from ffgo.frame.compose import Composition, compose
from ffgo.frame.geometry import Box
from ffgo.frame.layout import LAYOUTS, MAX_SUBJECTS, Placement
from lab.benchmarks.compose import official_script


def image_of(picture: Image.Image) -> Tensor:
    """As Load Image and Join Image with Alpha give it."""
    values = torch.from_numpy(np.array(picture)).float() / 255
    if picture.mode == "RGBA":
        values[..., 3] = 1.0 - (1.0 - values[..., 3])
    return values[None]


def pixels_of(frame: Composition) -> np.ndarray:
    """As Save Image writes it."""
    return (255.0 * frame.image[0].numpy()).clip(0, 255).astype(np.uint8)


def subject(width: int = 300, height: int = 400, seed: int = 0, margin: int = 20) -> Image.Image:
    """A noisy ellipse with a soft edge, transparent around it."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - width / 2) / (width / 2 - margin), (y - height / 2) / (height / 2 - margin))
    alpha = np.clip((1 - distance) * 2000, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([noise, alpha]))


def scene(width: int = 1344, height: int = 768) -> Image.Image:
    noise = np.random.default_rng(7).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height))


BACKGROUND = image_of(scene())


def frame_of(*subjects: Image.Image, background: Tensor = BACKGROUND, **settings) -> Composition:
    return compose(background, {f"subject{i}": image_of(s) for i, s in enumerate(subjects)}, **settings)


def load(folder: Path) -> tuple[Tensor, dict[str, Tensor]]:
    names = sorted(path.name for path in folder.glob("*.png") if path.name != "main_entity.png")
    pictures = {name: image_of(Image.open(folder / name)) for name in names}
    return image_of(Image.open(folder / "main_entity.png")), pictures


@pytest.mark.parametrize("case", ["am_car_2obj", "fds_ambulence", "tank_intersection_2"])
@pytest.mark.parametrize("background_fit", ["keep_aspect", "stretch"])
def test_script_equals_the_official_composites(official, case, background_fit):
    frame = compose(*load(official / "compose" / case), layout="script", background_fit=background_fit)
    assert (pixels_of(frame) == np.asarray(Image.open(official / "composites" / f"{case}.png"))).all()


@pytest.mark.parametrize("case", ["video_11", "video_12", "video_13", "video_16"])
def test_published_equals_the_official_training_composites(official, case):
    frame = compose(*load(official / "train" / "materials" / case), background_fit="stretch")
    expected = np.asarray(Image.open(official / "train" / "composites" / case / "combined.png"))
    assert (pixels_of(frame) == expected).all()
    assert frame.warnings == []


@pytest.mark.parametrize("count", range(1, MAX_SUBJECTS + 1))
def test_script_equals_the_official_algorithm(count):
    subjects = [subject(200 + 90 * i, 700 - 60 * i, seed=i) for i in range(count)]
    frame = frame_of(*subjects, layout="script")
    assert (pixels_of(frame) == np.asarray(official_script(scene(), *subjects))).all()


def test_published_equals_the_official_algorithm_on_pictures_cropped_by_hand():
    subjects = [subject(900, 500, seed=1, margin=100), subject(300, 1200, seed=2, margin=50)]
    boxes = [picture.getchannel("A").getbbox() or pytest.fail("nothing to crop") for picture in subjects]
    cropped = [p.crop((b[0] - 5, b[1] - 5, b[2] + 5, b[3] + 5)) for p, b in zip(subjects, boxes, strict=True)]
    frame = frame_of(*subjects, background_fit="stretch")
    assert (pixels_of(frame) == np.asarray(official_script(scene(), *cropped))).all()


def test_keeps_the_aspect_of_the_background_unless_told_otherwise():
    square = image_of(scene(800, 800))
    kept, stretched = (
        frame_of(subject(), background=square, background_fit=fit).plan.background for fit in ("keep_aspect", "stretch")
    )
    assert kept == Box(640, 40, 640, 640)
    assert stretched == Box(640, 180, 640, 360)
    picture = scene(800, 800)
    picture.thumbnail((640, 720), Image.Resampling.LANCZOS)
    shown = pixels_of(frame_of(subject(), background=square))
    assert (shown[40:680, 640:] == np.asarray(picture)).all()
    assert (shown[:40, 640:] == 255).all()


SIZES = [(1280, 720), (1281, 721), (480, 832), (333, 501), (64, 64)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_image_masks_and_layout_agree(layout, width, height, count):
    subjects = [subject(150 + 70 * i, 500 - 40 * i, seed=i) for i in range(count)]
    frame = frame_of(*subjects, width=width, height=height, layout=layout)
    plan = json.loads(frame.plan.to_json())
    assert frame.image.shape == (1, height, width, 3)
    assert frame.masks.shape == (count, height, width)
    assert frame.image.dtype == frame.masks.dtype == torch.float32
    assert plan["canvas"] == {"width": width, "height": height}
    white = torch.ones(height, width, dtype=torch.bool)
    for entry, mask in zip([{"box": plan["background"]}, *plan["subjects"]], [None, *frame.masks], strict=True):
        box = entry["box"]
        rows, columns = slice(box["y"], box["y"] + box["height"]), slice(box["x"], box["x"] + box["width"])
        white[rows, columns] = False
        if mask is not None:
            assert box["x"] + box["width"] <= width // 2
            assert mask.sum(dtype=torch.float64).item() == pytest.approx(entry["pixels"], abs=0.01)
            assert mask[rows, columns].count_nonzero() == mask.count_nonzero() > 0
            assert mask.max() <= 1
    assert (frame.image[0][white] == 1).all()


def test_a_mask_is_the_subjects_alpha_in_place():
    cutout = subject(400, 300)
    frame = frame_of(cutout, layout="script")
    (place,) = frame.plan.subjects
    assert place == Placement(crop=Box(0, 0, 400, 300), box=Box(120, 210, 400, 300))
    assert torch.equal(frame.masks[0, 210:510, 120:520], torch.tensor(np.array(cutout.getchannel("A"))) / 255)
    assert place.scale == 1


def test_the_alpha_of_a_smaller_subject_is_a_mean_not_a_sample():
    """Every second column is transparent, and half the size has no room for columns."""
    stripes = np.full((720, 1280, 4), (200, 100, 50, 0), np.uint8)
    stripes[:, 1::2, 3] = 255
    frame = frame_of(Image.fromarray(stripes), layout="script")
    assert (frame.masks[0, 190:530, 10:630] - 0.5).abs().max() < 0.01


def test_an_rgb_subject_is_an_opaque_rectangle():
    picture = scene(400, 300)
    frame = frame_of(picture)
    assert (pixels_of(frame)[210:510, 120:520] == np.asarray(picture)).all()
    assert frame.plan.pixels == [400 * 300]
    assert (frame.masks[0, 210:510, 120:520] == 1).all()


def test_packed_draws_the_picture_larger_when_allowed():
    frame = frame_of(subject(100, 100), layout="packed", max_upscale=3.0)
    (place,), (pixels,) = frame.plan.subjects, frame.plan.pixels
    assert place.scale == 3
    assert place.box.width == 3 * place.crop.width
    assert pixels == pytest.approx(9 * image_of(subject(100, 100))[..., 3].sum().item(), rel=0.01)


def test_a_batch_is_several_subjects():
    pictures = [subject(seed=i) for i in range(3)]
    batch = torch.cat([image_of(picture) for picture in pictures])
    together = compose(BACKGROUND, {"subject0": batch})
    apart = frame_of(*pictures)
    assert (together.image == apart.image).all()
    assert (together.masks == apart.masks).all()
    assert together.plan.subjects == apart.plan.subjects
    assert together.plan.fingerprints == apart.plan.fingerprints


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_in_same_out_and_inputs_stay_as_they_are(layout):
    inputs = [BACKGROUND, *(image_of(subject(seed=i)) for i in range(5))]
    copies = [tensor.clone() for tensor in inputs]
    frames = [compose(inputs[0], {str(i): t for i, t in enumerate(inputs[1:])}, layout=layout) for _ in range(2)]
    assert (frames[0].image == frames[1].image).all()
    assert frames[0].plan == frames[1].plan
    assert all((tensor == copy).all() for tensor, copy in zip(inputs, copies, strict=True))


def test_half_precision_pictures_and_views_give_the_same_frame():
    cutout = image_of(subject())
    wide = torch.zeros(1, 400, 600, 4)
    wide[:, :, 100:400] = cutout
    expected = compose(BACKGROUND, {"s": cutout}).image
    assert (compose(BACKGROUND.half(), {"s": cutout.half()}).image == expected).all()
    assert (compose(BACKGROUND, {"s": wide[:, :, 100:400]}).image == expected).all()


def test_a_transparent_background_is_laid_on_white():
    rgba = scene(640, 720).convert("RGBA")
    rgba.putalpha(Image.new("L", rgba.size, 51))
    shown = pixels_of(frame_of(subject(), background=image_of(rgba)))[:, 640:].astype(int)
    assert abs(shown - (0.2 * np.asarray(scene(640, 720)) + 0.8 * 255)).max() <= 0.5


def mask_only(colour: int) -> Image.Image:
    picture = Image.new("RGBA", (200, 300), (colour, colour, colour, 0))
    ImageDraw.Draw(picture).ellipse((20, 20, 180, 280), fill=(colour, colour, colour, 255))
    return picture


NAN = image_of(subject())
NAN[0, 0, 0, 0] = float("nan")
GOOD = image_of(subject())
CLEAR = image_of(Image.new("RGBA", (50, 60), (200, 100, 50, 0)))
NEARLY_CLEAR = GOOD.clone()
NEARLY_CLEAR[..., 3] = 0.4 / 255
BAD = {
    "two backgrounds": (torch.cat([BACKGROUND] * 2), {"subject0": GOOD}, "background holds 2 pictures"),
    "no background": (CLEAR, {"subject0": GOOD}, "background is fully transparent"),
    "mask as background": (torch.zeros(1, 20, 20), {"subject0": GOOD}, "background is a mask"),
    "no subject": (BACKGROUND, {}, "No subject is connected"),
    "nine subjects": (BACKGROUND, {f"subject{i}": GOOD for i in range(9)}, "9 subjects are connected"),
    "batch of nine": (BACKGROUND, {"subject0": torch.cat([GOOD] * 9)}, "9 subjects are connected"),
    "eight and one": (BACKGROUND, {"a": torch.cat([GOOD] * 8), "b": GOOD}, "9 subjects are connected"),
    "transparent": (BACKGROUND, {"subject0": GOOD, "subject1": CLEAR}, "^subject1 is fully transparent"),
    "rounds to transparent": (BACKGROUND, {"subject0": NEARLY_CLEAR}, "^subject0 is fully transparent"),
    "in a batch": (BACKGROUND, {"s": torch.cat([GOOD, GOOD * 0])}, r"^s \(picture 2 of 2\) is fully transparent"),
    "nan": (BACKGROUND, {"subject0": GOOD, "subject1": NAN}, "^subject1 has pixels that are not numbers"),
    "nan scene": (BACKGROUND * float("nan"), {"subject0": GOOD}, "^background has pixels that are not numbers"),
    "one pixel": (BACKGROUND, {"subject0": torch.ones(1, 1, 1, 4)}, "^subject0 is 1x1 px"),
    "thin scene": (torch.ones(1, 1, 90, 3), {"subject0": GOOD}, "^background is 90x1 px"),
    "mask": (BACKGROUND, {"subject0": torch.ones(1, 20, 20)}, "^subject0 is a mask"),
    "channels": (BACKGROUND, {"subject0": torch.ones(1, 20, 20, 2)}, "^subject0 has the shape 1x20x20x2"),
    "black shape": (BACKGROUND, {"subject0": image_of(mask_only(0))}, "^subject0 is a shape without colour"),
    "white shape": (BACKGROUND, {"subject0": image_of(mask_only(255))}, "^subject0 is a shape without colour"),
}


@pytest.mark.parametrize(("background", "subjects", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_an_error_that_names_it(background, subjects, said):
    with pytest.raises(FFGOError, match=said):
        compose(background, subjects)


@pytest.mark.parametrize(("width", "height"), [(15, 720), (1280, 1), (0, 0)])
def test_a_tiny_canvas_is_an_error(width, height):
    with pytest.raises(FFGOError, match=f"The canvas is {width}x{height} px; both sides must be at least 16 px"):
        frame_of(subject(), width=width, height=height)


def test_plain_pictures_that_are_no_masks_are_fine():
    grey = mask_only(0)
    grey.putpixel((100, 150), (0, 0, 1, 255))  # one pixel with a colour, far from where a coarse look goes
    frame_of(grey)
    frame_of(Image.new("RGB", (100, 100), "black"))  # opaque: a black board
    frame_of(Image.new("RGBA", (100, 100), "black"))


def test_good_frames_have_no_warning():
    for layout in LAYOUTS:
        assert frame_of(*[subject(seed=i) for i in range(4)], layout=layout).warnings == []


def test_warns_above_four_subjects():
    (warning,) = frame_of(*[subject(seed=i) for i in range(5)]).warnings
    assert warning.startswith("5 subjects:")
    assert "up to 4" in warning


def test_warns_of_each_subject_that_gets_few_pixels_and_says_what_helps():
    # The banner fills the width and stays thin; the small one is shown as it is.
    banner, small = subject(3000, 80, margin=2), subject(90, 90, margin=1)
    one, two = frame_of(banner, small).warnings
    assert one.startswith("subject0 covers ")
    assert one.endswith("Set layout to packed, or use fewer subjects.")
    assert two.startswith("subject1 covers 5,")
    assert "below 11,000" in two
    assert two.endswith("Its picture is small: use a larger one, or the layout packed with a larger max_upscale.")
    assert frame_of(banner, layout="packed").warnings[0].endswith("Use fewer subjects, or a more compact one.")
    enlarged = frame_of(small, layout="packed", max_upscale=1.2).warnings[0]
    assert enlarged.endswith("with a larger max_upscale.")


def test_few_pixels_are_measured_by_the_size_of_the_canvas():
    small = subject(90, 90, margin=1)
    assert frame_of(small).warnings
    assert not frame_of(small, width=640, height=480).warnings


def test_warns_of_a_background_smaller_than_its_half():
    tiny = image_of(scene(320, 240))
    (warning,) = frame_of(subject(), background=tiny).warnings
    assert warning.startswith("background (320x240 px) is smaller than its half of the frame (640x720 px)")
    assert frame_of(subject(), background=tiny, background_fit="stretch").warnings == []
    assert frame_of(subject(), background=image_of(scene(640, 240))).warnings == []
