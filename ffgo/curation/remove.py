"""A photo without some of its elements: Gemini's clean plate brought back onto it, or a smooth preview."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..gemini.ask import Desk, ask_all
from ..gemini.asking import Asking, bill, picture_request
from ..pixels import on_white, opened_picture, resized_masks, single_picture
from ..words.templates import ELEMENTS, REMOVE, fill
from .elements import read_elements

if TYPE_CHECKING:
    from .plate import Plate


@dataclass(frozen=True, slots=True)
class Removal:
    """A photo without its elements."""

    image: Tensor
    """(1, H, W, 3): equal to the photo, bit for bit, where `mask` is 0."""
    mask: Tensor
    """(1, H, W): 1 where the picture is not the photo's."""
    mapping: dict[str, object]
    """How the model's picture lies on the photo; empty offline."""
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def remove(image: Tensor, elements: str, mask: Tensor | None, asking: Asking, desk: Desk) -> Removal:
    """Ask for the photo without the elements, and bring the answer back onto the photo.

    image (1, H, W, 3 or 4); mask (1, h, w) or None, > 0 where pixels may change. Raises: as `extract`.
    """
    from .plate import restore_plate  # and with it what takes long to load

    names, photo = read_elements(elements), single_picture(image, "image")
    where = None if mask is None else _hole(mask, photo)
    prompt = fill(asking.template or REMOVE, ELEMENTS, "; ".join(names))
    request = picture_request("remove", ", ".join(names), photo, asking, prompt)
    (answer,) = ask_all([request], desk)
    returned = opened_picture(answer.data)
    exact = on_white(image)[0].numpy(force=True)
    plate = restore_plate(exact, np.asarray(returned), photo, where)
    report = [_mapped(plate, returned), *bill([request], [answer], desk)]
    mapping = _mapping(plate, returned)
    return Removal(*_tensors(plate.pixels, plate.mask), mapping, report, [*desk.warnings, *plate.warnings])


def remove_offline(image: Tensor, mask: Tensor | None) -> Removal:
    """Fill the mask smoothly from its edge instead: a preview. mask (1, h, w), > 0 = fill."""
    from .harmonic import harmonic_fill

    photo = single_picture(image, "image")
    if mask is None:
        raise FFGOError("Offline, what the mask marks is filled from around. Connect a mask of the elements.")
    where = _hole(mask, photo)
    pixels = harmonic_fill(on_white(image)[0].numpy(force=True), where)
    note = (
        "Gemini was not asked: the mask is filled smoothly from its edge, which is a preview and no real background. "
        "For a real one give a photo without the elements, or use an inpainting model."
    )
    return Removal(*_tensors(pixels, where), {}, [f"filled {where.mean():.1%} of the photo"], [note])


def _hole(mask: Tensor, photo: np.ndarray) -> np.ndarray:
    """Where a MASK lets pixels change, (H, W) bool. Several masks count as one."""
    height, width = photo.shape[:2]
    if abs(mask.shape[2] * height / (mask.shape[1] * width) - 1) > 0.02:
        raise FFGOError(
            f"The mask is {mask.shape[2]}x{mask.shape[1]} px and the photo {width}x{height}: another shape. "
            "Give the mask of this photo."
        )
    where = (resized_masks(mask, height, width).amax(0) > 0.004).numpy()
    if not where.any():
        raise FFGOError("The mask is empty: nothing may change. White marks what to remove.")
    if where.all():
        raise FFGOError("The mask covers the whole photo, so nothing of it would stay. White marks what to remove.")
    return where


def _tensors(pixels: np.ndarray, mask: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(pixels)[None], torch.from_numpy(mask.astype(np.float32))[None]


def _mapping(plate: "Plate", returned: Image.Image) -> dict[str, object]:
    found = plate.registration
    return {
        "matrix": found.matrix.round(5).tolist(),
        "bend_px": round(float(np.abs(found.bend).max()), 2),
        "score": round(found.score, 3),
        "error_px": round(found.error_px, 2) if np.isfinite(found.error_px) else None,
        "same_scene": found.same_scene,
        "returned_size": list(returned.size),
        "size": [plate.pixels.shape[1], plate.pixels.shape[0]],
        "replaced": round(float(plate.mask.mean()), 4),
    }


def _mapped(plate: "Plate", returned: Image.Image) -> str:
    (xx, _, x), (_, yy, y) = plate.registration.matrix
    text = (
        f"{returned.width}x{returned.height} px from the model; scale {xx:.3f} x {yy:.3f}, shift {x:.1f}, {y:.1f} px; "
    )
    return f"{text}score {plate.registration.score:.2f}; {plate.mask.mean():.1%} of the photo replaced"
