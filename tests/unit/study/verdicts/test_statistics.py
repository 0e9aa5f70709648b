"""Evidence on a difference: intervals and tests compared with scipy, rates of false positives, pairing by seed."""

import math

import numpy as np
import pytest
from scipy import stats

from textrnn.study.verdicts.statistics import (
    SeedError,
    paired_differences,
    resampled_evidence,
    score_evidence,
    t_evidence,
    unpaired_evidence,
    unpaired_score_evidence,
    upper_tail,
)

TRIALS = 1500

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_t_interval_and_its_tests_are_scipys(count):
    values = RNG.normal(5, 2, count).tolist()
    evidence = t_evidence(values)
    low, high = stats.t.interval(0.90, count - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (evidence.mean, evidence.low, evidence.high) == pytest.approx((np.mean(values), low, high), rel=1e-12)
    assert evidence.count == count
    for margin in (3.0, 6.5):
        assert evidence.p_above(margin) == pytest.approx(
            stats.ttest_1samp(values, margin, alternative="greater").pvalue
        )
        assert evidence.p_below(margin) == pytest.approx(stats.ttest_1samp(values, margin, alternative="less").pvalue)


def test_an_interval_by_hand():
    evidence = t_evidence([1.0, 3.0])  # s = sqrt 2, s / sqrt 2 = 1, t(1) = 6.314
    assert (evidence.low, evidence.high) == pytest.approx((2 - 6.3138, 2 + 6.3138), abs=1e-4)
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
    (seed_error,) = both.seed_errors
    assert (seed_error.error, both.row_error) == pytest.approx((0.015 / math.sqrt(3), noise.std(ddof=1)))
    assert both.p_above(0.0) > alone.p_above(0.0)
    assert both.p_above(both.low) == pytest.approx(0.05)
    assert both.p_below(both.high) == pytest.approx(0.05)
    assert score_evidence(0.5, np.zeros((1, 9))).p_above(0.0) == 1.0


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("rows", [0.0, 0.5, 2.0])
def test_equal_runs_are_rarely_taken_for_different_ones(seeds, rows):
    generator = np.random.default_rng(seeds)
    noise = generator.normal(0.0, rows, 200)
    noise -= noise.mean()
    noise *= rows / noise.std(ddof=1) if rows else 1.0
    trials = generator.normal(0.0, 1.0, (TRIALS, seeds)) + generator.normal(0.0, rows, (TRIALS, 1))
    p_values = np.array([each_p(each, noise) for each in trials])
    for level in (0.05, 0.005):
        assert (p_values <= level).mean() <= level + 4 * math.sqrt(level / TRIALS)
    if seeds > 2:  # nor is it much too cautious
        assert (p_values <= 0.05).mean() > 0.02
    if rows == 0.0:  # then the test is exact
        assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


def each_p(scores, noise):
    error = SeedError(scores.std(ddof=1) / math.sqrt(len(scores)), len(scores) - 1)
    return upper_tail(scores.mean(), [error], noise.std(ddof=1))


def test_where_rows_are_most_of_the_chance_three_seeds_are_enough():
    """Student's t with two degrees of freedom for the error of both would be far too cautious."""
    seeds, noise = np.array([0.011, 0.012, 0.013]), RNG.normal(0.0, 0.003, 4000)
    evidence = score_evidence(0.012, seeds[:, None] + noise - noise.mean())
    of_both = stats.t.sf(0.012 / math.hypot(evidence.seed_errors[0].error, evidence.row_error), 2)
    assert evidence.p_above(0.0) < 0.002 < 0.02 < of_both


@pytest.mark.parametrize(
    ("distance", "errors", "row_error"),
    [(1.0, [(0.7, 2)], 0.5), (2.0, [(0.3, 4)], 1.0), (-0.5, [(1.0, 1)], 2.0), (1.5, [(0.4, 4), (0.6, 2)], 0.3)],
)
def test_the_tail_is_that_of_the_sum_of_all(distance, errors, row_error):
    generator = np.random.default_rng(5)
    drawn = row_error * generator.normal(0.0, 1.0, 1_000_000)
    for error, freedom in errors:
        drawn += error * generator.standard_t(freedom, 1_000_000)
    tail = upper_tail(distance, [SeedError(*each) for each in errors], row_error)
    assert tail == pytest.approx((drawn >= distance).mean(), abs=0.002)


def test_the_tail_of_one_source_of_chance_alone():
    assert upper_tail(3.0, [SeedError(1.5, 2)], 0.0) == pytest.approx(stats.t.sf(2.0, 2))
    assert upper_tail(3.0, [SeedError(0.0, 2)], 1.5) == pytest.approx(stats.norm.sf(2.0))
    for small in (1e-6, 1e-3):  # one of both is much narrower
        assert upper_tail(3.0, [SeedError(small, 2)], 1.5) == pytest.approx(stats.norm.sf(2.0), rel=2e-3)
        assert upper_tail(3.0, [SeedError(1.5, 2)], small) == pytest.approx(stats.t.sf(2.0, 2), rel=1e-4)
    assert upper_tail(30.0, [SeedError(0.1, 2)], 1.0) == pytest.approx(stats.t.sf(300.0, 2), rel=0.02)
    assert upper_tail(1.0, [SeedError(0.0, 2)], 0.0) == 0.0
    assert upper_tail(0.0, [SeedError(0.0, 2)], 0.0) == 1.0


def test_seeds_that_do_not_match_are_all_counted():
    first, second = RNG.normal(3.0, 1.0, 3), RNG.normal(1.0, 2.0, 5)
    evidence = unpaired_evidence(first.tolist(), second.tolist())
    assert evidence.mean == pytest.approx(first.mean() - second.mean())
    assert [(each.error, each.freedom) for each in evidence.seed_errors] == [
        (pytest.approx(first.std(ddof=1) / math.sqrt(3)), 2),
        (pytest.approx(second.std(ddof=1) / math.sqrt(5)), 4),
    ]
    assert evidence.p_above(evidence.low) == pytest.approx(0.05)
    # no less cautious than Welch's test
    welch = stats.ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
    assert welch < evidence.p_above(0.0) < 3 * welch
    rows = RNG.normal(0.0, 0.5, 4000)
    scored = unpaired_score_evidence(evidence.mean, first[:, None] + rows, second[:, None] + rows)
    assert scored.row_error == pytest.approx(0.0, abs=1e-9)  # the same rows for both
    assert scored.p_above(0.0) == pytest.approx(evidence.p_above(0.0), rel=1e-6)
    assert unpaired_score_evidence(2.0, first[:, None] + rows, second[:, None] - rows).row_error > 0.9


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
    expected = stats.ttest_rel([10.5, 20.6, 30.5], [10.0, 20.0, 30.0]).confidence_interval(0.90)
    evidence = t_evidence(differences)
    assert (evidence.low, evidence.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert paired_differences({1: 1.0}, {2: 1.0}) == []
