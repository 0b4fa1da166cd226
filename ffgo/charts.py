"""The colours and the text of everything that is drawn here: curves, strips, contact sheets and stories."""

from dataclasses import dataclass

from PIL import ImageDraw, ImageFont


@dataclass(frozen=True, slots=True)
class Palette:
    """What a picture is drawn in, as CSS writes colours."""

    ground: str
    ink: str


PAPER = Palette(ground="#ffffff", ink="#22262e")
"""Pictures that are looked at by themselves."""
FAINT, GRID, EDGE = "#6b7280", "#dddddd", "#a0a0a0"
"""On paper: text that matters less, the lines of a chart, and the frames of pictures."""

NODE = Palette(ground="#16191d", ink="#f2f4f7")
"""Strips on a node, which lie on ComfyUI's dark page or on its light one."""

HIGH, LOW = "#d1601f", "#3a86d6"
"""The two experts. Told apart by colour-blind people too; contrast of 3:1 and more to `NODE.ground`, and to pages."""

LINES = ("#2f6fde", "#d9822b", "#2a9d64")
"""Curves in one chart; told apart in dark, light, and by the colour-blind."""

SUBJECTS = ("#d9352b", "#c78a00", "#0b7f86", "#6d3fc4", "#2563c9", "#b0307c", "#4d7c0f", "#8a4b1a")
"""Up to eight subjects of a frame."""
ALARM = SUBJECTS[0]


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all text; size in pixels."""
    return ImageFont.load_default(size)


def write(  # noqa: PLR0917 (as Pillow's own)
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str = PAPER.ink, anchor="la"
) -> None:
    """Write a line of text; anchor: which point of it lies at (x, y), as Pillow has it (la: left and top)."""
    draw.text(at, text, fill=colour, font=font(size), anchor=anchor)
