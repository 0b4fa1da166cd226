"""Examples brought to the size that they are trained at, and the checks that name every bad one."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..bases.memory import canvas_of, composed_frames
from ..clip.video_io import ClipInfo, probe_clip, read_frames
from ..errors import FFGOError
from ..pixels import MOST_PIXELS, PICTURE_FORMATS, rgb_on_white, to_float
from ..words.phrase import TRANSITION_PHRASE, add_transition_phrase, with_phrase_once
from .records import Example, LookedAt, list_examples, raise_all
from .sizing import Bucket

MIN_FPS, MAX_FPS = 12.0, 32.0
"""Clips keep their own rate, as the official ones do (24 and 29.97); Wan makes 16. Beyond these a clip is slow motion
or a slide show to the model."""


EMPTY_CAPTION = "its caption holds only the phrase. Describe the video after it."

NOTED_CROP = 0.05
"""Share of a composite that may be cut off unsaid: 1280x720 in 832x480 loses 3 %."""

Progress = Callable[[int, int, str], None]
"""Called with what is done, what there is to do, and what comes next; may raise to cancel."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples by their files, with what the user should know about them. Holds no pixels."""

    examples: tuple[LookedAt, ...]
    notes: tuple[str, ...] = ()


def open_dataset(path: Path, *, add_phrase: bool = False, progress: Progress | None = None) -> Dataset:
    """The examples of a JSON list or a folder, looked at once: composites and all frames that could be trained.

    add_phrase: put the transition phrase before captions that do not begin with it.
    Raises: one FFGOError that names every bad example and what is wrong with it.
    """
    listing = list_examples(path)
    looked, problems, notes = [], list(listing.problems), list(listing.notes)
    for done, example in enumerate(listing.examples):
        if progress:
            progress(done, len(listing.examples), example.name)
        phrased = _with_phrase(example) if add_phrase else example
        seen, troubles = _look(phrased)
        looked += [seen] if seen else []
        problems += [f"{example.name}: {trouble}" for trouble in troubles]
        notes += [f"{example.name}: {note}" for note in (_notes(seen, phrased) if seen else ())]
    raise_all(problems, len(listing.examples) + len(listing.problems))
    return Dataset(tuple(looked), tuple(notes))


def load_frames(example: Example, bucket: Bucket) -> Tensor:
    """The clip at its bucket's size, its first frames replaced by the composites: (T, H, W, 3), float32 0..1.

    Only one decoded frame is held beside the result.
    Raises: FFGOError if the clip or the composite cannot be read, or the clip ends too early.
    Source: dataset_transition.py and train_lora_transition_14b.py of the official repository.
    """
    frames = torch.empty(bucket.frames, bucket.height, bucket.width, 3)
    composed = composed_frames(bucket.base, example.memory)
    canvases = [load_composite(example, bucket, number) for number in range(example.memory)]
    for frame in range(composed):
        frames[frame] = canvases[canvas_of(bucket.base, frame, example.memory)]
    decoded = 0
    for picture in read_frames(example.clip, bucket.frames):
        if decoded >= composed:
            frames[decoded] = cover(np.divide(picture, np.float32(255), dtype=np.float32), bucket)
        decoded += 1
    if decoded < bucket.frames:
        raise FFGOError(f"{example.name} ends after {decoded} of {bucket.frames} frames. Make the clip anew.")
    return frames


def load_composite(example: Example, bucket: Bucket, number: int = 0) -> Tensor:
    """The composite at its bucket's size: (H, W, 3), float32 0..1. Raises: FFGOError if it cannot be read.

    number: which, where the example has several.
    """
    return cover(to_float(open_composite(example.composites[number])), bucket)


def open_composite(path: Path) -> Image.Image:
    """The composite as an RGB picture, upright, transparency on white. Raises: FFGOError if it cannot be read."""
    try:
        with Image.open(path, formats=PICTURE_FORMATS) as file:
            if file.width * file.height > MOST_PIXELS:
                raise _composite_error(path, f"is {file.width}x{file.height} px, more than can be used")
            # JPEGs of phones hold several pictures, too, but the first one is what is meant.
            if file.format in ("PNG", "WEBP") and getattr(file, "is_animated", False):
                raise _composite_error(path, "is an animation")
            return rgb_on_white(ImageOps.exif_transpose(file))
    except UnidentifiedImageError as error:
        raise _composite_error(path, "cannot be read: it is no PNG, JPEG or WebP, or it is damaged") from error
    except Image.DecompressionBombError as error:
        raise _composite_error(path, "has more pixels than can be used") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        if isinstance(error, FFGOError):
            raise
        raise _composite_error(path, f"cannot be read ({error})") from error


