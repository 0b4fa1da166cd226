"""How a clip is meant to be shown: turns, flips and the shape of its pixels are applied, the rest is refused by name.

What a reader ignores is wrong in silence: HDR taken for ordinary colours, a mirrored clip, half-transparent pixels.
"""

from collections.abc import Callable
from math import atan2, degrees
from pathlib import Path
from struct import unpack
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..errors import FFGOError
from ..pixels import MOST_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SAME_SHAPE = 0.005
"""Pixels that differ so little from squares are taken for squares; some programs write such shapes by rounding."""
WIDEST = 4.0
"""A pixel that is more than so many times as wide as high, or as high as wide, is a mistake."""
TURN = 0.02
"""Sine of about one degree: a clip that is turned by less off a quarter turn counts as turned by it, as with ffmpeg."""

# Code points of H.273, as FFmpeg numbers them, and its names for them.
_TRANSFERS = {8: "linear", 9: "log100", 10: "log316", 16: "PQ", 17: "smpte428", 18: "HLG"}
_HDR, _UNKNOWN = {"PQ", "HLG"}, 2
_OF_HDR = {"MASTERING_DISPLAY_METADATA", "DYNAMIC_HDR_PLUS", "DOVI_METADATA"}
"""What only frames of HDR carry."""
_PRIMARIES = {9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432"}
_MATRICES = {0, 1, 2, 3, 4, 5, 6, 7, 9}
"""What the converter knows: RGB, BT.709, unknown, BT.601 in its kinds, SMPTE 240M, BT.2020."""
_DOLBY_VISION = {"dvh1", "dvhe", "dvav", "dva1", "dav1"}

_TO_SDR = (
    "-vf zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited"
)
_ON_WHITE = '-filter_complex "format=rgba,split[a][b];[a]geq=r=255:g=255:b=255:a=255[w];[w][b]overlay"'


def clip_stream(container: "InputContainer", path: Path) -> "VideoStream":
    """The video of a file; covers, which music files have, are none. Raises: FFGOError if there is no video."""
    from av.stream import Disposition

    videos = list(container.streams.video)
    moving = [stream for stream in videos if not stream.disposition & Disposition.attached_pic]
    decodable = [stream for stream in moving if stream.codec_context]
    if decodable:
        best = container.streams.best("video")
        return next((stream for stream in decodable if best and stream.index == best.index), decodable[0])
    if moving:
        raise FFGOError(f"{path.name} has video of a kind that cannot be decoded here. Make an H.264 mp4 of it.")
    if videos:
        raise FFGOError(f"{path.name} has no video, only a cover picture. Choose the clip itself.")
    raise FFGOError(f"{path.name} holds no video, only other kinds of streams. Choose the clip itself.")


class Shown:
    """Turns the decoded frames of one clip into the pictures that are meant to be seen."""

    def __init__(self, stream: "VideoStream", path: Path):
        """Raises: FFGOError for what can be told without decoding."""
        self._stream, self._path, self._first = stream, path, None
        context = stream.codec_context
        self._refuse_size(context.width, context.height)
        if stream.metadata.get("alpha_mode") == "1":
            self._refuse_alpha("-c:v libvpx " if context.name == "vp8" else "-c:v libvpx-vp9 ")
        if stream.metadata.get("stereo_mode", "mono") != "mono":
            self._refuse_stereo()
        if context.codec_tag in _DOLBY_VISION:
            self._refuse("is HDR (Dolby Vision)", _TO_SDR)
        self._check_colours()

    def check(self, frame: "VideoFrame", index: int) -> None:
        """Raises: FFGOError where the frame is meant to be shown in a way that is not supported."""
        size = (frame.width, frame.height)
        if self._first is None:
            self._refuse_size(*size)
            self._check_first(frame)
            self._first = size
        if size != self._first:
            was = "x".join(map(str, self._first))
            self._refuse(f"changes its size at frame {index}, from {was} to {size[0]}x{size[1]}")
        # Decoders mark each frame; where they cannot, the container's word is all there is.
        if frame.interlaced_frame or getattr(self._stream.codec_context, "field_order", 0) > 1:
            self._refuse("is interlaced", "-vf bwdif=mode=send_frame")
        if _has_alpha(frame) and self._converted(frame, "rgba", frame.width)[..., 3].min() < np.iinfo(np.uint8).max:
            self._refuse_alpha()
        self._orientation(frame)

    def picture(self, frame: "VideoFrame") -> np.ndarray:
        """A checked frame as (H, W, 3) uint8 RGB, upright, unmirrored, with square pixels."""
        picture = self._converted(frame, "rgb24", self._square_width(frame))
        return np.ascontiguousarray(self._orientation(frame)(picture))

    def is_plain(self, frame: "VideoFrame") -> bool:
        """Whether a reader that knows nothing of turns and shapes shows the same."""
        return self._square_width(frame) == frame.width and self._orientation(frame) is _as_it_is

    def _check_first(self, frame: "VideoFrame") -> None:
        self._check_colours()
        sides = _side_data(frame)
        if self._stream.codec_context.color_trc == _UNKNOWN and _OF_HDR & set(sides):
            self._refuse("is HDR, but does not say of which kind", _TO_SDR)
        if (matrix := int(frame.colorspace)) not in _MATRICES and not frame.format.is_rgb:
            to_bt709 = "-vf colorspace=all=bt709:ispace=ycgco:iprimaries=bt709:itrc=bt709"
            self._refuse(f"has colours of an uncommon kind (matrix {matrix})", to_bt709)
        if "STEREO3D" in sides and unpack("=i", sides["STEREO3D"][:4])[0]:
            self._refuse_stereo()
        if "SPHERICAL" in sides:
            self._refuse("is a panorama (360 degrees)", "-vf v360=e:flat")
        ratio = float(self._stream.sample_aspect_ratio or 1)
        if not 1 / WIDEST <= ratio <= WIDEST:
            self._refuse(f"says that its pixels are {ratio:.4g} times as wide as high", "-vf setsar=1")

    def _check_colours(self) -> None:
        """By what the container says, and once a frame is decoded, by what the codec says."""
        context = self._stream.codec_context
        if (transfer := _TRANSFERS.get(context.color_trc)) in _HDR:
            self._refuse(f"is HDR ({transfer})", _TO_SDR)
        if transfer:
            to_bt709 = f"-vf zscale=tin={transfer}:pin=bt709:min=bt709:t=bt709:p=bt709:m=bt709"
            self._refuse(f"has brightness of an uncommon kind ({transfer})", to_bt709)
        if primaries := _PRIMARIES.get(context.color_primaries):
            to_bt709 = f"-vf colorspace=all=bt709:iprimaries={primaries}:itrc=bt709:ispace=bt709"
            wide = "-vf colorspace=all=bt709:iall=bt2020" if primaries == "bt2020" else to_bt709
            self._refuse(f"has colours beyond those of screens ({primaries})", wide)

    def _converted(self, frame: "VideoFrame", form: str, width: int) -> np.ndarray:
        """Its pixels in another form, interpolated as ffmpeg does it."""
        from av.error import FFmpegError

        try:
            return frame.to_ndarray(format=form, width=width, interpolation="BICUBIC")
        except FFmpegError:
            self._refuse(f"has pixels of a kind that cannot be converted ({frame.format.name})")

    def _square_width(self, frame: "VideoFrame") -> int:
        """The width that a frame has once its pixels are squares, rounded as by ffmpeg's scale=iw*sar:ih."""
        ratio = self._stream.sample_aspect_ratio or 1
        return frame.width if abs(ratio - 1) <= SAME_SHAPE else max(1, int(frame.width * ratio))

    def _orientation(self, frame: "VideoFrame") -> Callable[[np.ndarray], np.ndarray]:
        """What brings a picture into its place, by the frame's display matrix."""
        sides = _side_data(frame)
        if "DISPLAYMATRIX" not in sides:
            return _as_it_is
        # A pixel at (p, q) is shown at (a p + c q, b p + d q).
        a, b, _, c, d, *_ = unpack("=9i", sides["DISPLAYMATRIX"])
        straight, crossed = max(abs(a), abs(d)), max(abs(b), abs(c))
        if crossed <= TURN * straight:
            rows, columns, swap = d, a, False
        elif straight <= TURN * crossed:
            rows, columns, swap = b, c, True
        else:
            self._refuse(f"is turned by {abs(degrees(atan2(b, a))):.0f} degrees, which is no quarter turn")
        if not swap and rows >= 0 and columns >= 0:
            return _as_it_is
        steps = tuple(slice(None, None, -1 if sign < 0 else 1) for sign in (rows, columns))
        return lambda picture: (picture.swapaxes(0, 1) if swap else picture)[steps]

    def _refuse_size(self, width: int, height: int) -> None:
        if width * height > MOST_PIXELS:
            self._refuse(f"is {width}x{height} px, more than can be used", "-vf scale=1920:-2")

    def _refuse_alpha(self, decoder: str = "") -> NoReturn:
        self._refuse("is transparent in places", _ON_WHITE, decoder)

    def _refuse_stereo(self) -> NoReturn:
        self._refuse("holds two pictures, one for each eye", "-vf stereo3d=sbsl:ml")

    def _refuse(self, what: str, options: str = "", decoder: str = "") -> NoReturn:
        """Raises: FFGOError with the line for ffmpeg that mends it."""
        line = f'ffmpeg {decoder}-i "{self._path.name}" {options}'.rstrip()
        raise FFGOError(
            f"{self._path.name} {what}. Make the clip anew: {line} -c:v libx264 -crf 12 -pix_fmt yuv420p mended.mp4"
        )


def _as_it_is(picture: np.ndarray) -> np.ndarray:
    return picture


def _side_data(frame: "VideoFrame") -> dict[str, bytes]:
    """What frames carry besides pixels, by FFmpeg's names."""
    sides: Any = frame.side_data  # a mapping, by its type, but one that lists its values
    return {data.type.name: bytes(data) for data in sides}


def _has_alpha(frame: "VideoFrame") -> bool:
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)
