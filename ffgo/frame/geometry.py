"""Boxes and sizes on the canvas, in whole pixels."""

import math
from dataclasses import dataclass, replace

PRESETS: dict[str, tuple[int, int]] = {
    "1280x720": (1280, 720),
    "1344x768": (1344, 768),
    "832x480": (832, 480),
    "640x480": (640, 480),
    "720x1280": (720, 1280),
    "768x1344": (768, 1344),
    "480x832": (480, 832),
    "480x640": (480, 640),
    "1280x704": (1280, 704),
    "704x1280": (704, 1280),
}
"""Canvas sizes (width, height) in pixels: what FFGo was rendered and trained at, what Wan2.2 likes, and their turns;
the last two in the larger steps of Wan2.2 TI2V-5B."""

MIN_CANVAS, MAX_CANVAS = 16, 8192
"""Pixels. At the least, eight subjects in rows get 2 px each; at the most, a frame takes 0.8 GB."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; x and y are its top-left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def right(self) -> int:
        """The first column beyond the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond the box."""
        return self.y + self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the box, to index (H, W, ...) with."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def grown(self, margin: int, picture: tuple[int, int]) -> "Box":
        """The box with `margin` more pixels on every side, clipped to a picture of size (width, height).

        >>> Box(3, 20, 50, 60).grown(5, (100, 100))
        Box(x=0, y=15, width=58, height=70)
        """
        x, y = max(self.x - margin, 0), max(self.y - margin, 0)
        right, bottom = min(self.right + margin, picture[0]), min(self.bottom + margin, picture[1])
        return Box(x, y, right - x, bottom - y)

    def moved(self, x: int, y: int) -> "Box":
        """The box so many pixels further to the right, and down."""
        return replace(self, x=self.x + x, y=self.y + y)

    def centred(self, size: tuple[int, int]) -> "Box":
        """A box of this size (width, height) in the middle of this one; a spare pixel goes to the right and below.

        >>> Box(10, 10, 101, 50).centred((20, 50))
        Box(x=50, y=10, width=20, height=50)
        """
        return Box(self.x + (self.width - size[0]) // 2, self.y + (self.height - size[1]) // 2, *size)

    def split(self, beside: bool, first: int, gap: int = 0) -> tuple["Box", "Box"]:
        """Two boxes side by side (or one above the other), the first `first` pixels wide (high), `gap` between them.

        >>> Box(0, 0, 100, 40).split(True, 30, gap=10)
        (Box(x=0, y=0, width=30, height=40), Box(x=40, y=0, width=60, height=40))
        """
        second = first + gap
        if beside:
            return replace(self, width=first), replace(self, x=self.x + second, width=self.width - second)
        return replace(self, height=first), replace(self, y=self.y + second, height=self.height - second)


NOWHERE = Box(0, 0, 0, 0)
"""The box of what is not there."""


def halves(width: int, height: int) -> tuple[Box, Box]:
    """The left half (subjects) and the right half (background) of a canvas; the right one takes an odd column.

    >>> halves(1281, 720)
    (Box(x=0, y=0, width=640, height=720), Box(x=640, y=0, width=641, height=720))
    """
    middle = width // 2
    return Box(0, 0, middle, height), Box(middle, 0, width - middle, height)


def fit_size(size: tuple[int, int], slot: tuple[int, int], max_scale: float = 1.0) -> tuple[int, int]:
    """The largest (width, height) with the aspect of `size` that fits into `slot` and is at most `max_scale` times it.

    Rounds as `PIL.Image.Image.thumbnail` does: one side fills the slot, the other is the whole number
    (at least 1) that keeps the aspect best. Source: Pillow's thumbnail, which the official FFGo script calls.

    >>> fit_size((1600, 900), (640, 720)), fit_size((100, 50), (640, 720)), fit_size((100, 50), (640, 720), max_scale=3)
    ((640, 360), (100, 50), (300, 150))
    """
    aspect = size[0] / size[1]
    width = min(slot[0], math.floor(size[0] * max_scale))
    height = min(slot[1], math.floor(size[1] * max_scale))
    if (width, height) == size:
        return size
    if width / height >= aspect:
        wanted = height * aspect
        width = max(min(math.floor(wanted), math.ceil(wanted), key=lambda w: abs(aspect - w / height)), 1)
    else:
        wanted = width / aspect
        height = max(min(math.floor(wanted), math.ceil(wanted), key=lambda h: abs(aspect - width / h) if h else 0), 1)
    return width, height
