"""The composed first frame of a case, here, as a workflow's canvas makes it there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import FFGOError
from ..frame.compose import BackgroundFit, CanvasLayout, compose
from ..frame.geometry import PRESETS
from ..pixels import PICTURE_FORMATS, rgb_on_white, to_float
from ..remote.subjects import find_canvas
from ..remote.workflow import Workflow
from .cases import Case, CaseSet

_NUMBERS: Mapping[str, type] = {"width": int, "height": int, "gap": int, "max_upscale": float, "min_alpha": float}


def opened(path: Path) -> Image.Image:
    """A picture file of a test set, upright: RGBA where it is transparent, else RGB. Raises: FFGOError."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise OSError("it is no file")
        with Image.open(path, formats=PICTURE_FORMATS) as file:
            picture = ImageOps.exif_transpose(file)
            return picture.convert("RGBA") if picture.has_transparency_data else rgb_on_white(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FFGOError(
            f"{path} is no picture that can be read ({error}). Put a whole PNG, JPEG or WebP in its place."
        ) from error


def as_image(picture: Image.Image) -> Tensor:
    """A picture as an IMAGE (1, H, W, C)."""
    return torch.from_numpy(to_float(picture))[None]


def rgb(path: Path) -> Tensor:
    """A picture file as an IMAGE (1, H, W, 3), transparency on white."""
    return as_image(rgb_on_white(opened(path)))


def compose_case(
    case: Case,
    width: int,
    height: int,
    layout: CanvasLayout = "published",
    background_fit: BackgroundFit = "keep_aspect",
    **more: Any,
) -> Tensor:
    """The case's composed first frame (1, H, W, 3), 0..1; for `more` see `frame.compose.compose`."""
    subjects = {f"subject {subject.name}": as_image(opened(subject.file)) for subject in case.subjects}
    background = as_image(opened(case.background))
    return compose(
        background, subjects, width=width, height=height, layout=layout, background_fit=background_fit, **more
    ).image


def first_frame(cases: CaseSet, case: Case, workflow: Workflow | None = None) -> Tensor:
    """The frame that a method is asked with: the canvas of its workflow decides, else the case's own, else its layout.

    workflow: filled in, API format. Returns (1, H, W, 3), 0..1.
    """
    canvas = find_canvas(workflow) if workflow else None
    if workflow and canvas:
        return compose_case(case, **_canvas_options(workflow[canvas]["inputs"], cases))
    if case.frame:
        return rgb(case.frame)
    return compose_case(case, cases.width, cases.height, case.layout)


def _canvas_options(inputs: Mapping[str, Any], cases: CaseSet) -> dict[str, Any]:
    """What `compose` takes, of a canvas node's inputs; links and what is missing count as the node's defaults."""
    options: dict[str, Any] = {"width": 1280, "height": 720}
    for name, kind in _NUMBERS.items():
        if isinstance(inputs.get(name), int | float):
            options[name] = kind(inputs[name])
    if inputs.get("preset") in PRESETS:
        options["width"], options["height"] = PRESETS[inputs["preset"]]
    if inputs.get("layout") in get_args(CanvasLayout.__args__[0]) or inputs.get("layout") == "custom":
        options["layout"] = inputs["layout"]
    if inputs.get("background_fit") in get_args(BackgroundFit):
        options["background_fit"] = inputs["background_fit"]
    if isinstance(inputs.get("arrangement"), str):
        options["arrangement"] = inputs["arrangement"]
    return options
