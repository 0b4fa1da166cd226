"""The colours or the alpha of a cut-out, of which only a part is not blank, and how they are resized."""

from dataclasses import dataclass
from math import ceil, floor, prod

from PIL import Image

from .geometry import Box

LANCZOS = Image.Resampling.LANCZOS
REDUCING_GAP = 2.0
"""How Image.thumbnail, which the official script calls, speeds its work up."""
REACH = 4
"""Pixels, of the coarser of two grids, beyond which nothing changes a resized one: three of Lanczos, one of reduce."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture, RGB or L, that is blank beyond a box."""

    rows: Image.Image
    """Those of the box, in the picture's whole width."""
    size: tuple[int, int]
    """Width and height of the picture."""
    filled: Box
    """The box."""
    blank: str | int
    """The lightest or the darkest colour, which a resize leaves exactly as it is."""
    reducing_gap: float = REDUCING_GAP

    def resized(self, size: tuple[int, int], part: Box) -> Image.Image:
        """A part of the picture in this size (width, height)."""
        if part.size == size:
            box = self.reached(size)
            return _padded(self.resized_within(box, size), size, (box.x, box.y), self.blank)
        if not prod(part.size):
            return Image.new(self.rows.mode, part.size)
        # Resizing only the part keeps the work within the canvas, however large the whole would be.
        x, y = self.size[0] / size[0], self.size[1] / size[1]
        source = part.x * x, part.y * y, min(part.right * x, self.size[0]), min(part.bottom * y, self.size[1])
        return self._whole().resize(part.size, LANCZOS, source, self.reducing_gap)

    def _whole(self) -> Image.Image:
        return _padded(self.rows, self.size, (0, self.filled.y), self.blank)

    def reached(self, size: tuple[int, int]) -> Box:
        """The box beyond which the picture is blank in this size too."""
        if size == self.size:
            return self.filled
        x, right = _reached(self.filled.x, self.filled.right, size[0] / self.size[0], size[0])
        y, bottom = _reached(self.filled.y, self.filled.bottom, size[1] / self.size[1], size[1])
        return Box(x, y, right - x, bottom - y)

    def resized_within(self, box: Box, size: tuple[int, int]) -> Image.Image:
        """The box that is `reached`, cut out of what `Image.resize` with Lanczos makes of the picture, bit for bit.

        Pillow reduces by whole numbers, then resizes rows, then columns, in 8 bits each time; blank ones are left out.
        """
        if size == self.size:
            return _cut(self.rows, box.x, 0, box.right, box.height)
        if not _rows_first(self.size, size):
            whole = self._whole().resize(size, LANCZOS, None, self.reducing_gap)
            return _cut(whole, box.x, box.y, box.right, box.bottom)
        fx, fy = (int(side / wanted / self.reducing_gap) or 1 for side, wanted in zip(self.size, size, strict=True))
        width, height = self.size[0] / fx, self.size[1] / fy
        top, bottom = self.filled.y // fy, ceil(self.filled.bottom / fy)
        needed = self.size[0], min(bottom * fy, self.size[1]) - top * fy
        strip = _padded(self.rows, needed, (0, self.filled.y - top * fy), self.blank)
        if max(fx, fy) > 1:
            strip = strip.reduce((fx, fy))
        strip = strip.resize((size[0], bottom - top), LANCZOS, (0, 0, width, bottom - top))
        strip = _cut(strip, box.x, 0, box.right, bottom - top)
        strip = _padded(strip, (box.width, ceil(height)), (0, top), self.blank)
        strip = strip.resize((box.width, size[1]), LANCZOS, (0, 0, box.width, height))
        return _cut(strip, 0, box.y, box.width, box.bottom)


def _rows_first(size: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Whether every Pillow resizes rows before columns: newer ones do it the other way round where that is less work.

    Found out with Pillow 13: never where a wide picture keeps its aspect, or nearly.
    """
    (width, height), (w, h) = size, wanted
    return width >= height and w < width and h < height and 10 * height * w <= 11 * width * h


def _reached(start: int, end: int, scale: float, length: int) -> tuple[int, int]:
    reach = ceil(REACH * max(scale, 1)) + 1
    return max(floor(start * scale) - reach, 0), min(ceil(end * scale) + reach, length)


def _padded(picture: Image.Image, size: tuple[int, int], at: tuple[int, int], blank: str | int) -> Image.Image:
    if picture.size == size:
        return picture
    padded = Image.new(picture.mode, size, blank)
    padded.paste(picture, at)
    return padded


def _cut(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    edges = left, top, right, bottom
    return picture if edges == (0, 0, *picture.size) else picture.crop(edges)
