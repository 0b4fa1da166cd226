"""Clips on disk: what they are, their frames one at a time, and writing them. With PyAV, never with a program."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FFGOError
from ..files import complete_file

if TYPE_CHECKING:
    from av.container import InputContainer

CRF = 12
"""Of the clips written here: H.264's constant rate factor. 12 is visually lossless, at a few MB for 81 frames."""

BT601, BT709_PRIMARIES, BT709_TRANSFER = 6, 1, 1
"""Code points of H.264. BT.601 is what every reader that ignores the tag (OpenCV, decord) takes a clip for."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip's container says, read without decoding."""

    width: int
    """Pixels, upright: a turned phone clip counts as it is shown."""
    height: int
    frames: int
    """Frames that are really in the file."""
    promised: int
    """Frames the header names; 0 where it names none."""
    fps: float
    """Frames per second, measured from the frames' times."""
    steady: bool
    """Whether all frames are shown equally long, give or take half of it."""
    codec: str
    """As FFmpeg calls it: h264 for most clips."""


def probe_clip(path: Path) -> ClipInfo:
    """What the clip is, without decoding more than its first frame.

    Raises: FFGOError if the file is no clip that can be read, or holds no frame.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = sorted(float(packet.pts * packet.time_base) for packet in packets if packet.pts is not None)
        declared = float(stream.average_rate or 0)
        promised, codec = stream.frames, stream.codec_context.name
    first = next(read_frames(path, 1), None)
    if first is None:
        raise FFGOError(f"{path.name} holds no frame that can be read. Make the clip anew.")
    height, width = first.shape[:2]
    steps = [later - earlier for earlier, later in pairwise(times)]
    seconds = times[-1] - times[0] if steps else 0.0
    fps = len(steps) / seconds if seconds > 0 else declared
    steady = all(0.5 < step * fps < 1.5 for step in steps)
    return ClipInfo(width, height, len(packets), promised, fps, steady, codec)


def read_frames(path: Path, count: int | None = None) -> Iterator[np.ndarray]:
    """The first `count` frames (None: all), upright, one (H, W, 3) uint8 RGB array at a time; fewer if the clip ends.

    Raises: FFGOError where the clip cannot be read or a frame of it is damaged.
    """
    from av.error import FFmpegError

    index = 0
    with _opened(path) as container:
        try:
            for frame in container.decode(video=0):
                if index == count:
                    return
                if frame.is_corrupt:
                    raise FFGOError(f"{path.name} is damaged at frame {index} (counted from 0). Make the clip anew.")
                # The angle is counter-clockwise, as NumPy's; turned phone clips have 90, 180 or 270.
                picture = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
                yield np.ascontiguousarray(picture)
                index += 1
        except FFmpegError as error:
            raise FFGOError(
                f"{path.name} cannot be decoded at frame {index} (counted from 0): {error.strerror}. "
                "Make the clip anew."
            ) from error


def write_clip(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write RGB frames, (H, W, 3) uint8 with even sides, as an H.264 mp4; returns how many there were.

    The file is there only when it is complete. Raises: FFGOError for odd sides, no frame, or a disk that refuses.
    """
    import av
    from av.error import FFmpegError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(path) as partial, av.open(str(partial), "w", format="mp4") as container:
            return _encode(container, frames, Fraction(fps).limit_denominator(1001), path)
    except (OSError, FFmpegError) as error:
        raise FFGOError(f"Cannot write {path}: {error.strerror}. Free some space or choose another folder.") from error


def _opened(path: Path) -> "InputContainer":
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(path))
    except (OSError, FFmpegError) as error:
        raise FFGOError(
            f"{path.name} cannot be read as a video ({error.strerror}): it is damaged, cut short, or of another kind. "
            "Make the clip anew, best as an H.264 mp4."
        ) from error
    if not container.streams.video:
        container.close()
        raise FFGOError(f"{path.name} holds no video, only other kinds of streams.")
    container.streams.video[0].thread_type = "AUTO"
    return container


def _encode(container, frames: Iterable[np.ndarray], rate: Fraction, path: Path) -> int:
    import av

    stream, written = None, 0
    for picture in frames:
        if stream is None:
            stream = _h264(container, picture.shape[1], picture.shape[0], rate, path)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        yuv = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
        container.mux(stream.encode(yuv))
        written += 1
    if stream is None:
        raise FFGOError(f"{path.name}: there is no frame to write.")
    container.mux(stream.encode(None))
    return written


def _h264(container, width: int, height: int, rate: Fraction, path: Path):
    if width % 2 or height % 2:
        raise FFGOError(
            f"{path.name} would be {width}x{height} px, and an mp4's sides must be even. "
            "Resize or crop the frames first, best to multiples of 16."
        )
    stream = container.add_stream("libx264", rate=rate, options={"crf": str(CRF)})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_primaries, context.color_trc = BT601, BT709_PRIMARIES, BT709_TRANSFER
    return stream
