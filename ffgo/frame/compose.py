"""Compose the first frame: cut-outs on white in the left half, the background in the right half."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import FFGOError
from ..pixels import eight_bit_pictures, to_float
from .advice import warn_of_background, warn_of_cutouts, warn_of_places
from .arrangement import read_arrangement
from .custom import arrange, drawing_order
from .draw import draw_background, draw_subject, lay
from .geometry import MIN_CANVAS, NOWHERE, Box
from .layout import Layout, LayoutName, Placement, place_background, place_subjects
from .pictures import FramePicture, background_picture, look_at, subject_pictures

BackgroundFit = Literal["keep_aspect", "stretch"]
CanvasLayout = LayoutName | Literal["custom"]
CUSTOM = "custom"
"""The layout that takes the places from an arrangement."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A composed frame."""

    image: Tensor
    """(1, H, W, 3), float32 0..1, always k / 255."""
    masks: Tensor
    """(subjects, H, W), float32 0..1: what can be seen of every subject on the canvas."""
    plan: Layout
    """Where everything is."""
    warnings: list[str]
    """What will probably not come out well, and what to do."""
    background: FramePicture
    subjects: Sequence[FramePicture]


def compose(
    background: Tensor,
    subjects: Mapping[str, Tensor],
    *,
    width: int = 1280,
    height: int = 720,
    layout: CanvasLayout = "published",
    background_fit: BackgroundFit = "keep_aspect",
    max_upscale: float = 1.0,
    gap: int = 0,
    arrangement: str = "",
    min_alpha: float = 0.0,
) -> Composition:
    """Compose one frame of `width` x `height` pixels from a background and 1 to 8 subjects.

    background (1, H, W, C) and subjects (B, h, w, C), each by the name that messages call it by: float 0..1, C = 3
    (opaque) or 4 (straight alpha, 1 = opaque). A batch counts as several subjects. For `layout`, `max_upscale` and
    `gap` see `place_subjects`; the layout "custom" takes the places from `arrangement`, a text as `read_arrangement`
    wants it. `background_fit` "stretch" gives the background the canvas' aspect first, which the layout "script" always
    does. For `min_alpha` see `look_at`.

    Computes in 8 bits with Pillow, as the official FFGo script does, so that frames equal its frames to the last bit.
    Raises: FFGOError for a picture that cannot be used, a canvas that is too small, or a bad arrangement.
    """
    check_canvas(width, height)
    canvas = width, height
    arranged = read_arrangement(arrangement) if layout == CUSTOM else None
    base = arranged.base if arranged else "published" if layout == CUSTOM else layout
    with ThreadPoolExecutor() as pool:  # NumPy and Pillow work on pixels without holding the interpreter
        behind, *batches = pool.map(eight_bit_pictures, [background, *subjects.values()], ["background", *subjects])
        pictures = subject_pictures(dict(zip(subjects, batches, strict=True)))
        scene = background_picture(behind)
        scene_size = canvas if base == "script" or background_fit == "stretch" else scene.subject.size
        scene_box = place_background(scene_size, canvas)
        scene_tile = pool.submit(draw_background, scene.pixels, scene_size, scene_box)
        cutouts = list(pool.map(look_at, pictures.keys(), pictures.values(), repeat(min_alpha)))
        fingerprints = list(pool.map(attrgetter("fingerprint"), cutouts))
        if arranged:
            places = arrange(
                arranged, fingerprints, [c.subject for c in cutouts], canvas, max_upscale=max_upscale, gap=gap
            )
        else:
            places = place_subjects([c.subject for c in cutouts], canvas, base, max_upscale=max_upscale, gap=gap)
        image, masks, plan = drawn(pool, canvas, cutouts, places, scene_box, scene=scene_tile)
    warnings = [*warn_of_cutouts(plan, cutouts, layout), *warn_of_background(canvas, scene_size)]
    if arranged:
        warnings += warn_of_places(plan, cutouts)
    elif layout == CUSTOM:
        warnings.append("Nothing is arranged yet, so the layout custom is composed as published is.")
    return Composition(image, masks, plan, warnings, scene, cutouts)


def check_canvas(width: int, height: int) -> None:
    """Raises: FFGOError for a canvas that is too small."""
    if min(width, height) < MIN_CANVAS:
        raise FFGOError(f"The canvas is {width}x{height} px; both sides must be at least {MIN_CANVAS} px.")


def drawn(
    pool: Executor,
    canvas: tuple[int, int],
    cutouts: Sequence[FramePicture],
    places: Sequence[Placement],
    scene_box: Box = NOWHERE,
    *,
    scene: Future[Image.Image] | None = None,
) -> tuple[Tensor, Tensor, Layout]:
    """A canvas of size (width, height) with cut-outs in their places, and the scene in its box where there is one.

    Returns the image (1, H, W, 3), the masks (subjects, H, W) and where everything is.
    """
    width, height = canvas
    order = drawing_order(places)
    tiles = dict(zip(order, pool.map(lambda i: draw_subject(cutouts[i], places[i], canvas), order), strict=True))
    image, masks = np.ones((1, height, width, 3), np.float32), np.zeros((len(places), height, width), np.float32)
    if scene is not None:
        to_float(scene.result(), out=image[0][scene_box.slices])
    lay(image[0], masks, tiles, scene_box)
    pixels = [0.0] * len(places)
    for i, tile in tiles.items():
        pixels[i] = float(masks[i][tile.box.slices].sum(dtype=np.float64))
    fingerprints = list(pool.map(attrgetter("fingerprint"), cutouts))
    plan = Layout(canvas, scene_box, places, pixels, [cutout.name for cutout in cutouts], fingerprints)
    return torch.from_numpy(image), torch.from_numpy(masks), plan
