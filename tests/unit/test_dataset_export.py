"""Datasets for other trainers, against what these trainers document and, where they install, their own readers."""

import csv
import json
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import probe_clip, read_frames, write_clip
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.export import FORMATS, export_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.errors import FFGOError

SIZING = Sizing(64, 48, 9)
BAKED = [form for form in FORMATS if form != "official"]

MUSUBI_VIDEO_KEYS = {
    "caption_extension": str, "batch_size": int, "num_repeats": int, "resolution": list, "enable_bucket": bool,
    "bucket_no_upscale": bool, "video_directory": str, "video_jsonl_file": str, "control_directory": str,
    "target_frames": list, "frame_extraction": str, "frame_stride": int, "frame_sample": int, "max_frames": int,
    "cache_directory": str, "source_fps": float,
}  # fmt: skip
"""docs/dataset_config.md of musubi-tuner."""


@pytest.fixture
def examples(make_dataset):
    return open_dataset(make_dataset(3, frames=13, fps=24)).examples


def exported(examples, folder, form, sizing=SIZING) -> Path:
    notes = export_dataset(examples, folder, form, sizing)
    assert all(isinstance(note, str) for note in notes)
    return folder


def test_official_files_are_the_same_to_the_byte(examples, tmp_path):
    folder = exported(examples, tmp_path / "out", "official")
    again = open_dataset(folder)
    assert not again.notes
    for one, other in zip(examples, again.examples, strict=True):
        assert other.clip.read_bytes() == one.clip.read_bytes()
        assert other.composite.read_bytes() == one.composite.read_bytes()
        assert other.caption == one.caption
    entries = json.loads((folder / "train_data.json").read_text())
    assert [list(entry) for entry in entries] == [["file_path", "text", "image_path", "type"]] * 3


@pytest.mark.parametrize("form", BAKED)
def test_others_get_the_composite_as_the_first_four_frames(examples, tmp_path, form):
    folder = exported(examples, tmp_path / "out", form)
    for i, example in enumerate(examples):
        clip = folder / f"videos/{i + 1:04d}.mp4"
        info = probe_clip(clip)
        assert (info.frames, info.fps, info.width, info.height) == (9, 16, 64, 48)
        frames = np.stack(list(read_frames(clip))).astype(int)
        composite = np.asarray(Image.open(example.composite)).astype(int)
        assert np.abs(frames[:4] - composite).max() < 8
        real = np.stack(list(read_frames(example.clip, 9))[4:]).astype(int)
        assert np.abs(frames[4:] - real).mean() < 4
        assert clip.with_suffix(".txt").read_text() == example.caption


def test_musubi_tuner(examples, tmp_path):
    config = tomllib.loads((exported(examples, tmp_path / "out", "musubi-tuner") / "dataset.toml").read_text())
    assert set(config) == {"general", "datasets"}
    (dataset,) = config["datasets"]
    for section in (config["general"], dataset):
        assert all(isinstance(value, MUSUBI_VIDEO_KEYS[key]) for key, value in section.items())
    assert Path(dataset["video_directory"]) == tmp_path / "out/videos"
    assert dataset["target_frames"] == [9]
    assert config["general"]["resolution"] == [64, 48]


def test_diffusion_pipe(examples, tmp_path):
    config = tomllib.loads((exported(examples, tmp_path / "out", "diffusion-pipe") / "dataset.toml").read_text())
    assert set(config) == {
        "resolutions", "enable_ar_bucket", "ar_buckets", "frame_buckets", "directory"
    }  # fmt: skip
    assert [set(directory) for directory in config["directory"]] == [{"path", "num_repeats"}]
    assert config["resolutions"] == [[64, 48]]
    assert config["frame_buckets"] == [1, 9]
    assert Path(config["directory"][0]["path"]) == tmp_path / "out/videos"
    assert config["ar_buckets"] == [[64, 48]]


def test_ai_toolkit(examples, tmp_path):
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((exported(examples, tmp_path / "out", "ai-toolkit") / "dataset.yaml").read_text())
    (dataset,) = config["datasets"]
    assert Path(dataset["folder_path"]) == tmp_path / "out/videos"
    assert (dataset["num_frames"], dataset["caption_ext"], dataset["resolution"]) == (9, "txt", [56])


