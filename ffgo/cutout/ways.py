"""From a user's picture to a cut-out without a model: by its own alpha, or off the plain ground that it stands on."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import flatten_on_white, to_float
from .grid import Array
from .ground import LEAST_WHITE, PLAIN, Ground, ground_of
from .matte import Shadow, cut_out

CutBy = Literal["auto", "own alpha", "inverted alpha", "plain ground", "nothing"]
CUT_BY = get_args(CutBy)
BY_ALPHA = CUT_BY[1], CUT_BY[2]

OPAQUE = 229
"""Alpha, of 255, that a picture with alpha of its own goes below somewhere: files say 254 where they mean opaque."""
MOST_PX = 3_000_000
"""Of what is cut off its ground: more than a frame shows, and the work grows with them."""
RECTANGLE = 0.99
"""Part of its own box that a subject fills only if it is a picture in a picture."""
TOUCHING = 0.3
"""Part of the picture's border that hardly any subject on a plain ground has."""


@dataclass(frozen=True, slots=True)
class LoadedSubject:
    """One subject, by the way that its picture allowed."""

    image: Tensor
    """(1, H, W, 4), straight alpha; (1, H, W, 3) where nothing was to be cut away."""
    summary: str
    warnings: list[str]


def subject_of(picture: Image.Image, name: str, *, cut_by: CutBy = "auto", shadow: Shadow = "drop") -> LoadedSubject:
    """Cut the subject out of a picture (RGB or RGBA); name: what messages call it.

    `auto` takes the alpha of the picture if a part of it is transparent, else its ground if that is plain.
    Raises: FFGOError where that way is not open, with what was seen and what else there is.
    """
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    least = 255 if alpha is None else int(np.asarray(alpha).min())
    size = f"{picture.width}x{picture.height} px"
    if cut_by == "nothing":
        return LoadedSubject(_image(flatten_on_white(picture)), f"{size}, uncut: it stays a rectangle.", [])
    if alpha is None and cut_by in BY_ALPHA:
        raise FFGOError(f"{name} has no alpha, so it cannot be cut out by it. Set cut_by to `auto` or `plain ground`.")
    if cut_by in BY_ALPHA or (cut_by == "auto" and least <= OPAQUE):
        way = BY_ALPHA[0] if cut_by == "auto" else cut_by
        return LoadedSubject(_image(_by_alpha(picture, name, way)), f"{size}, cut by its {way}.", [])
    return _off_its_ground(flatten_on_white(picture), name, _seen(alpha, least), cut_by, shadow)


def _by_alpha(picture: Image.Image, name: str, way: str) -> Image.Image:
    alpha = picture.getchannel("A")
    if way == BY_ALPHA[1]:
        alpha = alpha.point(lambda value: 255 - value)
        picture = picture.copy()
        picture.putalpha(alpha)
    if not alpha.getbbox():
        other = next(by for by in BY_ALPHA if by != way)
        raise FFGOError(
            f"nothing of {name} can be seen by its {way}. Set cut_by to `{other}`, or take another picture."
        )
    return picture


def _seen(alpha: Image.Image | None, least: int) -> str:
    return "no transparency" if alpha is None else f"no transparency to speak of (its least alpha is {least} of 255)"


def _image(picture: Image.Image) -> Tensor:
    return torch.from_numpy(to_float(picture))[None]


def _off_its_ground(picture: Image.Image, name: str, seen: str, cut_by: CutBy, shadow: Shadow) -> LoadedSubject:
    whole = f"{picture.width}x{picture.height} px"
    if (scale := (MOST_PX / (picture.width * picture.height)) ** 0.5) < 1:
        size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        whole += f", made {picture.width}x{picture.height} px"
    values = to_float(picture)
    ground = ground_of(values)
    least = PLAIN if cut_by == "auto" else LEAST_WHITE
    if ground.plain < least:
        raise FFGOError(
            f"{name} cannot be cut out as it is: it has {seen}, and no plain ground: {ground.plain:.0%} of its border "
            f"has one colour, {least:.0%} must. Load it with Load Image and mark the subject for SAM2 Matte (points, a "
            "box or a mask), or let Gemini Extract draw it alone on white; or take another picture: a cut-out with "
            "transparency, or a photo on white or another plain ground. To keep the whole rectangle, set cut_by to "
            "`nothing`."
        )
    try:
        cut = cut_out(values, shadow=shadow, ground=ground)
    except FFGOError as error:
        raise FFGOError(
            f"{name} has {seen}, and nothing but its ground, {_colour(ground)}, was found in it. Take another picture, "
            "or cut it out with SAM2 Matte; to keep the whole rectangle, set cut_by to `nothing`."
        ) from error
    alpha = cut.image[0, ..., 3].numpy()
    how = f"cut off its plain ground ({_colour(ground)}): it covers {alpha.mean():.0%} of the picture."
    return LoadedSubject(cut.image, f"{whole}, {how}", [*cut.warnings, *_doubts(alpha > 0.5)])


def _colour(ground: Ground) -> str:
    red, green, blue = (round(255 * float(value)) for value in np.median(ground.colour[ground.frame], axis=0))
    return f"RGB {red} {green} {blue}"


def _doubts(subject: Array) -> list[str]:
    """What is wrong with a subject that was found, by its shape."""
    rows, columns = np.flatnonzero(subject.any(1)), np.flatnonzero(subject.any(0))
    if not len(rows):
        return ["Nothing of the cut-out is opaque: the subject has hardly another colour than the ground."]
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if subject.sum() >= RECTANGLE * height * width:
        return [
            f"What was cut out is a rectangle of {width}x{height} px, so it is probably a photo with a plain frame. "
            "Crop it, and cut the subject out with SAM2 Matte."
        ]
    border = np.concatenate([subject[0], subject[-1], subject[1:-1, 0], subject[1:-1, -1]]).mean()
    if border > TOUCHING:
        return [
            f"The cut-out touches {border:.0%} of the picture's border: if that is not the subject, the ground is not "
            "as plain as it seemed. Look at it on the node."
        ]
    return []
