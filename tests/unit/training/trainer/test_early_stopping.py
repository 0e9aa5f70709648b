"""Which weights a run ends with, and when it stops early: scores, patience and the time limit."""

import pytest
import torch

from factories.settings import SETTINGS, settings
from factories.training_runs import Constant, Events, fit, rows_of, run, small
from textrnn.modeling.models.running_metrics import RunningMetrics, Score
from textrnn.training.optimization.step import (
    TrainStep,
    make_optimizer,
)
from textrnn.training.trainer import loop as training
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.run_state import Checkpoint, RunState, TrainingOutcome

CPU = torch.device("cpu")


def fake_dev(monkeypatch, losses):
    """Make each evaluation return the next of these dev losses, whatever the model is."""
    remaining = iter(losses)
    monkeypatch.setattr(training, "evaluate_loss", lambda *_, **__: Score(next(remaining), 0.5))


def test_which_score_is_better():
    lower, higher, same = Score(0.5, 0.8), Score(0.9, 0.9), Score(0.4, 0.9)
    assert [one.beats(other, "loss") for one, other in ((lower, higher), (higher, lower), (lower, lower))] == [1, 0, 0]
    assert [one.beats(other, "accuracy") for one, other in ((lower, higher), (higher, lower), (lower, lower))] == [
        0,
        1,
        0,
    ]
    for monitor in ("macro_f1", "entity_f1"):
        scores = ((0.1, 0.9, 0.3), (0.5, 0.8, 0.4), (0.4, 0.1, 0.4))
        low, high, as_high = (Score(loss, accuracy, **{monitor: f1}) for loss, accuracy, f1 in scores)
        assert [one.beats(other, monitor) for one, other in ((high, low), (low, high), (high, high))] == [1, 0, 0]
        assert as_high.beats(high, monitor)
        assert not high.beats(as_high, monitor)
        with pytest.raises(AssertionError, match=f"{monitor} was not counted"):
            lower.beats(low, monitor)
    assert same.beats(higher, "accuracy")
    assert not higher.beats(same, "accuracy")


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_the_best_weights_are_those_of_the_monitored_metric(monkeypatch, monitor):
    scores = iter([Score(0.5, 0.7), Score(0.6, 0.9), Score(0.7, 0.8)])
    monkeypatch.setattr(training, "evaluate_loss", lambda *_, **__: next(scores))
    model, seen = small(), []

    def on_evaluation(_):
        seen.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach())

    options = settings(epochs=3, monitor=monitor)
    outcome = fit(model, TrainingData(rows_of(20), rows_of(5)), options, Events(on_evaluation=on_evaluation))
    best = {"loss": 0, "accuracy": 1}[monitor]
    assert (outcome.best_step, outcome.dev_accuracy) == ((best + 1) * outcome.steps // 3, (0.7, 0.9)[best])
    assert torch.equal(torch.nn.utils.parameters_to_vector(model.parameters()), seen[best])


@pytest.mark.parametrize(
    ("losses", "patience", "every", "stop", "best"),
    [
        ([1.0, 0.5, 0.6, 0.7, 0.1], 4, 2, 8, 4),  # 4 batches after the best one
        ([1.0, 0.5, 0.6, 0.7, 0.8, 0.1], 5, 2, 10, 4),  # noticed at the next evaluation
        ([1.0, 1.0, 1.0, 0.1], 4, 2, 6, 2),  # the same loss is no improvement
        ([1.0, 1.1, 0.1], 1, 1, 2, 1),
        ([1.0, 1.1], 1, 9, 18, 9),
    ],
)
def test_it_stops_after_so_many_batches_without_improvement(monkeypatch, losses, patience, every, stop, best):
    fake_dev(monkeypatch, losses)
    options = settings(epochs=50, evaluate_every=every, patience=patience, batch_size=2)
    outcome, points, steps = run(Constant(), rows_of(200), options)  # 100 batches an epoch
    assert steps == list(range(1, stop + 1))
    assert points[-1].step == stop
    assert outcome == TrainingOutcome(stop, stop / 100, best, min(losses[: len(points)]), 0.5, "patience")


def test_without_patience_it_runs_to_the_end(monkeypatch):
    fake_dev(monkeypatch, [1.0, 2.0, 3.0])
    outcome, _, steps = run(Constant(), rows_of(8), settings(epochs=3))
    assert outcome == TrainingOutcome(6, 3.0, 2, 1.0, 0.5, None)
    assert len(steps) == 6
    assert outcome.record() == {
        "steps": 6,
        "epochs": 3.0,
        "best_step": 2,
        "dev_loss": 1.0,
        "dev_accuracy": 0.5,
        "stopped_by": None,
    }


def test_the_model_ends_with_the_weights_of_the_lowest_dev_loss(monkeypatch):
    fake_dev(monkeypatch, [3.0, 1.0, 2.0, 1.0])
    model, seen = Constant(), []
    events = Events(on_evaluation=lambda _: seen.append(model.weight.tolist()))
    outcome = fit(model, TrainingData(rows_of(8), rows_of(8)), settings(epochs=4), events)
    assert outcome.best_step == 4  # of steps 2, 4, 6, 8
    assert model.weight.tolist() == seen[1]
    assert len({tuple(weights) for weights in seen}) == 4


class Clock:
    """A clock that advances by one second with each call."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(training.time, "monotonic", self)

    def __call__(self):
        self.now += 1.0
        return self.now


def test_a_time_limit_ends_with_an_evaluation(monkeypatch):
    Clock(monkeypatch)
    outcome, points, steps = run(Constant(), rows_of(200), settings(epochs=2, time_limit_seconds=7.0))
    assert steps == [1, 2, 3, 4, 5, 6, 7]
    assert [point.step for point in points] == [7]
    assert (outcome.steps, outcome.best_step, outcome.stopped_by) == (7, 7, "time_limit")
    _, _, steps = run(Constant(), rows_of(200), settings(epochs=1, time_limit_seconds=6.5))
    assert len(steps) == 7


def test_a_time_limit_reached_at_the_last_step_changes_nothing(monkeypatch):
    Clock(monkeypatch)
    outcome, points, _ = run(Constant(), rows_of(8), settings(epochs=2, time_limit_seconds=4.0))
    assert (outcome.steps, outcome.stopped_by, len(points)) == (4, None, 2)


def test_seconds_before_a_stop_count_too(monkeypatch):
    Clock(monkeypatch)
    model = Constant()
    steps = []
    tensors = TrainStep(model, make_optimizer(model, SETTINGS), RunningMetrics(None, CPU), SETTINGS).state_dict()
    options = settings(time_limit_seconds=7.0)
    sums = {"running_metrics": torch.zeros(1, 4, dtype=torch.float64)}
    checkpoint = Checkpoint(RunState(seconds=5.0), tensors | sums)
    fit(model, TrainingData(rows_of(200), rows_of(8)), options, Events(steps.append), checkpoint=checkpoint)
    assert steps == [1, 2]
