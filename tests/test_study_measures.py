"""Statistics over seeds against scipy and hand values; one number of a run."""

import math

import numpy as np
import pytest
from scipy import stats

from textrnn.study.verdicts.measures import FAR, MEASURES, OF_FACTS, at_equal_time, best_up_to, of_runs
from textrnn.study.verdicts.statistics import interval, paired, roughness

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_interval_is_scipys(count):
    values = RNG.normal(5, 2, count).tolist()
    found = interval(values)
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high), rel=1e-12)
    assert found.count == count


def test_an_interval_by_hand():
    found = interval([1.0, 3.0])  # s = sqrt 2, s / sqrt 2 = 1, t(1) = 12.706
    assert (found.low, found.high) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)


def test_one_value_has_no_finite_interval_and_none_no_mean():
    found = interval([4.0])
    assert (found.mean, found.low, found.high) == (4.0, -math.inf, math.inf)
    with pytest.raises(ValueError, match="no values"):
        interval([])


def test_pairs_are_by_seed_and_what_a_seed_does_to_both_falls_out():
    first, second = {3: 30.5, 1: 10.5, 2: 20.6}, {1: 10.0, 2: 20.0, 3: 30.0, 4: 99.0}
    found = paired(first, second)
    expected = stats.ttest_rel([10.5, 20.6, 30.5], [10.0, 20.0, 30.0]).confidence_interval(0.95)
    assert (found.low, found.high, found.count) == (pytest.approx(expected.low), pytest.approx(expected.high), 3)
    assert found.mean == pytest.approx(1.6 / 3)
    with pytest.raises(ValueError, match="no values"):
        paired({1: 1.0}, {2: 1.0})


def test_roughness_by_hand():
    # two epochs of six; their last halves jump by 1, -1 and 2, -2, and the fall between the epochs is no jump
    losses = [9, 8, 7, 5, 6, 5, 90, 80, 70, 1, 3, 1]
    assert roughness(losses, 6) == pytest.approx(np.std([1, -1, 2, -2]))


def test_roughness_over_windows_averages_whole_windows_alone():
    losses = [0, 0, 0, 0, 0, 1, 3, 5, 3, 9]  # the half is 1 3 5 3 9: windows (1, 3), (5, 3), the 9 left out
    assert roughness([*losses, *losses], 10, window=2) == 0.0  # one jump of 2 in each
    assert roughness([*losses, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9], 10, window=2) == pytest.approx(np.std([2, 4]))


def test_short_batches_are_no_points_of_a_curve():
    losses = [9, 5, 1, 2, 7, 4]
    assert roughness(losses, 6) == pytest.approx(np.std([5, -3]))
    assert roughness(losses, 6, short={4}) == pytest.approx(np.std([1, 2]))  # of 9 5 1 2 4 the last half


def test_roughness_needs_two_points():
    assert math.isnan(roughness([1, 2], 2))
    assert math.isnan(roughness([], 5))


def test_averaging_is_all_that_makes_a_batch_of_noise_smoother():
    noise = RNG.normal(size=64_000)
    small, large = roughness(noise, 64_000), roughness(noise.reshape(-1, 16).mean(1), 4000)
    assert small / large == pytest.approx(4, rel=0.05)  # sqrt 16, as of independent rows
    assert roughness(noise, 64_000, 16) == pytest.approx(large, rel=1e-9)


def facts(**changes):
    points = [[2, 0.5, 1.0, 1.1, 0.5], [4, 1.0, 0.8, 0.9, 0.7], [8, 2.0, 0.5, 0.7, 0.6]]
    gradients = {"before": [1.0] * 20, "after": [2.0, *[None] * (FAR - 1), 0.5, 9.0]}
    made = {"batch_size": 512, "rows": 2048, "points": points, "losses": [4, 3, 1, 2, 4, 3, 2, 2], "short": []}
    made |= {"diverged": False, "gradients": gradients, "test_accuracy": 0.65, "kept_share": 0.8}
    return made | changes


def test_measures_of_a_run():
    found = {name: measure(facts()) for name, measure in OF_FACTS.items()}
    assert found["test_accuracy"] == 0.65
    assert found["dev_accuracy"] == 0.7
    assert found["early_accuracy"] == pytest.approx(0.6)
    assert found["roughness"] == pytest.approx(np.std([1, 0]))
    assert math.isnan(found["roughness_at_rows"])  # one point of 1,024 rows in half an epoch of 2,048
    assert found["far_gradient"] == 0.25
    assert found["far_gradient_untrained"] == 1.0
    assert found["kept_share"] == 0.8
    assert found.keys() < MEASURES.keys()


def test_dev_accuracy_at_a_time_is_the_best_so_far():
    seconds = [1.0, 2.0, 4.0]
    assert [best_up_to(facts(), limit, seconds) for limit in (1.0, 3.9, 4.0)] == [0.5, 0.7, 0.7]
    assert best_up_to(facts(), 1.5, seconds) == pytest.approx(0.6)  # on its way from one point to the next
    assert math.isnan(best_up_to(facts(), 0.9, seconds))


def test_equal_time_is_that_of_the_fastest_with_the_same_seed():
    slow, fast = {"seconds": [3.0, 6.0, 9.0]}, {"seconds": [1.0, 2.0, 3.5]}
    runs = {("slow", 1): (facts(), slow), ("fast", 1): (facts(), fast), ("other", 1): (facts(), {"seconds": [0.1] * 3})}
    runs["slow", 2] = (facts(), slow)
    found = at_equal_time(runs, ("slow", "fast"))
    assert found["fast"] == {1: 0.7}
    assert found["slow"] == {1: pytest.approx(0.5 + 0.2 / 6), 2: 0.7}  # 3.5 seconds: a sixth of the way from 3 to 6
    runs["fast", 1] = (facts(diverged=True), fast)
    assert at_equal_time(runs, ("slow", "fast")) == {"slow": {1: 0.7, 2: 0.7}}


def test_a_diverged_run_has_its_score_but_neither_speed_nor_curve():
    clock = {"seconds": [1.0, 2.0, 3.0]}
    values = of_runs(
        {("a", 1): (facts(), clock), ("b", 1): (facts(diverged=True, points=[], losses=[]), {"seconds": []})}
    )
    assert values["seconds"] == {"a": {1: 3.0}}
    assert values["test_accuracy"] == {"a": {1: 0.65}, "b": {1: 0.65}}
    assert "b" not in values["dev_accuracy"]
    assert values["roughness_at_rows"] == {}  # nan is no value
