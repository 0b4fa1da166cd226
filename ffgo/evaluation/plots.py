"""Means with their intervals as small pictures in a page: inline SVG, in the page's own colours."""

from collections.abc import Sequence
from html import escape

from .stats import Interval

WIDTH, ROW, LABEL, RIGHT, TOP, BOTTOM = 640, 26, 180, 20, 8, 26


def dot_plot(rows: Sequence[tuple[str, Interval]], digits: int, title: str) -> str:
    """One row for each method: a dot for the mean, a line for the interval."""
    ends = [one for _, found in rows for one in (found.mean, found.low, found.high) if one is not None]
    low, high = min(ends), max(ends)
    room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.05
    low, high = low - room, high + room
    height = TOP + ROW * len(rows) + BOTTOM

    def x(number: float) -> float:
        return round(LABEL + (number - low) / (high - low) * (WIDTH - LABEL - RIGHT), 1)

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}: means and 95 % intervals">']
    for number in (low + (high - low) * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)):
        parts.append(f'<line class="grid" x1="{x(number)}" x2="{x(number)}" y1="{TOP}" y2="{height - BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{x(number)}" y="{height - 8}">{number:.{digits}f}</text>')
    for index, (name, found) in enumerate(rows):
        y = TOP + ROW * index + ROW / 2
        shown = name if len(name) <= 24 else f"{name[:23]}…"
        parts.append(f'<text class="name" x="{LABEL - 12}" y="{y + 4}">{escape(shown)}</text>')
        if found.low is not None and found.high is not None:
            parts.append(f'<line class="interval" x1="{x(found.low)}" x2="{x(found.high)}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="mean" cx="{x(found.mean)}" cy="{y}" r="5"/>')
    return "".join([*parts, "</svg>"])