def _composite_error(path: Path, what: str) -> FFGOError:
    return FFGOError(f"its composite {path.name} {what}. Make the picture anew, best as a PNG.")


def cover(picture: np.ndarray, bucket: Bucket) -> Tensor:
    """Resize (H, W, C) until it covers the bucket, and cut its middle out, as the official code does."""
    height, width = picture.shape[:2]
    if bucket.height / height > bucket.width / width:
        size = (bucket.height, int(width * bucket.height / height))
    else:
        size = (int(height * bucket.width / width), bucket.width)
    channels_first = torch.from_numpy(picture).movedim(-1, 0)[None]
    resized = torch.nn.functional.interpolate(channels_first, size, mode="bilinear", antialias=True)[0].movedim(0, -1)
    top, left = round((size[0] - bucket.height) / 2), round((size[1] - bucket.width) / 2)
    return resized[top : top + bucket.height, left : left + bucket.width]


def _look(example: Example) -> tuple[LookedAt | None, list[str]]:
    """The example with what its files are, and what is wrong with it."""
    found, info, size, caption = _caption_troubles(example), None, None, example.caption
    try:
        caption = with_phrase_once(caption)
    except FFGOError:
        found = [EMPTY_CAPTION]
    try:
        size, *others = (open_composite(composite).size for composite in example.composites)
        found += [f"its composites have several sizes: {size} and {other}." for other in others if other != size][:1]
    except FFGOError as error:
        found.append(str(error))
    try:
        info = probe_clip(example.clip)
        found += clip_troubles(info, example.memory)
    except FFGOError as error:
        found.append(str(error))
    if info is None or size is None:
        return None, found
    looked = LookedAt(
        example.name, example.clip, example.composite, caption, info, size, more_composites=example.more_composites
    )  # fmt: skip
    return looked, found


def _caption_troubles(example: Example) -> list[str]:
    found, caption = [], example.caption
    if not caption.strip():
        found.append("its caption is empty. Describe the video in it.")
    elif not caption.startswith(TRANSITION_PHRASE):
        found.append(
            f'its caption does not begin with the phrase "{TRANSITION_PHRASE}": {caption[:60]!r}. '
            "Write it there, or switch add_phrase on."
        )
    elif not caption.removeprefix(TRANSITION_PHRASE).strip():
        found.append(EMPTY_CAPTION)
    return found


def clip_troubles(clip: ClipInfo, memory: int = 1) -> list[str]:
    """What is wrong with a clip whatever is trained of it: length, rate, frames that are missing.

    memory: composites that replace its first frames.
    """
    found = []
    if clip.frames <= (composed := composed_frames(DEFAULT, memory)):
        what = "the composite replaces" if memory == 1 else f"its {memory} composites replace"
        count = f"it has {clip.frames} frames, and {what} {composed}."
        found.append(f"is too short: {count} {clip.damage}".rstrip())
    elif not MIN_FPS <= clip.fps <= MAX_FPS:
        found.append(
            f"has a wrong rate: {clip.fps:.4g} frames a second; {MIN_FPS:g} to {MAX_FPS:g} are natural motion. "
            "Export the clip anew at 16 to 30."
        )
    elif not clip.steady:
        found.append("has a wrong rate: its frames are not equally long. Export the clip anew at a constant rate.")
    if clip.missing:
        there = clip.promised - clip.missing
        found.append(f"is cut short: {there} of {clip.promised} frames are in the file. Make the clip anew.")
    return found


def _notes(example: LookedAt, written: Example) -> list[str]:
    """What the user should know of a good example."""
    clip, notes = example.info, [_crop_note(example)]
    if example.caption != written.caption:
        notes.append("its caption had the phrase more than once; it is trained with one.")
    if clip.lost:
        notes.append(f"{clip.lost} of its {clip.frames} frames are shown longer or shorter than the others.")
    if clip.damage:
        notes.append(f"only its first {clip.frames} frames can be used. {clip.damage}")
    return [note for note in notes if note]


def _crop_note(example: LookedAt) -> str:
    """Which composite loses its edges, as it has another aspect than its clip; nothing for the others."""
    clip, (width, height) = example.info, example.composite_size
    ratio = width / height / (clip.width / clip.height)
    lost = 1 - min(ratio, 1 / ratio)
    if lost <= NOTED_CROP:
        return ""
    return (
        f"its composite ({width}x{height}) has another aspect than the clip "
        f"({clip.width}x{clip.height}); {lost:.0%} of it are cut off at the edges."
    )


def _with_phrase(example: Example) -> Example:
    if example.caption.startswith(TRANSITION_PHRASE) or not example.caption.strip():
        return example
    return replace(example, caption=add_transition_phrase(example.caption))
