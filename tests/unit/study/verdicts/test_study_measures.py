"""Statistics over seeds compared with scipy and values by hand; the measures of a run."""

import math

import numpy as np
import pytest
from scipy import stats

from textrnn.study.verdicts.measures import FACT_MEASURES, FAR, MEASURES, at_equal_time, best_up_to, measure_runs
from textrnn.study.verdicts.statistics import interval, paired, roughness

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_interval_is_scipys(count):
    values = RNG.normal(5, 2, count).tolist()
    estimate = interval(values)
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx((np.mean(values), low, high), rel=1e-12)
    assert estimate.count == count


def test_an_interval_by_hand():
    estimate = interval([1.0, 3.0])  # s = sqrt 2, s / sqrt 2 = 1, t(1) = 12.706
    assert (estimate.low, estimate.high) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)


def test_one_value_has_an_infinite_interval_and_no_values_are_refused():
    estimate = interval([4.0])
    assert (estimate.mean, estimate.low, estimate.high) == (4.0, -math.inf, math.inf)
    with pytest.raises(ValueError, match="no values"):
        interval([])


def test_differences_are_paired_by_seed():
    first, second = {3: 30.5, 1: 10.5, 2: 20.6}, {1: 10.0, 2: 20.0, 3: 30.0, 4: 99.0}
    difference = paired(first, second)
    expected = stats.ttest_rel([10.5, 20.6, 30.5], [10.0, 20.0, 30.0]).confidence_interval(0.95)
    assert (difference.low, difference.high, difference.count) == (
        pytest.approx(expected.low),
        pytest.approx(expected.high),
        3,
    )
    assert difference.mean == pytest.approx(1.6 / 3)
    with pytest.raises(ValueError, match="no values"):
        paired({1: 1.0}, {2: 1.0})


def test_roughness_by_hand():
    # two epochs of six; the differences of their second halves are 1, -1 and 2, -2; none spans two epochs
    losses = [9, 8, 7, 5, 6, 5, 90, 80, 70, 1, 3, 1]
    assert roughness(losses, 6) == pytest.approx(np.std([1, -1, 2, -2]))


def test_roughness_over_windows_averages_complete_windows_only():
    losses = [0, 0, 0, 0, 0, 1, 3, 5, 3, 9]  # the second half is 1 3 5 3 9: windows (1, 3), (5, 3); 9 is left out
    assert roughness([*losses, *losses], 10, window=2) == 0.0  # one difference of 2 in each
    assert roughness([*losses, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9], 10, window=2) == pytest.approx(np.std([2, 4]))


def test_short_batches_are_left_out_of_a_curve():
    losses = [9, 5, 1, 2, 7, 4]
    assert roughness(losses, 6) == pytest.approx(np.std([5, -3]))
    assert roughness(losses, 6, short={4}) == pytest.approx(np.std([1, 2]))  # the second half of 9 5 1 2 4


def test_roughness_needs_two_points():
    assert math.isnan(roughness([1, 2], 2))
    assert math.isnan(roughness([], 5))


def test_noise_becomes_smoother_only_by_averaging():
    noise = RNG.normal(size=64_000)
    small, large = roughness(noise, 64_000), roughness(noise.reshape(-1, 16).mean(1), 4000)
    assert small / large == pytest.approx(4, rel=0.05)  # sqrt(16), as for independent rows
    assert roughness(noise, 64_000, 16) == pytest.approx(large, rel=1e-9)


def facts(**changes):
    points = [[2, 0.5, 1.0, 1.1, 0.5], [4, 1.0, 0.8, 0.9, 0.7], [8, 2.0, 0.5, 0.7, 0.6]]
    gradients = {"before": [1.0] * 20, "after": [2.0, *[None] * (FAR - 1), 0.5, 9.0]}
    values = {"batch_size": 512, "rows": 2048, "points": points, "losses": [4, 3, 1, 2, 4, 3, 2, 2], "short": []}
    values |= {"diverged": False, "gradients": gradients, "test_accuracy": 0.65, "kept_share": 0.8}
    return values | changes


def test_measures_of_a_run():
    measured = {name: measure(facts()) for name, measure in FACT_MEASURES.items()}
    assert measured["test_accuracy"] == 0.65
    assert measured["dev_accuracy"] == 0.7
    assert measured["early_accuracy"] == pytest.approx(0.6)
    assert measured["roughness"] == pytest.approx(np.std([1, 0]))
    assert math.isnan(measured["roughness_at_rows"])  # half an epoch of 2,048 rows has one point of 1,024 rows
    assert measured["far_gradient"] == 0.25
    assert measured["far_gradient_untrained"] == 1.0
    assert measured["kept_share"] == 0.8
    assert measured.keys() < MEASURES.keys()


def test_dev_accuracy_at_a_time_is_the_best_until_then():
    seconds = [1.0, 2.0, 4.0]
    assert [best_up_to(facts(), limit, seconds) for limit in (1.0, 3.9, 4.0)] == [0.5, 0.7, 0.7]
    assert best_up_to(facts(), 1.5, seconds) == pytest.approx(0.6)  # interpolated between two points
    assert math.isnan(best_up_to(facts(), 0.9, seconds))


def test_equal_time_is_the_time_of_the_fastest_run_with_the_same_seed():
    slow, fast = {"seconds": [3.0, 6.0, 9.0]}, {"seconds": [1.0, 2.0, 3.5]}
    runs = {("slow", 1): (facts(), slow), ("fast", 1): (facts(), fast), ("other", 1): (facts(), {"seconds": [0.1] * 3})}
    runs["slow", 2] = (facts(), slow)
    accuracies = at_equal_time(runs, ("slow", "fast"))
    assert accuracies["fast"] == {1: 0.7}
    assert accuracies["slow"] == {
        1: pytest.approx(0.5 + 0.2 / 6),
        2: 0.7,
    }  # 3.5 seconds: one sixth of the way from 3 to 6
    runs["fast", 1] = (facts(diverged=True), fast)
    assert at_equal_time(runs, ("slow", "fast")) == {"slow": {1: 0.7, 2: 0.7}}


def test_a_diverged_run_has_a_score_but_neither_time_nor_curve():
    timings = {"seconds": [1.0, 2.0, 3.0]}
    values = measure_runs(
        {("a", 1): (facts(), timings), ("b", 1): (facts(diverged=True, points=[], losses=[]), {"seconds": []})}
    )
    assert values["seconds"] == {"a": {1: 3.0}}
    assert values["test_accuracy"] == {"a": {1: 0.65}, "b": {1: 0.65}}
    assert "b" not in values["dev_accuracy"]
    assert values["roughness_at_rows"] == {}  # NaN is left out
