"""Datasets for other trainers, in the folders and files that they read.

Only the official trainer takes the composite as a picture of its own. The others condition on the clip's first frame,
so they get clips whose first four frames are the composite, as many frames as are trained, at 16 frames a second: Wan's
own rate, at which trainers that would bring a clip to 16 leave every frame where it is.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, repeat
from math import sqrt
from pathlib import Path
from typing import Literal
from uuid import uuid4

import numpy as np
from PIL import Image, ImageOps

from ..bases.catalogue import COMPOSED_FRAMES
from ..clip.video_io import read_frames, write_clip
from ..errors import FFGOError
from ..experts.schedule import TRAINING_TIMESTEPS
from .examples import Progress, open_composite
from .records import CLIP_FOLDER, COMPOSITE_FOLDER, RECORDS_FILE, Example, LookedAt, Record, write_records
from .sizing import Sizing, buckets

Format = Literal["official", "musubi-tuner", "diffusion-pipe", "ai-toolkit", "diffsynth"]
FORMATS: tuple[Format, ...] = ("official", "musubi-tuner", "diffusion-pipe", "ai-toolkit", "diffsynth")


def export_dataset(
    examples: Sequence[LookedAt], folder: Path, form: Format, sizing: Sizing, *, progress: Progress | None = None
) -> list[str]:
    """Write the examples into a new folder, for another trainer; what the user should know for starting it.

    The folder is there only when it is complete. Raises: FFGOError if it exists already, if an example is too short or
    cannot be read, or if the disk refuses.
    """
    if form not in FORMATS:
        raise FFGOError(f"There is no export format {form!r}. Choose one of {', '.join(FORMATS)}.")
    if not examples:
        raise FFGOError("The dataset has no examples.")
    if folder.exists():
        raise FFGOError(f"{folder} exists already. Choose another name, or move that folder away: nothing is replaced.")
    if form != "official":
        buckets(examples, sizing)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        for done, example in enumerate(examples):
            if progress:
                progress(done, len(examples), example.name)
            stem = f"{done + 1:04d}"
            _write_official(example, partial, stem) if form == "official" else _write_baked(
                example, partial, stem, sizing
            )
        notes = _WRITERS[form](examples, partial, folder, sizing)
        partial.rename(folder)
    except OSError as error:
        raise FFGOError(f"Cannot write {folder}: {error.strerror}. Free some space or choose another name.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return notes


def baked_frames(example: LookedAt, frames: int) -> Iterator[np.ndarray]:
    """The clip's first frames at its own size, the composite in place of the first four: (H, W, 3) uint8 each.

    Sides lose a pixel where they are odd, as an mp4 cannot have them.
    """
    width, height = example.info.width // 2 * 2, example.info.height // 2 * 2
    composite = np.asarray(_cover(open_composite(example.composite), width, height))
    clip = (picture[:height, :width] for picture in islice(read_frames(example.clip, frames), COMPOSED_FRAMES, None))
    return chain(repeat(composite, COMPOSED_FRAMES), clip)


def _cover(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of a picture, resized to fill the frame."""
    return (
        picture if picture.size == (width, height) else ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    )


def _write_official(example: Example, folder: Path, stem: str) -> None:
    """The files as they are."""
    for place, source in ((CLIP_FOLDER, example.clip), (COMPOSITE_FOLDER, example.composite)):
        (folder / place).mkdir(exist_ok=True)
        shutil.copyfile(source, folder / place / f"{stem}{source.suffix}")


def _write_baked(example: LookedAt, folder: Path, stem: str, sizing: Sizing) -> None:
    frames = sizing.bucket(example.info).frames
    write_clip(folder / CLIP_FOLDER / f"{stem}.mp4", baked_frames(example, frames), sizing.base.fps)
    (folder / CLIP_FOLDER / f"{stem}.txt").write_text(example.caption, "utf-8")


