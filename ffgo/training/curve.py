"""Pictures of a run: its loss by sigma band, and what the expert makes of an example."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..charts import GRID, LINES, PAPER, font, write

BANDS = 3
MARGIN, TEXT = 44, 13
SMOOTHING = 0.1
"""Share that a new sample has in the line; a single sample's loss says little."""


@dataclass(frozen=True, slots=True)
class Band:
    """The samples between two sigmas."""

    low: float
    high: float
    steps: Tensor
    losses: Tensor
    """Smoothed."""


def bands(history: Tensor) -> list[Band]:
    """Split a history (samples, 3: step, sigma, loss) into bands with equally many samples, most noise first.

    >>> history = torch.tensor([[1, 0.2, 0.1], [2, 0.9, 0.8], [3, 0.5, 0.4]])
    >>> [band.steps.tolist() for band in bands(history)]
    [[2.0], [3.0], [1.0]]
    """
    if not len(history):
        return []
    edges = torch.quantile(history[:, 1], torch.linspace(0, 1, BANDS + 1)).tolist()
    parts = []
    for low, high in reversed(list(pairwise(edges))):
        inside = history[(history[:, 1] >= low) & ((history[:, 1] < high) | (high == edges[-1]))]
        if len(inside):
            parts.append(Band(low, high, inside[:, 0], _smoothed(inside[:, 2])))
    return parts


def draw_loss_curve(history: Tensor, title: str, size: tuple[int, int] = (640, 320)) -> Image.Image:
    """The loss over the steps, one line for each band of sigmas.

    history (samples, 3): step, sigma, loss. The loss at much noise and at little differs far more than it falls in
    training: one line through all of it would show the draw of the sigmas.
    """
    width, height = size
    picture = Image.new("RGB", size, PAPER.ground)
    draw = ImageDraw.Draw(picture)
    write(draw, (MARGIN, 8), title, TEXT)
    parts = bands(history)
    if not parts:
        return picture
    last = max(float(band.steps.max()) for band in parts)
    low, high = (float(pick(torch.stack([pick(band.losses) for band in parts]))) for pick in (torch.min, torch.max))
    high = high if high > low else low + 1e-6
    plot = (MARGIN, 34, width - 12, height - 28)

    def place(step: float, loss: float) -> tuple[float, float]:
        return (
            plot[0] + (plot[2] - plot[0]) * (step - 1) / max(last - 1, 1),
            plot[3] - (plot[3] - plot[1]) * (loss - low) / (high - low),
        )

    for share in (0.0, 0.5, 1.0):
        loss = low + (high - low) * share
        y = place(1, loss)[1]
        draw.line([(plot[0], y), (plot[2], y)], GRID)
        write(draw, (4, y - 7), f"{loss:.3g}", TEXT)
    write(draw, (plot[0], plot[3] + 6), "step 1", TEXT)
    write(draw, (plot[2], plot[3] + 6), f"{last:.0f}", TEXT, anchor="ra")
    x = width - 12
    for band, colour in reversed(list(zip(parts, LINES, strict=False))):
        label = f"sigma {band.low:.2f}-{band.high:.2f}"
        write(draw, (x, 8), label, TEXT, colour, "ra")
        x -= draw.textlength(label, font(TEXT)) + 14
    for band, colour in zip(parts, LINES, strict=False):
        points = [place(step, loss) for step, loss in zip(band.steps.tolist(), band.losses.tolist(), strict=True)]
        draw.line(points if len(points) > 1 else points * 2, colour, 2, joint="curve")
        draw.circle(points[-1], 3, colour)
    return picture


def stack_pictures(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures one above the other, all as wide as the first."""
    width = pictures[0].width
    fitted = [p if p.width == width else p.resize((width, max(1, p.height * width // p.width))) for p in pictures]
    whole = Image.new("RGB", (width, sum(p.height for p in fitted)), PAPER.ground)
    y = 0
    for picture in fitted:
        whole.paste(picture, (0, y))
        y += picture.height
    return whole


def _smoothed(losses: Tensor) -> Tensor:
    values, mean = [], float(losses[0])
    for loss in losses.tolist():
        mean += SMOOTHING * (loss - mean)
        values.append(mean)
    return torch.tensor(values)
