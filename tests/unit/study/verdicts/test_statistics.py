"""Evidence on a difference: intervals and tests compared with scipy, rates of false positives, pairing by seed."""

import math

import numpy as np
import pytest
from scipy import stats

from textrnn.study.verdicts.statistics import (
    paired_differences,
    resampled_evidence,
    score_evidence,
    t_evidence,
)

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_t_interval_and_its_tests_are_scipys(count):
    values = RNG.normal(5, 2, count).tolist()
    evidence = t_evidence(values)
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (evidence.mean, evidence.low, evidence.high) == pytest.approx((np.mean(values), low, high), rel=1e-12)
    assert evidence.count == count
    for margin in (3.0, 6.5):
        assert evidence.p_above(margin) == pytest.approx(
            stats.ttest_1samp(values, margin, alternative="greater").pvalue
        )
        assert evidence.p_below(margin) == pytest.approx(stats.ttest_1samp(values, margin, alternative="less").pvalue)


def test_an_interval_by_hand():
    evidence = t_evidence([1.0, 3.0])  # s = sqrt 2, s / sqrt 2 = 1, t(1) = 12.706
    assert (evidence.low, evidence.high) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)
    assert evidence.p_above(1.0) == pytest.approx(0.25)  # t = 1 with one degree of freedom: a quarter lies above


def test_equal_values_are_sure_of_all_but_their_own_value():
    evidence = t_evidence([0.1] * 5)
    assert (evidence.p_above(0.05), evidence.p_above(0.2), evidence.p_above(evidence.mean)) == (0.0, 1.0, 1.0)
    assert (evidence.p_below(0.05), evidence.p_below(0.2)) == (1.0, 0.0)


def test_one_value_says_nothing_and_no_values_are_refused():
    evidence = t_evidence([4.0])
    assert (evidence.mean, evidence.low, evidence.high) == (4.0, -math.inf, math.inf)
    assert evidence.p_above(-100.0) == evidence.p_below(100.0) == 1.0
    with pytest.raises(ValueError, match="no values"):
        t_evidence([])


def test_scores_of_seeds_and_rows_by_hand():
    seeds = np.array([0.005, 0.02, 0.035])  # t = 2.309 with two degrees of freedom
    rows = np.zeros(4000)
    alone = score_evidence(0.02, seeds[:, None] + rows)
    assert alone.p_above(0.0) == pytest.approx(stats.ttest_1samp(seeds, 0.0, alternative="greater").pvalue)
    assert alone.p_above(0.0) == pytest.approx(0.0736, abs=1e-3)
    noise = RNG.normal(0.0, 0.01, 4000)  # what resampled rows do to all seeds alike
    both = score_evidence(0.02, seeds[:, None] + noise)
    variances = noise.var(ddof=1), 0.015**2 / 3
    assert both.error == pytest.approx(math.sqrt(sum(variances)))
    assert both.freedom == 2
    assert both.high - 0.02 == pytest.approx(stats.t.ppf(0.975, 2) * both.error)
    assert score_evidence(0.5, np.zeros((1, 9))).p_above(0.0) == 1.0


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("rows", [0.0, 0.5, 2.0])
def test_equal_runs_are_rarely_taken_for_different_ones(seeds, rows):
    generator = np.random.default_rng(seeds)
    noise = generator.normal(0.0, rows, 200)
    noise -= noise.mean()
    trials = generator.normal(0.0, 1.0, (4000, seeds)) + generator.normal(0.0, rows, (4000, 1))
    p_values = np.array([score_evidence(float(each.mean()), each[:, None] + noise).p_above(0.0) for each in trials])
    for level in (0.05, 0.005):
        assert (p_values <= level).mean() <= level + 4 * math.sqrt(level / len(trials))
    if rows == 0.0:  # then the test is exact
        assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.014)


def test_resamples_of_few_seeds_have_wide_tails():
    samples = RNG.normal(0.0, 1.0, 4000)
    evidence = resampled_evidence(4.0, samples, 3)
    assert evidence.p_above(0.0) == pytest.approx(stats.t.sf(4.0 / samples.std(ddof=1), 2))
    assert evidence.p_above(0.0) > 0.02
    assert resampled_evidence(4.0, samples, 1).p_above(0.0) == 1.0


def test_differences_are_paired_by_seed():
    first, second = {3: 30.5, 1: 10.5, 2: 20.6}, {1: 10.0, 2: 20.0, 3: 30.0, 4: 99.0}
    differences = paired_differences(first, second)
    assert differences == pytest.approx([0.5, 0.6, 0.5])
    expected = stats.ttest_rel([10.5, 20.6, 30.5], [10.0, 20.0, 30.0]).confidence_interval(0.95)
    evidence = t_evidence(differences)
    assert (evidence.low, evidence.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert paired_differences({1: 1.0}, {2: 1.0}) == []
