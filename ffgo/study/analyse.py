"""The analysis of a study: table 1 and all that belongs to it, as CSV, Markdown and one page of HTML."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isnan
from pathlib import Path

import numpy as np

from ..errors import FFGOError
from ..files import complete_file
from .key import StudyKey, read_key
from .records import Records, exclusions, read_records
from .results import MEAN_RANK, StudyFigure, alphas, concordance, places, repeats, study_worths, table_1, wins
from .study_file import ANSWERS_FILE, Study, key_file, read_study, served_folder
from .tables import ResultTable, as_html, as_markdown

ALL, KEPT = "all", "without excluded"
NOTE = (
    "Means with 95 % intervals that know that raters and cases differ (two-way cluster-robust). Percentages have their "
    "counts. Only finished sets count, without checks and repeats."
)


@dataclass(frozen=True, slots=True)
class StudyAnalysis:
    """What `analyse` found and wrote."""

    figures: dict[str, list[StudyFigure]]
    """Table 1 of all participants, and without those excluded."""
    tables: tuple[ResultTable, ...]
    files: tuple[Path, ...] = ()


def analyse(folder: Path, out: Path | None = None, key_path: Path | None = None) -> StudyAnalysis:
    """Analyse a study, also while people answer; write table1.csv, .md and .html.

    out: folder for them, the study's own where it is not given; they name the methods. key_path: where the key is not
    beside the study. Raises: FFGOError where something is missing, or nothing was answered yet.
    """
    study = read_study(folder)
    key = read_key(key_path or key_file(folder))
    records = read_records(served_folder(folder) / ANSWERS_FILE, study, key)
    if not records.of_kind("real"):
        raise FFGOError(f"{folder}: no set is finished yet. Wait until somebody has handed one in.")
    found = compute(study, key, records)
    target = out or key_file(folder).parent
    texts = {
        "csv": _csv(found),
        "md": as_markdown(study.title, found.tables),
        "html": as_html(study.title, found.tables),
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = tuple(_written(target / f"table1.{kind}", text) for kind, text in texts.items())
    except OSError as error:
        raise FFGOError(f"{target} cannot be written to ({error.strerror}). Choose another --out.") from error
    return StudyAnalysis(found.figures, found.tables, files)


def _written(path: Path, text: str) -> Path:
    with complete_file(path) as partial:
        partial.write_text(text, "utf-8", newline="")
    return path


def compute(study: Study, key: StudyKey, records: Records) -> StudyAnalysis:
    """All tables, from answers that were read."""
    excluded = exclusions(study, records)
    kept = records.without(excluded)
    sets = records.of_kind("real")
    figures = {name: table_1(study, some.of_kind("real"), key.methods) for name, some in ((ALL, records), (KEPT, kept))}
    order = _best_first(study, figures[ALL], key.methods)
    tables = [
        _table_1(f"Table 1: {name}", study, figures[name], order, some)
        for name, some in ((f"{ALL}", records), (f"{KEPT}", kept))
    ]
    tables += [_wins(study, records, order), _worths(study, records, order), _agreement(study, records)]
    tables += [_places(study, records), _time([one.seconds for one in sets]), _people(records, excluded)]
    return StudyAnalysis(figures, tuple(tables))


def _best_first(study: Study, figures: Sequence[StudyFigure], methods: Sequence[str]) -> list[str]:
    measure = MEAN_RANK if study.kind == "rank" else study.questions[-1].title
    means = {figure.method: figure.estimate.mean for figure in figures if figure.measure == measure}
    return sorted(methods, key=lambda method: (means[method] * (1 if measure == MEAN_RANK else -1), method))


def _table_1(
    title: str, study: Study, figures: Sequence[StudyFigure], order: Sequence[str], records: Records
) -> ResultTable:
    measures = list(dict.fromkeys(figure.measure for figure in figures))
    by_place = {(figure.method, figure.measure): figure for figure in figures}
    rows = tuple((method, *(_shown(by_place[method, measure]) for measure in measures)) for method in order)
    sets = records.of_kind("real")
    counted = f"{len(sets)} sets, {len({one.rater for one in sets})} raters, {len({one.case for one in sets})} cases."
    what = "" if study.kind == "rank" else " How often each method was preferred; neither counts half."
    return ResultTable(title, ("method", *measures), rows, f"{counted}{what} {NOTE}")


def _shown(figure: StudyFigure) -> str:
    found = figure.estimate
    if not found.n:
        return "-"
    if figure.count is None:
        return f"{found.mean:.2f} [{_number(found.low)}, {_number(found.high)}]"
    count = f"{figure.count:g} of {found.n}"
    return f"{100 * found.mean:.1f} % ({count}) [{_number(100 * found.low, 1)}, {_number(100 * found.high, 1)}]"


def _number(value: float, digits: int = 2) -> str:
    return "?" if isnan(value) else f"{value:.{digits}f}"


def _wins(study: Study, records: Records, order: Sequence[str]) -> ResultTable:
    won = wins(study, records.of_kind("real"), order)

    def cell(a: str, b: str) -> str:
        if a == b or not won[a, b].of:
            return "-"
        return f"{100 * won[a, b].wins / won[a, b].of:.0f} % ({won[a, b].wins:g} of {won[a, b].of})"

    rows = tuple((a, *(cell(a, b) for b in order)) for a in order)
    return ResultTable("Who beats whom", ("better \\ worse", *order), rows)


def _worths(study: Study, records: Records, order: Sequence[str]) -> ResultTable:
    found = study_worths(study, records.of_kind("real"), order)
    whole = sum(exp(worth) for worth in found.values())
    rows = tuple((method, f"{found[method]:.2f}", f"{100 * exp(found[method]) / whole:.1f} %") for method in order)
    note = "Plackett and Luce's model. A wins over B with probability 1 / (1 + exp(worth of B - worth of A))."
    return ResultTable("Worths", ("method", "worth", "chance to be the best of all"), rows, note)


def _agreement(study: Study, records: Records) -> ResultTable:
    sets = records.of_kind("real")
    rows = [(f"Krippendorff's alpha: {title}", _number(value)) for title, value in alphas(study, sets).items()]
    if study.kind == "rank":
        w, cases = concordance(sets)
        rows.append((f"Kendall's W within cases (mean of {cases})", _number(w)))
    again = repeats(study, records)
    rows.append(("Repeated sets with the same choice", f"{again.same_choice} of {again.sets}"))
    if study.kind == "rank":
        rows.append(("Kendall's tau of repeated sets (mean)", _number(again.tau)))
    note = "1 is perfect, 0 is chance. Studies like the paper's have an alpha of about 0.45 and a W of about 0.6."
    return ResultTable("Agreement", ("", "value"), tuple(rows), note)


def _places(study: Study, records: Records) -> ResultTable:
    found = places(study, records.of_kind("real"))
    rows = tuple((f"Video {place}", str(times)) for place, times in enumerate(found.first, 1))
    note = f"Equally often but for chance: p = {_number(found.p, 3)}. Methods take turns at the places."
    return ResultTable("How often the best one stood at each place", ("place", "times"), rows, note)


def _time(seconds: Sequence[float]) -> ResultTable:
    low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75)) / 60
    row = (f"{middle:.1f}", f"{low:.1f} to {high:.1f}")
    return ResultTable("Minutes for a set", ("median", "middle half"), (row,))


def _people(records: Records, excluded: dict[int, list[str]]) -> ResultTable:
    rows = [
        ("logged in", str(records.participants)),
        ("finished all sets", str(records.finished)),
        ("excluded in the second table", str(len(excluded))),
        *((f"participant {rater}", "; ".join(reasons)) for rater, reasons in excluded.items()),
    ]
    return ResultTable("Participants", ("", ""), tuple(rows), "Nothing of them is deleted.")


def _csv(found: StudyAnalysis) -> str:
    """One line for each figure; a name that a spreadsheet would calculate begins with an apostrophe."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["participants", "method", "measure", "mean", "low", "high", "count", "n"])
    for name, figures in found.figures.items():
        for figure in figures:
            one = figure.estimate
            method = f"'{figure.method}" if figure.method[:1] in "=+-@" else figure.method
            count = "" if figure.count is None else f"{figure.count:g}"
            numbers = (f"{value:.6g}" for value in (one.mean, one.low, one.high))
            lines.writerow([name, method, figure.measure, *numbers, count, one.n])
    return text.getvalue()
