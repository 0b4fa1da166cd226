"""Dropping the frames at the start of a clip that still show the composed first frame."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from ..bases.catalogue import COMPOSED_FRAMES, DEFAULT
from ..bases.memory import check_memory, composed_frames
from ..errors import FFGOError
from .transition import MAX_FRAMES, Transition, clips_in, find_transition

Mode = Literal["fixed", "auto"]
MODES: tuple[Mode, ...] = ("fixed", "auto")


@dataclass(frozen=True, slots=True)
class TrimmedClip:
    """A clip without its first frames."""

    images: Tensor
    """(B, H, W, C), a view of the clip; of a batch of clips, all that is left of each, one after the other."""
    audio: dict[str, Any] | None
    trimmed: int
    """Frames dropped, of the first clip."""
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
    memory: int = 1,
) -> TrimmedClip:
    """Drop the composed first frame from a clip.

    images (B, H, W, C) 0..1; frames: how many to drop (`fixed`) or at least (`auto`, never below `COMPOSED_FRAMES`);
    max_frames: the most that `auto` drops; audio: the host's {"waveform": (B, C, S), "sample_rate": Hz}, cut at its
    start by the same time; fps: frames per second of the clip; memory: how many composed canvases it begins with. All
    but the last are dropped first, and frames and max_frames count from the last one on. A batch of clips, as VAE
    Decode makes it of a batch of latents, is known by the composed frames at the start of each, and each is trimmed.
    Raises: FFGOError for a clip that is no IMAGE batch, is too short or has NaN pixels, for audio that is too short,
    and for limits that contradict each other.
    """
    least = frames if mode == "fixed" else max(frames, COMPOSED_FRAMES)
    check_memory(memory)
    held = composed_frames(DEFAULT, memory) - COMPOSED_FRAMES
    _check_limits(mode, frames, least, max_frames, fps)
    _check_clip(images, held + least)
    clips = list(images.chunk(clips_in(images, least, held)))
    if audio is not None and len(clips) > 1:
        raise FFGOError(
            f"The batch holds {len(clips)} clips, one after the other, and audio belongs to one. Trim them one at "
            "a time (Image From Batch), or without audio."
        )
    every = [_after(held, clip[held:], least, max_frames, mode) for clip in clips]
    found = every[0]
    summary = (
        f"Dropped the first {found.frames} of {len(clips[0])} frames ({found.frames / fps:.2f} s at {fps:g} fps): "
        f"{found.reason}."
    )
    if len(clips) > 1:
        dropped = ", ".join(str(one.frames) for one in every)
        summary = f"{len(clips)} clips of {len(clips[0])} frames in one batch; dropped the first {dropped} of each."
    kept = [clip[one.frames :] for clip, one in zip(clips, every, strict=True)]
    cut_audio = None if audio is None else _trim_audio(audio, found.frames / fps)
    warnings = list(dict.fromkeys(warning for one in every for warning in one.warnings))
    return TrimmedClip(kept[0] if len(kept) == 1 else torch.cat(kept), cut_audio, found.frames, summary, warnings)


def _after(held: int, images: Tensor, least: int, most: int, mode: Mode) -> Transition:
    """What to drop of a clip whose last canvas comes after so many frames; images: from that canvas on."""
    many = held > 0
    found = _fixed(images, least, many=many) if mode == "fixed" else find_transition(images, least, most, many=many)
    if not many:
        return found
    reason = f"{held} frames of the memory's other canvases, then {found.frames}: {found.reason}"
    warnings = tuple(f"Counted from the memory's last canvas on: {warning}" for warning in found.warnings)
    return replace(found, frames=held + found.frames, reason=reason, warnings=warnings)


def _fixed(images: Tensor, frames: int, *, many: bool) -> Transition:
    """A fixed number of frames; warns where the first one that is kept still shows the composed frame."""
    found = find_transition(images, frames, max(frames, MAX_FRAMES), many=many) if frames else Transition(0, "")
    if found.frames <= frames:
        return Transition(frames, "fixed number")
    warning = (
        f"The composed first frame is seen in the first {found.frames} frames, and {frames} were dropped. Set "
        f"frames to {found.frames}, or mode to auto; if the clip was interpolated, trim it before that."
    )
    return Transition(frames, "fixed number", (warning,))


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
    """Cut `seconds` off the start; the end stays as it is. A silent video's sound of length zero stays what it is."""
    waveform, sample_rate = audio["waveform"], audio["sample_rate"]
    samples = round(seconds * sample_rate)
    if waveform.shape[-1] and samples >= waveform.shape[-1]:
        raise FFGOError(
            f"The audio lasts {waveform.shape[-1] / sample_rate:.2f} s, and the frames dropped take {seconds:.2f} s: "
            "nothing of it would be left. Connect the audio of the whole clip, or none; check fps."
        )
    return {"waveform": waveform[..., samples:], "sample_rate": sample_rate}
