"""What metrics look at of a clip: all frames small, and some of them at full size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..bases.catalogue import COMPOSED_FRAMES
from ..clip.transition import WORKING_SIDE, Transition, find_transition
from ..clip.video_io import ClipInfo, probe_clip, read_frames
from ..errors import FFGOError

EVERY = 8
"""Frames between those that are looked at in full."""
SAME_AS_COMPOSED = 0.06
"""Mean difference, 0..1, up to which a clip's first frame is the composed one."""

Box = tuple[int, int, int, int]
"""Left, top, width, height."""


@dataclass(frozen=True, slots=True)
class ClipView:
    """A clip, ready to be measured."""

    small: Tensor
    """(F, h, w, 3), 0..1: every frame, its longer side at most 240 px."""
    full: Tensor
    """(N, H, W, 3), 0..1: every 8th frame of what is measured, in full."""
    numbers: tuple[int, ...]
    """Of the frames in `full`, from 0 at the clip's first."""
    dropped: int
    """Frames at the start that are not measured."""
    fps: float
    transition: Transition | None
    """From the composed frame; None where the clip does not begin with it."""

    @property
    def measured(self) -> Tensor:
        """(F - dropped, h, w, 3): the small frames that count."""
        return self.small[self.dropped :]


def small_frame(frame: Tensor, side: int = WORKING_SIDE) -> Tensor:
    """Frames (B, H, W, 3) with a longer side of at most so many pixels."""
    height, width = frame.shape[1:3]
    shrink = min(1.0, side / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    if size == (height, width):
        return frame[..., :3].float()
    return functional.interpolate(frame[..., :3].movedim(-1, 1).float(), size, mode="area").movedim(1, -1)


def view_frames(frames: Tensor, fps: float, composed: Tensor | None, trim: int | Literal["auto"]) -> ClipView:
    """A clip (F, H, W, 3), 0..1, that is in memory. composed: the frame that it was made from, (1, H, W, 3)."""
    small = torch.cat([small_frame(frame[None]) for frame in frames])
    transition, dropped = _beginning(small, composed, trim)
    numbers = _looked_at(len(small), dropped)
    return ClipView(small, frames[list(numbers), ..., :3].float(), numbers, dropped, fps, transition)


def view_clip(path: Path, composed: Tensor | None, trim: int | Literal["auto"]) -> ClipView:
    """A clip on the disk, read twice and never held whole. Raises: FFGOError where it is damaged or cut short."""
    info = whole_clip(path)
    small = torch.cat([small_frame(_floats(frame)) for frame in read_frames(path)])
    transition, dropped = _beginning(small, composed, trim)
    numbers = _looked_at(len(small), dropped)
    wanted = {number: _floats(frame) for number, frame in enumerate(read_frames(path)) if number in set(numbers)}
    return ClipView(small, torch.cat(list(wanted.values())), numbers, dropped, info.fps, transition)


def whole_clip(path: Path) -> ClipInfo:
    """What a clip is. Raises: FFGOError where it is damaged or cut short."""
    info = probe_clip(path)
    if info.damage or info.missing:
        raise FFGOError(info.damage or f"{path.name} is cut short: {info.missing} of its frames are not in it.")
    return info


def _floats(frame: np.ndarray) -> Tensor:
    return torch.from_numpy(frame)[None].float() / 255


def _beginning(small: Tensor, composed: Tensor | None, trim: int | str) -> tuple[Transition | None, int]:
    """The transition, and how many frames are not measured. Raises: FFGOError where none would be left."""
    transition = find_transition(small, 0, len(small)) if composed is None or _begins_with(small, composed) else None
    if transition and not transition.found:
        transition = None
    # A clip that does not begin with the composed frame was trimmed before.
    gone = max(COMPOSED_FRAMES, transition.frames) if transition else 0
    dropped = gone if trim == "auto" else int(trim)
    if dropped >= len(small):
        raise FFGOError(
            f"The clip has {len(small)} frames, and the first {dropped} are not to be measured. Lower trim."
        )
    return transition, dropped


def _begins_with(small: Tensor, composed: Tensor) -> bool:
    return float((fitted(composed, small) - small[:1]).abs().mean()) < SAME_AS_COMPOSED


def fitted(picture: Tensor, small: Tensor) -> Tensor:
    """A picture (B, H, W, 3) in the size of the small frames (F, h, w, 3)."""
    size = small.shape[1:3]
    return functional.interpolate(picture[..., :3].movedim(-1, 1).float(), size, mode="area").movedim(1, -1)


def _looked_at(frames: int, dropped: int) -> tuple[int, ...]:
    """From half a step on, so that a short clip is looked at in its middle."""
    numbers = range(dropped + EVERY // 2, frames, EVERY)
    return tuple(numbers) or (dropped + (frames - dropped) // 2,)


def windows(height: int, width: int) -> list[Box]:
    """Where a subject is looked for: the whole frame, 3 squares of its height, and 8 of two thirds of it.

    Of an upright frame, height and width change places.
    """
    if height > width:
        return [(top, left, h, w) for left, top, w, h in windows(width, height)]
    boxes = [(0, 0, width, height)]
    for side, columns, rows in ((height, 3, 1), (round(height * 2 / 3), 4, 2)):
        for row in range(rows):
            for column in range(columns):
                left = round((width - side) * column / max(columns - 1, 1))
                boxes.append((left, round((height - side) * row / max(rows - 1, 1)), side, side))
    return list(dict.fromkeys(boxes))
