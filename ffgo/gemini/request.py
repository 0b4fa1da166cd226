"""What is asked of Gemini, and the name under which its answer is kept."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from PIL import Image

from ..clip.video_io import write_clip
from ..errors import FFGOError

KEY_VERSION = 1
"""Part of every key: raise it when an old answer no longer fits the same question."""

LONGEST_SIDE = 2048
"""Pixels of a picture that is sent; bigger ones are reduced, which the model would do itself."""

LONGEST_CLIP_SIDE = 1280
"""Pixels of a clip that is sent."""

MOST_BYTES = 70_000_000
"""Of a clip that is sent inside a request; Gemini takes 100 MB after encoding, which adds a third."""


class CancelledError(Exception):
    """The user cancelled; nothing went wrong."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file inside a request."""

    data: bytes
    mime: str
    fps: float | None = None
    """Clips only: how many frames of each second the model looks at."""


@dataclass(frozen=True)
class SentPicture:
    """A picture that is sent: (H, W, 3) uint8 RGB."""

    pixels: np.ndarray

    @cached_property
    def identity(self) -> str:
        """The same for the same pixels, whatever encodes them."""
        return f"picture {_digest(self.pixels)}"

    def encode(self, cancelled: Callable[[], bool]) -> Blob:
        """As PNG, at most `LONGEST_SIDE` pixels long."""
        picture = Image.fromarray(self.pixels)
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        buffer = BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        if cancelled():
            raise CancelledError
        return Blob(buffer.getvalue(), "image/png")


@dataclass(frozen=True)
class SentClip:
    """A clip that is sent: (N, H, W, 3) uint8 RGB frames."""

    frames: np.ndarray
    fps: float
    """Frames per second of the clip."""
    looks: float
    """How many frames of each second the model looks at, up to 24."""

    @cached_property
    def identity(self) -> str:
        """The same for the same pixels, whatever encodes them."""
        return f"clip {_digest(self.frames)} at {self.fps}, {self.looks} looked at"

    def encode(self, cancelled: Callable[[], bool]) -> Blob:
        """As an H.264 mp4, at most `LONGEST_CLIP_SIDE` pixels long. Raises: FFGOError where it is too big to send."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write_clip(path, self._even_frames(cancelled), self.fps)
            data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise FFGOError(
                f"The clip of {len(self.frames)} frames is {len(data) / 1e6:.0f} MB as a video; "
                f"Gemini takes {MOST_BYTES / 1e6:.0f} MB. Give it fewer frames or smaller ones."
            )
        return Blob(data, "video/mp4", self.looks)

    def _even_frames(self, cancelled: Callable[[], bool]) -> Iterator[np.ndarray]:
        height, width = self.frames.shape[1:3]
        shrink = min(1.0, LONGEST_CLIP_SIDE / max(height, width))
        # An mp4's sides are even: at most one row and one column go.
        size = (max(2, round(width * shrink) // 2 * 2), max(2, round(height * shrink) // 2 * 2))
        for frame in self.frames:
            if cancelled():
                raise CancelledError
            picture = Image.fromarray(frame)
            if shrink < 1:
                picture = picture.resize(size, Image.Resampling.LANCZOS)
            yield np.asarray(picture)[: size[1], : size[0]]


@dataclass(frozen=True)
class Request:
    """One question, for one answer."""

    task: str
    """What it is for, as the ledger names it."""
    subject: str
    """What it is about, as errors name it."""
    model: str
    prompt: str
    media: tuple[SentPicture | SentClip, ...]
    wants: Literal["picture", "text"]
    aspect_ratio: str = ""
    """Of the picture wanted; the model's choice where empty."""
    resolution: str = ""
    """Of the picture wanted: 1K, 2K or 4K; the model's choice where empty."""
    seed: int = 0

    @cached_property
    def key(self) -> str:
        """The name of the answer: the same for the same pixels, prompt, model and settings."""
        settings = [self.wants, self.aspect_ratio, self.resolution, self.seed]
        content = [KEY_VERSION, self.model, self.prompt, [medium.identity for medium in self.media], settings]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()
