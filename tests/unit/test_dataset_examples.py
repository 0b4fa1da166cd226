"""Examples at the size that they are trained at, and the checks."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.clip.video_io import ClipInfo, read_frames, write_clip
from ffgo.dataset.examples import clip_troubles, load_frames, open_composite, open_dataset
from ffgo.dataset.sizing import ASPECTS, Bucket, Sizing, buckets
from ffgo.errors import FFGOError
from ffgo.words.phrase import TRANSITION_PHRASE

SMALL = Sizing(64, 48, 9)


def clip(width=1280, height=720, frames=81):
    return ClipInfo(width, height, frames, frames, 24.0, True, "h264")


def captions(folder, *texts):
    path = folder / "train_data.json"
    entries = json.loads(path.read_text())
    for entry, text in zip(entries, texts, strict=True):
        entry["text"] = text
    path.write_text(json.dumps(entries))


def test_official_clips_get_the_official_size(official):
    dataset = open_dataset(official / "train")
    assert buckets(dataset.examples, Sizing()) == [Bucket(1344, 768, 81)] * 4
    assert buckets(dataset.examples, Sizing(frames=21)) == [Bucket(1344, 768, 21)] * 4


@pytest.mark.parametrize(("height", "width", "resized"), [(768, 1344, 1365), (480, 832, 853)])
def test_official_frames_equal_the_official_preprocessing(official, height, width, resized):
    """As the published code does it: the composite for frames 0 to 3, torchvision's Resize and CenterCrop."""
    transforms = pytest.importorskip("torchvision.transforms")
    example = open_dataset(official / "train").examples[1]
    raw = list(read_frames(example.clip, 5))
    raw[:4] = [np.asarray(Image.open(example.composite).convert("RGB"))] * 4
    pixels = torch.from_numpy(np.stack(raw)).permute(0, 3, 1, 2) / 255.0
    mode = transforms.InterpolationMode.BILINEAR
    steps = [transforms.Resize((height, resized), interpolation=mode), transforms.CenterCrop((height, width))]
    expected = transforms.Compose(steps)(pixels).permute(0, 2, 3, 1)
    assert torch.equal(load_frames(example, Bucket(width, height, 5)), expected)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((720, 1280), (768, 1344)), ((1000, 1000), (1008, 1008)), ((1024, 576), (1344, 768)), ((640, 480), (1200, 864))],
)
def test_other_aspects_get_the_same_area(size, expected):
    bucket = Sizing().bucket(clip(*size))
    assert (bucket.width, bucket.height) == expected
    assert bucket.width % 16 == bucket.height % 16 == 0
    assert abs(bucket.width * bucket.height / (1344 * 768) - 1) < 0.03


def test_every_official_aspect_has_a_bucket_of_its_own():
    assert len({Sizing().bucket(clip(1000, round(1000 * aspect))) for aspect in ASPECTS}) > 30


def test_shorter_clips_are_refused_unless_allowed():
    with pytest.raises(FFGOError, match="has 60 frames, and 81 are needed"):
        Sizing().bucket(clip(frames=60))
    assert Sizing(shortest=21).bucket(clip(frames=60)).frames == 57
    assert Sizing(shortest=21).bucket(clip(frames=200)).frames == 81
    with pytest.raises(FFGOError, match="has 20 frames, and 21 are needed"):
        Sizing(shortest=21).bucket(clip(frames=20))


@pytest.mark.parametrize(
    ("sizing", "message"),
    [
        ((1280, 721, 81), "steps of 16"),
        ((0, 48, 81), "steps of 16"),
        ((64, 48, 80), r"80 frames are not 4n \+ 1"),
        ((64, 48, 1), r"1 frames are not 4n \+ 1"),
        ((64, 48, 9, 13), "shortest clip"),
    ],
)
def test_sizes_that_the_model_cannot_take_are_refused(sizing, message):
    with pytest.raises(FFGOError, match=message):
        Sizing(*sizing)


