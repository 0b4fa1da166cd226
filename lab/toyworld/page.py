"""A picture page of the table: what each row made of the same examples, frame by frame, one below the other."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.charts import ALARM, FAINT, PAPER, write
from ffgo.pixels import to_uint8

from .examples import ToyExample
from .render import render_clip
from .scene import FRAMES, HEIGHT, WIDTH
from .table import Measured

SHOWN = (0, 1, 3, 4, 6, 8, 10, 12, 14, 16)
"""Frames; the first four are what the trim drops."""
ENLARGED = 2
LABEL, GAP, MARGIN = 430, 4, 20


def draw_page(measured: Sequence[Measured], examples: Sequence[ToyExample], chosen: Sequence[int]) -> Image.Image:
    """Filmstrips of the chosen examples, each with the truth above all rows."""
    row = HEIGHT * ENLARGED + GAP
    block = row * (len(measured) + 1) + 50
    width = 2 * MARGIN + LABEL + len(SHOWN) * (WIDTH * ENLARGED + GAP)
    page = Image.new("RGB", (width, MARGIN + block * len(chosen)), PAPER.ground)
    draw = ImageDraw.Draw(page)
    for place, index in enumerate(chosen):
        example, top = examples[index], MARGIN + place * block
        write(draw, (MARGIN, top), example.prompt, 22)
        top += 34
        truth = torch.from_numpy(render_clip(example.clip))
        truth[:COMPOSED_FRAMES] = example.composed()
        _strip(page, top, ("as it should be (frames 0 to 3: the composed frame)", ""), truth)
        for number, made in enumerate(measured, 1):
            values = made.values
            scores = [f"{name} {values[f'{name}_identity']:.2f}" for name in ("object", "scene")]
            words = (made.row.words, "  ".join([*scores, f"motion {values['motion']:.2f}"]))
            _strip(page, top + number * row, words, made.clips[index])
    return page


def _strip(page: Image.Image, top: int, words: tuple[str, str], clip: Tensor) -> None:
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, top + 30), words[0], 17)
    write(draw, (MARGIN, top + 58), words[1], 16, FAINT)
    size = WIDTH * ENLARGED, HEIGHT * ENLARGED
    for column, frame in enumerate(SHOWN):
        left = MARGIN + LABEL + column * (size[0] + GAP)
        picture = Image.fromarray(to_uint8(clip[frame]))
        page.paste(picture.resize(size, Image.Resampling.NEAREST), (left, top))
        write(draw, (left + 3, top + 2), str(frame), 13, ALARM if frame < COMPOSED_FRAMES else FAINT)


def save_page(measured: Sequence[Measured], examples: Sequence[ToyExample], out: Path) -> None:
    """Write filmstrips.png into the folder `out`."""
    assert len(SHOWN) <= FRAMES
    out.mkdir(parents=True, exist_ok=True)
    two = [index for index, example in enumerate(examples) if len(example.clip.shot.subjects) == 2]
    draw_page(measured, examples, two[:4]).save(out / "filmstrips.png")
