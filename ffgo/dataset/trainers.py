"""The settings that other trainers read, and how each is started with them. What they do with them is in datasets.md.

Trainers sort clips by rules of their own. With the settings written here each clip comes once, with all its frames, at
about the size of its bucket.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Literal

from ..experts.schedule import TRAINING_TIMESTEPS
from .records import LookedAt
from .sizing import Bucket, Sizing

Format = Literal["official", "musubi-tuner", "diffusion-pipe", "ai-toolkit", "diffsynth"]


@dataclass(frozen=True, slots=True)
class Exported:
    """One example as another trainer gets it."""

    example: LookedAt
    bucket: Bucket
    size: tuple[int, int]
    """Width and height of the clip that is written, in pixels."""
    clip: str
    """Its path in the export. The clips of a folder are equally long."""


def _folders(exported: Sequence[Exported]) -> list[tuple[str, int]]:
    """The folders of clips, with how many frames those in it have."""
    return sorted({(one.clip.split("/")[0], one.bucket.frames) for one in exported}, key=lambda pair: pair[1])


def _area(exported: Sequence[Exported]) -> int:
    """Pixels of the largest bucket: nothing has to be made smaller than its own."""
    return max(one.bucket.width * one.bucket.height for one in exported)


def _musubi(exported: Sequence[Exported], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    lines = [
        "[general]",
        f"resolution = [{sizing.width}, {sizing.height}]",
        'caption_extension = ".txt"',
        "batch_size = 1",
        "enable_bucket = true",
        "bucket_no_upscale = false",
        "# No source_fps: every frame is used as it is.",
    ]
    # From one folder it would take a clip once for each length that the clip has.
    for place, frames in _folders(exported):
        lines += [
            "",
            "[[datasets]]",
            f"video_directory = {_quoted(final / place)}",
            f"cache_directory = {_quoted(final / place.replace('videos', 'cache'))}",
            f"target_frames = [{frames}]",
            'frame_extraction = "head"',
        ]
    _write_lines(folder / "dataset.toml", lines)
    timestep = round(TRAINING_TIMESTEPS * sizing.base.boundary)
    return [
        f"musubi-tuner: --dataset_config {final / 'dataset.toml'}; train each expert in a run of its own, "
        f"--timestep_sampling shift --discrete_flow_shift {sizing.base.shift:g} --preserve_distribution_shape, with "
        f"--min_timestep {timestep} for the high and --max_timestep {timestep} for the low one."
    ]


def _diffusion_pipe(exported: Sequence[Exported], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    sides = sorted({(one.bucket.width, one.bucket.height) for one in exported})
    lines = [
        f"resolutions = [[{sizing.width}, {sizing.height}]]",
        "enable_ar_bucket = true",
        f"ar_buckets = {json.dumps(sides)}",
        f"frame_buckets = {json.dumps([1, *(frames for _, frames in _folders(exported))])}",
    ]
    for place, _ in _folders(exported):
        lines += ["", "[[directory]]", f"path = {_quoted(final / place)}", "num_repeats = 1"]
    _write_lines(folder / "dataset.toml", lines)
    return [
        f"diffusion-pipe: dataset = {str(final / 'dataset.toml')!r} and, under [model], min_t = "
        f"{sizing.base.boundary:g} for the high expert, max_t = {sizing.base.boundary:g} for the low one, "
        f"shift = {sizing.base.shift:g} in either. Keep batches of 1: it leaves out what fills none."
    ]


def _ai_toolkit(exported: Sequence[Exported], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    # A JSON string is a YAML string too.
    lines = ["# The datasets part of an ai-toolkit config: put it into your config's process.", "datasets:"]
    # It brings all clips of a folder to one number of frames, by stretching them.
    for place, frames in _folders(exported):
        lines += [
            f"  - folder_path: {_quoted(final / place)}",
            '    caption_ext: "txt"',
            "    caption_dropout_rate: 0.0",
            f"    num_frames: {frames}",
            "    shrink_video_to_frames: true",
            f"    resolution: [{ceil(sqrt(_area(exported)))}]",
            "    do_i2v: true",
        ]
    _write_lines(folder / "dataset.yaml", lines)
    return [
        f"ai-toolkit: copy {final / 'dataset.yaml'} into your config (arch wan22_14b_i2v). Its boundary is 0.875, "
        f"FFGo's is {sizing.base.boundary:g}: its experts are trained a little beyond their share."
    ]


def _diffsynth(exported: Sequence[Exported], folder: Path, final: Path, sizing: Sizing) -> list[str]:
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["video", "prompt"])
        rows.writerows([one.clip, one.example.caption] for one in exported)
    sides = {(one.bucket.width, one.bucket.height) for one in exported}
    # With a width and a height it crops every clip to that shape; without, each keeps its own.
    several = f"--max_pixels {_area(exported)} (no --width and no --height, as the clips have several shapes)"
    size = several if len(sides) > 1 else "--width {} --height {}".format(*sides.pop())
    return [
        f"DiffSynth-Studio: --dataset_base_path {final} --dataset_metadata_path {final / 'metadata.csv'} "
        f"{size} --num_frames {max(one.bucket.frames for one in exported)} --extra_inputs input_image, "
        "with --max_timestep_boundary 0.358 for the high expert and --min_timestep_boundary 0.358 for the low one."
    ]


SETTINGS: dict[Format, Callable[[Sequence[Exported], Path, Path, Sizing], list[str]]] = {
    "musubi-tuner": _musubi,
    "diffusion-pipe": _diffusion_pipe,
    "ai-toolkit": _ai_toolkit,
    "diffsynth": _diffsynth,
}
"""What writes a trainer's settings into the export, and says how it is started: the clips, the folder that is written,
where it will lie, and the sizes."""


def _quoted(path: Path) -> str:
    """As TOML, YAML and JSON all read it."""
    return json.dumps(path.as_posix(), ensure_ascii=False)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")
