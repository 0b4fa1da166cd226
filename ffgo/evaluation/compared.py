"""Scores of single clips, in words and as a picture on a node."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from ..charts import NODE, font, write
from .scores import BY_ID, RAW, Score, in_figures, titled

WIDTH, ROW, SIZE, MARGIN = 720, 26, 15, 12
COLUMNS = (430, 570, 700)
"""Right ends of the columns of numbers."""
BETTER = "#8fd19e"
"""Told from `NODE.ink` by its sign too: a star stands before it."""


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What was found out of one clip; what goes through the socket FFGO_SCORES."""

    scores: tuple[Score, ...]


def describe_scores(found: ClipScores) -> list[str]:
    """One line for each score, what is undefined last, with its reason."""
    lines = [f"{titled(one)}: {in_figures(one)}{_because(one)}" for one in found.scores if one.value is not None]
    return lines + [f"{titled(one)}: {one.state}{_because(one)}" for one in found.scores if one.value is None]


def _because(score: Score) -> str:
    return f" ({score.note})" if score.note else ""


def compare_scores(one: ClipScores, other: ClipScores) -> tuple[list[str], Image.Image]:
    """Two clips side by side: in lines, and as a picture. One clip of each says little of the methods."""
    rows = _rows(one, other)
    lines = [
        f"{title}: {a} and {b}{f', difference {difference}' if difference else ''}"
        for title, a, b, difference, _ in rows
    ]
    picture = Image.new("RGB", (WIDTH, MARGIN * 2 + ROW * (len(rows) + 1)), NODE.ground)
    draw = ImageDraw.Draw(picture)
    for right, text in zip(COLUMNS, ("a", "b", "b - a"), strict=True):
        write(draw, (right, MARGIN), text, SIZE, NODE.ink, "ra")
    for number, (title, a, b, difference, better) in enumerate(rows, 1):
        y = MARGIN + ROW * number
        write(draw, (MARGIN, y), _short(title, COLUMNS[0] - 110), SIZE, NODE.ink)
        for right, text, is_better in zip(COLUMNS, (a, b, difference), (better < 0, better > 0, False), strict=True):
            write(draw, (right, y), f"* {text}" if is_better else text, SIZE, BETTER if is_better else NODE.ink, "ra")
    return lines, picture


def _rows(one: ClipScores, other: ClipScores) -> list[tuple[str, str, str, str, float]]:
    """Title, both figures, their difference, and which is better (negative: the first)."""
    there = {(score.metric, score.subject): score for score in other.scores}
    rows = []
    for a in one.scores:
        b = there.get((a.metric, a.subject))
        if b is None or (a.value is None and b.value is None):
            continue
        metric = BY_ID.get(a.metric.removesuffix(RAW))
        difference, better = "", 0.0
        if a.value is not None and b.value is not None:
            difference = f"{b.value - a.value:+.{metric.digits if metric else 3}f}"
            sign = {"higher": 1, "lower": -1, "neither": 0}[metric.better] if metric else 0
            better = sign * (b.value - a.value)
        rows.append((titled(a), in_figures(a), in_figures(b), difference, better))
    return rows


def _short(text: str, width: int) -> str:
    while text and font(SIZE).getlength(text) > width:
        text = text[:-2] + "…"
    return text
