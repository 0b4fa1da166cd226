"""One element of a photo, alone on white: what Gemini Extract does without Gemini."""

from torch import Tensor

from ..cutout.matte import cut_out_batch
from ..cutout.subject import AskSAM2, coarse_masks
from ..pixels import on_white


def element_on_white(
    image: Tensor, mask: Tensor | None = None, *, points: str = "", boxes: str = "", ask: AskSAM2 | None = None
) -> tuple[Tensor, list[str]]:
    """Cut the element out of each picture (B, H, W, 3) and put it on white: RGB (B, H, W, 3) and warnings.

    mask (1 or B, H, W), 1 = subject; points and boxes: JSON as SAM2 Matte takes it; ask: SAM2's `masks`, if loaded.
    Raises: FFGOError as `coarse_masks` and `cut_out_batch`.
    """
    found = coarse_masks(image, mask, points=points, boxes=boxes, ask=ask)
    cuts = cut_out_batch(image, found.masks)
    return on_white(cuts.image), [*found.warnings, *cuts.warnings]
