"""A contact sheet of examples: composite, frames and caption, a row each."""

from collections.abc import Sequence
from math import ceil
from textwrap import wrap

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..bases.memory import composed_frames
from ..charts import EDGE, PAPER, write
from ..clip.video_io import MOST_FRAMES, read_frames
from ..errors import FFGOError
from ..pixels import to_float
from .examples import open_composite
from .records import LookedAt

WIDTH, THUMB, MARGIN, LINE = 1280, (246, 138), 8, 19
FRAMES = 4
"""Frames shown of every clip, beside the composite."""


def contact_sheet(examples: Sequence[LookedAt], page: int = 1, per_page: int = 8) -> tuple[Tensor, int]:
    """One page of the contact sheet, an IMAGE (1, H, W, 3), and how many pages there are.

    Every row shows the composite, four frames of the clip after the composite's share, and the caption; each further
    composite takes the place of a frame.
    Raises: FFGOError if there is no such page, or an example cannot be read.
    """
    pages = ceil(len(examples) / per_page)
    if not 1 <= page <= pages:
        raise FFGOError(f"There is no page {page}: the dataset has {len(examples)} examples on {pages} page(s).")
    shown = examples[(page - 1) * per_page : page * per_page]
    rows = [_row(example, (page - 1) * per_page + i) for i, example in enumerate(shown, 1)]
    sheet = Image.new("RGB", (WIDTH, sum(row.height for row in rows)), PAPER.ground)
    for i, row in enumerate(rows):
        sheet.paste(row, (0, sum(above.height for above in rows[:i])))
    return torch.from_numpy(to_float(sheet))[None], pages


def _row(example: LookedAt, number: int) -> Image.Image:
    info = example.info
    facts = f"{number}  {example.name}  {info.width}x{info.height}, {info.frames} frames, {info.fps:.4g} fps"
    lines = [facts, *wrap(example.caption, 170)]
    row = Image.new("RGB", (WIDTH, THUMB[1] + len(lines) * LINE + 4 * MARGIN), PAPER.ground)
    draw = ImageDraw.Draw(row)
    pictures = [*map(open_composite, example.composites), *_frames(example)]
    for i, picture in enumerate(pictures):
        thumb = ImageOps.contain(picture, THUMB)
        left, top = MARGIN + i * (THUMB[0] + MARGIN) + (THUMB[0] - thumb.width) // 2, MARGIN + THUMB[1] - thumb.height
        row.paste(thumb, (left, top))
        # White composites end somewhere, too.
        draw.rectangle((left - 1, top - 1, left + thumb.width, top + thumb.height), outline=EDGE)
    for i, line in enumerate(lines):
        write(draw, (MARGIN, THUMB[1] + 2 * MARGIN + i * LINE), line, 14)
    return row


def _frames(example: LookedAt) -> list[Image.Image]:
    """Frames spread over what can be trained, from the first that is no composite's; only thumbnails are kept."""
    last = min(example.info.frames, MOST_FRAMES) - 1
    first = min(composed_frames(DEFAULT, example.memory), last)
    wanted = np.linspace(first, last, FRAMES + 1 - example.memory).astype(int)
    thumbs = {
        i: ImageOps.contain(Image.fromarray(picture), THUMB)
        for i, picture in enumerate(read_frames(example.clip, last + 1))
        if i in wanted
    }
    return [thumbs[i] for i in wanted if i in thumbs]
