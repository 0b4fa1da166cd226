"""Small pictures of what a frame is composed of, for the editor on the node."""

from typing import Any

import numpy as np
from PIL import Image

from .advice import alpha_trouble
from .compose import Composition
from .geometry import Box
from .pictures import FramePicture

PREVIEW_SIDE = 1024
"""Pixels at most: as much as an editor shows, and eight of them are written in a blink."""

CHECK_PX, CHECKS = 16, (104, 136)
"""Side of a check, and its two greys: dark and light subjects can be told from both."""


def preview(picture: FramePicture) -> Image.Image:
    """A picture as RGBA with straight alpha, at most `PREVIEW_SIDE` pixels long."""
    small = Image.fromarray(picture.pixels).convert("RGBA")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    return small


def on_checks(picture: FramePicture) -> Image.Image:
    """The preview on the checks that picture editors show behind what is transparent, RGB."""
    return laid_on_checks(preview(picture))


def laid_on_checks(picture: Image.Image) -> Image.Image:
    """A picture (RGBA) on those checks, RGB."""
    rows, columns = np.ogrid[: picture.height, : picture.width]
    odd = (rows // CHECK_PX + columns // CHECK_PX) % 2
    checks = Image.fromarray(np.where(odd, *CHECKS).astype(np.uint8)).convert("RGB")
    checks.paste(picture, mask=picture)
    return checks


def describe_subject(subject: FramePicture) -> dict[str, Any]:
    """What the editor needs to know of a subject, in pixels of its picture; `visible` is x, y, width and height."""
    width, height = subject.subject.size
    return {
        "name": subject.name,
        "fingerprint": subject.fingerprint,
        "width": width,
        "height": height,
        "visible": _numbers(subject.subject.visible),
        "area": round(float(subject.subject.area), 2),
        "min_alpha": subject.min_alpha,
        "alpha_trouble": _trouble(subject),
    }


def _trouble(subject: FramePicture) -> str | list[int] | None:
    found = alpha_trouble(subject)
    return _numbers(found) if isinstance(found, Box) else found


def describe_background(frame: Composition) -> dict[str, Any]:
    """The size of the background's picture, and its box (x, y, width, height) in pixels of the frame."""
    width, height = frame.background.subject.size
    return {"width": width, "height": height, "box": _numbers(frame.plan.background)}


def _numbers(box: Box) -> list[int]:
    return [box.x, box.y, box.width, box.height]
