"""Datasets for other trainers, in the folders and files that they read.

Only the official trainer takes the composite as a picture of its own. The others condition on the clip's first frame,
so they get clips whose first four frames are the composite, as many frames as are trained, at 16 frames a second: Wan's
own rate, at which trainers that would bring a clip to 16 leave every frame where it is.
"""

import shutil
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..bases.catalogue import DEFAULT
from ..bases.memory import canvas_of, composed_frames
from ..clip.video_io import read_frames, write_clip
from ..errors import FFGOError
from ..files import unfinished_name
from ..locks import lock_for, sole_writer
from ..pixels import PICTURE_FORMATS
from .examples import Progress, open_composite
from .matching import CLIP_FOLDER, COMPOSITE_FOLDER
from .records import RECORDS_FILE, LookedAt, Record, memory_of, write_records
from .sizing import Bucket, Sizing, buckets
from .trainers import SETTINGS, Exported, Format

FORMATS: tuple[Format, ...] = ("official", *SETTINGS)


def export_dataset(
    examples: Sequence[LookedAt], folder: Path, form: Format, sizing: Sizing, *, progress: Progress | None = None
) -> list[str]:
    """Write the examples into a new folder, for another trainer; what the user should know for starting it.

    The folder is there only when it is complete. Raises: FFGOError if it exists already, if an example is too short or
    cannot be read, if the disk refuses, or if another process writes it (BusyError).
    """
    if form not in FORMATS:
        raise FFGOError(f"There is no export format {form!r}. Choose one of {', '.join(FORMATS)}.")
    if not examples:
        raise FFGOError("The dataset has no examples.")
    memory_of(examples)
    sizes = [] if form == "official" else buckets(examples, sizing)
    try:
        with sole_writer(lock_for(folder), f"The export {folder} is being written") as hold:
            hold.sweep(folder.parent, of=folder)
            return _export(examples, sizes, folder, form, sizing, report=progress or _silent)
    except OSError as error:
        raise FFGOError(f"Cannot write {folder}: {error.strerror}. Free some space or choose another name.") from error


def _export(
    examples: Sequence[LookedAt], sizes: Sequence[Bucket], folder: Path, form: Format, sizing: Sizing, *,
    report: Progress,
) -> list[str]:  # fmt: skip
    """Write the folder, for who holds it. Raises: OSError where the disk refuses."""
    if folder.exists():
        raise FFGOError(f"{folder} exists already. Choose another name, or move that folder away: nothing is replaced.")
    partial = unfinished_name(folder)
    try:
        partial.mkdir()
        if form == "official":
            notes = _write_official(examples, partial, folder, report)
        else:
            exported = _baked(examples, sizes)
            for done, one in enumerate(exported):
                report(done, len(exported), one.example.name)
                _write_baked(one, partial, sizing.base.fps)
            notes = SETTINGS[form](exported, partial, folder, sizing)
        partial.rename(folder)
        notes += _memory_notes(memory_of(examples), form)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return notes


def _memory_notes(memory: int, form: Format) -> list[str]:
    """What another trainer does with examples of several composites; nothing where they have one."""
    if memory == 1:
        return []
    does = (
        "reads the first one alone (image_path)" if form == "official"
        else "tells the expert of the clip's first frame alone, and has it generate the others"
    )  # fmt: skip
    return [
        f"Each example begins with {memory} composites, and this trainer {does}: its LoRA would not learn this memory. "
        "Train it with FFGo Train Expert LoRA or python -m ffgo.training, which take the dataset as it is."
    ]


