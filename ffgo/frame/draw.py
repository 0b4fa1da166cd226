"""The pixels of the pictures in their places, in 8 bits with Pillow, and how they are laid over each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, prod, radians, sin

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import FFGOError
from ..pixels import flatten_on_white, to_float, to_uint8
from .custom import corners
from .geometry import Box
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


def draw_background(picture: Tensor, size: tuple[int, int], box: Box) -> np.ndarray:
    """The picture (H, W, C) stretched to a size, then fitted into its box; (h, w, 3), float 0..1."""
    scene = flatten_on_white(Image.fromarray(to_uint8(picture))).resize(size, Image.Resampling.BICUBIC)
    return to_float(_fitted(scene, box.size))


def draw_subject(cutout: FramePicture, place: Placement, canvas: tuple[int, int]) -> Tile:
    """The subject in its place, as far as that lies on a canvas of size (width, height)."""
    picture = _cropped(cutout, place.crop)
    if place.flip:
        picture = ImageOps.mirror(picture)
    layers = flatten_on_white(picture), picture.getchannel("A")
    if place.angle % 360:
        return _turned(layers, place, canvas)
    box = _on_canvas(place.box, canvas)
    part = Box(box.x - place.box.x, box.y - place.box.y, *box.size)
    return Tile(box, *_parts(layers, place.box.size, part))


def lay(image: np.ndarray, masks: np.ndarray, tiles: Mapping[int, Tile], scene: Box) -> None:
    """Lay tiles, by the number of their subject and the lowest first, onto an image (H, W, 3), and fill the masks.

    A tile covers what lies below it, the background in the box `scene` too. masks (subjects, H, W) get the alpha of the
    tiles, as far as no other covers it.
    """
    below: dict[int, Box] = {}
    for i, tile in tiles.items():
        colours, alpha = to_float(tile.colours), to_float(tile.alpha)
        touched = [k for k, box in below.items() if _meet(box, tile.box)]
        if touched or _meet(scene, tile.box):
            # The colours are on white: they are right where white is below, and too bright by what is darker there.
            too_bright = (1 - image[tile.box.slices]) * (1 - alpha[..., None])
            colours = np.rint(np.clip(colours - too_bright, 0, 1) * 255) / np.float32(255)
        image[tile.box.slices] = colours
        for k in touched:
            masks[k][tile.box.slices] *= 1 - alpha
        masks[i][tile.box.slices] = alpha
        below[i] = tile.box


def _cropped(cutout: FramePicture, crop: Box) -> Image.Image:
    """The crop of a subject's picture, RGBA."""
    visible = cutout.subject.visible
    picture = Image.fromarray(to_uint8(cutout.picture[visible.slices])).convert("RGBA")
    if cutout.subject.area < prod(cutout.subject.size) and _is_plain(np.asarray(picture)):
        raise FFGOError(
            f"{cutout.name} is a shape without colour: every visible pixel is plain black, or plain white, as in a "
            "mask. Connect the photo to the image input of Join Image with Alpha, and only the mask to alpha."
        )
    x, y = crop.x - visible.x, crop.y - visible.y
    return picture.crop((x, y, x + crop.width, y + crop.height))  # transparent beyond the visible part


def _is_plain(pixels: np.ndarray) -> bool:
    """Whether all visible pixels (H, W, RGBA) are black, or all are white."""
    for step in (16, 1):  # a coarse look is enough for nearly every picture
        colours = pixels[::step, ::step][pixels[::step, ::step, 3] > 0][:, :3]
        if colours.any() and not (colours == 255).all():
            return False
    return True


def _parts(layers: tuple[Image.Image, Image.Image], size: tuple[int, int], part: Box) -> list[Image.Image]:
    """The same part of both colours and alpha, resized to this size (width, height)."""
    colours, alpha = layers
    # Half the time for alpha, and no official one to equal.
    return [_fitted(colours, size, part), _fitted(alpha, size, part, reducing_gap=1.0)]


def _fitted(
    picture: Image.Image, size: tuple[int, int], part: Box | None = None, reducing_gap: float = 2.0
) -> Image.Image:
    """A part of the picture resized to this size; filter and default `reducing_gap` are those of Image.thumbnail."""
    if part is None or part.size == size:
        return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS, None, reducing_gap)
    if not prod(part.size):
        return Image.new(picture.mode, part.size)
    # Resizing only the part keeps the work within the canvas, however large the whole would be.
    x, y = picture.width / size[0], picture.height / size[1]
    source = part.x * x, part.y * y, min(part.right * x, picture.width), min(part.bottom * y, picture.height)
    return picture.resize(part.size, Image.Resampling.LANCZOS, source, reducing_gap)


def _turned(layers: tuple[Image.Image, Image.Image], place: Placement, canvas: tuple[int, int]) -> Tile:
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
        ImageOps.expand(layer, SEAM, fill=nothing).transform(
            box.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=nothing
        )
        for layer, nothing in zip(_parts(layers, whole.size, part), ("white", 0), strict=True)
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
