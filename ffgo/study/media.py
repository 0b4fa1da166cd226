"""Clips as people see them: of one length, size, rate and codec, without a word of where they come from.

A clip that is only copied names its maker even without its metadata: encoders write themselves into the stream, and
methods differ in length and in bytes. So all are encoded anew, alike, and the files of a case are equally large.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..clip.video_io import ClipInfo, probe_clip, read_frames, write_clip
from ..errors import FFGOError
from ..files import complete_file

FREE_BOX = 8
"""Bytes of the head of an mp4's box without content."""
JPEG_QUALITY = 92
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")
AT = (1_700_000_000, 1_700_000_000)
"""When every file says that it was written: the order of writing would tell the methods apart."""


@dataclass(frozen=True, slots=True)
class SourceClip:
    """A clip as it was made, and what of it is shown."""

    path: Path
    trim: int
    """Frames that are left out at its start."""
    info: ClipInfo

    @property
    def seconds(self) -> float:
        return (self.info.frames - self.trim) / self.info.fps


@dataclass(frozen=True, slots=True)
class ShownClips:
    """What all clips of a study are."""

    width: int
    height: int
    fps: float
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


def source_clip(path: Path, trim: int) -> SourceClip:
    """Raises: FFGOError where the clip cannot be read to its end, or nothing is left of it."""
    info = probe_clip(path)
    if info.damage or info.missing:
        raise FFGOError(f"{path} ends too early: {info.damage or f'{info.missing} frames are missing'}. Make it anew.")
    if info.frames - trim < 2:
        raise FFGOError(f"{path} has {info.frames} frames, and the first {trim} are left out: nothing is left to show.")
    return SourceClip(path, trim, info)


def alike(clips: Sequence[SourceClip], most_seconds: float = inf) -> ShownClips:
    """What all can be shown as: the smallest size, the lowest rate and the shortest length that there is.

    Raises: FFGOError for a length that is none.
    """
    width, height = (min(side) // 2 * 2 for side in zip(*((c.info.width, c.info.height) for c in clips), strict=True))
    fps = min(clip.info.fps for clip in clips)
    if not most_seconds > 0:
        raise FFGOError(f"The clips cannot be cut to {most_seconds:g} seconds. Give a length above 0.")
    seconds = min(most_seconds, *(clip.seconds for clip in clips))
    return ShownClips(width, height, fps, max(2, int(seconds * fps + 1e-6)))


def differences(clips: Sequence[SourceClip], shown: ShownClips) -> list[str]:
    """What is done to how many clips so that all are alike, in words."""
    counts = {
        f"shrunk or cropped to {shown.width}x{shown.height}": sum(
            (clip.info.width, clip.info.height) != (shown.width, shown.height) for clip in clips
        ),
        f"reduced to {shown.fps:g} frames a second": sum(abs(clip.info.fps / shown.fps - 1) > 1e-3 for clip in clips),
        f"cut to {shown.seconds:.2f} seconds": sum(clip.seconds > shown.seconds + 0.5 / shown.fps for clip in clips),
    }
    return [f"{times} of {len(clips)} clips are {what}." for what, times in counts.items() if times]


def write_shown(source: SourceClip, shown: ShownClips, target: Path) -> None:
    """Write a clip as it is shown. Raises: FFGOError where it cannot be read, or the disk refuses."""
    encoded = target.with_suffix(".encoded.mp4")
    try:
        write_clip(encoded, _frames(source, shown), shown.fps)
        _without_metadata(encoded, target)
    finally:
        encoded.unlink(missing_ok=True)


def _frames(source: SourceClip, shown: ShownClips) -> Iterator[np.ndarray]:
    wanted = [source.trim + round(number * source.info.fps / shown.fps) for number in range(shown.frames)]
    wanted = [min(number, source.info.frames - 1) for number in wanted]
    times = {number: wanted.count(number) for number in wanted}
    for number, picture in enumerate(read_frames(source.path, wanted[-1] + 1)):
        if number in times:
            fitted = _fitted(picture, shown)
            yield from (fitted for _ in range(times[number]))


def _fitted(picture: np.ndarray, shown: ShownClips) -> np.ndarray:
    size = (shown.width, shown.height)
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(ImageOps.fit(Image.fromarray(picture), size, Image.Resampling.LANCZOS))


def _without_metadata(encoded: Path, target: Path) -> None:
    """Copy the stream alone, with its index in front, so that browsers can begin at once."""
    import av
    from av.error import FFmpegError

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    try:
        with (
            complete_file(target) as partial,
            av.open(str(encoded)) as source,
            av.open(str(partial), "w", format="mp4", options=options) as copy,
        ):
            video = source.streams.video[0]
            stream = copy.add_stream_from_template(video)
            for packet in source.demux(video):
                if packet.dts is not None:
                    packet.stream = stream
                    copy.mux(packet)
    except (OSError, FFmpegError) as error:
        raise FFGOError(f"{target} cannot be written: {error.strerror}. Free some space.") from error


def equally_large(paths: Sequence[Path]) -> None:
    """Give the files of an item one size and one date, by an empty box at the end, which players skip."""
    size = max(path.stat().st_size for path in paths) + FREE_BOX
    for path in paths:
        gap = size - path.stat().st_size
        with path.open("ab") as file:
            file.write(gap.to_bytes(4, "big") + b"free" + bytes(gap - FREE_BOX))
        os.utime(path, AT)


def write_frame(source: Path, target: Path) -> None:
    """A composed first frame as a JPEG of its pixels alone. Raises: FFGOError where it is no picture."""
    try:
        with Image.open(source, formats=PICTURE_FORMATS) as picture:
            ImageOps.exif_transpose(picture).convert("RGB").save(target, "JPEG", quality=JPEG_QUALITY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FFGOError(f"{source} is no picture that can be read ({error}). Put the composed frame there.") from error
    os.utime(target, AT)


def composed_frames(path: Path) -> int:
    """How many frames at a clip's start still show the composed frame, as Trim Compression Frames finds it."""
    import torch

    from ..clip.trim import trim_clip

    small = [_small(picture) for picture in read_frames(path)]
    return trim_clip(torch.from_numpy(np.stack(small)).float() / 255, mode="auto").trimmed


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = min(1.0, 320 / width)
    return np.asarray(Image.fromarray(picture).resize((round(width * scale), round(height * scale))))
