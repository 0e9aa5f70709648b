"""Steps compared with Adam by hand: rates, frozen embeddings, decay, clipping and smoothed labels."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from factories.settings import settings
from factories.training_runs import rows_of, run, small
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.train import CosineSchedule, Ema, StepSchedule
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.optimization.step import (
    clip_gradients,
    decayed_matrices,
)

CPU = torch.device("cpu")


def adam_by_hand(model, rows, options, rates):
    """Adam (Kingma and Ba 2015) on all rows at each of the learning rates; decay and clipping as in torch."""
    parameters = dict(model.named_parameters())
    first = {name: torch.zeros_like(value) for name, value in parameters.items()}
    second = {name: torch.zeros_like(value) for name, value in parameters.items()}
    (batch,) = rows
    for step, rate in enumerate(rates, start=1):
        loss = F.cross_entropy(model(batch.ids, batch.lengths), batch.targets)
        dense = (gradient.to_dense() for gradient in torch.autograd.grad(loss, parameters.values()))
        gradients = dict(zip(parameters, dense, strict=True))
        norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients.values()))
        scale = min(1.0, options.clip_norm / (norm + 1e-6)) if options.clip_norm else 1.0
        for name, value in parameters.items():
            factor = 1.0 if name != "embedding.weight" or options.embedding_rate is None else options.embedding_rate
            if value.dim() > 1 and name != "embedding.weight":  # Loshchilov and Hutter 2019
                value.data *= 1 - rate * options.decoupled_decay
            gradient = gradients[name] * scale + options.weight_decay * value.detach()
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            update = (first[name] / (1 - 0.9**step)) / ((second[name] / (1 - 0.999**step)).sqrt() + 1e-8)
            with torch.no_grad():
                value -= factor * rate * update
    return model


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({"epochs": 1}, [0.01]),
        ({"epochs": 3}, [0.01] * 3),
        ({"epochs": 3, "weight_decay": 0.1}, [0.01] * 3),
        ({"epochs": 3, "clip_norm": 0.05, "weight_decay": 0.01}, [0.01] * 3),
        ({"epochs": 4, "schedule": StepSchedule("step", 2, 0.5)}, [0.01, 0.01, 0.005, 0.005]),
        ({"epochs": 2, "schedule": CosineSchedule("cosine", 0.0, 0.0)}, [0.01, 0.005]),
        ({"epochs": 4, "schedule": CosineSchedule("cosine", 0.0, 0.5)}, [0.005, 0.01, 0.01, 0.005]),
        ({"epochs": 3, "decoupled_decay": 0.5}, [0.01] * 3),
        ({"epochs": 3, "decoupled_decay": 0.5, "weight_decay": 0.1, "embedding_rate": 2.0}, [0.01] * 3),
        ({"epochs": 3, "embedding_rate": 0.1, "clip_norm": 0.05}, [0.01] * 3),
    ],
    ids=["one", "three", "decay", "clip", "step", "cosine", "warmup", "decoupled", "both", "embedding"],
)
def test_steps_equal_those_of_adam(changes, rates):
    rows, options = rows_of(16), settings(batch_size=16, **changes)
    model, byhand = small().double(), small().double()
    outcome, _, _ = run(model, rows, options)
    assert outcome.best_step == len(rates)  # so the weights of the last step are compared
    adam_by_hand(byhand, rows, options, rates)
    for ours, theirs in zip(model.parameters(), byhand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
    if options.clip_norm:
        unclipped = adam_by_hand(small().double(), rows, dataclasses.replace(options, clip_norm=None), rates)
        assert not torch.allclose(unclipped.head.outer.weight, byhand.head.outer.weight, rtol=0, atol=1e-5)


def test_a_frozen_embedding_stays_bitwise_the_same():
    for changes in ({"weight_decay": 0.1, "clip_norm": 0.1}, {"decoupled_decay": 0.5, "average": Ema("ema", 0.9)}):
        model, start = small(), small()
        run(model, rows_of(16), settings(epochs=3, embedding_rate=0.0, **changes))
        assert torch.equal(model.embedding.weight, start.embedding.weight)
        assert all(not torch.equal(a, b) for a, b in list(zip(model.parameters(), start.parameters(), strict=True))[1:])


def test_a_frozen_embedding_does_not_count_in_the_clipped_norm():
    rows, options = rows_of(16), settings(batch_size=16, embedding_rate=0.0, clip_norm=0.01)
    model, byhand = small().double(), small().double()
    run(model, rows, options)
    byhand.embedding.weight.requires_grad_(False)
    loss = F.cross_entropy(byhand(rows[0].ids, rows[0].lengths), rows[0].targets)
    loss.backward()
    nn.utils.clip_grad_norm_(byhand.parameters(), 0.01)
    torch.optim.Adam([weight for weight in byhand.parameters() if weight.grad is not None], 0.01).step()
    for ours, theirs in zip(model.parameters(), byhand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_the_weights_that_decoupled_decay_shrinks():
    model = small(readout=("max", "attention"), layer_norm=True, bigrams=BigramOptions(2, 1))
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert {names[id(weight)] for weight in decayed_matrices(model)} == {
        "recurrent.runs.0.weight_ih_l0",
        "recurrent.runs.0.weight_hh_l0",
        "attention.inner.weight",
        "attention.query.weight",
        "head.outer.weight",
    }


def test_a_crf_s_transitions_are_not_shrunk():
    tagger = small(readout="every_step", crf=True)
    assert not any(weight is tagger.crf.transitions for weight in decayed_matrices(tagger))
    assert any(weight is tagger.head.outer.weight for weight in decayed_matrices(tagger))


def test_clipping_is_bitwise_that_of_torch_and_accepts_sparse_gradients():
    torch.manual_seed(0)
    gradients = [torch.randn(40, 30), torch.randn(7), torch.randn(50, 3)]
    for norm in (0.5, 1e4):
        ours, theirs = ([nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients] for _ in range(2))
        for one, other, gradient in zip(ours, theirs, gradients, strict=True):
            one.grad, other.grad = gradient.clone(), gradient.clone()
        clip_gradients([*ours, nn.Parameter(torch.zeros(3))], norm)
        nn.utils.clip_grad_norm_(theirs, norm)
        assert all(torch.equal(one.grad, other.grad) for one, other in zip(ours, theirs, strict=True))
        sparse = nn.Parameter(torch.zeros(50, 3))
        sparse.grad = torch.sparse_coo_tensor(
            torch.arange(50)[None], gradients[2].clone(), (50, 3), check_invariants=True
        )
        for one, gradient in zip(ours, gradients, strict=True):
            one.grad = gradient.clone()
        clip_gradients([*ours[:2], sparse], norm)
        assert torch.equal(sparse.grad.to_dense(), theirs[2].grad)
        assert torch.equal(ours[0].grad, theirs[0].grad)


@pytest.mark.parametrize("weights", [None, [1.0, 5.0, 0.5, 2.0]], ids=["plain", "weighted"])
def test_smoothed_labels_by_hand(weights):
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 4, dtype=torch.float64), torch.tensor([0, 3, 1])
    target_weights = weights or [1.0] * 4
    total = total_weight = 0.0
    for row, target in zip(logits.log_softmax(1).tolist(), targets.tolist(), strict=True):
        total -= 0.8 * target_weights[target] * row[target] + sum(
            0.2 / 4 * w * value for w, value in zip(target_weights, row, strict=True)
        )
        total_weight += target_weights[target]
    running_metrics = RunningMetrics(None if weights is None else torch.tensor(weights).double(), CPU, 0.2)
    padded_out = torch.cat((logits, torch.randn(2, 4)))
    loss = running_metrics.update(padded_out, torch.cat((targets, torch.tensor([-100, -100]))))
    assert loss.item() == pytest.approx(total / total_weight, rel=1e-12)
    assert running_metrics.compute().loss == pytest.approx(total / total_weight, rel=1e-12)


def test_training_smooths_labels_and_evaluation_does_not():
    rows, options = rows_of(11), settings(learning_rate=1e-12, batch_size=11)
    plain, smoothed = (run(small(), rows, dataclasses.replace(options, label_smoothing=s))[1][0] for s in (0.0, 0.3))
    assert smoothed.dev == plain.dev
    logits = small()(rows[0].ids, rows[0].lengths)
    wanted = F.cross_entropy(logits, rows[0].targets, label_smoothing=0.3).item()
    assert smoothed.train.loss == pytest.approx(wanted, rel=1e-5)
    assert plain.train.loss != pytest.approx(wanted, rel=1e-3)


def test_bigrams_are_updated_by_rows_and_everything_else_by_adam():
    rows, options = rows_of(16), settings(batch_size=16, epochs=2, clip_norm=0.05, weight_decay=0.01)
    model, byhand = (small(bigrams=BigramOptions(3, 2)).double() for _ in range(2))
    start = byhand.bigrams.weight.detach().clone()
    run(model, rows, options)
    # every step reads the same rows of the table, so Adam over these rows alone equals Adam
    adam_by_hand(byhand, rows, options, [0.01] * 2)
    read = byhand.bigrams.find_rows(rows[0].ids.t()).unique()
    unread = torch.ones(len(start), dtype=torch.bool).index_fill_(0, read, False)
    assert unread[1:].any()
    assert torch.equal(model.bigrams.weight[unread], start[unread])
    with torch.no_grad():
        byhand.bigrams.weight[unread] = start[unread]
    assert not torch.equal(byhand.bigrams.weight[1], start[1])
    for ours, theirs in zip(model.parameters(), byhand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
