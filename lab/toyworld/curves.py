"""Draw the loss curves of all trainings of the toy models: `python -m lab.toyworld.curves PICTURE`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ffgo.charts import GRID, LINES, PAPER, write

from .family import WEIGHTS
from .together import CURVES

BEGUN_WITH, MADE = Path(__file__).with_name("curves.jsonl"), WEIGHTS / CURVES
"""Of the models that all begins with, and of those that make.py makes from them. A line for each fifty steps, with the
run, its step, its minutes so far and its mean loss."""
WIDTH, HEIGHT, MARGIN, COLUMNS = 400, 220, 54, 3
TEXT = 13


def read_curves(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of each run."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for line in path.read_text().splitlines():
        point = json.loads(line)
        runs.setdefault(point["run"], []).append(point)
    return runs


def draw_curves(runs: dict[str, list[dict[str, Any]]]) -> Image.Image:
    """A panel for each run."""
    rows = -(-len(runs) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * WIDTH, rows * HEIGHT), PAPER.ground)
    for number, (name, points) in enumerate(runs.items()):
        page.paste(_panel(name, points), (number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT))
    return page


def _panel(name: str, points: Sequence[dict[str, Any]]) -> Image.Image:
    panel = Image.new("RGB", (WIDTH, HEIGHT), PAPER.ground)
    draw = ImageDraw.Draw(panel)
    steps, losses = [point["step"] for point in points], [point["loss"] for point in points]
    left, top, right, bottom = MARGIN, 34, WIDTH - 14, HEIGHT - 28
    most = max(losses)
    for share in (0.0, 0.5, 1.0):
        y = bottom - (bottom - top) * share
        draw.line([(left, y), (right, y)], GRID)
        write(draw, (left - 4, y), f"{most * share:.2g}", TEXT, anchor="rm")
    places = [
        (left + (right - left) * step / steps[-1], bottom - (bottom - top) * loss / most)
        for step, loss in zip(steps, losses, strict=True)
    ]
    draw.line(places, LINES[0], 2)
    write(draw, (left, 10), f"{name}: {steps[-1]:,} steps, {points[-1]['minutes']:.0f} minutes", TEXT)
    return panel


if __name__ == "__main__":
    draw_curves(read_curves(BEGUN_WITH) | read_curves(MADE)).save(sys.argv[1])
