"""Dropping the frames at the start of a clip that still show the composed first frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from ..bases.catalogue import COMPOSED_FRAMES
from ..errors import FFGOError
from .transition import MAX_FRAMES, Transition, find_transition

Mode = Literal["fixed", "auto"]
MODES: tuple[Mode, ...] = ("fixed", "auto")


@dataclass(frozen=True, slots=True)
class TrimmedClip:
    """A clip without its first frames."""

    images: Tensor
    """(B, H, W, C), a view of the clip."""
    audio: dict[str, Any] | None
    trimmed: int
    """Frames dropped."""
    summary: str
    """One line for the user: what was dropped and why."""
    warnings: list[str]


def trim_clip(
    images: Tensor,
    *,
    frames: int = COMPOSED_FRAMES,
    mode: Mode = "fixed",
    max_frames: int = MAX_FRAMES,
    audio: Mapping[str, Any] | None = None,
    fps: float = 16.0,
) -> TrimmedClip:
    """Drop the composed first frame from a clip.

    images (B, H, W, C) 0..1; frames: how many to drop (`fixed`) or at least (`auto`, never below `COMPOSED_FRAMES`);
    max_frames: the most that `auto` drops; audio: the host's {"waveform": (B, C, S), "sample_rate": Hz}, cut at its
    start by the same time; fps: frames per second of the clip.
    Raises: FFGOError for a clip that is no IMAGE batch, is too short or has NaN pixels, for audio that is too short,
    and for limits that contradict each other.
    """
    least = frames if mode == "fixed" else max(frames, COMPOSED_FRAMES)
    _check_limits(mode, frames, least, max_frames, fps)
    _check_clip(images, least)
    found = Transition(least, "fixed number") if mode == "fixed" else find_transition(images, least, max_frames)
    summary = (
        f"Dropped the first {found.frames} of {len(images)} frames ({found.frames / fps:.2f} s at {fps:g} fps): "
        f"{found.reason}."
    )
    cut_audio = None if audio is None else _trim_audio(audio, found.frames / fps)
    return TrimmedClip(images[found.frames :], cut_audio, found.frames, summary, list(found.warnings))


def _check_limits(mode: str, frames: int, least: int, max_frames: int, fps: float) -> None:
    if mode not in MODES:
        raise FFGOError(f"There is no trim mode {mode!r}. Choose one of {', '.join(MODES)}.")
    if frames < 0:
        raise FFGOError(f"Cannot drop {frames} frames. Set frames to 0 or more.")
    if mode == "auto" and max_frames < least:
        raise FFGOError(
            f"max_frames ({max_frames}) is less than the {least} frames that auto drops at least. "
            f"Set max_frames to {least} or more, or lower frames ({frames}; auto never drops fewer than "
            f"{COMPOSED_FRAMES})."
        )
    if not (fps > 0 and isfinite(fps)):
        raise FFGOError(f"fps is {fps}, which is no frame rate. Set it to the clip's, for example 16.")


def _check_clip(images: Tensor, least: int) -> None:
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        shape = f"a tensor of shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise FFGOError(f"The clip must be an IMAGE batch (frames, height, width, channels), but it is {shape}.")
    if images.numel() == 0:
        raise FFGOError(f"The clip is empty: its shape is {tuple(images.shape)}. Connect the frames from VAE Decode.")
    if len(images) <= least:
        raise FFGOError(
            f"The clip has {len(images)} frame(s), and {least} are to be dropped: nothing would be left. "
            f"Make a longer clip (FFGo: 81 frames) or drop fewer than {len(images)}."
        )
    # One sum is far cheaper than a test of each pixel, and NaN and infinity survive it.
    if not images.sum(dtype=torch.float32).isfinite():
        bad = next((i for i, image in enumerate(images) if not image.isfinite().all()), 0)
        raise FFGOError(
            f"The clip has pixels that are not numbers (NaN or infinite), first in frame {bad} (counted from 0). "
            "The sampler or the VAE overflowed: try the VAE in fp32, other weights, or a lower LoRA strength."
        )


def _trim_audio(audio: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Cut `seconds` off the start; the end stays as it is."""
    waveform, sample_rate = audio["waveform"], audio["sample_rate"]
    samples = round(seconds * sample_rate)
    if samples and samples >= waveform.shape[-1]:
        raise FFGOError(
            f"The audio lasts {waveform.shape[-1] / sample_rate:.2f} s, and the frames dropped take {seconds:.2f} s: "
            "nothing of it would be left. Connect the audio of the whole clip, or none; check fps."
        )
    return {"waveform": waveform[..., samples:], "sample_rate": sample_rate}
