"""The pixels of the pictures in their places, in 8 bits with Pillow, and how they are laid over each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, cos, floor, prod, radians, sin

import numpy as np
from PIL import Image, ImageOps

from ..errors import FFGOError
from ..pixels import alpha_of, flatten_on_white, to_float
from .custom import corners
from .geometry import Box
from .layer import LANCZOS, REDUCING_GAP, Layer
from .layout import Placement
from .pictures import FramePicture

SEAM = 4
"""Pixels around a turned picture: reach of the filter that turns it, and the soft edge that it gets."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture as it lies on the canvas."""

    box: Box
    """The part of the canvas that it takes up; may be empty."""
    colours: Image.Image
    """RGB on white, in the size of the box."""
    alpha: Image.Image
    """L, in the size of the box."""


def draw_background(pixels: np.ndarray, size: tuple[int, int], box: Box) -> Image.Image:
    """The picture (H, W, 3 or 4) stretched to a size (width, height), then fitted into its box; RGB."""
    scene = flatten_on_white(Image.fromarray(pixels))
    if scene.size != size:
        scene = scene.resize(size, Image.Resampling.BICUBIC)
    return scene if scene.size == box.size else scene.resize(box.size, LANCZOS, None, REDUCING_GAP)


def draw_subject(cutout: FramePicture, place: Placement, canvas: tuple[int, int]) -> Tile:
    """The subject in its place, as far as that lies on a canvas of size (width, height)."""
    layers = _layers(cutout, place.crop, flip=place.flip)
    if place.angle % 360:
        return _turned(layers, place, canvas)
    box, size = _on_canvas(place.box, canvas), place.box.size
    if box == place.box:
        part = layers[0].reached(size)
        return Tile(part.moved(box.x, box.y), *(layer.resized_within(part, size) for layer in layers))
    part = box.moved(-place.box.x, -place.box.y)
    return Tile(box, *(layer.resized(size, part) for layer in layers))


def lay(image: np.ndarray, masks: np.ndarray, tiles: Mapping[int, Tile], scene: Box) -> None:
    """Lay tiles, by the number of their subject and the lowest first, onto an image (H, W, 3), and fill the masks.

    A tile covers what lies below it, the background in the box `scene` too. masks (subjects, H, W) get the alpha of the
    tiles, as far as no other covers it.
    """
    below: dict[int, Box] = {}
    for i, tile in tiles.items():
        spot, alpha = image[tile.box.slices], to_float(tile.alpha, out=masks[i][tile.box.slices])
        touched = [k for k, box in below.items() if _meet(box, tile.box)]
        if touched or _meet(scene, tile.box):
            # The colours are on white: they are right where white is below, and too bright by what is darker there.
            too_bright = (1 - spot) * (1 - alpha[..., None])
            spot[:] = np.rint(np.clip(to_float(tile.colours) - too_bright, 0, 1) * 255) / np.float32(255)
        else:
            to_float(tile.colours, out=spot)
        for k in touched:
            masks[k][tile.box.slices] *= 1 - alpha
        below[i] = tile.box


def _layers(cutout: FramePicture, crop: Box, *, flip: bool) -> list[Layer]:
    """Colours on white and alpha of the crop of a subject's picture."""
    visible = cutout.subject.visible
    rows = Image.fromarray(cutout.pixels[visible.y : visible.bottom])  # whole ones: these need no copy
    if rows.width != crop.width:
        rows = rows.crop((crop.x, 0, crop.right, rows.height))
    if cutout.subject.area < prod(cutout.subject.size) and _is_plain(rows):
        raise FFGOError(
            f"{cutout.name} is a shape without colour: every visible pixel is plain black, or plain white, as in a "
            "mask. Connect the photo to the image input of Join Image with Alpha, and only the mask to alpha."
        )
    filled = Box(visible.x - crop.x, visible.y - crop.y, *visible.size)
    if flip:
        rows, filled = ImageOps.mirror(rows), replace(filled, x=crop.width - filled.right)
    # Half the time for alpha, and no official one to equal.
    return [
        Layer(flatten_on_white(rows), crop.size, filled, "white"),
        Layer(alpha_of(rows), crop.size, filled, 0, reducing_gap=1.0),
    ]


def _is_plain(picture: Image.Image) -> bool:
    """Whether all visible pixels of an RGBA picture are black, or all are white."""
    for step in (16, 1):  # a coarse look is enough for nearly every picture
        seen = picture.resize((ceil(picture.width / step), ceil(picture.height / step)), Image.Resampling.NEAREST)
        pixels = np.asarray(seen)
        colours = pixels[pixels[..., 3] > 0][:, :3]
        if colours.any() and not (colours == 255).all():
            return False
    return True


def _turned(layers: Sequence[Layer], place: Placement, canvas: tuple[int, int]) -> Tile:
    """The picture resized to the box of its place, then turned about the middle of that box."""
    whole, turn = place.box, radians(place.angle)
    box = _on_canvas(_around(corners(place)), canvas)
    # From a point of the canvas to the same point of the picture, as x' = c*x + s*y + x0 and y' = -s*x + c*y + y0.
    c, s = round(cos(turn), 12), round(sin(turn), 12)  # quarter turns then take pixels as they are
    middle_x, middle_y = whole.x + whole.width / 2, whole.y + whole.height / 2
    x0 = whole.width / 2 + (box.x - middle_x) * c + (box.y - middle_y) * s
    y0 = whole.height / 2 - (box.x - middle_x) * s + (box.y - middle_y) * c
    needed = _around([(c * x + s * y + x0, c * y - s * x + y0) for x in (0, box.width) for y in (0, box.height)])
    part = _on_canvas(
        Box(needed.x - SEAM, needed.y - SEAM, needed.width + 2 * SEAM, needed.height + 2 * SEAM), whole.size
    )
    matrix = (c, s, x0 - part.x + SEAM, -s, c, y0 - part.y + SEAM)
    tiles = [
        ImageOps.expand(layer.resized(whole.size, part), SEAM, fill=layer.blank).transform(
            box.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=layer.blank
        )
        for layer in layers
    ]
    return Tile(box, *tiles)


def _around(points: Sequence[tuple[float, float]]) -> Box:
    """The whole pixels around points."""
    left, top = (floor(min(values)) for values in zip(*points, strict=True))
    right, bottom = (ceil(max(values)) for values in zip(*points, strict=True))
    return Box(left, top, right - left, bottom - top)


def _on_canvas(box: Box, canvas: tuple[int, int]) -> Box:
    """What of a box lies on a canvas of size (width, height); an empty box if nothing does."""
    x, y = min(max(box.x, 0), canvas[0]), min(max(box.y, 0), canvas[1])
    right, bottom = max(min(box.right, canvas[0]), x), max(min(box.bottom, canvas[1]), y)
    return Box(x, y, right - x, bottom - y)


def _meet(one: Box, other: Box) -> bool:
    """Whether two boxes share a pixel."""
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom
