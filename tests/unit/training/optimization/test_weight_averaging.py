"""Averaged weights: the means by hand, when they are evaluated, and that they are saved as the best weights."""

import dataclasses

import pytest
import torch

from factories.settings import settings
from factories.training_runs import Constant, Events, fit, rows_of, run, small
from textrnn.common.config.train import Ema, Swa
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.optimization.weight_averaging import WeightAverage, ema_weight
from textrnn.training.trainer import loop as training
from textrnn.training.trainer.loop import TrainingData


def means_after_steps(kind, values, per_epoch=2):
    """The mean after each step of a network whose weight takes these values, one per step."""
    network, means = Constant(1), []
    average = WeightAverage(network, kind)
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            network.weight.fill_(value)
        average.update(step, per_epoch)
        with average.applied():
            means.append(network.weight.item())
        assert network.weight.item() == pytest.approx(value)
    return means


def test_ema_by_hand():
    values = [5.0, 1.0, -2.0, 7.0]
    means = means_after_steps(Ema("ema", 0.8), values)
    for step in range(1, 5):
        weights = [0.8 ** (step - at) for at in range(1, step + 1)]
        wanted = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert means[step - 1] == pytest.approx(wanted, rel=1e-6)
    assert [ema_weight(0.8, 1), ema_weight(0.0, 5)] == [pytest.approx(1), 1]


def test_swa_by_hand():
    values = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0]
    means = means_after_steps(Swa("swa", 2), values)  # the epochs end after steps 2, 4, 6
    assert means == pytest.approx([1, 2, 3, 5, 5, 9, 9])


def test_without_a_kind_it_does_nothing():
    assert means_after_steps(None, [1.0, 2.0]) == [1, 2]
    assert WeightAverage(Constant(), None).state_dict() == {}


def test_weights_change_in_place_and_are_restored_bitwise_also_after_an_exception():
    network = small()
    average = WeightAverage(network, Ema("ema", 0.5))
    average.update(1, 9)
    addresses = [weight.data_ptr() for weight in network.parameters()]
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(3)
    latest = [weight.detach().clone() for weight in network.parameters()]

    def failing():
        with average.applied():
            assert not torch.equal(network.head.outer.weight, latest[-2])
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert [weight.data_ptr() for weight in network.parameters()] == addresses
    assert all(torch.equal(weight, old) for weight, old in zip(network.parameters(), latest, strict=True))


def test_frozen_weights_are_left_out():
    network = small()
    network.embedding.weight.requires_grad_(False)
    names = set(WeightAverage(network, Ema("ema", 0.5)).state_dict())
    assert names == {"average.count"} | {
        f"average.{name}" for name, _ in network.named_parameters() if name != "embedding.weight"
    }


@pytest.mark.parametrize("kind", [Ema("ema", 0.9), Swa("swa", 2)], ids=["ema", "swa"])
def test_dev_is_evaluated_on_the_mean_and_the_mean_is_saved(monkeypatch, kind):
    losses, seen = iter([3.0, 2.0, 1.0, 2.0]), []

    def evaluate(model, *_, **__):
        seen.append(model.weight.detach().clone())
        return Score(next(losses), 0.5)

    monkeypatch.setattr(training, "evaluate_loss", evaluate)
    rows = [dataclasses.replace(rows_of(8)[0], targets=torch.tensor([0, 1, 1, 2, 1, 1, 1, 3]))]
    model, plain, values = Constant(), Constant(), []
    run(model, rows, settings(epochs=4, average=kind))
    options = settings(epochs=4)
    monkeypatch.setattr(training, "evaluate_loss", lambda *_, **__: Score(0.5 / len(values), 0.5))

    def on_step(*_):
        values.append(plain.weight.detach().clone())

    fit(plain, TrainingData(rows, rows), options, Events(on_step))
    means = []
    average = WeightAverage(model, kind)
    for step, value in enumerate(values, start=1):  # averaging does not change the steps
        with torch.no_grad():
            model.weight.copy_(value)
        average.update(step, 2)
        if step % 2 == 0:
            with average.applied():
                means.append(model.weight.detach().clone())
    assert all(torch.equal(one, other) for one, other in zip(seen, means, strict=True))
    model = Constant()
    losses = iter([3.0, 2.0, 1.0, 2.0])
    monkeypatch.setattr(training, "evaluate_loss", evaluate)
    outcome, _, _ = run(model, rows, settings(epochs=4, average=kind))
    assert outcome.best_step == 6
    assert torch.equal(model.weight, means[2])
    assert not torch.equal(model.weight, values[5])