def test_the_first_four_frames_are_the_composite(make_dataset):
    example = open_dataset(make_dataset(1)).examples[0]
    frames = load_frames(example, Bucket(64, 48, 9))
    composite = torch.tensor([0, 120, 40]) / 255
    assert frames.shape == (9, 48, 64, 3)
    assert torch.allclose(frames[:4], composite.expand(4, 48, 64, 3))
    raw = torch.from_numpy(np.stack(list(read_frames(example.clip)))) / 255
    assert torch.allclose(frames[4:], raw[4:], atol=1e-6)


@pytest.fixture
def composite_of(make_dataset):
    """Gives an example's composite (H, W, 3) uint8 as a bucket of 64x48 has it."""

    def fitted(pixels: np.ndarray) -> torch.Tensor:
        folder = make_dataset(1)
        Image.fromarray(pixels).save(folder / "composites/0.png")
        return load_frames(open_dataset(folder).examples[0], Bucket(64, 48, 5))[0]

    return fitted


def test_smaller_pictures_are_means_not_samples(composite_of):
    """Every third column is white, and in its middle a third of the size has exactly such columns."""
    stripes = np.zeros((144, 192, 3), np.uint8)
    stripes[:, 1::3] = 255
    assert torch.allclose(composite_of(stripes)[:, 1:-1], torch.tensor(1 / 3), atol=1e-5)


@pytest.mark.parametrize(("size", "part"), [((96, 64), np.s_[24:72]), ((48, 129), np.s_[:, 32:96])])
def test_what_is_too_tall_or_too_wide_loses_its_edges(composite_of, size, part):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert torch.allclose(composite_of(pixels), torch.from_numpy(pixels[part]) / 255, atol=1e-6)


def test_transparent_composites_are_laid_on_white(make_dataset):
    folder = make_dataset(1)
    Image.new("RGBA", (64, 48), (200, 0, 0, 0)).save(folder / "composites/0.png")
    frames = load_frames(open_dataset(folder).examples[0], Bucket(64, 48, 5))
    assert (frames[:4] == 1).all()


def test_all_bad_examples_are_named_in_one_error(make_dataset, frames_of):
    folder = make_dataset(6)
    texts = [f"{TRANSITION_PHRASE} Fine."] * 6
    texts[1] = "A bar moves."
    captions(folder, *texts)
    (folder / "videos/2.mp4").write_bytes(b"no video")
    (folder / "composites/3.png").unlink()
    write_clip(folder / "videos/4.mp4", frames_of(9), 60)
    write_clip(folder / "videos/5.mp4", frames_of(4), 16)
    with pytest.raises(FFGOError) as error:
        open_dataset(folder)
    message = str(error.value)
    assert message.startswith("5 of 6 examples cannot be used:")
    for part in (
        "videos/1.mp4: its caption does not begin with the phrase",
        "videos/2.mp4: 2.mp4 cannot be read as a video",
        "example 4 (3.mp4): image_path composites/3.png was not found",
        "videos/4.mp4: has a wrong rate: 60 frames a second",
        "videos/5.mp4: is too short: it has 4 frames",
    ):
        assert part in message
    assert "videos/0.mp4" not in message


def test_the_phrase_is_added_only_when_asked_for(make_dataset):
    folder = make_dataset(2)
    captions(folder, "A bar moves.", f"{TRANSITION_PHRASE}  Two spaces stay.")
    with pytest.raises(FFGOError, match="does not begin with the phrase"):
        open_dataset(folder)
    dataset = open_dataset(folder, add_phrase=True)
    assert [e.caption for e in dataset.examples] == [
        f"{TRANSITION_PHRASE} A bar moves.",
        f"{TRANSITION_PHRASE}  Two spaces stay.",
    ]


@pytest.mark.parametrize("text", ["", "   ", TRANSITION_PHRASE])
def test_captions_that_say_nothing_are_bad(make_dataset, text):
    folder = make_dataset(1)
    captions(folder, text)
    with pytest.raises(FFGOError, match="1 of 1 examples cannot be used"):
        open_dataset(folder, add_phrase=True)


