"""The report of a run folder: `report.html`, with filmstrips beside it."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import fmean, pstdev

from yarl import URL

from ..errors import FFGOError
from ..files import complete_file
from .cases import CaseSet
from .measuring import kept_scores, of_the_set
from .page import PAGE, SCRIPT, STYLE
from .plots import dot_plot
from .runs import ClipPlace, ClipResult, Runs
from .scores import BY_ID, Metric, Score, in_figures, titled
from .strips import write_strip
from .tables import Mean, Tables, in_words, tabulate

REPORT_FILE, STRIPS = "report.html", "strips"
OVERALL = "overall"
PLOTTED = 12


def write_report(runs: Runs) -> Path:
    """Write the page and its pictures; returns its path. Raises: FFGOError, also where nothing is measured yet."""
    cases = runs.case_set()
    runs = of_the_set(runs, cases)
    measured = kept_scores(runs)
    if not measured:
        raise FFGOError(f"Nothing in {runs.folder} is measured yet. `python -m ffgo.evaluation measure` does it.")
    tables = tabulate(measured, [method.name for method in runs.methods])
    page = PAGE.substitute(
        title=escape(f"Evaluation: {cases.name}"),
        subtitle=escape(_subtitle(runs, tables)),
        style=STYLE,
        script=SCRIPT,
        warnings=_warnings(runs, tables),
        means=_means(tables),
        plots="".join(_plot(tables, metric) for metric in tables.metrics[:PLOTTED]),
        pairs=_pairs(tables),
        orders="".join(
            f'<option value="{name}">{escape(title)}</option>'
            for name, title in [(OVERALL, "all metrics")] + [(m, BY_ID[m].title) for m in _ordered(tables)]
        ),
        cases=_cases(runs, cases, tables),
    )
    path = runs.folder / REPORT_FILE
    try:
        with complete_file(path) as partial:
            partial.write_text(page, "utf-8")
    except OSError as error:
        raise FFGOError(f"{path} cannot be written: {error.strerror}. Make room, then run this again.") from error
    return path


def _subtitle(runs: Runs, tables: Tables) -> str:
    cases = {clip.place.case for clip in tables.measured}
    return f"{len(tables.methods)} methods, {len(cases)} cases, {len(runs.results)} clips"


def _warnings(runs: Runs, tables: Tables) -> str:
    lines = [f"{len(runs.failures)} clips could not be made: {', '.join(str(f.place) for f in runs.failures[:8])}."]
    lines = lines if runs.failures else []
    unmeasured = len(runs.results) - len(tables.measured)
    if unmeasured:
        lines.append(f"{unmeasured} clips are not measured yet; run measure, then this again.")
    if tables.frozen:
        places = ", ".join(map(str, tables.frozen[:8])) + (", ..." if tables.frozen[8:] else "")
        lines.append(f"Frozen, so that their coherence says nothing: {places}.")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="bad">{items}</ul>' if items else ""


def _means(tables: Tables) -> str:
    head = "".join(f'<th scope="col">{escape(method)}</th>' for method in tables.methods)
    rows = []
    for metric in tables.metrics:
        means = [tables.means[method, metric] for method in tables.methods]
        best = _best(BY_ID[metric], means)
        cells = "".join(_cell(mean, mean is best) for mean in means)
        rows.append(f'<tr><th scope="row">{_heading(BY_ID[metric])}</th>{cells}</tr>')
    return f'<table><thead><tr><th scope="col">Metric</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _heading(metric: Metric) -> str:
    better = {"higher": "higher is better", "lower": "lower is better", "neither": ""}[metric.better]
    unit = f" ({escape(metric.unit)})" if metric.unit else ""
    return f'{escape(metric.title)}{unit}<br><small class="faint">{escape(metric.what)} {better}</small>'


def _best(metric: Metric, means: Sequence[Mean]) -> Mean | None:
    found = [mean for mean in means if mean.interval]
    if metric.better == "neither" or len(found) < 2:
        return None
    sign = 1 if metric.better == "higher" else -1
    return max(found, key=lambda mean: sign * mean.interval.mean if mean.interval else 0)


def _cell(mean: Mean, is_best: bool) -> str:
    lost = ", ".join(f"{n} {what}" for n, what in ((mean.undefined, "undefined"), (mean.failed, "failed")) if n)
    more = f"<small>{lost}</small>" if lost else ""
    return f"<td{' class=best' if is_best else ''}>{escape(in_words(mean))}{more}</td>"


def _plot(tables: Tables, metric: str) -> str:
    found = [(method, tables.means[method, metric].interval) for method in tables.methods]
    rows = [(method, interval) for method, interval in found if interval]
    if len(rows) < 2:
        return ""
    title = BY_ID[metric].title
    return f"<figure><figcaption>{escape(title)}</figcaption>{dot_plot(rows, BY_ID[metric].digits, title)}</figure>"


def _pairs(tables: Tables) -> str:
    if not tables.comparisons:
        return "<p>There is one method only.</p>"
    rows = []
    for one in tables.comparisons:
        digits, found = BY_ID[one.metric].digits, one.difference
        known = found.low is not None and found.high is not None
        interval = f" [{found.low:+.{digits}f}, {found.high:+.{digits}f}]" if known else ""
        cells = [f"{one.one} − {one.other}", f"{found.mean:+.{digits}f}{interval}", found.n, found.p, one.adjusted_p]  # noqa: RUF001
        shown = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells]
        data = "".join(f"<td>{escape(cell)}</td>" for cell in shown)
        rows.append(f'<tr><th scope="row">{escape(BY_ID[one.metric].title)}</th>{data}</tr>')
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Metric", "Pair", "Difference", "Cases", "p", "Holm's p")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


# ---------------------------------------------------------------- cases


def _ordered(tables: Tables) -> list[str]:
    """Metrics of which it is known what is worse."""
    return [metric for metric in tables.metrics if BY_ID[metric].better != "neither"]


def case_orders(tables: Tables) -> dict[str, dict[str, float]]:
    """Case -> metric -> how good it came out over all methods: 0 = as usual, negative = worse; with all of them."""
    orders: dict[str, dict[str, float]] = {clip.place.case: {} for clip in tables.measured}
    for metric in _ordered(tables):
        sign = 1 if BY_ID[metric].better == "higher" else -1
        means = {
            case: fmean(found[case] for found in _found(tables, metric) if case in found)
            for case in orders
            if any(case in found for found in _found(tables, metric))
        }
        spread = pstdev(means.values()) or 1.0
        middle = fmean(means.values())
        for case, mean in means.items():
            orders[case][metric] = sign * (mean - middle) / spread
    return {case: found | {OVERALL: fmean(found.values()) if found else 0.0} for case, found in orders.items()}


def _found(tables: Tables, metric: str) -> list[Mapping[str, float]]:
    return [tables.by_case.get((method, metric), {}) for method in tables.methods]


def _cases(runs: Runs, cases: CaseSet, tables: Tables) -> str:
    scores = {clip.place: clip.scores for clip in tables.measured}
    orders = case_orders(tables)
    shown = []
    for name in sorted(orders, key=lambda case: orders[case][OVERALL]):
        clips = [result for result in runs.results if result.place.case == name and result.place in scores]
        order = escape(json.dumps({key: round(number, 4) for key, number in orders[name].items()}), quote=True)
        frame = clips[0].frame.relative_to(runs.folder).as_posix()
        films = "".join(_film(runs, result, scores[result.place], tables) for result in clips)
        prompt = escape(cases.case(name).prompt)
        shown.append(
            f'<details data-order="{order}"><summary><b>{escape(name)}</b> '
            f'<span class="faint">{orders[name][OVERALL]:+.2f}</span></summary><p>{prompt}</p>'
            f'<figure class="frame"><img loading="lazy" src="{escape(_address(frame), quote=True)}" '
            f'alt="The composed first frame"></figure>{films}</details>'
        )
    return "".join(shown)


def _film(runs: Runs, result: ClipResult, scores: Sequence[Score], tables: Tables) -> str:
    place = result.place
    target = runs.folder / STRIPS / place.method / f"{place.case}_{place.seed}.webp"
    trim = runs.method(place.method).trim
    numbers = ", ".join(
        f"{titled(score)} {in_figures(score)}" for score in scores if score.metric in BY_ID and score.value is not None
    )
    lost = ", ".join(
        f"{BY_ID[s.metric].title} failed ({s.note})" if s.metric in BY_ID else s.note
        for s in scores
        if s.state == "failed"
    )
    frozen = " (frozen)" if place in tables.frozen else ""
    heading = f"<b>{escape(place.method)}</b>, seed {place.seed}{frozen}"
    try:
        write_strip(result.video, result.frames, 4 if trim == "auto" else trim, target)
    except FFGOError as error:
        return f'<p>{heading}: <span class="bad">{escape(str(error))}</span></p>'
    address, video = (_address(path.relative_to(runs.folder).as_posix()) for path in (target, result.video))
    return (
        f'<figure><figcaption>{heading} <a href="{escape(video, quote=True)}">play</a></figcaption>'
        f'<img loading="lazy" src="{escape(address, quote=True)}" alt="{escape(_alt(place), quote=True)}">'
        f'<span class="faint">{escape(numbers)}</span> <span class="bad">{escape(lost)}</span></figure>'
    )


def _alt(place: ClipPlace) -> str:
    return f"Frames of {place.case} by {place.method}"


def _address(path: str) -> str:
    return str(URL.build(path=path))
