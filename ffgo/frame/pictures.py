"""The pictures that a frame is composed of: looked at, and told apart."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from PIL import Image

from ..errors import FFGOError
from .arrangement import FINGERPRINT_DIGITS
from .geometry import Box
from .layout import MAX_SUBJECTS, Subject

Picture = TypeVar("Picture")
"""A picture in any form."""

GOOD_SUBJECTS = 4
"""FFGo follows up to four subjects and a scene; with more it loses some. Source: the paper, section 5."""


@dataclass(frozen=True)
class FramePicture:
    """One picture (H, W, 3 or 4) in 8 bits, its name in messages, and where it can be seen."""

    name: str
    pixels: np.ndarray
    subject: Subject
    min_alpha: float = 0.0
    """Of what counts as seen, 0..1."""

    @cached_property
    def fingerprint(self) -> str:
        """See `fingerprint_of`."""
        return fingerprint_of(self.pixels)


def fingerprint_of(pixels: np.ndarray) -> str:
    """Hexadecimal digits that tell a picture (H, W, 3 or 4) by its size and pixels (docs/arrangement.md)."""
    whole = Image.fromarray(pixels).convert("RGBA")
    digest = hashlib.sha256(struct.pack("<2I", *whole.size))
    digest.update(whole.tobytes())
    return digest.hexdigest()[:FINGERPRINT_DIGITS]


def background_picture(background: Sequence[np.ndarray]) -> FramePicture:
    """The one picture of a background."""
    if len(background) != 1:
        raise FFGOError(
            f"background holds {len(background)} pictures; a frame has one background. "
            "Choose one of them, for example with Image From Batch."
        )
    return look_at("background", background[0])


def subject_pictures(subjects: Mapping[str, Sequence[Picture]], most: int = MAX_SUBJECTS) -> dict[str, Picture]:
    """The pictures of all subjects by name, batches taken apart."""
    pictures = {
        name if len(batch) == 1 else f"{name} (picture {i} of {len(batch)})": picture
        for name, batch in subjects.items()
        for i, picture in enumerate(batch, start=1)
    }
    if not pictures:
        raise FFGOError(f"No subject is connected. Connect 1 to {most} cut-outs to the subject inputs.")
    if len(pictures) > most:
        takes = "a frame" if most == MAX_SUBJECTS else "a memory of several frames"
        raise FFGOError(
            f"{len(pictures)} subjects are connected, and every picture of a batch counts; {takes} takes 1 to {most}. "
            f"FFGo was found to follow up to {GOOD_SUBJECTS}."
        )
    return pictures


def box_of(picture: np.ndarray) -> Box | None:
    """The box around all that is not 0: of the alpha of (H, W, 4), or of (H, W); None where everything is."""
    corners = Image.fromarray(picture).getbbox(alpha_only=True)
    if corners is None:
        return None
    left, top, right, bottom = corners
    return Box(left, top, right - left, bottom - top)


def look_at(name: str, pixels: np.ndarray, min_alpha: float = 0.0) -> FramePicture:
    """Find out which part of a picture (H, W, 3 or 4) in 8 bits can be seen.

    min_alpha: 0..1; what is fainter does not count, and 0 is the official recipe, for which all above 0 counts.
    Raises: FFGOError where nothing can be seen, and for a min_alpha that is none.
    """
    if not 0 <= min_alpha <= 1:
        raise FFGOError(f"min_alpha is {min_alpha}; an alpha lies between 0 (transparent) and 1 (opaque).")
    height, width, channels = pixels.shape
    size = width, height
    if channels == 3:
        return FramePicture(name, pixels, Subject(size, Box(0, 0, *size), width * height))
    alpha = pixels[..., 3]
    seen = alpha >= max(min_alpha * 255, 1)
    visible = box_of(seen)
    if visible is None and (most := int(alpha.max())):
        raise FFGOError(
            f"{name}: nothing of it has an alpha of {min_alpha:g} or more; its highest is {most / 255:.3f}. "
            "Lower min_alpha, or check its mask."
        )
    if visible is None:
        raise FFGOError(
            f"{name} is fully transparent: nothing of it can be seen. Check its mask; if it is the wrong way round, "
            "put Invert Mask before Join Image with Alpha."
        )
    area = alpha[visible.slices].sum(where=seen[visible.slices]) / 255
    return FramePicture(name, pixels, Subject(size, visible, area), min_alpha)
