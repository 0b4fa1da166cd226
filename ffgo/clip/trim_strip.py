"""A picture of the frames around the cut: what was dropped from the clip, and what it begins with now."""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..charts import NODE, write
from ..pixels import to_float, to_uint8

AROUND = 4
"""Frames shown on each side of the cut: all that are dropped as a rule."""

SIDE, GAP, LABEL = 200, 6, 22
"""Pixels: the longer side of a frame, the space between frames, and the height of the line of text below each."""

NARROWEST = 130
"""Pixels that the text below a frame takes up, however narrow the frame."""

DIM = 0.6
"""How much of a dropped frame's light is taken away."""


def draw_cut(images: Tensor, dropped: int) -> Tensor:
    """Draw the last dropped frames, dim and crossed out, above the first frames that are kept.

    images (B, H, W, C), float 0..1: the whole clip, of which the first `dropped` frames were dropped.
    Returns (1, h, w, 3), float 0..1.
    """
    rows = [
        [(i, _crossed_out(_small(images[i]))) for i in range(max(dropped - AROUND, 0), dropped)],
        [(i, _small(images[i])) for i in range(dropped, min(dropped + AROUND, len(images)))],
    ]
    rows = [row for row in rows if row]
    width, height = rows[0][0][1].size
    column, line = max(width, NARROWEST) + GAP, height + LABEL + GAP
    picture = Image.new("RGB", (max(map(len, rows)) * column + GAP, len(rows) * line + GAP), NODE.ground)
    draw = ImageDraw.Draw(picture)
    for y, row in enumerate(rows):
        for x, (number, frame) in enumerate(row):
            left, top = GAP + x * column, GAP + y * line
            picture.paste(frame, (left + (column - GAP - width) // 2, top))
            text = f"frame {number}: dropped" if number < dropped else f"frame {number}"
            middle = left + (column - GAP) / 2, top + height + LABEL / 2
            write(draw, middle, text, 14, NODE.ink, "mm")
    return torch.from_numpy(to_float(picture)[np.newaxis])


def _small(frame: Tensor) -> Image.Image:
    """A frame (H, W, C) as a miniature; its alpha is left out, and grey becomes RGB."""
    colours = frame[..., :3] if frame.shape[-1] >= 3 else frame[..., :1].expand(-1, -1, 3)
    small = Image.fromarray(to_uint8(colours))
    small.thumbnail((SIDE, SIDE))
    return small


def _crossed_out(frame: Image.Image) -> Image.Image:
    dim = Image.blend(frame, Image.new("RGB", frame.size, NODE.ground), DIM)
    draw = ImageDraw.Draw(dim)
    right, bottom = frame.width - 1, frame.height - 1
    for ends in ((0, 0, right, bottom), (0, bottom, right, 0)):
        draw.line(ends, fill=NODE.ink, width=3)
    return dim
