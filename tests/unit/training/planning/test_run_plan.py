"""The plan of a run: what it says of batch size and steps, and what it is too short for."""

import pytest

from factories.buckets import numbered
from factories.settings import settings
from textrnn.common.config.train import CosineSchedule, Ema, StepSchedule, Swa
from textrnn.training.planning.run_plan import plan_run

ROWS = numbered(30, 20)  # of two widths: 50 rows


def plan(limit=None, task="classify", **changes):
    return plan_run(settings(**changes), ROWS, task, limit)


def notices(limit=None, **changes):
    return plan(limit, **changes).notices("recipes.r")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"batch_size": 7}, "r: batch size 7, steps 8 = 1 epoch of 8 batches"),
        ({"batch_size": 7, "drop_last": True}, "r: batch size 7, steps 6 = 1 epoch of 6 batches"),
        ({"batch_size": 1024}, "r: batch size 1,024, steps 2 = 1 epoch of 2 batches"),
        ({"batch_size": "auto"}, "r: batch size 16 (auto: 50 rows), steps 4 = 1 epoch of 4 batches"),
        ({"batch_size": "auto", "batch_tokens": 10}, "r: batches of 10 tokens, steps 7 = 1 epoch of 7 batches"),
        (
            {"batch_size": "auto", "min_steps": 100},
            "r: batch size 16 (auto: 50 rows), steps 100 = 25 epochs of 4 batches (train.min_steps)",
        ),
        (
            {"batch_size": "auto", "epochs": 30, "min_steps": 100},
            "r: batch size 16 (auto: 50 rows), steps 120 = 30 epochs",
        ),
        (
            {"batch_size": 50, "epochs": 10, "average": Ema("ema", share=0.5)},
            "r: batch size 50, steps 20 = 10 epochs of 2 batches, average of decay 0.9 (share 0.5 of the steps)",
        ),
    ],
)
def test_one_line_says_where_the_steps_are_from(changes, line):
    assert plan(**changes).describe("r").startswith(line)


def test_the_share_is_of_the_steps_that_min_steps_and_the_batch_size_make():
    planned = plan(batch_size="auto", min_steps=100, average=Ema("ema", share=0.1))
    assert (planned.steps, planned.settings.average) == (100, Ema("ema", decay=0.9))
    assert planned.settings.batch_size == 16
    planned = plan(5, batch_size="auto", min_steps=100, average=Ema("ema", share=0.1))
    assert (planned.steps, planned.settings.average) == (20, Ema("ema", decay=0.5))


def test_a_plan_without_rules_keeps_the_settings():
    planned = plan(batch_size=7, epochs=3, average=Ema("ema", 0.5))
    assert planned.settings == planned.asked
    assert planned.rule_values() == []
    assert (planned.rows, planned.steps_per_epoch, planned.steps) == (50, 8, 24)


@pytest.mark.parametrize(("decay", "warns"), [(0.75, False), (0.5, False), (0.76, True), (0.999, True)])
def test_an_average_whose_window_is_more_than_a_third_of_the_run(decay, warns):
    found = notices(batch_size=100, epochs=6, average=Ema("ema", decay))  # 12 steps
    assert bool(found) is warns
    if decay == 0.999:
        line = "recipes.r.train.average.decay: its window of 1,000 steps is more than a third of the run's 12"
        assert found == [f"{line}; `share` in place of `decay` adapts to the length of the run"]


def test_a_share_that_was_asked_for_is_no_notice():
    assert notices(average=Ema("ema", share=0.9)) == []


def test_an_average_that_never_begins():
    line = "recipes.r.train.average: no weights are averaged: all 2 epochs come before from_epoch 3"
    assert notices(epochs=2, average=Swa("swa", 3)) == [line]
    assert notices(epochs=3, average=Swa("swa", 3)) == []


@pytest.mark.parametrize(("warmup", "told"), [(0.0, False), (0.4, True), (0.5, False)])
def test_a_warm_up_of_less_than_a_step(warmup, told):
    found = notices(batch_size=100, schedule=CosineSchedule("cosine", 0.0, warmup))  # 2 steps
    line = "recipes.r.train.schedule.warmup: 0.4 of 2 steps is less than one: there is no warm-up"
    assert found == ([line] if told else [])


def test_a_step_schedule_that_never_falls():
    line = "recipes.r.train.schedule.every: the learning rate is never reduced: the run has 5 epochs, "
    assert notices(epochs=5, schedule=StepSchedule("step", 5, 0.9)) == [f"{line}and a reduction comes every 5"]
    assert notices(epochs=6, schedule=StepSchedule("step", 5, 0.9)) == []


def test_steps_that_the_limit_of_epochs_keeps_out_of_reach():
    line = "recipes.r.train.min_steps: 100 are not reached: limits.epochs keeps the run at 3 epochs, 12 steps"
    assert notices(3, batch_size="auto", min_steps=100) == [line]
    assert notices(25, batch_size="auto", min_steps=100) == []
    assert notices(24, batch_size="auto", min_steps=100) != []
