"""A picture of who is there when: a row for each subject, a bar for each look."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..charts import ALARM, LINES, NODE, write
from ..frame.previews import laid_on_checks
from .presence import Presence

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 640, 64, 200, 64, 12, 30
THUMB, BAR = 48, 44
"""Pixels of a subject's small picture, and of a bar of 1."""
LONGEST_NAME = 17
SMALL, LARGE = 12, 14
THERE, LOST = LINES[2], ALARM


def draw_presence(presence: Presence, pictures: Sequence[np.ndarray | None]) -> Image.Image:
    """Every subject's picture, name, bars and share; bars from where it is lost on are red."""
    rows = len(presence.names)
    picture = Image.new("RGB", (WIDTH, TOP + ROW * rows + BOTTOM), NODE.ground)
    draw = ImageDraw.Draw(picture)
    for row, (name, cutout) in enumerate(zip(presence.names, pictures, strict=True)):
        top = TOP + ROW * row
        if cutout is not None:
            small = Image.fromarray(cutout)
            small.thumbnail((THUMB, THUMB))
            picture.paste(laid_on_checks(small), (8 + (THUMB - small.width) // 2, top + (ROW - small.height) // 2))
        shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        write(draw, (16 + THUMB, top + ROW / 2), shown, LARGE, NODE.ink, "lm")
        _draw_bars(draw, presence, row, top)
        write(draw, (WIDTH - 8, top + ROW / 2), f"{presence.shares[row]:.0%}", LARGE, NODE.ink, "rm")
    _draw_seconds(draw, presence, TOP + ROW * rows)
    return picture


def _draw_bars(draw: ImageDraw.ImageDraw, presence: Presence, row: int, top: int) -> None:
    lost = presence.lost_at(row)
    base, looks = top + ROW - 10, len(presence.frames)
    step = (WIDTH - LEFT - RIGHT) / looks
    for look, (frame, value) in enumerate(zip(presence.frames, presence.values[row], strict=True)):
        left = LEFT + step * look
        gone = (lost is not None and frame >= lost) or value < presence.threshold
        draw.rectangle((left, base - max(2, BAR * value), left + max(1, step - 2), base), fill=LOST if gone else THERE)
    level = base - BAR * presence.threshold
    draw.line((LEFT, level, WIDTH - RIGHT, level), fill=NODE.ink, width=1)


def _draw_seconds(draw: ImageDraw.ImageDraw, presence: Presence, top: int) -> None:
    first, last = presence.frames[0] / presence.fps, presence.frames[-1] / presence.fps
    write(draw, (LEFT, top + 8), f"{first:.1f} s", SMALL, NODE.ink, "la")
    write(draw, (WIDTH - RIGHT, top + 8), f"{last:.1f} s", SMALL, NODE.ink, "ra")
    write(
        draw, ((LEFT + WIDTH - RIGHT) / 2, top + 8), "the line: from here on it counts as there", SMALL, NODE.ink, "ma"
    )
