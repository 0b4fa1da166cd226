"""Compose the first frame: cut-outs on white in the left half, the background in the right half."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import flatten_on_white, require_image, to_float, to_uint8
from .geometry import Box, halves
from .layout import MAX_SUBJECTS, BackgroundFit, Layout, LayoutName, Subject, arrange

GOOD_SUBJECTS = 4
"""FFGo follows up to four subjects and a scene; with more it loses some. Source: the paper, section 5."""

FEW_PIXELS = 11_000 / (1280 * 720)
"""The part of the canvas that a subject should cover at least. Source: the smallest subjects that FFGo was trained and
shown with cover 12,071 px (official training frames) and 11,148 px (official test frames) of 1280x720."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A composed frame."""

    image: Tensor
    """(1, H, W, 3), float32 0..1, always k / 255."""
    masks: Tensor
    """(subjects, H, W), float32 0..1: the alpha of every subject on the canvas."""
    layout: str
    """JSON, see `Layout.to_json`."""
    warnings: list[str]
    """What will probably not come out well, and what to do."""


@dataclass(frozen=True, slots=True)
class CutOut:
    """A subject that has been checked."""

    name: str
    visible: Image.Image
    """RGBA, only the box around its visible pixels."""
    subject: Subject


def compose(
    background: Tensor,
    subjects: Mapping[str, Tensor],
    *,
    width: int = 1280,
    height: int = 720,
    layout: LayoutName = "published",
    background_fit: BackgroundFit = "keep_aspect",
    max_upscale: float = 1.0,
    gap: int = 0,
) -> Composition:
    """Compose one frame of `width` x `height` pixels from a background and 1 to 8 subjects.

    background (1, H, W, C) and subjects (B, h, w, C), each by the name that messages call it by: float 0..1, C = 3
    (opaque) or 4 (straight alpha, 1 = opaque). A batch counts as several subjects. `layout`, `background_fit`,
    `max_upscale` and `gap`: see `layout.arrange`.

    Computes in 8 bits with Pillow, as the official FFGo script does, so that frames equal its frames to the last bit.
    Raises FFGOError for a picture that cannot be used or a canvas that is too small.
    """
    scene = _read_background(background)
    cutouts = _read_subjects(subjects)
    canvas = width, height
    stretched = canvas if layout == "script" or background_fit == "stretch" else scene.size
    shapes = [cutout.subject for cutout in cutouts]
    plan = arrange(shapes, stretched, canvas, layout=layout, max_upscale=max_upscale, gap=gap)
    image, masks = _draw(plan, scene, stretched, cutouts)
    pixels = [mask.sum(dtype=torch.float64).item() for mask in masks]
    warnings = [*_warn_of_subjects(plan, cutouts, pixels, layout), *_warn_of_background(plan, stretched)]
    return Composition(image, masks, plan.to_json(pixels), warnings)


def _read_background(background: Tensor) -> Image.Image:
    """The background as an RGB picture."""
    require_image(background, "background")
    if len(background) != 1:
        raise FFGOError(
            f"background holds {len(background)} pictures; a frame has one background. "
            "Choose one of them, for example with Image From Batch."
        )
    return flatten_on_white(Image.fromarray(to_uint8(background[0])))


def _read_subjects(subjects: Mapping[str, Tensor]) -> list[CutOut]:
    """All subjects in order, batches taken apart."""
    for name, image in subjects.items():
        require_image(image, name)
    count = sum(len(image) for image in subjects.values())
    if not 1 <= count <= MAX_SUBJECTS:
        raise FFGOError(
            f"{count} subjects are connected; a frame takes 1 to {MAX_SUBJECTS}, and every picture of a batch counts. "
            f"FFGo was found to follow up to {GOOD_SUBJECTS}."
        )
    return [
        _read_cutout(picture, name if len(image) == 1 else f"{name} (picture {i} of {len(image)})")
        for name, image in subjects.items()
        for i, picture in enumerate(image, start=1)
    ]


