"""From a picture to an RGBA cut-out with soft edges: the outline from white, from a coarse mask, or from both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..errors import FFGOError
from ..pixels import on_white, require_image
from . import white
from .grid import Array, Window, depth, total, window_of
from .ground import LEAST_WHITE, Ground, light_share
from .shadow import shares_of
from .unmix import FAINT, sure_colour, unmix

Shadow = Literal["drop", "keep"]
SHADOWS = get_args(Shadow)

INSIDE_PX, OUTSIDE_PX = 2.5, 1.6
"""Width of the outline that is solved, inwards and outwards."""
SOFT_PX, ROUGH_PX = 2.0, 4.0
"""Width of an edge by geometry alone: where the outline is known, and where only a coarse mask's border is."""
LOOSE = 0.008
"""How far a coarse mask may be off, as a share of the longer side."""
LEAST_LOOSE_PX = 3.0
MARGIN_PX = 40
EMPTY_MASK = "the mask is empty: no pixel is above 0.5. 1 means subject; a mask from Load Image is inverted."
SPECKS = (
    "the mask marks only specks or thin lines ({} px in all), and the picture shows no subject at them. "
    "Give a mask that covers the subject's body, or put points or a box on it."
)


@dataclass(frozen=True, slots=True)
class CutOut:
    """One subject, cut out."""

    image: Tensor
    """(1, H, W, 4), straight alpha."""
    warnings: list[str]
    summary: str


@dataclass(frozen=True, slots=True)
class CutOuts:
    """A batch of cut-outs: image (B, H, W, 4), mask (B, H, W), 1 = subject."""

    image: Tensor
    mask: Tensor
    warnings: list[str]
    summary: list[str]


def cut_out_batch(
    image: Tensor,
    masks: Sequence[Array | None],
    *,
    shadow: Shadow = "drop",
    trim: bool = False,
    step: Callable[[int], None] = lambda done: None,
) -> CutOuts:
    """Cut the subject out of each picture of a batch.

    image: (B, H, W, 3 or 4), 0..1; an RGBA picture is put on white first. masks: for each picture a coarse mask
    (H, W), 0..1, 1 = subject, or None for a picture on white. step is called after each picture with the number done.
    trim crops to the alpha box; the boxes of a batch differ, so all get the box that holds every subject.
    Raises: FFGOError where a picture is not on white and has no mask, or is empty.
    """
    require_image(image, "image")
    cuts: list[CutOut] = []
    for number, mask in enumerate(masks):
        try:
            cuts.append(cut_out(on_white(image[number]).clamp(0, 1).numpy(force=True), mask, shadow=shadow))
        except FFGOError as error:
            raise FFGOError(f"image {number + 1} of {len(masks)}: {error}" if len(masks) > 1 else str(error)) from None
        step(number + 1)
    pictures = torch.cat([cut.image for cut in cuts])
    if trim:
        pictures = trim_to_alpha(pictures)
    several = len(cuts) > 1
    return CutOuts(
        pictures,
        pictures[..., 3].clone(),
        [f"Image {n}: {warning}" if several else warning for n, cut in enumerate(cuts, 1) for warning in cut.warnings],
        [f"Image {n}: {cut.summary}" if several else cut.summary for n, cut in enumerate(cuts, 1)],
    )


def cut_out(
    picture: Array, mask: Array | None = None, *, shadow: Shadow = "drop", ground: Ground | None = None
) -> CutOut:
    """Cut the subject out of an RGB picture (H, W, 3), float32 0..1; mask (H, W), 1 = subject, may be coarse.

    ground: what the picture was taken on, where that is known; without, and without a mask, it is white or light.

    Raises: FFGOError as `white.find_subject`, and where the mask is empty, mere specks, or of another size.
    """
    if mask is not None:
        _require_mask(mask, picture)
    on_white = None
    if mask is None or light_share(picture) >= LEAST_WHITE:
        on_white = white.find_subject(picture, ground)
    subject, faint = _subject(picture, on_white, mask)
    if not subject.any():
        raise FFGOError(SPECKS.format(0 if mask is None else int((mask > 0.5).sum())))
    window = window_of(subject if on_white is None or shadow == "drop" else subject | on_white.shadow, MARGIN_PX)
    inside, outside = depth(subject[window]), depth(~subject[window])
    ramp = np.clip(0.5 + (inside - outside) / np.where(faint[window], ROUGH_PX, SOFT_PX), 0, 1)
    alpha, colour, behind = unmix(picture[window], inside > INSIDE_PX, outside > OUTSIDE_PX, ramp)
    if on_white is not None and shadow == "keep":
        alpha, colour = _with_shadow(alpha, colour, behind, on_white, window)
    rgba = np.zeros((*subject.shape, 4), np.float32)
    rgba[window] = np.concatenate([colour, alpha[..., None]], -1)
    return CutOut(torch.from_numpy(rgba)[None], _warnings(on_white, mask), _summary(rgba[..., 3], on_white, mask))


