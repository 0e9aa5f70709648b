"""The measures of a run, at equal time too, and whether runs were alone."""

import math

import pytest

from factories.study_records import cells, facts, timings
from textrnn.study.verdicts.measures import (
    FACT_MEASURES,
    FAR,
    MEASURES,
    add_cells,
    at_equal_time,
    best_up_to,
    measure_runs,
    were_alone,
)

CURVE = {
    "step": [2, 4, 8, 12],
    "epoch": [0.5, 1.0, 2.0, 3.0],
    "train_loss": [1.0] * 4,
    "dev_loss": [1.1, 0.9, 0.7, None],
    "dev_accuracy": [0.5, 0.7, 0.6, 0.75],
    "dev_f1": None,
    "test_accuracy": [0.4, 0.8, 0.65, 0.7],
}
NORMS = {"gradient_norm_median": 0.5, "gradient_norm_largest": 4.0, "share_above_clip_norm": 0.02}


def a_run(**changes):
    gradients = {"before": [1.0] * 20, "after": [2.0, *[None] * (FAR - 1), 0.5, 9.0]}
    values = {"curve": CURVE, "epochs": 3.0, "steps": 12, "gradients": gradients, "test_score": 0.65}
    return facts() | values | changes


def test_measures_of_a_run():
    run = a_run(measures={"roughness": 0.2, "roughness_at_rows": None, "largest_rise": 0.4, **NORMS})
    measured = {name: measure(run) for name, measure in FACT_MEASURES.items()}
    assert math.isnan(measured.pop("roughness_at_rows"))
    assert measured == {
        "test_score": 0.65,
        "dev_accuracy": 0.75,
        "early_accuracy": pytest.approx(0.6),
        "late_gain": pytest.approx(0.05),  # 0.75 in all, 0.7 up to epoch 1.5
        "test_optimism": pytest.approx(0.15),  # 0.8 at best, 0.65 where the loss on dev is least
        "roughness": 0.2,
        "largest_rise": 0.4,
        "gradient_norm_spread": 8.0,
        "share_above_clip_norm": 0.02,
        "steps": 12.0,
        "flops": 1e6,
        "far_gradient": 0.25,
        "far_gradient_untrained": 1.0,
        "kept_share": 0.8,
    }
    assert measured.keys() < MEASURES.keys()


def test_what_a_run_has_not_recorded_is_no_measure():
    run = a_run(gradients=None, curve=CURVE | {"test_accuracy": None}, measures={})
    nothing = ("far_gradient", "test_optimism", "roughness", "gradient_norm_spread", "share_above_clip_norm")
    assert all(math.isnan(FACT_MEASURES[name](run)) for name in nothing)


def test_dev_accuracy_at_a_time_is_the_best_until_then():
    seconds = [1.0, 2.0, 4.0, 5.0]
    assert [best_up_to(a_run(), limit, seconds) for limit in (1.0, 3.9, 5.0)] == [0.5, 0.7, 0.75]
    assert best_up_to(a_run(), 1.5, seconds) == pytest.approx(0.6)  # interpolated between two points
    assert math.isnan(best_up_to(a_run(), 0.9, seconds))


def test_equal_time_is_the_time_of_the_fastest_run_with_the_same_seed():
    slow, fast = {"seconds": [3.0, 6.0, 9.0, 12.0]}, {"seconds": [1.0, 2.0, 3.0, 3.5]}
    runs = {("slow", 1): (a_run(), slow), ("fast", 1): (a_run(), fast), ("other", 1): (a_run(), {"seconds": [0.1] * 4})}
    runs["slow", 2] = (a_run(), slow)
    accuracies = at_equal_time(runs, ("slow", "fast"))
    assert accuracies["fast"] == {1: 0.75}
    # 3.5 seconds: one sixth of the way from 3 to 6
    assert accuracies["slow"] == {1: pytest.approx(0.5 + 0.2 / 6), 2: 0.75}
    runs["fast", 1] = (a_run(diverged=True), fast)
    assert at_equal_time(runs, ("slow", "fast")) == {"slow": {1: 0.75, 2: 0.75}}


def test_a_diverged_run_has_a_score_but_neither_time_nor_curve():
    values = measure_runs({("a", 1): (a_run(), timings(3.0)), ("b", 1): (a_run(diverged=True), timings(1.0))})
    assert values["seconds"] == {"a": {1: 3.0}}
    assert values["test_score"] == {"a": {1: 0.65}, "b": {1: 0.65}}
    assert "b" not in values["dev_accuracy"]


def test_cells_are_measured_by_seed_and_timing():
    values = measure_runs({})
    add_cells(values, *cells((1, 2)))
    assert values["parameter_share"]["nn_gru"] == {1: 0.75, 2: 0.75}
    assert values["state_difference"] == {"plain": {1: 0.0, 2: 0.0}, "kept": {1: 0.0, 2: 0.0}}
    assert values["step_seconds"]["equations"] == {0: 3.0, 1: 3.01, 2: 2.99}


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        ({}, True),
        ({"load": 1.4}, True),
        ({"load": 1.6}, False),
        ({"processor": "another"}, False),
        ({"threads": 2}, False),
    ],
)
def test_runs_were_alone_on_machines_of_one_kind(changes, alone):
    runs = {
        ("a", 1): (a_run(), timings()),
        ("b", 1): (a_run(), timings(**changes)),
        ("c", 1): (a_run(), timings(load=9.0)),
    }
    assert were_alone(runs, ("a", "b")) == alone
    assert not were_alone(runs, ("a", "c"))
    assert not were_alone(runs, ("gone",))
