"""What a study found: table 1 with its intervals, who beats whom, how raters agree, and whether places matter."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan

import numpy as np

from .agreement import alpha, kendalls_tau, kendalls_w
from .intervals import Estimate, estimate
from .records import JudgedSet, Records
from .study_file import RANK, Study
from .worth import weighted_worths

MEAN_RANK, FIRST = "average rank", "% first"


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """One figure of table 1."""

    method: str
    measure: str
    estimate: Estimate
    count: float | None = None
    """How many of the `n`; of shares alone. Half for a pair without a preference."""


@dataclass(frozen=True, slots=True)
class PairCount:
    """How often one method was preferred to another."""

    wins: float
    of: int


def table_1(study: Study, sets: Sequence[JudgedSet], methods: Sequence[str]) -> list[StudyFigure]:
    """The figures of the paper's table 1, of the sets that count; of pairs, how often each method is preferred."""
    return list(_of_ranks(study, sets, methods) if study.kind == "rank" else _of_pairs(study, sets, methods))


def _of_ranks(study: Study, sets: Sequence[JudgedSet], methods: Sequence[str]) -> Iterator[StudyFigure]:
    raters, cases = [one.rater for one in sets], [one.case for one in sets]
    for method in methods:
        for question in study.questions:
            values = [one.by_method(question.id)[method] for one in sets]
            yield StudyFigure(method, question.title, estimate(values, raters, cases))
        ranks = [one.by_method(RANK)[method] for one in sets]
        yield StudyFigure(method, MEAN_RANK, estimate(ranks, raters, cases))
        first = [float(rank == 1) for rank in ranks]
        yield StudyFigure(method, FIRST, estimate(first, raters, cases, share=True), sum(first))


def _of_pairs(study: Study, sets: Sequence[JudgedSet], methods: Sequence[str]) -> Iterator[StudyFigure]:
    for method in methods:
        mine = [one for one in sets if method in one.methods]
        raters, cases = [one.rater for one in mine], [one.case for one in mine]
        for question in study.questions:
            won = [_won(one.preferred(question.id), method) for one in mine]
            yield StudyFigure(method, question.title, estimate(won, raters, cases, share=True), sum(won))


def _won(preferred: str | None, method: str) -> float:
    return 0.5 if preferred is None else float(preferred == method)


def wins(study: Study, sets: Sequence[JudgedSet], methods: Sequence[str]) -> dict[tuple[str, str], PairCount]:
    """How often the first of two methods was better than the second; of pairs, by the last question."""
    won, of = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for ranking, weight in _rankings(study, sets):
        for better, worse in combinations(ranking, 2):
            won[better, worse] += weight  # type: ignore[assignment]
            of[better, worse] += weight  # type: ignore[assignment]
            of[worse, better] += weight  # type: ignore[assignment]
    return {(a, b): PairCount(won[a, b], round(of[a, b])) for a in methods for b in methods if a != b}


def study_worths(study: Study, sets: Sequence[JudgedSet], methods: Sequence[str]) -> dict[str, float]:
    """Plackett and Luce's worth of each method, a logarithm with mean 0."""
    number = {method: index for index, method in enumerate(methods)}
    rankings = [(tuple(number[one] for one in ranking), weight) for ranking, weight in _rankings(study, sets)]
    return dict(zip(methods, map(float, weighted_worths(rankings, len(methods))), strict=True))


