"""The pictures that a frame is composed of: looked at, and told apart."""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import to_uint8
from .arrangement import FINGERPRINT_DIGITS
from .geometry import Box
from .layout import MAX_SUBJECTS, Subject

GOOD_SUBJECTS = 4
"""FFGo follows up to four subjects and a scene; with more it loses some. Source: the paper, section 5."""


@dataclass(frozen=True)
class FramePicture:
    """One picture (H, W, 3 or 4), float 0..1, its name in messages, and where it can be seen."""

    name: str
    picture: Tensor
    subject: Subject

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits that tell the picture by its size and pixels (docs/arrangement.md)."""
        pixels = Image.fromarray(to_uint8(self.picture)).convert("RGBA")
        digest = hashlib.sha256(struct.pack("<2I", *pixels.size))
        digest.update(pixels.tobytes())
        return digest.hexdigest()[:FINGERPRINT_DIGITS]


def background_picture(background: Tensor) -> FramePicture:
    """The one picture of a background (1, H, W, C)."""
    if len(background) != 1:
        raise FFGOError(
            f"background holds {len(background)} pictures; a frame has one background. "
            "Choose one of them, for example with Image From Batch."
        )
    return look_at("background", background[0])


def subject_pictures(subjects: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures (H, W, C) of all subjects by name, batches taken apart."""
    pictures = {
        name if len(image) == 1 else f"{name} (picture {i} of {len(image)})": picture
        for name, image in subjects.items()
        for i, picture in enumerate(image, start=1)
    }
    if not 1 <= len(pictures) <= MAX_SUBJECTS:
        raise FFGOError(
            f"{len(pictures)} subjects are connected, and every picture of a batch counts; a frame takes 1 to "
            f"{MAX_SUBJECTS}. FFGo was found to follow up to {GOOD_SUBJECTS}."
        )
    return pictures


def look_at(name: str, picture: Tensor) -> FramePicture:
    """Find out which part of a picture (H, W, 3 or 4) can be seen."""
    height, width, channels = picture.shape
    size = width, height
    if channels == 3:
        return FramePicture(name, picture, Subject(size, Box(0, 0, *size), width * height))
    alpha = to_uint8(picture[..., 3])
    corners = Image.fromarray(alpha).getbbox()
    if corners is None:
        raise FFGOError(
            f"{name} is fully transparent: nothing of it can be seen. Check its mask; if it is the wrong way round, "
            "put Invert Mask before Join Image with Alpha."
        )
    left, top, right, bottom = corners
    return FramePicture(name, picture, Subject(size, Box(left, top, right - left, bottom - top), alpha.sum() / 255))
