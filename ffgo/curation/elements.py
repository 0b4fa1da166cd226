"""The elements of a photo, each alone on white: redrawn by Gemini, or cut out of the photo."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..gemini.ask import Desk, ask_all
from ..gemini.asking import Asking, bill, picture_request
from ..pixels import opened_picture, resized_masks, single_picture, to_float
from ..words.templates import ELEMENT, EXTRACT, fill

if TYPE_CHECKING:
    from ..cutout.subject import AskSAM2

MOST_ELEMENTS = 16
WHITE = 0.98
"""Least brightness, 0..1, of what counts as white ground."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """Elements of a photo, each on its own picture."""

    images: Tensor
    """(N, H, W, 3): one for each name, all of the photo's size, on white."""
    names: list[str]
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def read_elements(text: str) -> list[str]:
    """The names in a list of one per line, without bullets and repetitions. Raises: FFGOError if there is none."""
    lines = (line.strip().lstrip("-*•").strip() for line in text.splitlines())
    names = list(dict.fromkeys(line for line in lines if line))
    if not names:
        raise FFGOError("elements is empty. Write what to look for, one per line, such as: the red toy robot")
    if len(names) > MOST_ELEMENTS:
        raise FFGOError(f"elements has {len(names)} lines; the most are {MOST_ELEMENTS}.")
    return names


def extract(image: Tensor, elements: str, asking: Asking, desk: Desk) -> Extraction:
    """Ask for a picture of each element alone. image (1, H, W, 3 or 4); elements one per line.

    Raises: FFGOError for bad input, AnswerError, NoAccessError and CancelledError as `ask_all` does.
    """
    names, photo = read_elements(elements), single_picture(image, "image")
    height, width = photo.shape[:2]
    requests = [
        picture_request("extract", name, photo, asking, fill(asking.template or EXTRACT, ELEMENT, name))
        for name in names
    ]
    answers = ask_all(requests, desk)
    report, warnings, pictures = [], list(desk.warnings), []
    for name, answer in zip(names, answers, strict=True):
        returned = opened_picture(answer.data)
        fitted, ground = _fitted(returned, width, height)
        pictures.append(fitted)
        report.append(f"{name}: {returned.width}x{returned.height} px from the model, fitted into {width}x{height}")
        if ground.min() < WHITE:
            shown = ", ".join(str(round(255 * value)) for value in ground)
            warnings.append(f"{name}: the ground is not white but ({shown}). Try another variant or edit the template.")
    images = torch.from_numpy(np.stack(pictures))
    return Extraction(images, names, [*report, *bill(requests, answers, desk)], warnings)


def extract_offline(
    image: Tensor, elements: str, masks: Tensor | None, *, places: str = "", ask: "AskSAM2 | None" = None
) -> Extraction:
    """Cut each element out of the photo and put it on white instead.

    masks (N, h, w), one for each element, 1 = element, may be coarse; places: a line for each element, where it is,
    for SAM2 (`ask`). Raises: FFGOError where neither says where each element is.
    """
    from .element import element_on_white

    names, photo = read_elements(elements), single_picture(image, "image")
    rgb = torch.from_numpy(photo.astype(np.float32) / 255)[None]
    if masks is None and not places.strip():
        raise FFGOError(
            "Offline, an element is cut out by a mask. Connect masks, one for each line of elements; or connect a SAM2 "
            "Loader to sam2 and write into places where each element is."
        )
    shapes = [None] * len(names) if masks is None else list(_one_each(masks, names, photo))
    where = [("", "")] * len(names) if not places.strip() else _read_places(places, names)
    pictures, warnings = [], []
    for name, shape, (points, boxes) in zip(names, shapes, where, strict=True):
        picture, said = element_on_white(rgb, shape, points=points, boxes=boxes, ask=ask)
        pictures.append(picture)
        warnings += [f"{name}: {line}" for line in said]
    note = "Gemini was not asked: the elements are cut out of the photo, and what is hidden stays hidden."
    how = "by SAM2" if ask else "by its mask"
    return Extraction(torch.cat(pictures), names, [f"{name}: {how}" for name in names], [note, *warnings])


def _one_each(masks: Tensor, names: list[str], photo: np.ndarray) -> Tensor:
    if len(masks) != len(names):
        raise FFGOError(f"masks holds {len(masks)} masks for {len(names)} elements. Give one mask for each element.")
    shapes = resized_masks(masks, *photo.shape[:2])
    if empty := [name for name, shape in zip(names, shapes, strict=True) if shape.max() <= 0.5]:
        raise FFGOError(f"The mask of {', '.join(empty)} is empty. White marks what to keep.")
    return shapes[:, None]


def _read_places(places: str, names: list[str]) -> list[tuple[str, str]]:
    """Points and boxes of each element, as JSON; a line of four plain numbers is a box."""
    lines = [line.strip() for line in places.splitlines() if line.strip()]
    if len(lines) != len(names):
        raise FFGOError(f"places has {len(lines)} lines for {len(names)} elements. Write one line for each element.")
    is_box = [line.startswith("[") and not line.startswith("[[") and line.count(",") == 3 for line in lines]
    return [("", f"[{line}]") if box else (line, "") for line, box in zip(lines, is_box, strict=True)]


def _fitted(picture: Image.Image, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture as large as fits, centred on its own ground, and the ground's colour; float32 0..1."""
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    inner = to_float(picture.resize(size, Image.Resampling.LANCZOS))
    ground = np.median(np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]]), axis=0)
    canvas = np.broadcast_to(ground, (height, width, 3)).astype(np.float32)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = inner
    return canvas, ground