def baked_frames(example: LookedAt, frames: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """The clip's first frames at a size, the composites in place of those that they replace: (H, W, 3) uint8 each."""
    canvases = [_cover(open_composite(composite), size) for composite in example.composites]
    composed = composed_frames(DEFAULT, example.memory)
    shown = (canvases[canvas_of(DEFAULT, frame, example.memory)] for frame in range(composed))
    clip = (Image.fromarray(picture) for picture in islice(read_frames(example.clip, frames), composed, None))
    return (np.asarray(_cover(picture, size)) for picture in chain(shown, clip))


def _cover(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture, resized to fill the frame; sides that are a pixel longer only lose it."""
    width, height = size
    if (picture.width - width, picture.height - height) in ((0, 0), (0, 1), (1, 0), (1, 1)):
        return picture.crop((0, 0, width, height))
    return ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def _baked(examples: Sequence[LookedAt], sizes: Sequence[Bucket]) -> list[Exported]:
    """Where each example goes, and at which size.

    Trainers take one number of frames of a folder, so there is a folder for each. Clips of one bucket keep their own
    size; those of several get their bucket's, which every trainer then takes as it is.
    """
    lengths, shapes = {bucket.frames for bucket in sizes}, {(bucket.width, bucket.height) for bucket in sizes}
    exported = []
    for number, (example, bucket) in enumerate(zip(examples, sizes, strict=True), 1):
        place = CLIP_FOLDER if len(lengths) == 1 else f"{CLIP_FOLDER}_{bucket.frames}"
        size = (bucket.width, bucket.height) if len(shapes) > 1 else _even_size(example)
        exported.append(Exported(example, bucket, size, f"{place}/{number:04d}.mp4"))
    return exported


def _write_baked(one: Exported, folder: Path, fps: float) -> None:
    clip = folder / one.clip
    written = write_clip(clip, baked_frames(one.example, one.bucket.frames, one.size), fps)
    if written < one.bucket.frames:
        raise FFGOError(f"{one.example.name} ends after {written} of {one.bucket.frames} frames. Make the clip anew.")
    clip.with_suffix(".txt").write_text(one.example.caption, "utf-8")


def _write_official(examples: Sequence[LookedAt], folder: Path, final: Path, report: Progress) -> list[str]:
    """The files as they are, but for those that the official trainer would not show as they are meant."""
    records = []
    for place in (CLIP_FOLDER, COMPOSITE_FOLDER):
        (folder / place).mkdir()
    for done, example in enumerate(examples):
        report(done, len(examples), example.name)
        stem = f"{done + 1:04d}"
        clip = _official_clip(example, folder, stem)
        stems = [stem, *(f"{stem}.composite.{number}" for number in range(2, example.memory + 1))]
        names = [_official_composite(file, folder, name) for file, name in zip(example.composites, stems, strict=True)]
        composite, *more = (f"{COMPOSITE_FOLDER}/{name}" for name in names)
        records.append(Record(f"{CLIP_FOLDER}/{clip}", example.caption, composite, more_image_paths=tuple(more)))
    write_records(folder / RECORDS_FILE, records)
    return [
        f"Official trainer: --train_data_meta {final / RECORDS_FILE} --train_data_dir {final}. It looks for composites "
        "from the folder that it is started in, so start it in this one."
    ]


def _official_clip(example: LookedAt, folder: Path, stem: str) -> str:
    """Write the clip; its name. One that is turned or has pixels that are no squares is written as it is shown."""
    name = f"{stem}{example.clip.suffix}" if example.info.plain else f"{stem}.mp4"
    if example.info.plain:
        shutil.copyfile(example.clip, folder / CLIP_FOLDER / name)
    else:
        pictures = (Image.fromarray(frame) for frame in read_frames(example.clip))
        frames = (np.asarray(_cover(picture, _even_size(example))) for picture in pictures)
        write_clip(folder / CLIP_FOLDER / name, frames, example.info.fps)
    return name


def _official_composite(composite: Path, folder: Path, stem: str) -> str:
    """Write the composite; its name. One that the official trainer would read otherwise is written as it is meant."""
    meant = open_composite(composite)
    with Image.open(composite, formats=PICTURE_FORMATS) as file:
        plain = file.size == meant.size and file.convert("RGB").tobytes() == meant.tobytes()
    name = f"{stem}{composite.suffix}" if plain else f"{stem}.png"
    if plain:
        shutil.copyfile(composite, folder / COMPOSITE_FOLDER / name)
    else:
        meant.save(folder / COMPOSITE_FOLDER / name)
    return name


def _even_size(example: LookedAt) -> tuple[int, int]:
    """Of the clip, in pixels. Sides lose a pixel where they are odd, as an mp4 cannot have them."""
    return example.info.width // 2 * 2, example.info.height // 2 * 2


def _silent(done: int, total: int, name: str) -> None:
    pass
