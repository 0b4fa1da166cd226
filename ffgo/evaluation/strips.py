"""Filmstrips of clips, for the report and for the node: a few frames side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..clip.video_io import read_frames
from ..errors import FFGOError
from ..files import complete_file

FRAMES, HEIGHT, GAP = 8, 120, 4
WIDEST = 16_383
"""Pixels that WebP can hold."""
QUALITY = 80


def strip_numbers(frames: int, dropped: int = 0) -> list[int]:
    """The frames that are shown: evenly spread, from the first that is not dropped to the last.

    >>> strip_numbers(81, 4)
    [4, 15, 26, 37, 47, 58, 69, 80]
    """
    return sorted(set(np.linspace(min(dropped, frames - 1), frames - 1, FRAMES).round().astype(int).tolist()))


def draw_film(frames: Sequence[np.ndarray], height: int = HEIGHT) -> Image.Image:
    """Frames (H, W, 3) uint8 side by side."""
    small = [Image.fromarray(frame) for frame in frames]
    aspect = sum(one.width / one.height for one in small)
    height = max(1, min(height, int((WIDEST - (GAP + 1) * len(small)) / aspect)))
    small = [
        one.resize((max(1, round(one.width * height / one.height)), height), Image.Resampling.LANCZOS) for one in small
    ]
    strip = Image.new("RGB", (sum(one.width + GAP for one in small) - GAP, height), "white")
    left = 0
    for one in small:
        strip.paste(one, (left, 0))
        left += one.width + GAP
    return strip


def write_strip(video: Path, frames: int, dropped: int, target: Path) -> None:
    """A clip's filmstrip as WebP, unless one is there that is newer than the clip. Raises: FFGOError."""
    if target.is_file() and target.stat().st_mtime >= video.stat().st_mtime:
        return
    numbers = set(strip_numbers(frames, dropped))
    shown = [frame for number, frame in enumerate(read_frames(video)) if number in numbers]
    if not shown:
        raise FFGOError(f"{video} is shorter than its result.json says. Make it again.")
    film = draw_film(shown)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(target) as partial:
            film.save(partial, "WEBP", quality=QUALITY)
    except OSError as error:
        raise FFGOError(f"{target} cannot be written: {error.strerror}. Make room, then run this again.") from error
