"""Examples brought to the size that they are trained at, and the checks that name every bad one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..bases.catalogue import COMPOSED_FRAMES
from ..clip.video_io import ClipInfo, probe_clip, read_frames
from ..errors import FFGOError
from ..pixels import rgb_on_white, to_float
from ..words.phrase import TRANSITION_PHRASE, add_transition_phrase
from .records import Example, LookedAt, list_examples, raise_all
from .sizing import Bucket

MIN_FPS, MAX_FPS = 12.0, 32.0
"""Clips keep their own rate, as the official ones do (24 and 29.97); Wan makes 16. Beyond these a clip is slow motion
or a slide show to the model."""


NOTED_CROP = 0.05
"""Share of a composite that may be cut off unsaid: 1280x720 in 832x480 loses 3 %."""

Progress = Callable[[int, int, str], None]
"""Called with what is done, what there is to do, and what comes next; may raise to cancel."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples by their files, with what the user should know about them. Holds no pixels."""

    examples: tuple[LookedAt, ...]
    notes: tuple[str, ...] = ()


def open_dataset(path: Path, *, add_phrase: bool = False) -> Dataset:
    """The examples of a JSON list or a folder, checked as far as that goes without decoding them.

    add_phrase: put the transition phrase before captions that do not begin with it.
    Raises: one FFGOError that names every bad example and what is wrong with it.
    """
    listing = list_examples(path)
    examples = [_with_phrase(e) if add_phrase else e for e in listing.examples]
    looked, problems = [], list(listing.problems)
    for example in examples:
        seen, troubles = _look(example)
        looked += [seen] if seen else []
        problems += [f"{example.name}: {trouble}" for trouble in troubles]
    raise_all(problems, len(examples) + len(listing.problems))
    crops = [note for example in looked if (note := _crop_note(example))]
    return Dataset(tuple(looked), (*listing.notes, *crops))


def check_frames(example: Example, bucket: Bucket) -> list[str]:
    """Decode all that will be trained of an example; what is wrong with it, called by its name."""
    try:
        decoded = sum(1 for _ in read_frames(example.clip, bucket.frames))
        load_composite(example, bucket)
    except FFGOError as error:
        return [f"{example.name}: {error}"]
    if decoded < bucket.frames:
        return [f"{example.name}: ends after {decoded} of {bucket.frames} frames. Make the clip anew."]
    return []


def load_frames(example: Example, bucket: Bucket) -> Tensor:
    """The clip at its bucket's size, its first frames replaced by the composite: (T, H, W, 3), float32 0..1.

    Only one decoded frame is held beside the result.
    Raises: FFGOError if the clip or the composite cannot be read, or the clip ends too early.
    Source: dataset_transition.py and train_lora_transition_14b.py of the official repository.
    """
    frames = torch.empty(bucket.frames, bucket.height, bucket.width, 3)
    composed = bucket.base.composed_frames
    frames[:composed] = load_composite(example, bucket)
    decoded = 0
    for picture in read_frames(example.clip, bucket.frames):
        if decoded >= composed:
            frames[decoded] = _fill(np.divide(picture, np.float32(255), dtype=np.float32), bucket)
        decoded += 1
    if decoded < bucket.frames:
        raise FFGOError(f"{example.name} ends after {decoded} of {bucket.frames} frames. Make the clip anew.")
    return frames


def load_composite(example: Example, bucket: Bucket) -> Tensor:
    """The composite at its bucket's size: (H, W, 3), float32 0..1. Raises: FFGOError if it cannot be read."""
    return _fill(to_float(open_composite(example.composite)), bucket)


def open_composite(path: Path) -> Image.Image:
    """The composite as an RGB picture, transparency on white. Raises: FFGOError if it cannot be read."""
    try:
        with Image.open(path) as file:
            return rgb_on_white(ImageOps.exif_transpose(file))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's PNG reader raises SyntaxError
        raise FFGOError(f"its composite {path.name} cannot be read ({error}). Make the picture anew.") from error


def _fill(picture: np.ndarray, bucket: Bucket) -> Tensor:
    """Resize (H, W, 3) until it covers the bucket, and cut its middle out, as the official code does."""
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
    """The example with what its files are, and what is wrong, as far as can be seen without decoding its clip."""
    found, info, size = _caption_troubles(example), None, None
    try:
        size = open_composite(example.composite).size
    except FFGOError as error:
        found.append(str(error))
    try:
        info = probe_clip(example.clip)
        found += clip_troubles(info)
    except FFGOError as error:
        found.append(str(error))
    if info is None or size is None:
        return None, found
    return LookedAt(example.name, example.clip, example.composite, example.caption, info, size), found


def _caption_troubles(example: Example) -> list[str]:
    found = []
    if not example.caption.startswith(TRANSITION_PHRASE):
        found.append(f'its caption does not begin with the phrase "{TRANSITION_PHRASE}": {example.caption[:60]!r}.')
    elif not example.caption.removeprefix(TRANSITION_PHRASE).strip():
        found.append("its caption holds only the phrase. Describe the video after it.")
    return found


def clip_troubles(clip: ClipInfo) -> list[str]:
    """What is wrong with a clip by its container: length, rate, frames that are missing."""
    found = []
    if clip.frames <= COMPOSED_FRAMES:
        found.append(f"is too short: it has {clip.frames} frames, and the composite replaces {COMPOSED_FRAMES}.")
    elif not MIN_FPS <= clip.fps <= MAX_FPS:
        found.append(
            f"has a wrong rate: {clip.fps:.4g} frames a second; {MIN_FPS:g} to {MAX_FPS:g} are natural motion. "
            "Export the clip anew at 16 to 30."
        )
    elif not clip.steady:
        found.append("has a wrong rate: its frames are not equally long. Export the clip anew at a constant rate.")
    if clip.frames < clip.promised:
        found.append(f"is cut short: {clip.frames} of {clip.promised} frames are in the file. Make the clip anew.")
    return found


def _crop_note(example: LookedAt) -> str:
    """Which composite loses its edges, as it has another aspect than its clip; nothing for the others."""
    clip, (width, height) = example.info, example.composite_size
    ratio = width / height / (clip.width / clip.height)
    lost = 1 - min(ratio, 1 / ratio)
    if lost <= NOTED_CROP:
        return ""
    return (
        f"{example.name}: its composite ({width}x{height}) has another aspect than the clip "
        f"({clip.width}x{clip.height}); {lost:.0%} of it are cut off at the edges."
    )


def _with_phrase(example: Example) -> Example:
    if example.caption.startswith(TRANSITION_PHRASE) or not example.caption.strip():
        return example
    return replace(example, caption=add_transition_phrase(example.caption))
