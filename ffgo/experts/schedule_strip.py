"""A picture of a schedule: which steps are the high-noise expert's, and which the low-noise expert's."""

from itertools import pairwise
from math import ceil

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..charts import HIGH, LOW, NODE, font, write
from ..pixels import to_float
from .schedule import ExpertSplit

WIDTH, HEIGHT = 640, 150
LEFT, TOP, BOTTOM = 16, 44, 96
"""Where the steps are: from LEFT to WIDTH - LEFT, from TOP to BOTTOM, in pixels."""

NARROWEST = 5
"""Pixels; steps that are narrower are drawn without lines between them."""

MOST_LABELS = 100
"""Sigmas that are tried for; there is room for fewer."""

SMALL, LARGE = 13, 16
"""Text sizes in pixels."""


def draw_schedule(split: ExpertSplit, boundary: float) -> Tensor:
    """Draw the steps of both experts in two colours, with the boundary between them and the sigmas below.

    Returns (1, 150, 640, 3), float 0..1.
    """
    high, low = len(split.high_sigmas) - 1, len(split.low_sigmas) - 1
    sigmas = [*split.high_sigmas.tolist(), *split.low_sigmas.tolist()[1:]]
    edges = [LEFT + (WIDTH - 2 * LEFT) * i / (high + low) for i in range(len(sigmas))]
    picture = Image.new("RGB", (WIDTH, HEIGHT), NODE.ground)
    draw = ImageDraw.Draw(picture)
    line = 1 if edges[1] - edges[0] >= NARROWEST else 0
    for i, (left, right) in enumerate(pairwise(map(round, edges))):
        if right > left:
            draw.rectangle((left, TOP, right - 1 - line, BOTTOM), fill=HIGH if i < high else LOW)
    _label_experts(draw, high, low)
    middle = round(edges[high])
    draw.line((middle - 1, TOP - 8, middle - 1, BOTTOM + 8), fill=NODE.ink, width=3)
    _label_sigmas(draw, edges, sigmas, high)
    legend = f"sigma before each step; the low-noise expert takes over below {boundary:.3f}"
    write(draw, (WIDTH / 2, HEIGHT - 6), legend, SMALL, NODE.ink, "mb")
    return torch.from_numpy(to_float(picture)[np.newaxis])


def _label_experts(draw: ImageDraw.ImageDraw, high: int, low: int) -> None:
    """The colours and the numbers of steps of both experts, above the two ends of the strip."""
    draw.rectangle((LEFT, 14, LEFT + 12, 26), fill=HIGH)
    write(draw, (LEFT + 18, 20), f"high noise: {_steps(high)}", LARGE, NODE.ink, "lm")
    draw.rectangle((WIDTH - LEFT - 12, 14, WIDTH - LEFT, 26), fill=LOW)
    write(draw, (WIDTH - LEFT - 18, 20), f"low noise: {_steps(low)}", LARGE, NODE.ink, "rm")


def _label_sigmas(draw: ImageDraw.ImageDraw, edges: list[float], sigmas: list[float], high: int) -> None:
    """The sigmas at the boundary and at both ends, then at as many other steps as there is room for."""
    taken: list[tuple[float, float]] = []
    others = range(0, len(sigmas), ceil(len(sigmas) / MOST_LABELS))
    for i in dict.fromkeys([high, 0, len(sigmas) - 1, *others]):
        text = f"{sigmas[i]:.3f}"
        half = draw.textlength(text, font=font(SMALL)) / 2
        x = min(max(edges[i], 2 + half), WIDTH - 2 - half)
        if all(x + half + 6 < left or x - half - 6 > right for left, right in taken):
            taken.append((x - half, x + half))
            write(draw, (x, BOTTOM + 10), text, SMALL, NODE.ink, "ma")


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"
