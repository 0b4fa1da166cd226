"""Which pixels are the subject, before its edge is solved: from the user's mask, points and boxes, and from SAM2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FFGOError
from ..pixels import to_uint8
from . import white
from .grid import Array
from .hints import Prompts, prompts_from_mask, read_prompts
from .matte import EMPTY_MASK

AskSAM2 = Callable[[Array, Sequence[Prompts]], Array]
"""(picture (H, W, 3) 8 bit, prompts) -> mask (H, W)"""

AGREE = 0.6
"""Intersection over union from which on SAM2's mask is believed against the white or the mask that it was given."""


@dataclass(frozen=True, slots=True)
class Masks:
    """For each picture a coarse mask (H, W), 1 = subject, or None: then the white background decides alone."""

    masks: list[Array | None]
    warnings: list[str]


def coarse_masks(
    image: Tensor,
    mask: Tensor | None,
    *,
    points: str = "",
    boxes: str = "",
    bounding_box: Any = None,
    ask: AskSAM2 | None = None,
) -> Masks:
    """A coarse mask for each picture of `image` (B, H, W, C).

    mask (1 or B, H, W), 1 = subject; points, boxes, bounding_box as in `prompts.read_prompts`, for all pictures;
    ask: SAM2, if a model is there. Raises: FFGOError for points or boxes without SAM2, and for masks that do not fit.
    """
    pictures, height, width = image.shape[:3]
    prompts = read_prompts(points, boxes, bounding_box, (width, height))
    if prompts and ask is None:
        raise FFGOError("points and boxes need SAM2. Connect a SAM2 Loader to sam2, or connect a mask instead.")
    given = _given(mask, pictures)
    found: list[Array | None] = []
    warnings: list[str] = []
    for number in range(pictures):
        if ask is None:
            found.append(given[number])
            continue
        answer, warning = _ask(ask, image[number], given[number], prompts)
        found.append(answer)
        if warning:
            warnings.append(f"Image {number + 1}: {warning}" if pictures > 1 else warning)
    return Masks(found, warnings)


def _given(mask: Tensor | None, pictures: int) -> list[Array | None]:
    if mask is None:
        return [None] * pictures
    masks = mask if mask.ndim == 3 else mask[None]
    if len(masks) not in (1, pictures):
        raise FFGOError(f"mask holds {len(masks)} masks for {pictures} pictures. Give one, or one for each picture.")
    values = masks.float().numpy(force=True)
    if not np.isfinite(values).all():
        raise FFGOError("mask has values that are not numbers (NaN or infinite). Check the node that made it.")
    return [values[number % len(masks)] for number in range(pictures)]


def _ask(ask: AskSAM2, image: Tensor, given: Array | None, prompts: list[Prompts]) -> tuple[Array | None, str]:
    """SAM2's mask for one picture; the known one, with a warning, where SAM2 sees something else."""
    picture = to_uint8(torch.clamp(image[..., :3], 0, 1))
    if prompts:
        answer = ask(picture, prompts)
        if not answer.any():
            raise FFGOError("SAM2 found nothing at these points and boxes. Move them onto the subject.")
        return answer, ""
    known = given if given is not None else white.find_subject(picture / np.float32(255)).subject.astype(np.float32)
    if not (known > 0.5).any():
        raise FFGOError(EMPTY_MASK)
    answer = ask(picture, [prompts_from_mask(known)])
    agreement = overlap(answer > 0.5, known > 0.5)
    if agreement >= AGREE:
        return answer, ""
    source = "the mask" if given is not None else "the white background"
    return given, f"SAM2 and {source} agree on only {agreement:.0%} of the subject: SAM2's mask is left out."


def overlap(one: Array, other: Array) -> float:
    """Intersection over union of two boolean masks.

    >>> overlap(np.array([True, True, False]), np.array([False, True, True]))
    0.3333333333333333
    """
    return float((one & other).sum() / max(1, (one | other).sum()))
