"""A picture brought to the exact size of the video, once, without bending it."""

from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..errors import FFGOError
from ..pixels import single_picture, to_float

FITS = ("crop", "pad")
MOST_CROPPED = 0.08
"""Share of a side that may go without a word: from 1344x768, which models draw at 16:9, to 1280x720 it is 2 %."""
MOST_ENLARGED = 1.5


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture of the size that was asked for."""

    image: Tensor
    """(1, height, width, 3)."""
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def fitted(picture: Image.Image, width: int, height: int, fit: str, name: str) -> Fitted:
    """An RGB picture at this size in pixels, in one resampling, or in none where it has the size.

    fit: `crop` cuts off what is too much on two sides, `pad` keeps all and adds ground of its edge's colour; name: what
    warnings call it. Raises: FFGOError for a size that no video can have, or a fit that is none.
    """
    DEFAULT.check_size(width, height)
    if fit not in FITS:
        raise FFGOError(f"There is no fit {fit[:60]!r}. There are: {', '.join(FITS)}.")
    lost = _lost(picture.size, (width, height))
    if fit == "crop":
        sized = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    else:
        sized = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color=_edge_colour(picture))
    was, now = f"{picture.width}x{picture.height}", f"{width}x{height}"
    warnings = []
    if lost > MOST_CROPPED and fit == "crop":
        side = "width" if picture.width * height > picture.height * width else "height"
        warnings.append(
            f"{name} is {was} px, another aspect than the video's {now}: {lost:.0%} of its {side} is cut off. Choose "
            "the ratio that it has, or the fit `pad`."
        )
    elif lost > MOST_CROPPED:
        warnings.append(
            f"{name} is {was} px, another aspect than the video's {now}: bars of plain colour fill {lost:.0%} of the "
            "frame, and the video model sees them as part of the scene. Choose the ratio that it has."
        )
    scale = max(width / picture.width, height / picture.height)
    if scale > MOST_ENLARGED:
        warnings.append(f"{name} is {was} px and was enlarged {scale:.1f} times: it is soft, and so is the video.")
    report = f"{was} px" if picture.size == (width, height) else f"{was} px, {fit} to {now}"
    return Fitted(torch.from_numpy(to_float(sized))[None], [f"{name}: {report}"], warnings)


def fitted_image(image: Tensor, width: int, height: int, fit: str, name: str) -> Fitted:
    """`fitted` for an IMAGE (1, H, W, 3 or 4); one of the right size comes back as it is, to the last bit.

    Raises: as `fitted`, and for an IMAGE that is none or holds several pictures.
    """
    pixels = single_picture(image, name)
    result = fitted(Image.fromarray(pixels), width, height, fit, name)
    if image.shape[1:] == result.image.shape[1:]:
        return Fitted(image, result.report, result.warnings)
    return result


def _lost(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """Share of a side that goes, or that is added, so that a picture gets another aspect."""
    aspect = size[0] * wanted[1] / (size[1] * wanted[0])
    return 1 - min(aspect, 1 / aspect)


def _edge_colour(picture: Image.Image) -> tuple[int, ...]:
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(value) for value in np.median(edge, axis=0))