def _rankings(study: Study, sets: Sequence[JudgedSet]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Methods from best to worst; a pair without a preference is both ways, each by half."""
    for one in sets:
        if study.kind == "rank":
            yield one.ranking, 1.0
            continue
        preferred = one.preferred(study.questions[-1].id)
        a, b = one.methods
        if preferred is None:
            yield from (((a, b), 0.5), ((b, a), 0.5))
        else:
            yield (preferred, b if preferred == a else a), 1.0


def alphas(study: Study, sets: Sequence[JudgedSet]) -> dict[str, float]:
    """Krippendorff's alpha of each question: ordinal on scales and ranks, nominal on preferences."""
    if study.kind == "pairwise":
        return {question.title: _alpha_of_pairs(question.id, sets) for question in study.questions}
    asked = {**{question.title: question.id for question in study.questions}, "Rank": RANK}
    return {title: _alpha_of_scale(question, sets) for title, question in asked.items()}


def _alpha_of_scale(question: str, sets: Sequence[JudgedSet]) -> float:
    given = {
        (one.rater, (one.case, method)): value for one in sets for method, value in one.by_method(question).items()
    }
    return alpha(_table(given), "ordinal")


def _alpha_of_pairs(question: str, sets: Sequence[JudgedSet]) -> float:
    given = {}
    for one in sets:
        preferred = one.preferred(question)
        choice = 0 if preferred is None else 1 + sorted(one.methods).index(preferred)
        given[one.rater, one.item] = choice
    return alpha(_table(given), "nominal")


def _table(given: dict) -> np.ndarray:
    """(raters, units), NaN where a rater did not answer."""
    raters = {rater: row for row, rater in enumerate(sorted({rater for rater, _ in given}))}
    units = {unit: column for column, unit in enumerate(sorted({unit for _, unit in given}))}
    table = np.full((len(raters), len(units)), nan)
    for (rater, unit), value in given.items():
        table[raters[rater], units[unit]] = value
    return table


def concordance(sets: Sequence[JudgedSet]) -> tuple[float, int]:
    """Kendall's W within cases: its mean over the cases that several raters ranked, and how many these are."""
    by_case: dict[str, list[list[int]]] = {}
    for one in sets:
        ranks = one.by_method(RANK)
        by_case.setdefault(one.case, []).append([ranks[method] for method in sorted(ranks)])
    found = [kendalls_w(np.array(ranks)) for ranks in by_case.values() if len(ranks) > 1]
    return (float(np.mean(found)) if found else nan), len(found)


@dataclass(frozen=True, slots=True)
class RepeatFigures:
    """How a rater agrees with himself on sets that came twice."""

    sets: int
    same_choice: int
    """Sets with the same best video; of pairs, the same answer to the last question."""
    tau: float
    """Mean of Kendall's tau; of rankings alone."""


def repeats(study: Study, records: Records) -> RepeatFigures:
    before = {(one.rater, one.item): one for one in records.of_kind("real")}
    pairs = [(before[one.rater, one.item], one) for one in records.of_kind("repeat") if (one.rater, one.item) in before]
    if study.kind == "pairwise":
        last = study.questions[-1].id
        return RepeatFigures(len(pairs), sum(a.preferred(last) == b.preferred(last) for a, b in pairs), nan)
    same = sum(a.ranking[0] == b.ranking[0] for a, b in pairs)
    taus = [kendalls_tau(_ranks(a), _ranks(b)) for a, b in pairs]
    return RepeatFigures(len(pairs), same, float(np.mean(taus)) if taus else nan)


def _ranks(one: JudgedSet) -> np.ndarray:
    ranks = one.by_method(RANK)
    return np.array([ranks[method] for method in sorted(ranks)])


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """Whether the place on the page matters."""

    first: tuple[int, ...]
    """How often the best one stood at each place."""
    p: float
    """Of the chi-square test that it stood everywhere equally often; methods take turns at the places."""


def places(study: Study, sets: Sequence[JudgedSet]) -> PlaceFigures:
    from scipy.special import chdtrc

    chosen = Counter[int]()
    for one in sets:
        if study.kind == "rank":
            chosen[min(one.answers[RANK], key=one.answers[RANK].__getitem__)] += 1
        else:
            chosen[one.answers[study.questions[-1].id][0]] += 1
    first = tuple(chosen[place] for place in range(1, study.places + 1))
    even = sum(first) / len(first)
    if not even:
        return PlaceFigures(first, nan)
    return PlaceFigures(first, float(chdtrc(len(first) - 1, sum((times - even) ** 2 for times in first) / even)))