def _read_cutout(picture: Tensor, name: str) -> CutOut:
    """Find out what can be seen of one subject; picture (H, W, 3 or 4), float 0..1."""
    height, width, channels = picture.shape
    size = width, height
    if channels == 3:
        opaque = Image.fromarray(to_uint8(picture)).convert("RGBA")
        return CutOut(name, opaque, Subject(size, Box(0, 0, width, height), width * height))
    alpha = to_uint8(picture[..., 3])
    corners = Image.fromarray(alpha).getbbox()
    if corners is None:
        raise FFGOError(
            f"{name} is fully transparent: nothing of it can be seen. Check its mask; if it is the wrong way round, "
            "put Invert Mask before Join Image with Alpha."
        )
    left, top, right, bottom = corners
    pixels = to_uint8(picture[top:bottom, left:right])
    if alpha.min() < 255 and _colourless(pixels):
        raise FFGOError(
            f"{name} is a shape without colour: every visible pixel is plain black or plain white, as in a mask. "
            "Connect the photo to the `image` input of Join Image with Alpha, and only the mask to `alpha`."
        )
    visible = Box(left, top, right - left, bottom - top)
    return CutOut(name, Image.fromarray(pixels), Subject(size, visible, int(alpha.sum(dtype=np.int64)) / 255))


def _colourless(pixels: np.ndarray) -> bool:
    """Whether all visible pixels (H, W, RGBA) are black, or all are white."""
    for step in (16, 1):  # a coarse look is enough for nearly every picture
        colours = pixels[::step, ::step][pixels[::step, ::step, 3] > 0][:, :3]
        if colours.any() and not (colours == 255).all():
            return False
    return True


def _draw(
    plan: Layout, scene: Image.Image, stretched: tuple[int, int], cutouts: Sequence[CutOut]
) -> tuple[Tensor, Tensor]:
    """The frame (1, H, W, 3) and the masks (subjects, H, W); the scene goes through the size `stretched`."""
    width, height = plan.canvas
    image, masks = torch.ones(1, height, width, 3), torch.zeros(len(cutouts), height, width)
    cropped = [_cropped(cutout, place.crop) for cutout, place in zip(cutouts, plan.subjects, strict=True)]
    boxes = [place.box for place in plan.subjects]
    with ThreadPoolExecutor() as pool:  # Pillow resamples without holding the interpreter
        right = pool.submit(lambda: _resized(scene.resize(stretched, Image.Resampling.BICUBIC), plan.background))
        tiles = pool.map(_resized, map(flatten_on_white, cropped), boxes)
        alphas = pool.map(_resized, [picture.getchannel("A") for picture in cropped], boxes)
        for mask, box, tile, alpha in zip(masks, boxes, tiles, alphas, strict=True):
            image[0, box.y : box.bottom, box.x : box.right] = to_float(tile)
            mask[box.y : box.bottom, box.x : box.right] = to_float(alpha)
        box = plan.background
        image[0, box.y : box.bottom, box.x : box.right] = to_float(right.result())
    return image, masks


def _cropped(cutout: CutOut, crop: Box) -> Image.Image:
    """The crop of the whole picture; what lies around the visible part is transparent."""
    visible = cutout.subject.visible
    x, y = crop.x - visible.x, crop.y - visible.y
    return cutout.visible.crop((x, y, x + crop.width, y + crop.height))


def _resized(picture: Image.Image, box: Box) -> Image.Image:
    """The picture in the size of the box, with the filter and the shortcut that Pillow's thumbnail takes."""
    if picture.size == box.size:
        return picture
    return picture.resize(box.size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _warn_of_subjects(
    plan: Layout, cutouts: Sequence[CutOut], pixels: Sequence[float], layout: LayoutName
) -> list[str]:
    """Which subjects will probably not come out well, and what to do about it."""
    warnings = []
    if len(cutouts) > GOOD_SUBJECTS:
        warnings.append(
            f"{len(cutouts)} subjects: FFGo was found to follow up to {GOOD_SUBJECTS} and a background, and tends to "
            "lose some beyond that. Use fewer subjects, or spread them over several clips."
        )
    few = FEW_PIXELS * plan.canvas[0] * plan.canvas[1]
    for cutout, place, area in zip(cutouts, plan.subjects, pixels, strict=True):
        if area >= few:
            continue
        if place.box.size == place.crop.size:
            advice = "Its picture is small and shown at full size: use a larger one, or `packed` with `max_upscale`."
        elif layout == "packed":
            advice = "Use fewer subjects."
        else:
            advice = "Set `layout` to `packed`, or use fewer subjects."
        warnings.append(
            f"{cutout.name} covers {area:,.0f} pixels of the frame; below {few:,.0f} details may get lost. {advice}"
        )
    return warnings


def _warn_of_background(plan: Layout, size: tuple[int, int]) -> list[str]:
    """Whether the background of this size is too small for its half."""
    width, height = halves(*plan.canvas)[1].size
    if size[0] >= width or size[1] >= height:
        return []
    return [
        f"background ({size[0]}x{size[1]} px) is smaller than its half of the frame ({width}x{height} px), "
        "so white is left all around it. Use a larger picture, or set `background_fit` to `stretch`."
    ]