@pytest.mark.parametrize("fps", [16, 24, 29.97, 30])
def test_natural_rates_are_kept(make_dataset, fps):
    assert open_dataset(make_dataset(1, fps=fps)).examples


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\nbroken", b"GIF"])
def test_a_broken_composite_is_named(make_dataset, content):
    folder = make_dataset(1)
    (folder / "composites/0.png").write_bytes(content)
    with pytest.raises(FFGOError, match=r"videos/0\.mp4: its composite 0\.png cannot be read"):
        open_dataset(folder)


def test_a_composite_cut_short_is_found(make_dataset):
    folder = make_dataset(1)
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "composites/0.png")
    whole = (folder / "composites/0.png").read_bytes()
    (folder / "composites/0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FFGOError, match="cannot be read"):
        open_dataset(folder)


def test_damage_inside_a_clip_is_found_before_anything_is_encoded(make_dataset):
    """The container is whole, the pictures in it are not."""
    folder = make_dataset(1, frames=41)
    path = folder / "videos/0.mp4"
    content = bytearray(path.read_bytes())
    middle = content.find(b"mdat") + 1200
    content[middle : middle + 600] = bytes(600)
    path.write_bytes(content)
    dataset = open_dataset(folder)
    (example,), (note,) = dataset.examples, dataset.notes
    assert note.startswith(f"videos/0.mp4: only its first {example.info.frames} frames can be used. 0.mp4 ")
    with pytest.raises(FFGOError, match=r"videos/0\.mp4: is too short: .* 41 are needed. 0\.mp4 "):
        buckets(dataset.examples, Sizing(64, 48, 41))
    assert buckets(dataset.examples, Sizing(64, 48, 5)) == [Bucket(64, 48, 5)]


@pytest.mark.parametrize(("size", "lost"), [((64, 64), 25), ((128, 48), 50)])
def test_a_composite_of_another_aspect_is_reported(make_dataset, size, lost):
    folder = make_dataset(2)
    Image.new("RGB", size).save(folder / "composites/1.png")
    (note,) = open_dataset(folder).notes
    said = f"videos/1.mp4: its composite ({size[0]}x{size[1]}) has another aspect than the clip (64x48); {lost}%"
    assert note.startswith(said)


def test_frames_that_are_not_equally_long_are_a_wrong_rate():
    (trouble,) = clip_troubles(replace(clip(), steady=False))
    assert trouble.startswith("has a wrong rate: its frames are not equally long.")
    assert clip_troubles(clip()) == []


@pytest.mark.parametrize(
    ("text", "told", "noted"),
    [
        (f"{TRANSITION_PHRASE} {TRANSITION_PHRASE} A dog.", f"{TRANSITION_PHRASE} A dog.", True),
        (f"{TRANSITION_PHRASE} AD23R2: the camera view suddenly changes。A dog.", f"{TRANSITION_PHRASE} A dog.", True),
        (f"{TRANSITION_PHRASE} A dog. {TRANSITION_PHRASE}", f"{TRANSITION_PHRASE} A dog.", True),
        (f"{TRANSITION_PHRASE}  Two spaces stay.", f"{TRANSITION_PHRASE}  Two spaces stay.", False),
        (f'{TRANSITION_PHRASE} "A dog."', f'{TRANSITION_PHRASE} "A dog."', False),
    ],
)
def test_the_phrase_is_trained_once(make_dataset, text, told, noted):
    folder = make_dataset(1)
    captions(folder, text)
    for add_phrase in (False, True):
        dataset = open_dataset(folder, add_phrase=add_phrase)
        assert dataset.examples[0].caption == told
        assert any("had the phrase more than once" in note for note in dataset.notes) == noted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its caption is empty"),
        (f"{TRANSITION_PHRASE} {TRANSITION_PHRASE}", "holds only the phrase"),
        ("A dog.", "switch add_phrase on"),
    ],
)
def test_captions_that_cannot_be_trained_on_are_refused(make_dataset, text, said):
    folder = make_dataset(1)
    captions(folder, text)
    with pytest.raises(FFGOError, match=rf"videos/0\.mp4: its caption .*{said}|videos/0\.mp4: {said}"):
        open_dataset(folder)


