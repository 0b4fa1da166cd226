"""Compose the first frame: cut-outs on white in the left half, the background in the right half."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import flatten_on_white, require_image, to_float, to_uint8
from .geometry import MIN_CANVAS, Box, halves
from .layout import MAX_SUBJECTS, Layout, LayoutName, Placement, Subject, place_background, place_subjects

BackgroundFit: TypeAlias = Literal["keep_aspect", "stretch"]

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
    """One subject: its picture (H, W, 3 or 4), float 0..1, its name in messages, and where it can be seen."""

    name: str
    picture: Tensor
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
    (opaque) or 4 (straight alpha, 1 = opaque). A batch counts as several subjects. For `layout`, `max_upscale` and
    `gap` see `place_subjects`. `background_fit` "stretch" gives the background the canvas' aspect first, which the
    layout "script" always does.

    Computes in 8 bits with Pillow, as the official FFGo script does, so that frames equal its frames to the last bit.
    Raises FFGOError for a picture that cannot be used or a canvas that is too small.
    """
    if min(width, height) < MIN_CANVAS:
        raise FFGOError(f"The canvas is {width}x{height} px; both sides must be at least {MIN_CANVAS} px.")
    canvas = width, height
    with ThreadPoolExecutor() as pool:  # NumPy and Pillow work on pixels without holding the interpreter
        list(pool.map(require_image, [background, *subjects.values()], ["background", *subjects]))
        pictures = _subject_pictures(subjects)
        scene = _background_picture(background)
        stretch = layout == "script" or background_fit == "stretch"
        scene_size = canvas if stretch else (scene.shape[1], scene.shape[0])
        scene_box = place_background(scene_size, canvas)
        scene_tile = pool.submit(_draw_background, scene, scene_size, scene_box)
        cutouts = list(pool.map(_look_at, pictures.keys(), pictures.values()))
        places = place_subjects([c.subject for c in cutouts], canvas, layout, max_upscale=max_upscale, gap=gap)
        tiles = list(pool.map(_draw_subject, cutouts, places))
    image, masks = np.ones((1, height, width, 3), np.float32), np.zeros((len(tiles), height, width), np.float32)
    image[0][scene_box.slices] = scene_tile.result()
    for mask, place, (colours, alpha) in zip(masks, places, tiles, strict=True):
        image[0][place.box.slices] = colours
        mask[place.box.slices] = alpha
    plan = Layout(canvas, scene_box, places, [float(alpha.sum(dtype=np.float64)) for _, alpha in tiles])
    warnings = [*_warn_of_subjects(plan, cutouts, layout), *_warn_of_background(canvas, scene_size)]
    return Composition(torch.from_numpy(image), torch.from_numpy(masks), plan.to_json(), warnings)


def _background_picture(background: Tensor) -> Tensor:
    """The background (H, W, C)."""
    if len(background) != 1:
        raise FFGOError(
            f"background holds {len(background)} pictures; a frame has one background. "
            "Choose one of them, for example with Image From Batch."
        )
    return _look_at("background", background[0]).picture


