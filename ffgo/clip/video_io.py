"""Clips on disk: what they are, their frames one at a time, and writing them. With PyAV, never with a program."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EINVAL
from fractions import Fraction
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FFGOError
from ..files import complete_file
from .shown import Shown, clip_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

CRF = 12
"""Of the clips written here: H.264's constant rate factor. 12 is visually lossless, at a few MB for 81 frames."""

BT601, BT709_PRIMARIES, BT709_TRANSFER = 6, 1, 1
"""Code points of H.264. BT.601 is what every reader that ignores the tag (OpenCV, decord) takes a clip for."""


MOST_FRAMES = 257
"""Frames of a clip that are looked at, so the most that can be trained."""

JITTER = 0.25
"""By how much of the usual time a frame may be shown longer or shorter: containers round, phones waver."""
UNEVEN = 0.05
"""Share of the frames that may be off by more, as where a camera lost one."""
LONGEST_STEP = 4
"""Times the usual time that such a frame may be shown; longer is a cut."""
DRIFT = 1.1
"""How many times faster one part of a clip may be than another."""

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
"""What clips come in, by FFmpeg's names. Not playlists, which open other files, whatever a file is called."""


class _DamagedClipError(FFGOError):
    """The clip cannot be read any further."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is, by its decoded frames."""

    width: int
    """Pixels, as it is shown: a turned phone clip counts as upright, pixels that are no squares as squares."""
    height: int
    frames: int
    """Frames that can be decoded. Of a clip with more than MOST_FRAMES, what its container says."""
    promised: int
    """Frames the header names; 0 where it names none."""
    fps: float
    """Frames per second, measured from the frames' times."""
    steady: bool
    """Whether all frames are shown about equally long; a few lost ones do not count."""
    codec: str
    """As FFmpeg calls it: h264 for most clips."""
    missing: int = 0
    """Frames the header names that are not in the file."""
    lost: int = 0
    """Frames that are shown longer or shorter than the others, of a steady clip."""
    damage: str = ""
    """Why it cannot be read beyond its `frames`; empty where it simply ends."""
    plain: bool = True
    """Whether readers that ignore turns, flips and the shape of pixels show it as it is meant."""


def probe_clip(path: Path, most: int = MOST_FRAMES) -> ClipInfo:
    """What the clip is. Its first `most` frames are decoded; of the rest, only the container is read.

    Raises: FFGOError if the file is no clip that can be read, holds no frame, or is meant to be shown in a way that is
    not supported.
    """
    from av.error import FFmpegError

    with _opened(path) as container:
        stream = clip_stream(container, path)
        kept: list[bool] = []
        with suppress(FFmpegError):  # where it ends too early; what can be decoded is found out below
            kept.extend(packet.is_discard for packet in container.demux(stream) if packet.size)
        promised, declared, codec = stream.frames, float(stream.average_rate or 0), stream.codec_context.name
    times, size, plain, damage = [], (0, 0), True, ""
    try:
        for frame, shown in islice(_decoded(path), most):
            if not times:
                height, width = shown.picture(frame).shape[:2]
                size, plain = (width, height), shown.is_plain(frame)
            times.append(frame.time)
    except _DamagedClipError as error:
        if not times:
            raise
        damage = str(error)
    if not times:
        raise FFGOError(f"{path.name} holds no frame that can be read. Make the clip anew.")
    frames = len(times) if damage or len(times) < most else max(len(times), kept.count(False))
    fps, steady, lost = pace(times, declared)
    missing = max(0, promised - len(kept))
    return ClipInfo(*size, frames, promised, fps, steady, codec, missing, lost, damage, plain)


def pace(times: Sequence[float | None], declared: float) -> tuple[float, bool, int]:
    """Frames per second, whether the clip is steady, and how many of its frames are off.

    times: of the frames, in seconds; declared: the rate that the container names, for frames without times.
    """
    seconds = np.array([time for time in times if time is not None])
    steps = np.diff(seconds)
    usual = float(np.quantile(steps, 0.5, method="lower")) if len(steps) else 0.0
    if usual <= 0 or len(seconds) < len(times):
        return declared, True, 0
    even = np.abs(steps / usual - 1) <= JITTER
    lost = int((~even).sum())
    parts = [float(np.median(part)) for part in np.array_split(steps[even], 4) if len(part)]
    steady = (
        lost <= max(1, UNEVEN * len(steps))
        and float(steps.max()) < LONGEST_STEP * usual
        and max(parts) <= DRIFT * min(parts)
    )
    if steady and lost:
        return float(even.sum() / steps[even].sum()), True, lost
    return float(len(steps) / (seconds[-1] - seconds[0])), steady, 0


def read_frames(path: Path, count: int | None = None, *, start: float = 0.0, end: float = inf) -> Iterator[np.ndarray]:
    """The first `count` frames (None: all), as they are meant to be shown: one (H, W, 3) uint8 RGB array at a time.

    start, end: only frames that are shown from the one to the other, in seconds. There are fewer if the clip ends.
    Raises: FFGOError where the clip cannot be read, a frame of it is damaged, or it is meant to be shown in a way that
    is not supported.
    """
    found = ((frame, shown) for frame, shown in _decoded(path) if start <= (frame.time or 0.0) < end)
    for frame, shown in islice(found, count):
        yield shown.picture(frame)


def _decoded(path: Path) -> "Iterator[tuple[VideoFrame, Shown]]":
    """The clip's frames, looked at one by one, with what makes pictures of them."""
    from av.error import FFmpegError

    index = 0
    with _opened(path) as container:
        stream = clip_stream(container, path)
        stream.thread_type = "AUTO"
        shown = Shown(stream, path)
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise _DamagedClipError(
                        f"{path.name} is damaged at frame {index} (counted from 0). Make the clip anew."
                    )
                shown.check(frame, index)
                yield frame, shown
                index += 1
        except FFmpegError as error:
            raise _DamagedClipError(
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
        only = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
        # Titles in other encodings than UTF-8 are no reason to refuse a clip.
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise OSError(EINVAL, "it is no file")
        container = av.open(str(path), options=only, metadata_errors="replace")
    except (OSError, FFmpegError) as error:
        raise FFGOError(
            f"{path.name} cannot be read as a video ({error.strerror}): it is damaged, cut short, or of another kind. "
            "Make the clip anew, best as an H.264 mp4."
        ) from error
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
