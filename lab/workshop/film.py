"""The moving picture of the README: composed frame, cut, clip, as the toy world's models make them.

Run by dev.py in the host's Python: `python -m lab.workshop.film FILE.webp`.
"""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.charts import ALARM, FAINT, GRID, PAPER, write
from ffgo.host.boot import boot_here
from ffgo.pixels import to_uint8
from lab.toyworld.examples import test_set
from lab.toyworld.family import LORA_HIGH, LORA_LOW, WEIGHTS, Family
from lab.toyworld.scene import HEIGHT, WIDTH

EXAMPLES = (17, 57, 60)
"""Of the 64 that no model was trained on: one or two subjects that move."""
ENLARGED, MARGIN, GAP = 2, 20, 40
WIDE, HIGH = WIDTH * ENLARGED, HEIGHT * ENLARGED
STAGES = "1  The composed frame", "2  Four frames are cut off", "3  The clip"
NOTICE = "Made by small models, trained on a toy world of sprites; these sprites they have never seen."
HOLD_MS, FRAME_MS, END_MS = 1800, 140, 1200
LETTERS = 36
"""Of a caption's line."""


def draw_film(composed: Tensor, clips: Tensor, captions: Sequence[str], path: Path) -> None:
    """Write clips side by side as an animated WebP that goes round for ever.

    composed: their first frames (N, H, W, 3); clips (N, F, H, W, 3), the dropped frames first; both 0..1.
    """
    shown, durations = zip(*_pages(composed, clips, captions), strict=True)
    first, *rest = shown
    how = {"quality": 60, "method": 6, "minimize_size": True}
    first.save(path, save_all=True, append_images=rest, duration=list(durations), loop=0, **how)


def _pages(composed: Tensor, clips: Tensor, captions: Sequence[str]) -> Iterator[tuple[Image.Image, int]]:
    """Each page of the film and how long it stays, in ms."""
    yield _page(composed, captions, 0), HOLD_MS
    for frame in range(clips.shape[1]):
        last = frame == clips.shape[1] - 1
        yield _page(clips[:, frame], captions, 1 if frame < COMPOSED_FRAMES else 2), END_MS if last else FRAME_MS


def _page(pictures: Tensor, captions: Sequence[str], stage: int) -> Image.Image:
    width = len(captions) * (WIDE + GAP) - GAP + 2 * MARGIN
    page = Image.new("RGB", (width, HIGH + 176), PAPER.ground)
    draw = ImageDraw.Draw(page)
    for number, words in enumerate(STAGES):
        colour = (ALARM if stage == 1 else PAPER.ink) if number == stage else GRID
        write(draw, (MARGIN + number * (WIDE + GAP), 14), words, 16, colour)
    for number, (pixels, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = MARGIN + number * (WIDE + GAP), 48
        picture = Image.fromarray(to_uint8(pixels)).resize((WIDE, HIGH), Image.Resampling.NEAREST)
        page.paste(Image.blend(picture, Image.new("RGB", picture.size, PAPER.ground), 0.45 * (stage == 1)), (x, y))
        draw.rectangle([(x - 1, y - 1), (x + WIDE, y + HIGH)], outline=FAINT)
        if stage == 1:
            draw.line([(x, y), (x + WIDE - 1, y + HIGH - 1)], fill=ALARM, width=4)
        for line, words in enumerate(textwrap.wrap(f"“{caption}”", LETTERS)):
            write(draw, (x, y + HIGH + 10 + 19 * line), words, 14, PAPER.ink)
    write(draw, (MARGIN, page.height - 28), NOTICE, 14, FAINT)
    return page


def main(path: Path) -> None:
    examples = [test_set()[number] for number in EXAMPLES]
    composed = torch.stack([example.composed() for example in examples])
    family = Family.load().with_loras(WEIGHTS / LORA_HIGH, WEIGHTS / LORA_LOW)
    clips = family.generate(composed, [example.prompt for example in examples])
    draw_film(composed, clips, [example.caption for example in examples], path)
    print(f"[ffgo] {path}")


if __name__ == "__main__":
    boot_here("--cpu")
    main(Path(sys.argv[1]))