def _subject_pictures(subjects: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures (H, W, C) of all subjects by name, batches taken apart."""
    pictures = {
        name if len(image) == 1 else f"{name} (picture {i} of {len(image)})": picture
        for name, image in subjects.items()
        for i, picture in enumerate(image, start=1)
    }
    if not 1 <= len(pictures) <= MAX_SUBJECTS:
        raise FFGOError(
            f"{len(pictures)} subjects are connected, and every picture of a batch counts; a frame takes 1 to "
            f"{MAX_SUBJECTS}. FFGo was found to follow up to {GOOD_SUBJECTS}."
        )
    return pictures


def _look_at(name: str, picture: Tensor) -> CutOut:
    """Find out which part of a picture (H, W, 3 or 4) can be seen."""
    height, width, channels = picture.shape
    size = width, height
    if channels == 3:
        return CutOut(name, picture, Subject(size, Box(0, 0, *size), width * height))
    alpha = to_uint8(picture[..., 3])
    corners = Image.fromarray(alpha).getbbox()
    if corners is None:
        raise FFGOError(
            f"{name} is fully transparent: nothing of it can be seen. Check its mask; if it is the wrong way round, "
            "put Invert Mask before Join Image with Alpha."
        )
    left, top, right, bottom = corners
    return CutOut(name, picture, Subject(size, Box(left, top, right - left, bottom - top), alpha.sum() / 255))


def _draw_background(picture: Tensor, size: tuple[int, int], box: Box) -> np.ndarray:
    """The picture (H, W, C) stretched to a size, then fitted into its box; (h, w, 3), float 0..1."""
    scene = flatten_on_white(Image.fromarray(to_uint8(picture))).resize(size, Image.Resampling.BICUBIC)
    return to_float(_fitted(scene, box))


def _draw_subject(cutout: CutOut, place: Placement) -> tuple[np.ndarray, np.ndarray]:
    """The subject on white (h, w, 3) and its alpha (h, w) in the size of its box, float 0..1."""
    visible = cutout.subject.visible
    picture = Image.fromarray(to_uint8(cutout.picture[visible.slices])).convert("RGBA")
    if cutout.subject.area < prod(cutout.subject.size) and _is_plain(np.asarray(picture)):
        raise FFGOError(
            f"{cutout.name} is a shape without colour: every visible pixel is plain black, or plain white, as in a "
            "mask. Connect the photo to the image input of Join Image with Alpha, and only the mask to alpha."
        )
    x, y = place.crop.x - visible.x, place.crop.y - visible.y
    # What a crop takes from beyond the picture is transparent.
    cropped = picture.crop((x, y, x + place.crop.width, y + place.crop.height))
    colours = _fitted(flatten_on_white(cropped), place.box)
    alpha = _fitted(cropped.getchannel("A"), place.box, reducing_gap=1.0)  # half the time, and no official to equal
    return to_float(colours), to_float(alpha)


def _is_plain(pixels: np.ndarray) -> bool:
    """Whether all visible pixels (H, W, RGBA) are black, or all are white."""
    for step in (16, 1):  # a coarse look is enough for nearly every picture
        colours = pixels[::step, ::step][pixels[::step, ::step, 3] > 0][:, :3]
        if colours.any() and not (colours == 255).all():
            return False
    return True


def _fitted(picture: Image.Image, box: Box, reducing_gap: float = 2.0) -> Image.Image:
    """The picture in the size of the box; filter and default `reducing_gap` are those of the script's thumbnail."""
    if picture.size == box.size:
        return picture
    return picture.resize(box.size, Image.Resampling.LANCZOS, reducing_gap=reducing_gap)


def _warn_of_subjects(plan: Layout, cutouts: Sequence[CutOut], layout: LayoutName) -> list[str]:
    """Which subjects will probably not come out well, and what to do about it."""
    warnings = []
    if len(cutouts) > GOOD_SUBJECTS:
        warnings.append(
            f"{len(cutouts)} subjects: FFGo was found to follow up to {GOOD_SUBJECTS} and a background, and tends to "
            "lose some beyond that. Use fewer subjects, or spread them over several clips."
        )
    few = FEW_PIXELS * plan.canvas[0] * plan.canvas[1]
    for cutout, place, area in zip(cutouts, plan.subjects, plan.pixels, strict=True):
        if area >= few:
            continue
        if place.scale >= 1:
            advice = "Its picture is small: use a larger one, or the layout packed with a larger max_upscale."
        elif layout == "packed":
            advice = "Use fewer subjects, or a more compact one."
        else:
            advice = "Set layout to packed, or use fewer subjects."
        warnings.append(
            f"{cutout.name} covers {area:,.0f} pixels of the frame; below {few:,.0f} details may get lost. {advice}"
        )
    return warnings


def _warn_of_background(canvas: tuple[int, int], size: tuple[int, int]) -> list[str]:
    """Whether a background of this size is too small for its half."""
    width, height = halves(*canvas)[1].size
    if size[0] >= width or size[1] >= height:
        return []
    return [
        f"background ({size[0]}x{size[1]} px) is smaller than its half of the frame ({width}x{height} px), "
        "so white is left all around it. Use a larger picture, or set background_fit to stretch."
    ]
