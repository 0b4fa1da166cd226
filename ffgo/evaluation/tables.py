"""From scores to tables: every number in a CSV, means with intervals, and methods compared in pairs."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, median

from ..errors import FFGOError
from ..files import complete_file
from .measuring import CLIP, Measured
from .runs import ClipPlace
from .scores import BY_ID, METRICS
from .stats import Difference, Interval, holm, mean_interval, paired_difference

METRICS_FILE, SUMMARY_FILE, COMPARISONS_FILE = "metrics.csv", "summary.csv", "comparisons.csv"
FROZEN = 0.10
"""Of the median motion of a case's clips; a clip that moves less is frozen, and its coherence means nothing."""


@dataclass(frozen=True, slots=True)
class Mean:
    """One metric of one method."""

    method: str
    metric: str
    interval: Interval | None
    """Over the cases of which every method has a value; None where there is none."""
    cases: int
    """Of which this method has a value."""
    undefined: int
    """Clips (or subjects of clips) that have none, because there is nothing to measure."""
    failed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two methods, in one metric, on the cases that both have."""

    metric: str
    one: str
    other: str
    difference: Difference
    adjusted_p: float
    """Holm's, over all pairs of methods in this metric."""


@dataclass(frozen=True, slots=True)
class Tables:
    """All that a report shows."""

    methods: tuple[str, ...]
    measured: tuple[Measured, ...]
    means: Mapping[tuple[str, str], Mean]
    """By method and metric."""
    comparisons: tuple[Comparison, ...]
    frozen: tuple[ClipPlace, ...]
    by_case: Mapping[tuple[str, str], Mapping[str, float]]
    """Method and metric -> case -> mean over its seeds and subjects."""

    @property
    def metrics(self) -> list[str]:
        """Those of which there is anything to say, in the order of the report."""
        return [one.id for one in METRICS if any(self.by_case.get((method, one.id)) for method in self.methods)]


def tabulate(measured: Sequence[Measured], methods: Sequence[str]) -> Tables:
    """Means and comparisons. A case counts once, whatever its seeds and subjects; undefined is never 0."""
    values: dict[tuple[str, str], dict[str, dict[int, list[float]]]] = defaultdict(lambda: defaultdict(dict))
    lost: dict[tuple[str, str, str], int] = defaultdict(int)
    for clip in measured:
        for score in clip.scores:
            where = (clip.place.method, score.metric)
            if score.value is not None:
                values[where][clip.place.case].setdefault(clip.place.seed, []).append(score.value)
            else:
                for metric in BY_ID if score.metric == CLIP else [score.metric]:
                    lost[clip.place.method, metric, score.state] += 1
    by_case = {
        where: {case: fmean(fmean(one) for one in seeds.values()) for case, seeds in cases.items()}
        for where, cases in values.items()
    }
    means, comparisons = {}, []
    for metric in BY_ID:
        have = [method for method in methods if by_case.get((method, metric))]
        common = _common([by_case[method, metric] for method in have])
        for method in methods:
            found = by_case.get((method, metric), {})
            interval = mean_interval([found[case] for case in common]) if found and common else None
            undefined, failed = (lost[method, metric, state] for state in ("undefined", "failed"))
            means[method, metric] = Mean(method, metric, interval, len(found), undefined, failed)
        comparisons += _compared(metric, have, by_case)
    return Tables(tuple(methods), tuple(measured), means, tuple(comparisons), tuple(_frozen(measured)), by_case)


def _common(every: Sequence[Mapping[str, float]]) -> list[str]:
    return sorted(set.intersection(*(set(one) for one in every))) if every else []


def _compared(
    metric: str, methods: Sequence[str], by_case: Mapping[tuple[str, str], Mapping[str, float]]
) -> list[Comparison]:
    pairs = []
    for one, other in combinations(methods, 2):
        here, there = by_case[one, metric], by_case[other, metric]
        if common := _common([here, there]):
            pairs.append((one, other, paired_difference([here[c] for c in common], [there[c] for c in common])))
    adjusted = holm([difference.p for *_, difference in pairs])
    return [
        Comparison(metric, one, other, difference, p)
        for (one, other, difference), p in zip(pairs, adjusted, strict=True)
    ]