def _require_mask(mask: Array, picture: Array) -> None:
    if mask.shape != picture.shape[:2]:
        (h, w), (rows, columns) = mask.shape, picture.shape[:2]
        raise FFGOError(f"the mask is {w}x{h} px, the image {columns}x{rows} px. They must have the same size.")
    if not (mask > 0.5).any():
        raise FFGOError(EMPTY_MASK)


def _subject(picture: Array, on_white: white.OnWhite | None, mask: Array | None) -> tuple[Array, Array]:
    """The subject, and where only the mask's border is known of its outline; (H, W) boolean each."""
    if mask is None:
        assert on_white is not None
        return on_white.subject, np.zeros_like(on_white.subject)
    window = window_of(mask > 0.5, MARGIN_PX)
    rough, colours = (mask > 0.5)[window], picture[window]
    inside, outside = depth(rough), depth(~rough)
    loose = max(LEAST_LOOSE_PX, LOOSE * max(mask.shape))
    sure, sure_not = inside > loose, outside > loose
    subject, faint = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
    if on_white is None:
        subject[window] = _by_colour(colours, rough, sure, sure_not)
        return subject, faint
    faint[window] = _contrast(colours, sure, sure_not) < FAINT
    found = (on_white.subject[window] & ~sure_not) | sure
    subject[window] = np.where(faint[window] & ~sure & ~sure_not, rough, found)
    return subject, faint


def _by_colour(picture: Array, rough: Array, sure: Array, sure_not: Array) -> Array:
    """Where a photo's subject ends near the edge of a coarse mask: at the pixels that look more like the inside."""
    front, behind = sure_colour(picture, sure), sure_colour(picture, sure_not)
    towards = front - behind
    contrast = total(towards**2)
    along = total((picture - behind) * towards) / np.maximum(contrast, 1e-6)
    nearer = np.where(contrast > FAINT**2, along > 0.5, rough)
    return (nearer & ~sure_not) | sure


def _contrast(picture: Array, sure: Array, sure_not: Array) -> Array:
    """How far the subject's colour is from the background's around each pixel (H, W); a coarse look is enough."""
    picture, inside, outside = picture[::2, ::2], sure[::2, ::2], sure_not[::2, ::2]
    contrast = np.sqrt(total((sure_colour(picture, inside) - sure_colour(picture, outside)) ** 2))
    return contrast.repeat(2, 0).repeat(2, 1)[: sure.shape[0], : sure.shape[1]]


def _with_shadow(
    alpha: Array, colour: Array, behind: Array, on_white: white.OnWhite, window: Window
) -> tuple[Array, Array]:
    """The shadow as black of partial opacity under the subject."""
    shade = np.clip(1 - shares_of(behind, on_white.ground.colour[window]).mean(-1), 0, 1)
    shade = shade * ((alpha > 0) | on_white.shadow[window])
    total = alpha + (1 - alpha) * shade
    return total, colour * (alpha / np.maximum(total, 1e-6))[..., None]


def trim_to_alpha(image: Tensor) -> Tensor:
    """Crop a batch of RGBA pictures (B, H, W, 4) to the box that holds all that is not fully transparent."""
    seen = (image[..., 3] > 0).any(0)
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    if not len(rows):
        return image
    return image[:, int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1].clone()


def _warnings(on_white: white.OnWhite | None, mask: Array | None) -> list[str]:
    if on_white is None or mask is not None:
        return []
    found = []
    if on_white.faint > white.UNSURE:
        found.append(
            f"{on_white.faint:.0%} of the subject's outline hardly differs from the background: parts of it may be "
            "missing, or background left. SAM2 Matte with a mask or a SAM2 model makes it safe."
        )
    if on_white.ground.noise > 2 * white.LEVEL:
        found.append(
            f"The background is noisy ({on_white.ground.noise * 255:.1f} of 255): parts of the edge that are like it "
            "may be lost."
        )
    if on_white.shadow.any():
        found.append("A shadow was found without a mask: check the cut-out's edge where light parts touch the shadow.")
    return found


def _summary(alpha: Array, on_white: white.OnWhite | None, mask: Array | None) -> str:
    how = "by its mask" if on_white is None else "by its white background" + (" and a mask" if mask is not None else "")
    return f"Cut out {how}: the subject covers {float(alpha.mean()):.1%} of the picture."
