"""The study's statistics, against those of others, and in studies whose truth is known."""

import json

import choix
import krippendorff
import numpy as np
import pytest
from scipy import stats

from ffgo.study.__main__ import main
from ffgo.study.agreement import alpha, kendalls_tau, kendalls_w
from ffgo.study.intervals import bounds, estimate
from ffgo.study.simulate import Size, simulate
from ffgo.study.worth import PRIOR, weighted_worths, worths


def ratings_with_gaps(seed):
    random = np.random.default_rng(seed)
    raters, units = random.integers(2, 12), random.integers(3, 40)
    quality = random.integers(1, 6, units)
    table = np.clip(quality + random.integers(-2, 3, (raters, units)), 1, 5).astype(float)
    table[random.random((raters, units)) < random.uniform(0, 0.7)] = np.nan
    table[:2, 0] = 1, 5
    return table


@pytest.mark.parametrize("level", ["ordinal", "nominal"])
@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_that_of_krippendorff(seed, level):
    table = ratings_with_gaps(seed)
    assert alpha(table, level) == pytest.approx(krippendorff.alpha(table, level_of_measurement=level), abs=1e-6)


def test_alpha_without_a_pair_or_a_difference_is_unknown():
    assert np.isnan(alpha(np.array([[1, np.nan], [np.nan, 2]])))
    assert np.isnan(alpha(np.full((3, 4), 2.0)))
    assert np.isnan(alpha(np.full((3, 4), np.nan)))


@pytest.mark.parametrize("seed", range(20))
def test_w_is_that_of_friedmans_test(seed):
    random = np.random.default_rng(seed)
    raters, clips = random.integers(3, 10), random.integers(3, 7)
    ranks = np.argsort(np.argsort(random.normal(np.arange(clips), 2, (raters, clips)), 1), 1) + 1
    friedman = stats.friedmanchisquare(*ranks.T).statistic
    assert kendalls_w(ranks) == pytest.approx(friedman / (raters * (clips - 1)), abs=1e-9)


def test_tau_is_that_of_scipy():
    random = np.random.default_rng(0)
    for _ in range(20):
        first, second = random.permutation(6), random.permutation(6)
        assert kendalls_tau(first, second) == pytest.approx(stats.kendalltau(first, second)[0])


@pytest.mark.parametrize("seed", range(20))
def test_worths_are_those_of_choix(seed):
    random = np.random.default_rng(seed)
    methods = int(random.integers(2, 7))
    truth = random.normal(0, 1, methods)
    rankings = []
    for _ in range(int(random.integers(5, 60))):  # some rank all of them, some only a few
        some = random.permutation(methods)[: random.integers(2, methods + 1)]
        rankings.append(some[np.argsort(-(truth[some] + random.gumbel(size=len(some))))].tolist())
    theirs = choix.mm_rankings(methods, rankings, alpha=PRIOR, tol=1e-12, max_iter=100_000)
    ours = worths(rankings, methods)
    assert ours == pytest.approx(theirs - theirs.mean(), abs=1e-3)
    assert np.argsort(ours).tolist() == np.argsort(theirs).tolist()


def test_a_method_that_always_wins_has_a_worth():
    found = worths([(0, 1, 2)] * 50, 3)
    assert np.isfinite(found).all()
    assert found[0] > found[1] > found[2]


def test_a_draw_counts_half_for_both():
    drawn = weighted_worths([((0, 1), 0.5), ((1, 0), 0.5)], 2)
    assert drawn == pytest.approx([0, 0])


def test_the_interval_is_the_one_by_hand():
    """Two raters, two cases: sums of the rest by rater -1 and 1, by case -2 and 2, each alone -1, -1, 0, 2 ..."""
    found = estimate([1, 4, 2, 5], ["a", "a", "b", "b"], ["x", "y", "x", "y"])
    by_case = 2 * (2 * 3.0**2) / 16  # of (-2, 1, -1, 2): by case -3 and 3, by rater -1 and 1, alone 10
    assert found.mean == 3
    assert found.n == 4
    assert found.high - 3 == pytest.approx(stats.t.ppf(0.975, 1) * np.sqrt(by_case))
    assert found.low == pytest.approx(6 - found.high)


def test_one_rater_for_each_answer_and_one_case_for_each_answer_is_the_common_interval():
    values = np.random.default_rng(0).normal(size=30)
    common = stats.t.interval(0.95, 29, values.mean(), stats.sem(values))
    found = estimate(values, np.arange(30), np.arange(30))
    assert (found.low, found.high) == pytest.approx(common)


def test_a_share_that_nobody_or_everybody_has_is_not_certain():
    groups = np.arange(20)
    nobody, everybody = (estimate(np.full(20, v), groups, groups, share=True) for v in (0.0, 1.0))
    assert (nobody.low, nobody.high) == pytest.approx((0, stats.binomtest(0, 20).proportion_ci(0.9).high), abs=0.03)
    assert (everybody.low, everybody.high) == pytest.approx((1 - nobody.high, 1))


def test_an_interval_of_nothing_or_of_one_group_says_so():
    nothing = estimate([], [], [])
    assert nothing.n == 0
    assert np.isnan(nothing.mean)
    assert np.isnan(bounds(np.ones((3, 1)), [1, 1, 1], [1, 2, 3])["two-way"][0]).all()


def test_two_way_intervals_hold_the_truth_and_naive_ones_do_not():
    """400 studies of the paper's size."""
    found = {(one.measure, one.interval): one.coverage for one in simulate(Size(), studies=400)}
    for measure in ("mean rank", "% first", "scale 1-5"):
        assert 92 <= found[measure, "two-way"] <= 97, measure
    for measure in ("mean rank", "scale 1-5"):
        assert not 92 <= found[measure, "i.i.d."] <= 97, measure


def test_the_command_prints_coverage_and_width(capsys):
    size = ["simulate", "--raters", "10", "--sets", "2", "--cases", "10", "--methods", "3", "--studies", "20"]
    assert main([*size, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 12
    assert all(line["width"] > 0 and 0 <= line["coverage"] <= 100 for line in lines)
    assert main(size) == 0
    assert "two-way" in capsys.readouterr().out


def test_a_study_that_cannot_be_is_refused(capsys):
    assert main(["simulate", "--sets", "60", "--studies", "1"]) == 1
    assert "ask for fewer sets" in capsys.readouterr().err
