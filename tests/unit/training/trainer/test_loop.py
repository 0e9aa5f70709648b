"""The loop of training: what it reports, that the seed decides order and dropout, and losses that are not finite."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from factories.settings import settings
from factories.training_runs import Constant, Events, fit, rows_of, run, small
from textrnn.errors import UserError
from textrnn.training.optimization.step import (
    mix_seed,
    seed_step,
)
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import TrainingData

CPU = torch.device("cpu")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "scratch_gru"])
@pytest.mark.parametrize("task", ["classify", "tag"])
def test_every_cell_can_overfit_16_rows(cell, task):
    rows = rows_of(16, tags=task == "tag")
    if task == "tag":  # a tagger sees no later token, so the tag must follow from the earlier ones
        rows = [dataclasses.replace(rows[0], targets=torch.where(rows[0].targets < 0, -100, rows[0].ids % 4))]
    model = small(cell=cell, hidden_size=24, readout="every_step" if task == "tag" else "last_valid")
    outcome, points, _ = run(model, rows, settings(batch_size=16, epochs=40, learning_rate=0.03))
    assert evaluate_loss(model, rows, 16, None).accuracy == 1.0
    assert points[0].dev.accuracy < 0.9
    assert outcome.dev_loss < 0.2 < points[0].dev.loss


def test_the_steps_that_are_reported():
    _, points, steps = run(Constant(), rows_of(18), settings(epochs=2, evaluate_every=2))  # 5 batches an epoch
    assert [point.step for point in points] == [2, 4, 5, 6, 8, 10]
    assert [point.epoch for point in points] == pytest.approx([0.4, 0.8, 1.0, 1.2, 1.6, 2.0])
    assert steps == list(range(1, 11))
    assert [point.step for point in run(Constant(), rows_of(18), settings(epochs=3))[1]] == [5, 10, 15]


def test_drop_last_makes_the_epoch_shorter():
    outcome, points, steps = run(Constant(), rows_of(18), settings(epochs=2, drop_last=True))
    assert [point.step for point in points] == [4, 8]
    assert steps == list(range(1, 9))
    assert outcome.epochs == 2.0


def test_a_point_has_the_training_loss_since_the_last_one():
    rows, model = rows_of(11), small()
    options = settings(learning_rate=1e-12, shuffle=False, evaluate_every=2)
    before = small()
    _, points, _ = run(model, rows, options)
    for point, part in zip(points, (slice(0, 8), slice(8, 11)), strict=True):
        logits = before(rows[0].ids[part], rows[0].lengths[part])
        assert point.train.loss == pytest.approx(F.cross_entropy(logits, rows[0].targets[part]).item(), rel=1e-5)
        correct = (logits.argmax(1) == rows[0].targets[part]).double().mean().item()
        assert point.train.accuracy == pytest.approx(correct, abs=1e-12)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("dropout", [0.5, 0.0])
def test_the_seed_decides_order_and_dropout(shuffle, dropout):
    def trained(seed, start=0):
        model = small(seed=start, cell="lstm", layers=2, bidirectional=True, dropout=dropout, head_dropout=dropout)
        torch.manual_seed(len(seen))  # what came before must not matter
        run(model, rows_of(13), settings(seed=seed, epochs=2, shuffle=shuffle))
        seen.append(nn.utils.parameters_to_vector(model.parameters()))
        return seen[-1]

    seen = []
    first = trained(1)
    assert torch.equal(trained(1), first)
    assert not torch.equal(trained(1, start=1), first)
    assert torch.equal(trained(2), first) == (not shuffle and not dropout)


def test_every_step_and_process_has_its_own_seed():
    # SplitMix64 from state 0, as its authors' code prints it: 0xe220a8397b1dcdaf
    assert mix_seed(0) == 0xE220A8397B1DCDAF >> 1
    seeds = {mix_seed(seed, step, rank) for seed in range(8) for step in range(100) for rank in range(4)}
    assert len(seeds) == 8 * 100 * 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    seed_step(CPU, 1, 2, 3)
    first = torch.rand(3)
    seed_step(CPU, 1, 2, 3)
    assert torch.equal(torch.rand(3), first)


def test_each_step_is_seeded_by_its_number():
    seeds = []
    events = Events(on_step=lambda _: seeds.append(torch.initial_seed()))
    fit(small(), TrainingData(rows_of(9), rows_of(9)), settings(seed=7, epochs=2), events)
    assert seeds == [mix_seed(7, step, 0) for step in range(6)]


def test_a_loss_that_is_not_finite_stops_training():
    with pytest.raises(
        UserError, match=r"^training, batch \d+: the loss is no longer finite; got nan at learning rate inf"
    ):
        run(Constant(), rows_of(8), settings(learning_rate=math.inf, epochs=2))
    do = r"try a smaller train\.learning_rate, or train\.clip_norm$"
    with pytest.raises(UserError, match=do):
        run(small(), rows_of(8), settings(learning_rate=math.inf, epochs=2, evaluate_every=1))


def test_a_model_ruined_by_its_last_step_is_refused():
    # the training loss of the only batch is still finite: only dev sees the weights after it
    points = []
    data, events = TrainingData(rows_of(4), rows_of(4)), Events(on_evaluation=points.append)
    with pytest.raises(UserError, match=r"^training, batch 1: the loss is no longer finite"):
        fit(Constant(), data, settings(learning_rate=math.inf), events)
    assert points == []


def test_a_loss_that_is_not_finite_is_noticed_between_evaluations():
    with pytest.raises(UserError, match=r"^training, batch 100: the loss is no longer finite"):
        run(small(), rows_of(600), settings(learning_rate=math.inf))  # 150 batches an epoch


def test_a_loss_that_explodes_stops_training():
    match = r"^training, batch 2: the loss explodes; got a mean of .*; try a smaller train\.learning_rate, train\.clip"
    with pytest.raises(UserError, match=match):
        run(Constant(), rows_of(8), settings(learning_rate=1e4))
    with pytest.raises(UserError, match=r"^training, batch 100: the loss explodes"):
        run(Constant(), rows_of(600), settings(learning_rate=1e4))
    outcome, _, _ = run(Constant(), rows_of(8), settings(learning_rate=100.0))  # bad, but less than 100 ln 4
    assert outcome.dev_loss > 10