def _official(examples: Sequence[LookedAt], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    records = [
        Record(
            f"{CLIP_FOLDER}/{number:04d}{example.clip.suffix}",
            example.caption,
            f"{COMPOSITE_FOLDER}/{number:04d}{example.composite.suffix}",
        )
        for number, example in enumerate(examples, 1)
    ]
    write_records(folder / RECORDS_FILE, records)
    return [
        f"Official trainer: --train_data_meta {final / RECORDS_FILE} --train_data_dir {final}. It looks for composites "
        "from the folder that it is started in, so start it in this one."
    ]


def _musubi(examples: Sequence[LookedAt], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    lines = [
        "[general]",
        f"resolution = [{sizing.width}, {sizing.height}]",
        'caption_extension = ".txt"',
        "batch_size = 1",
        "enable_bucket = true",
        "bucket_no_upscale = false",
        "",
        "[[datasets]]",
        f"video_directory = {_quoted(final / CLIP_FOLDER)}",
        f"cache_directory = {_quoted(final / 'cache')}",
        f"target_frames = {_lengths(examples, sizing)}",
        'frame_extraction = "head"',
        "# No source_fps: every frame is used as it is.",
    ]
    _write_lines(folder / "dataset.toml", lines)
    timestep = round(TRAINING_TIMESTEPS * sizing.base.boundary)
    return [
        f"musubi-tuner: --dataset_config {final / 'dataset.toml'}; train each expert in a run of its own, "
        f"--timestep_sampling shift --discrete_flow_shift {sizing.base.shift:g} --preserve_distribution_shape, with "
        f"--min_timestep {timestep} for the high and --max_timestep {timestep} for the low one."
    ]


def _diffusion_pipe(examples: Sequence[LookedAt], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    lines = [
        f"resolutions = [[{sizing.width}, {sizing.height}]]",
        "enable_ar_bucket = true",
        "min_ar = 0.25",
        "max_ar = 4.0",
        "num_ar_buckets = 15",
        f"frame_buckets = {json.dumps([1, *_lengths(examples, sizing)])}",
        "",
        "[[directory]]",
        f"path = {_quoted(final / CLIP_FOLDER)}",
        "num_repeats = 1",
    ]
    _write_lines(folder / "dataset.toml", lines)
    return [
        f"diffusion-pipe: dataset = {str(final / 'dataset.toml')!r} and, under [model], min_t = "
        f"{sizing.base.boundary:g} for the high expert, max_t = {sizing.base.boundary:g} for the low one, "
        f"shift = {sizing.base.shift:g} in either."
    ]


def _ai_toolkit(examples: Sequence[LookedAt], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    # A JSON string is a YAML string too.
    lines = [
        "# The datasets part of an ai-toolkit config: put it into your config's process.",
        "datasets:",
        f"  - folder_path: {_quoted(final / CLIP_FOLDER)}",
        '    caption_ext: "txt"',
        "    caption_dropout_rate: 0.0",
        f"    num_frames: {sizing.frames}",
        "    shrink_video_to_frames: true",
        f"    resolution: [{round(sqrt(sizing.width * sizing.height))}]",
        "    do_i2v: true",
    ]
    _write_lines(folder / "dataset.yaml", lines)
    return [
        f"ai-toolkit: copy {final / 'dataset.yaml'} into your config (arch wan22_14b_i2v). Its boundary is 0.875, "
        f"FFGo's is {sizing.base.boundary:g}: its experts are trained a little beyond their share."
    ]


def _diffsynth(examples: Sequence[LookedAt], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["video", "prompt"])
        rows.writerows([f"{CLIP_FOLDER}/{n:04d}.mp4", example.caption] for n, example in enumerate(examples, 1))
    return [
        f"DiffSynth-Studio: --dataset_base_path {final} --dataset_metadata_path {final / 'metadata.csv'} "
        f"--width {sizing.width} --height {sizing.height} --num_frames {sizing.frames} --extra_inputs input_image, "
        "with --max_timestep_boundary 0.358 for the high expert and --min_timestep_boundary 0.358 for the low one."
    ]


_WRITERS: dict[Format, Callable[[Sequence[LookedAt], Path, Path, Sizing], list[str]]] = {
    "official": _official,
    "musubi-tuner": _musubi,
    "diffusion-pipe": _diffusion_pipe,
    "ai-toolkit": _ai_toolkit,
    "diffsynth": _diffsynth,
}


def _lengths(examples: Sequence[LookedAt], sizing: Sizing) -> list[int]:
    return sorted({bucket.frames for bucket in buckets(examples, sizing)})


def _quoted(path: Path) -> str:
    """As TOML, YAML and JSON all read it."""
    return json.dumps(path.as_posix(), ensure_ascii=False)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")
