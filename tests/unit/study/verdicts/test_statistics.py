"""Evidence on a difference: t intervals and tests compared with scipy, bootstrap shares, pairing by seed."""

import math

import numpy as np
import pytest
from scipy import stats

from textrnn.study.verdicts.statistics import BootstrapEvidence, paired_differences, t_evidence

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


def test_the_p_value_of_a_bootstrap_counts_the_other_side():
    evidence = BootstrapEvidence(0.5, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), 3)
    assert evidence.p_above(0.2) == pytest.approx(3 / 10)
    assert evidence.p_above(0.0) == pytest.approx(1 / 10)
    assert evidence.p_below(0.85) == pytest.approx(2 / 10)
    assert (evidence.low, evidence.high) == pytest.approx(np.quantile(evidence.samples, [0.025, 0.975]))
    alone = BootstrapEvidence(0.5, evidence.samples, 1)
    assert (alone.low, alone.high, alone.p_above(0.0)) == (-math.inf, math.inf, 1.0)


def test_differences_are_paired_by_seed():
    first, second = {3: 30.5, 1: 10.5, 2: 20.6}, {1: 10.0, 2: 20.0, 3: 30.0, 4: 99.0}
    differences = paired_differences(first, second)
    assert differences == pytest.approx([0.5, 0.6, 0.5])
    expected = stats.ttest_rel([10.5, 20.6, 30.5], [10.0, 20.0, 30.0]).confidence_interval(0.95)
    evidence = t_evidence(differences)
    assert (evidence.low, evidence.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert paired_differences({1: 1.0}, {2: 1.0}) == []