@pytest.fixture
def composite(make_dataset):
    """Gives the composite, (48, 64, 3), of an example whose picture file is written by a function."""

    def opened(write) -> np.ndarray:
        folder = make_dataset(1)
        write(folder / "composites/0.png")
        return np.asarray(open_composite(open_dataset(folder).examples[0].composite)).astype(int)

    return opened


RAMP = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16", "I;16 transparent"])
def test_composites_of_all_kinds(composite, mode):
    """Grey of 16 bits is not clipped to white; palettes, printers' colours and transparency become RGB on white."""
    expected = np.dstack([RAMP] * 3).astype(int)
    grey = Image.fromarray(RAMP)
    if mode == "1":
        expected = np.where(expected < 128, 0, 255)
    options, kind = {}, "JPEG" if mode == "CMYK" else "PNG"
    if mode in ("LA", "RGBA"):
        picture = grey.convert(mode)
        picture.putalpha(Image.fromarray(np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)[None].repeat(48, 0)))
        expected[:, :32] = 255
    elif mode.startswith("I;16"):
        picture = Image.fromarray(RAMP.astype(np.uint16) * 257)
        if "transparent" in mode:
            options, expected[:, :1] = {"transparency": 0}, 255
    elif mode == "1":
        picture = Image.fromarray(np.where(RAMP < 128, 0, 255).astype(np.uint8)).convert("1")
    else:
        picture = grey.convert("RGB").convert(mode) if mode != "P" else grey.quantize(256)
    found = composite(lambda path: picture.save(path, kind, **options))
    assert found.shape == (48, 64, 3)
    assert np.abs(found - expected).mean() < (4 if mode == "CMYK" else 1.5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_composites_are_upright(composite, orientation):
    """As cameras turn them: the picture is stored in the way that the note in it undoes."""
    upright = Image.fromarray(np.dstack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 40)]))
    upright.paste("white", (0, 0, 10, 10))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = composite(lambda path: stored.save(path, "PNG", exif=exif))
    assert np.array_equal(found, np.asarray(upright))


def animated(kind: str):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue", "lime")]
    return lambda path: frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (animated("PNG"), "is an animation"),
        (animated("WEBP"), "is an animation"),
        (animated("GIF"), "no PNG, JPEG or WebP"),
        (lambda path: Image.new("RGB", (64, 48)).save(path, "EPS"), "no PNG, JPEG or WebP"),
        (lambda path: Image.new("RGB", (64, 48)).save(path, "TIFF"), "no PNG, JPEG or WebP"),
        (lambda path: Image.new("1", (8193, 8192)).save(path, "PNG"), "is 8193x8192 px, more than can be used"),
        (lambda path: path.write_bytes(b""), "no PNG, JPEG or WebP"),
    ],
)
def test_composites_that_are_none_are_refused(composite, write, said):
    """Pillow starts Ghostscript for EPS, whatever the file is called."""
    with pytest.raises(FFGOError, match=rf"videos/0\.mp4: its composite 0\.png .*{said}"):
        composite(write)


def test_files_are_opened_once_for_all_that_is_said_of_them(make_dataset, monkeypatch):
    """Checks, buckets and notes go by one look at each file."""
    from ffgo.dataset import examples

    looked = []
    for name in ("probe_clip", "open_composite"):
        function = getattr(examples, name)
        monkeypatch.setattr(examples, name, lambda path, function=function: looked.append(path.name) or function(path))
    dataset = open_dataset(make_dataset(3))
    buckets(dataset.examples, SMALL)
    assert sorted(looked) == ["0.mp4", "0.png", "1.mp4", "1.png", "2.mp4", "2.png"]
