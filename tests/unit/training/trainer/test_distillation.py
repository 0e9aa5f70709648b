"""Distillation by hand: its loss, and the soft targets of its teachers."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from factories.buckets import mapped
from factories.crf_reference import TAGGER, batch, loss_of_all, marginals_of_all, random_crf
from factories.distillation import DISTILL, same, soft_targets, softened, weights_of
from factories.settings import settings
from factories.training_runs import Notes, rows_of, small
from textrnn.common.config.train import Distill
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batches import Shuffle, batches
from textrnn.training.optimization.cuda_graphs import WARM_UP, GraphedTrainStep
from textrnn.training.optimization.step import TrainStep, make_optimizer

CPU = torch.device("cpu")
WEIGHTS = [1.0, 10.0, 0.5, 0.0]


# the loss


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("weight", [0.3, 1.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("tags", [False, True], ids=["classify", "tag"])
def test_loss_and_gradient_by_hand(tags, weights, weight, temperature):
    torch.manual_seed(0)
    shape = (3, 4) if tags else (6,)
    logits = torch.randn(*shape, 4, dtype=torch.float64, requires_grad=True)
    soft = torch.randn(*shape, 4, dtype=torch.float64).softmax(-1)
    soft.view(-1, 4)[0] = torch.tensor([0.25, 0.75, 0.0, 0.0])  # a class with probability 0
    gold = torch.randint(0, 4, shape)
    gold.view(-1)[:4] = torch.tensor([0, 1, 2, 3])
    if tags:
        gold[1, 2:] = gold[2] = -100
    total = total_weight = 0.0
    gradient = torch.zeros(shape).double().flatten()[:, None].repeat(1, 4)
    for at, (row, teacher, target) in enumerate(
        zip(logits.detach().view(-1, 4), soft.view(-1, 4), gold.flatten().tolist(), strict=True)
    ):
        if target < 0:
            continue
        target_weight = 1.0 if weights is None else weights[target]
        hard, warm = row.exp() / row.exp().sum(), (row / temperature).exp() / (row / temperature).exp().sum()
        distance = sum(p * math.log(p / q) for p, q in zip(teacher.tolist(), warm.tolist(), strict=True) if p)
        total += target_weight * ((1 - weight) * -math.log(hard[target]) + weight * temperature**2 * distance)
        total_weight += target_weight
        one = torch.arange(4) == target
        gradient[at] = target_weight * ((1 - weight) * (hard - one.double()) + weight * temperature * (warm - teacher))
    running_metrics = RunningMetrics(
        None if weights is None else torch.tensor(weights).double(), CPU, distill=Distill((1,), weight, temperature)
    )
    loss = running_metrics.update(logits, gold, soft_targets=soft)
    assert loss.item() == pytest.approx(total / total_weight, rel=1e-12)
    assert running_metrics.compute().loss == pytest.approx(total / total_weight, rel=1e-12)
    (actual,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(actual.view(-1, 4), gradient / total_weight, rtol=1e-11, atol=1e-14)
    # in the parts of two processes; with tags the second part has no token
    parts = (slice(0, 2), slice(2, None))
    weight = running_metrics.total_weight(gold)
    added = [running_metrics.update(logits[part], gold[part], weight, soft_targets=soft[part]).item() for part in parts]
    assert sum(added) == pytest.approx(total / total_weight, rel=1e-12)
    assert (added[1] == 0) == tags


def test_certain_and_correct_teachers_give_the_usual_loss():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    sure = F.one_hot(gold, 4).double()
    for weight in (0.2, 1.0):
        loss = RunningMetrics(None, CPU, distill=Distill((1,), weight, 1.0)).update(logits, gold, soft_targets=sure)
        assert loss.item() == pytest.approx(F.cross_entropy(logits, gold).item(), rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_with_a_crf_it_compares_the_marginals_of_each_token(weight, temperature):
    torch.manual_seed(2)
    crf, (logits, gold) = random_crf(), batch("left")
    soft = torch.randn_like(logits).softmax(-1)
    distance = 0
    for row, target, probabilities in zip(logits, gold, soft, strict=True):
        valid, probabilities = target >= 0, probabilities[target >= 0]
        if valid.any():
            log_marginals = marginals_of_all(crf, row[valid], temperature).log()
            distance += (probabilities * (probabilities.log() - log_marginals)).sum()
    total = (1 - weight) * loss_of_all(crf, logits, gold) + weight * temperature**2 * distance
    running_metrics = RunningMetrics(None, CPU, crf=crf, distill=Distill((1,), weight, temperature))
    loss = running_metrics.update(logits, gold, soft_targets=soft)
    assert loss.item() == pytest.approx((total / (gold >= 0).sum()).item(), rel=1e-12)
    assert crf.transitions.grad is None
    loss.backward()
    assert crf.transitions.grad.any()
    empty = running_metrics.update(logits[:0], gold[:0], soft_targets=soft[:0])
    assert empty.item() == 0


def test_smoothing_applies_to_the_hard_targets_alone():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    soft = torch.randn(5, 4, dtype=torch.float64).softmax(-1)
    loss = (
        RunningMetrics(None, CPU, 0.1, distill=Distill((1,), 0.4, 2.0)).update(logits, gold, soft_targets=soft).item()
    )
    hard = F.cross_entropy(logits, gold, label_smoothing=0.1).item()
    distance = (soft * (soft.log() - (logits / 2).log_softmax(-1))).sum(-1).mean().item()
    assert loss == pytest.approx(0.6 * hard + 0.4 * 4 * distance, rel=1e-12)


def test_distillation_needs_soft_targets():
    with pytest.raises(AssertionError, match="without soft targets"):
        RunningMetrics(None, CPU, distill=DISTILL).update(torch.zeros(2, 4), torch.tensor([0, 1]))


# soft targets


def test_soft_targets_of_a_crf_are_the_mean_marginals_of_each_token():
    teachers = [small(seed=seed, **TAGGER, head_dropout=0.5).train() for seed in (3, 4)]
    for seed, teacher in enumerate(teachers):
        torch.manual_seed(seed)
        for score in teacher.crf.parameters():
            torch.nn.init.normal_(score)
    (bucket,) = rows_of(6, 3, tags=True)
    (soft,) = soft_targets(teachers, [bucket], settings(batch_size=4), 2.5)
    for at in range(len(bucket)):
        valid = bucket.targets[at] >= 0
        row = bucket.ids[at : at + 1], bucket.lengths[at : at + 1]
        means = [marginals_of_all(one.crf, one.eval()(*row)[0][valid], 2.5).detach() / 2 for one in teachers]
        torch.testing.assert_close(soft[at][valid], sum(means), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["classify", "tag", "bce"])
def test_soft_targets_are_the_mean_of_the_teachers_probabilities(kind):
    classes, changes = (2, {"loss": "bce"}) if kind == "bce" else (4, {})
    if kind == "tag":
        changes = {"readout": "every_step"}
    dropped = {"head_dropout": 0.5, "word_dropout": 0.5, **changes}
    teachers = [small(seed=seed, classes=classes, **dropped).train() for seed in (3, 4, 5)]
    rows = [*rows_of(9, classes=classes, tags=kind == "tag"), *rows_of(5, 3, classes=classes, tags=kind == "tag")]
    all_soft = soft_targets(iter(teachers), rows, settings(batch_size=4), 2.5)
    for bucket, soft in zip(rows, all_soft, strict=True):
        assert soft.dtype == torch.float32
        assert soft.shape == (*bucket.targets.shape, classes)
        for at in range(len(bucket)):
            length = int(bucket.lengths[at])
            mean = 0
            for teacher in teachers:
                logits = teacher.eval()(bucket.ids[at : at + 1, :length], bucket.lengths[at : at + 1])[0].double()
                heated = (logits / 2.5).exp()
                mean = mean + heated / heated.sum(-1, keepdim=True) / 3
            actual = soft[at, :length] if kind == "tag" else soft[at]
            torch.testing.assert_close(actual.double(), mean.detach(), rtol=1e-5, atol=1e-7)
    assert not any(soft.requires_grad for soft in all_soft)


def test_soft_targets_are_stored_with_their_rows_and_give_the_same_batches():
    (whole,) = rows_of(11)
    halves = mapped(dataclasses.replace(whole, ids=whole.ids.int()))
    teachers = [small(seed=seed) for seed in (3, 4)]
    (one,), (other,) = (soft_targets(teachers, [rows], settings(), 2.0) for rows in (whole, halves))
    assert torch.equal(one, other)
    both = [whole.with_soft_targets(one)], [halves.with_soft_targets(other)]
    assert both[1][0].device == halves.device
    for ours, theirs in zip(*(batches(rows, 4, shuffle=Shuffle(1, 0)) for rows in both), strict=True):
        assert theirs.soft_targets.dtype == torch.float32
        assert torch.equal(ours.soft_targets, one[ours.row_numbers])
        assert all(torch.equal(a, b) for a, b in zip(ours.inputs, theirs.inputs, strict=True))
    assert torch.equal(both[0][0].to(CPU).soft_targets, one)
    assert len(whole.take(torch.arange(1)).inputs) == 3  # without soft targets a step reads three inputs


def test_recorded_steps_read_soft_targets_too():
    ends = []
    for recorder in (None, Notes()):
        model, options = small(), settings(batch_size=4, distill=DISTILL)
        args = model, make_optimizer(model, options), RunningMetrics(None, CPU, distill=DISTILL), options
        train_step = TrainStep(*args) if recorder is None else GraphedTrainStep(*args, recorder)
        for each in batches(softened(rows_of(4 * (WARM_UP + 3))), 4):
            train_step(each, 0.01)
        ends.append(weights_of(model))
    assert recorder.calls.count("replay") == 3
    same(*ends)