def test_diffsynth(examples, tmp_path):
    folder = exported(examples, tmp_path / "out", "diffsynth")
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prompt"] for row in rows] == [e.caption for e in examples]
    assert all((folder / row["video"]).is_file() for row in rows)


# Its video reader leaves pipes open.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_diffsynth_reads_it_itself(examples, tmp_path):
    unified = pytest.importorskip("diffsynth.core.data.unified_dataset").UnifiedDataset
    folder = str(exported(examples, tmp_path / "out", "diffsynth"))
    dataset = unified(
        folder, f"{folder}/metadata.csv", data_file_keys=("video",),
        main_data_operator=unified.default_video_operator(folder, height=48, width=64, num_frames=9),
    )  # fmt: skip
    assert len(dataset) == 3
    assert [frame.size for frame in dataset[1]["video"]] == [(64, 48)] * 9
    assert dataset[1]["prompt"] == examples[1].caption


def test_captions_with_quotes_commas_and_lines_survive(make_dataset, tmp_path):
    from dataclasses import replace

    examples = open_dataset(make_dataset(1, frames=13)).examples
    odd = replace(examples[0], caption=examples[0].caption + ' "Hands", she said;\n她说 ümlaut.')
    with (exported([odd], tmp_path / "csv", "diffsynth") / "metadata.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["prompt"] == odd.caption
    again = open_dataset(exported([odd], tmp_path / "official", "official")).examples
    assert again[0].caption == odd.caption


def test_lengths_of_their_own_are_frame_buckets(examples, tmp_path):
    folder = exported(examples, tmp_path / "out", "diffusion-pipe", Sizing(64, 48, 17, shortest=5))
    assert tomllib.loads((folder / "dataset.toml").read_text())["frame_buckets"] == [1, 13]
    assert probe_clip(folder / "videos/0001.mp4").frames == 13


def test_a_folder_that_exists_is_never_touched(examples, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("keep")
    with pytest.raises(FFGOError, match="exists already"):
        export_dataset(examples, tmp_path / "out", "official", SIZING)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_failed_export_leaves_nothing(make_dataset, tmp_path, frames_of):
    folder = make_dataset(2, frames=13)
    write_clip(folder / "videos/1.mp4", frames_of(7), 16)
    with pytest.raises(FFGOError, match=r"videos/1\.mp4: is too short"):
        export_dataset(open_dataset(folder).examples, tmp_path / "out", "diffsynth", SIZING)

    def cancel(done, total, name):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dataset(open_dataset(folder).examples, tmp_path / "out", "diffsynth", Sizing(64, 48, 5), progress=cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_odd_sides_lose_a_pixel(make_dataset, tmp_path, frames_of):
    av = pytest.importorskip("av")
    folder = make_dataset(1, frames=9)
    with av.open(str(folder / "videos/0.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 63, 47, "yuv444p"
        for picture in frames_of(9, 63, 47):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    out = exported(open_dataset(folder).examples, tmp_path / "out", "diffsynth")
    info = probe_clip(out / "videos/0001.mp4")
    assert (info.width, info.height) == (62, 46)


def test_the_official_trainer_gets_what_is_shown(make_dataset, tmp_path, frames_of):
    """It ignores turns, and the shape of pixels; and pictures' transparency and orientation."""
    av = pytest.importorskip("av")
    folder = make_dataset(2, frames=9)
    with av.open(str(folder / "videos/0.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for picture in frames_of(9):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    Image.new("RGBA", (64, 48), (200, 0, 0, 0)).save(folder / "composites/0.png")
    examples = open_dataset(folder).examples
    out = exported(examples, tmp_path / "out", "official")
    assert (out / "videos/0002.mp4").read_bytes() == examples[1].clip.read_bytes()
    info = probe_clip(out / "videos/0001.mp4")
    assert (info.width, info.height, info.frames, info.plain) == (84, 48, 9, True)
    assert np.asarray(Image.open(out / "composites/0001.png").convert("RGB")).min() == 255


def test_an_export_of_a_clip_that_was_changed_meanwhile_is_refused(make_dataset, tmp_path, frames_of):
    folder = make_dataset(1, frames=13)
    examples = open_dataset(folder).examples
    write_clip(folder / "videos/0.mp4", frames_of(7), 16)
    with pytest.raises(FFGOError, match="ends after 7 of 9 frames"):
        export_dataset(examples, tmp_path / "out", "musubi-tuner", SIZING)
    assert not (tmp_path / "out").exists()
