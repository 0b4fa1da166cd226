"""One element of a photo, alone on white: what Gemini Extract does without Gemini."""

import torch
from torch import Tensor

from ..cutout.matte import CutOuts, cut_out_batch
from ..cutout.subject import AskSAM2, coarse_masks


def element_on_white(
    image: Tensor, mask: Tensor | None = None, *, points: str = "", boxes: str = "", ask: AskSAM2 | None = None
) -> tuple[Tensor, list[str]]:
    """Cut the element out of each picture (B, H, W, 3) and put it on white: RGB (B, H, W, 3) and warnings.

    mask (1 or B, H, W), 1 = subject; points and boxes: JSON as SAM2 Matte takes it; ask: SAM2's `masks`, if loaded.
    Raises FFGOError as `coarse_masks` and `cut_out_batch`.
    """
    found = coarse_masks(image, mask, points=points, boxes=boxes, ask=ask)
    cuts = cut_out_batch(image, found.masks)
    return on_white(cuts), [*found.warnings, *cuts.warnings]


def on_white(cuts: CutOuts) -> Tensor:
    """The cut-outs of a batch on pure white, RGB (B, H, W, 3)."""
    colour, alpha = cuts.image[..., :3], cuts.image[..., 3:]
    return torch.lerp(torch.ones_like(colour), colour, alpha)