def _frozen(measured: Sequence[Measured]) -> Iterator[ClipPlace]:
    motions: dict[str, dict[ClipPlace, float]] = defaultdict(dict)
    for clip in measured:
        for score in clip.scores:
            if score.metric == "motion" and score.value is not None:
                motions[clip.place.case][clip.place] = score.value
    for found in motions.values():
        usual = median(found.values())
        yield from (place for place, motion in found.items() if motion < FROZEN * usual)


def write_tables(tables: Tables, folder: Path) -> None:
    """Write `metrics.csv`, `summary.csv` and `comparisons.csv`. Raises: FFGOError where they cannot be written."""
    _write(
        folder / METRICS_FILE,
        ["method", "case", "seed", "subject", "metric", "value", "n_frames", "state", "note"],
        (
            [
                clip.place.method, clip.place.case, clip.place.seed, score.subject, score.metric,
                _number(score.value), score.n_frames, score.state, score.note,
            ]
            for clip in tables.measured
            for score in clip.scores
        ),
    )  # fmt: skip
    _write(
        folder / SUMMARY_FILE,
        ["method", "metric", "mean", "low", "high", "n", "cases", "undefined", "failed"],
        (_summary(tables.means[method, metric]) for metric in BY_ID for method in tables.methods),
    )
    _write(
        folder / COMPARISONS_FILE,
        ["metric", "one", "other", "difference", "low", "high", "n", "p", "p_holm"],
        (
            [
                c.metric, c.one, c.other, *map(_number, (c.difference.mean, c.difference.low, c.difference.high)),
                c.difference.n, _number(c.difference.p), _number(c.adjusted_p),
            ]
            for c in tables.comparisons
        ),
    )  # fmt: skip


def _summary(mean: Mean) -> list[object]:
    found = mean.interval
    numbers = [found.mean, found.low, found.high] if found else [None] * 3
    return [
        mean.method, mean.metric, *map(_number, numbers), found.n if found else 0, mean.cases, mean.undefined,
        mean.failed,
    ]  # fmt: skip


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    try:
        with complete_file(path) as partial, partial.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([_harmless(cell) for cell in row] for row in rows)
    except OSError as error:
        raise FFGOError(
            f"{path} cannot be written: {error.strerror}. Close it where it is open elsewhere, make room, then run "
            "this again; what was measured is kept."
        ) from error


def _harmless(cell: object) -> object:
    """Spreadsheets take some beginnings for formulas; a negative number is none."""
    is_text = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    if not is_text:
        return cell
    try:
        float(cell)  # pyright: ignore[reportArgumentType]
    except ValueError:
        return f"'{cell}"
    return cell


def lines_of(tables: Tables) -> list[str]:
    """The table of means in lines for the terminal."""
    width = max([len(BY_ID[metric].title) for metric in tables.metrics] or [6])
    lines = []
    for metric in tables.metrics:
        for method in tables.methods:
            mean = tables.means[method, metric]
            lost = ", ".join(f"{n} {what}" for n, what in ((mean.undefined, "undefined"), (mean.failed, "failed")) if n)
            lines.append(
                f"{BY_ID[metric].title:<{width}}  {method:<20} {in_words(mean)}" + (f"  ({lost})" if lost else "")
            )
    return lines + [f"frozen: {place} hardly moves; its coherence says nothing." for place in tables.frozen]


def in_words(mean: Mean) -> str:
    """Mean, interval and number of cases."""
    found, digits = mean.interval, BY_ID[mean.metric].digits
    if found is None:
        return "-"
    interval = "" if found.low is None or found.high is None else f" [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.mean:.{digits}f}{interval} n={found.n}"
