"""Statistics, held against scipy, against figures by hand, and against what is known of made samples."""

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ffgo.evaluation import stats
from ffgo.evaluation.scores import METRICS, STATES, failed, undefined, value


@pytest.mark.parametrize("n", [3, 8, 14])
def test_the_exact_p_is_scipys(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = scipy_stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=2**20, vectorized=False
    )
    assert stats.sign_flip_p(values) == pytest.approx(theirs.pvalue)


def test_the_drawn_p_is_near_the_exact_one(monkeypatch):
    values = np.random.default_rng(1).normal(0.5, 1, 14)
    exact = stats.sign_flip_p(values)
    monkeypatch.setattr(stats, "MOST_EXACT", 5)
    assert stats.sign_flip_p(values) == pytest.approx(exact, abs=0.01)


def test_equal_methods_have_no_difference():
    found = stats.paired_difference([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_for_many_cases_the_interval_is_scipys_bootstrap():
    values = np.random.default_rng(2).gamma(2, 1, 400)
    found = stats.mean_interval(values)
    theirs = scipy_stats.bootstrap((values,), np.mean, method="percentile", n_resamples=10_000, rng=0)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


@pytest.mark.parametrize("n", [6, 20])
def test_the_interval_holds_the_truth_as_often_as_it_says(n):
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        found: Any = stats.mean_interval(rng.normal(size=n), 1000)
        hits += found.low < 0 < found.high
    assert 0.92 < hits / 400 < 0.98


def test_pairs_tell_what_means_do_not():
    rng = np.random.default_rng(4)
    case = rng.normal(0, 1, 30)
    one, other = case + 0.2 + rng.normal(0, 0.1, 30), case + rng.normal(0, 0.1, 30)
    paired: Any = stats.paired_difference(one, other)
    here: Any = stats.mean_interval(one)
    there: Any = stats.mean_interval(other)
    assert paired.low > 0.1
    assert here.low < there.high


def test_one_case_says_nothing_of_others():
    found = stats.mean_interval([0.5])
    assert (found.mean, found.low, found.high, found.n) == (0.5, None, None, 1)


def test_holm_by_hand():
    # Holm (1979): the smallest p times 4, the next times 3, ..., never below the one before.
    assert stats.holm([0.005, 0.011, 0.02, 0.04]) == pytest.approx([0.02, 0.033, 0.04, 0.04])
    assert stats.holm([0.9, 0.9]) == [1, 1]
    assert stats.holm([]) == []


def test_auc_is_mann_whitneys():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 9, 12), rng.integers(0, 7, 40)
    assert stats.auc(a, b) == pytest.approx(scipy_stats.mannwhitneyu(a, b).statistic / (12 * 40))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_score_is_a_number_or_none(wrong):
    assert value("mse", wrong).state == "failed"
    assert {value("mse", 0).state, undefined("mse", "no reference").state, failed("mse", "no").state} == set(STATES)
    assert undefined("mse", "no reference").value is None


def test_metrics_have_a_name_each():
    assert len({metric.id for metric in METRICS}) == len({metric.title for metric in METRICS}) == len(METRICS)
