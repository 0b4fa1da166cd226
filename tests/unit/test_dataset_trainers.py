"""Exports of mixed datasets by the rules of the trainers that read them: each example once, whole, in its shape.

The rules are those of the trainers' own code (named at each), as it was in August 2026, on the exported files.
"""

import csv
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import probe_clip, read_frames, write_clip
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.export import export_dataset
from ffgo.dataset.records import Record, write_records
from ffgo.dataset.sizing import Sizing
from ffgo.words.phrase import TRANSITION_PHRASE

Loaded = tuple[str, np.ndarray]
"""A caption, and the frames that are trained, (T, H, W, 3)."""


def musubi_tuner(folder: Path, notes: str) -> Iterator[Loaded]:
    """dataset/image_video_dataset.py: VideoDataset.retrieve_latent_cache_batches; dataset/bucket.py: BucketSelector."""
    config = tomllib.loads((folder / "dataset.toml").read_text())
    assert len({data["cache_directory"] for data in config["datasets"]}) == len(config["datasets"])
    area, step = math.prod(config["general"]["resolution"]), 16
    side = int(math.sqrt(area))
    sizes = [(w, area // w // step * step) for w in range(side // 2 // step * step, side + step, step)]
    sizes += [(h, w) for w, h in sizes]
    for data in config["datasets"]:
        for clip in sorted(Path(data["video_directory"]).glob("*.mp4")):
            frames = list(read_frames(clip, max(data["target_frames"])))
            size = min(sizes, key=lambda size: abs(size[0] / size[1] - frames[0].shape[1] / frames[0].shape[0]))
            for target in data["target_frames"]:
                if len(frames) >= target:
                    yield clip.with_suffix(".txt").read_text(), fitted(frames[:target], size)


def diffusion_pipe(folder: Path, notes: str) -> Iterator[Loaded]:
    """utils/dataset.py: DirectoryDataset._metadata_map_fn, _find_closest_ar_bucket; models/base.py: extract_clips."""
    config = tomllib.loads((folder / "dataset.toml").read_text())
    ((width, height),), ars = config["resolutions"], [w / h for w, h in config["ar_buckets"]]
    for directory in config["directory"]:
        for clip in sorted(Path(directory["path"]).glob("*.mp4")):
            info = probe_clip(clip)
            frames = int(info.frames * 16 / info.fps)
            ar = min(ars, key=lambda ar: abs(math.log(info.width / info.height) - math.log(ar)))
            fitting = [bucket for bucket in config["frame_buckets"] if bucket <= frames]
            w = math.sqrt(width * height * ar)
            size = (round(w / 16) * 16, round(width * height / w / 16) * 16)
            if fitting and max(fitting) > 1:
                yield clip.with_suffix(".txt").read_text(), fitted(list(read_frames(clip))[: max(fitting)], size)


def ai_toolkit(folder: Path, notes: str) -> Iterator[Loaded]:
    """toolkit/dataloader_mixins.py: load_and_process_video; toolkit/buckets.py: get_bucket_for_image_size."""
    config = pytest.importorskip("yaml").safe_load((folder / "dataset.yaml").read_text())
    for data in config["datasets"]:
        (resolution,), count = data["resolution"], data["num_frames"]
        for clip in sorted(Path(data["folder_path"]).rglob("*.mp4")):
            frames = list(read_frames(clip))
            taken = [min(round(i * (len(frames) - 1) / (count - 1)), len(frames) - 1) for i in range(count)]
            height, width = frames[0].shape[:2]
            target = min(width * height, resolution**2)
            w, h = (side * math.sqrt(target / (width * height)) / 16 for side in (width, height))
            rounded = [(a * 16, b * 16) for a in (math.floor(w), math.ceil(w)) for b in (math.floor(h), math.ceil(h))]
            fitting = [size for size in rounded if 0 < math.prod(size) <= resolution**2]
            size = min(fitting, key=lambda size: abs(math.prod(size) - target))
            yield clip.with_suffix(".txt").read_text(), fitted([frames[i] for i in taken], size)


def diffsynth(folder: Path, notes: str) -> Iterator[Loaded]:
    """core/data/operators.py: LoadVideo, ImageCropAndResize, with the options that the export names."""
    options = {name: int(value) for name, value in re.findall(r"--(\w+) (\d+)", notes)}
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        frames = list(read_frames(folder / row["video"]))
        count = min(options["num_frames"], len(frames))
        height, width = frames[0].shape[:2]
        if "width" in options:
            size = (options["width"], options["height"])
        else:
            scale = max(1, math.sqrt(width * height / options["max_pixels"]))
            size = (int(width / scale) // 16 * 16, int(height / scale) // 16 * 16)
        yield row["prompt"], fitted(frames[: count - (count - 1) % 4], size)


def fitted(frames: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Resized until they fill the size, the middle cut out: all of them do it so."""
    height, width = frames[0].shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide, high = round(width * scale), round(height * scale)
    left, top = (wide - size[0]) // 2, (high - size[1]) // 2
    box = (left, top, left + size[0], top + size[1])
    resized = (Image.fromarray(frame).resize((wide, high), Image.Resampling.BICUBIC).crop(box) for frame in frames)
    return np.stack([np.asarray(frame) for frame in resized]).astype(int)


RULES = {
    "musubi-tuner": musubi_tuner, "diffusion-pipe": diffusion_pipe, "ai-toolkit": ai_toolkit, "diffsynth": diffsynth
}  # fmt: skip
"""What each trainer takes of an export, by its own rules: called with the folder, and with what the export says."""


def framed(width: int, height: int, shade: int) -> Image.Image:
    """A composite with an edge in four colours: a crop or a stretch of it shows."""
    picture = Image.new("RGB", (width, height), (shade, 120, 120))
    for box, colour in (
        ((0, 0, width, 8), "red"), ((0, height - 8, width, height), "lime"),
        ((0, 8, 8, height - 8), "blue"), ((width - 8, 8, width, height - 8), "yellow"),
    ):  # fmt: skip
        picture.paste(colour, box)
    return picture


@pytest.fixture
def mixed(tmp_path: Path, frames_of: Callable):
    """Makes examples of clips, each given as (width, height, frames)."""

    def make(*clips: tuple[int, int, int]):
        root, records = tmp_path / "mixed", []
        (root / "composites").mkdir(parents=True)
        for i, (width, height, frames) in enumerate(clips):
            write_clip(root / f"videos/{i}.mp4", frames_of(frames, width, height), 24)
            framed(width, height, 40 * i).save(root / f"composites/{i}.png")
            records.append(Record(f"videos/{i}.mp4", f"{TRANSITION_PHRASE} Bar {i} moves.", f"composites/{i}.png"))
        write_records(root / "train_data.json", records)
        return open_dataset(root).examples

    return make


SETS = {
    "two lengths and two aspects": ((64, 48), [(64, 48, 13), (64, 48, 9), (48, 64, 17), (48, 64, 11)], [13, 9, 13, 9]),
    "one aspect that is not the settings'": ((64, 48), [(48, 64, 13), (48, 64, 13)], [13, 13]),
    "three aspects": ((128, 96), [(128, 96, 13), (72, 128, 15), (96, 96, 13)], [13, 13, 13]),
    "one aspect": ((64, 48), [(64, 48, 9), (64, 48, 13), (64, 48, 40)], [9, 13, 13]),
    "larger clips": ((64, 48), [(128, 96, 13), (96, 128, 9)], [13, 9]),
}
"""The settings' width and height, the clips' widths, heights and frames, and as how many frames they are trained."""


@pytest.mark.parametrize("form", RULES)
@pytest.mark.parametrize("name", SETS)
def test_every_example_comes_once_whole_and_in_its_shape(mixed, tmp_path, form, name):
    size, clips, lengths = SETS[name]
    examples, out = mixed(*clips), tmp_path / "out"
    notes = " ".join(export_dataset(examples, out, form, Sizing(*size, 13, shortest=9)))
    loaded = dict(items := list(RULES[form](out, notes)))
    assert sorted(caption for caption, _ in items) == sorted(example.caption for example in examples)
    for example, (width, height, _), count in zip(examples, clips, lengths, strict=True):
        frames = loaded[example.caption]
        assert len(frames) == count
        shown = frames.shape[2] / frames.shape[1]
        assert 0.85 < shown / (width / height) < 1.18
        size = (frames.shape[2], frames.shape[1])
        composite = np.asarray(Image.open(example.composite).resize(size, Image.Resampling.BICUBIC)).astype(int)
        assert max(np.abs(frame - composite).mean() for frame in frames[:4]) < 20
        assert min(np.abs(frame - composite).mean() for frame in frames[4:]) > 40
        moved = np.abs(np.diff(frames[4:], axis=0)).mean((1, 2, 3))
        assert moved.min() > 1, "a frame came twice"
