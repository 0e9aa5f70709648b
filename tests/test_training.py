"""The loop compared with Adam by hand; schedules, evaluations, early stopping, best weights, merged options."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from test_lexicon import SOME_WORDS
from test_models import PLAIN
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.train import CosineSchedule, Ema, StepSchedule, Swa, Train
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import RunningMetrics, Score
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.batching.buckets import Bucket
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.optimization.lr_schedule import learning_rate
from textrnn.training.optimization.step import (
    TrainStep,
    clip_gradients,
    decayed_matrices,
    make_optimizer,
    mix_seed,
    seed_step,
)
from textrnn.training.trainer import loop as training
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.class_weights import class_weights
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.run_state import Checkpoint, RunState, TrainingOutcome

SETTINGS = Train(
    seed=1,
    batch_size=4,
    batch_tokens=None,
    epochs=1,
    learning_rate=0.01,
    embedding_rate=None,
    weight_decay=0.0,
    decoupled_decay=0.0,
    schedule=None,
    clip_norm=None,
    class_weights=None,
    label_smoothing=0.0,
    sampling=None,
    average=None,
    distill=None,
    evaluate_every=None,
    monitor="loss",
    patience=None,
    time_limit_seconds=None,
    precision="float32",
    shuffle=True,
    drop_last=False,
)
CPU = torch.device("cpu")


def settings(**changes):
    return dataclasses.replace(SETTINGS, **changes)


def rows_of(count, width=6, vocabulary_size=12, classes=4, tags=False):
    """A bucket of random rows with random labels, or with tags that end in padding."""
    generator = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, width + 1, (count,), generator=generator)
    past = torch.arange(width) >= lengths[:, None]
    ids = torch.randint(2, vocabulary_size, (count, width), generator=generator).masked_fill(past, 0)
    targets = torch.randint(0, classes, (count, width) if tags else (count,), generator=generator)
    return [Bucket(torch.arange(count), ids, lengths, targets.masked_fill(past, -100) if tags else targets)]


def small(*, seed=0, classes=4, **changes):
    torch.manual_seed(seed)
    options = dataclasses.replace(PLAIN, **{"hidden_size": 8, **changes})
    features = learn_token_features(rows_of(18), 12, options, SOME_WORDS, "w")
    model = TextRNN(options, 12, 6, classes, "right", features.bigram_count, features.lexicon_sizes)
    features.fill(model)
    return model


class Events(Callback):
    """Calls functions at the events of a run."""

    def __init__(self, on_step=lambda _: None, on_evaluation=lambda _: None):
        self.step, self.evaluation = on_step, on_evaluation

    def on_step_end(self, trainer, batch):
        self.step(trainer.state.step)

    def on_evaluation(self, trainer, point):
        self.evaluation(point)


def fit(network, data, options, *callbacks, **parts):
    """Train with early stopping as the settings say; return the outcome."""
    trainer = Trainer(network, data, options, callbacks=[*callbacks, *early_stopping(options)], **parts)
    trainer.fit()
    return trainer.outcome


def run(model, rows, options, dev=None, weights=None):
    """Train; return the outcome, the evaluations and the numbers of the reported steps."""
    points, steps = [], []
    outcome = fit(model, TrainingData(rows, dev or rows, weights), options, Events(steps.append, points.append))
    return outcome, points, steps


class Constant(nn.Module):
    """A model whose logits are its weight, whatever the row: just enough for tests of the loop."""

    def __init__(self, classes=4):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes))

    def forward(self, ids, lengths):
        return self.weight.expand(len(ids), -1)


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


def test_learning_rates_by_hand():
    step = settings(epochs=5, schedule=StepSchedule("step", 2, 0.1), learning_rate=1.0)
    rates = [learning_rate(step, at, 3) for at in range(15)]
    assert rates == pytest.approx([1] * 6 + [0.1] * 6 + [0.01] * 3)
    cosine = settings(epochs=2, schedule=CosineSchedule("cosine", 0.1, 0.0), learning_rate=2.0)
    assert [learning_rate(cosine, at, 2) for at in range(4)] == pytest.approx([2.0, 1.736396, 1.1, 0.463604], abs=1e-6)
    assert [learning_rate(settings(), at, 2) for at in (0, 1, 99)] == [0.01] * 3


def test_warm_up_is_linear_and_the_cosine_takes_the_remaining_steps():
    warm = settings(epochs=2, schedule=CosineSchedule("cosine", 0.1, 0.3), learning_rate=2.0)
    rates = [learning_rate(warm, at, 5) for at in range(10)]
    assert rates[:3] == pytest.approx([2 / 3, 4 / 3, 2.0])
    cosine = settings(epochs=1, schedule=CosineSchedule("cosine", 0.1, 0.0), learning_rate=2.0)
    assert rates[3:] == pytest.approx([learning_rate(cosine, at, 7) for at in range(7)])


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


def classes(*names):
    return Labels("classify", list(names), None, [])


def weights_of(options, labels):
    return class_weights(options.class_weights, labels, "train.class_weights")


def test_class_weights_make_a_weighted_mean():
    weights = torch.tensor(weights_of(settings(class_weights={"b": 10, "d": 0.5}), classes("a", "b", "c", "d")))
    assert weights.tolist() == [1, 10, 1, 0.5]
    assert weights_of(settings(), classes("a")) is None
    torch.manual_seed(0)
    logits, targets = torch.randn(7, 4, dtype=torch.float64), torch.tensor([0, 1, 1, 2, 3, 3, 0])
    losses = [-row.log_softmax(0)[target].item() for row, target in zip(logits, targets, strict=True)]
    factors = [1, 10, 10, 1, 0.5, 0.5, 1]
    wanted = sum(loss * factor for loss, factor in zip(losses, factors, strict=True)) / sum(factors)
    running_metrics = RunningMetrics(weights.double(), CPU)
    assert running_metrics.update(logits, targets).item() == pytest.approx(wanted, rel=1e-12)
    assert running_metrics.compute().loss == pytest.approx(wanted, rel=1e-12)
    assert running_metrics.compute().accuracy == (logits.argmax(1) == targets).double().mean().item()


def test_ignored_tags_never_count():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 2, -100], [-100, -100, 3]])
    running_metrics = RunningMetrics(None, CPU)
    loss = running_metrics.update(logits, targets)
    valid = [(0, 0, 1), (0, 1, 2), (1, 2, 3)]
    assert loss.item() == pytest.approx(sum(-logits[b, t].log_softmax(0)[c].item() for b, t, c in valid) / 3, rel=1e-12)
    assert running_metrics.compute().accuracy == sum(int(logits[b, t].argmax()) == c for b, t, c in valid) / 3
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient[targets < 0].any()
    assert gradient[targets >= 0].all()


@pytest.mark.parametrize(
    ("weights", "targets"), [(None, [-100, -100]), (torch.tensor([0.0, 1.0]), [0, 0])], ids=["ignored", "weightless"]
)
def test_a_batch_in_which_no_target_counts_has_no_gradient(weights, targets):
    logits = torch.randn(2, 2, requires_grad=True)
    running_metrics = RunningMetrics(weights, CPU)
    loss = running_metrics.update(logits, torch.tensor(targets))
    assert loss.item() == 0
    assert torch.autograd.grad(loss, logits)[0].tolist() == [[0, 0], [0, 0]]
    assert running_metrics.compute().loss == 0


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 5.0, 0.0, 2.5])], ids=["plain", "weighted"])
@pytest.mark.parametrize("tags", [False, True], ids=["classify", "tag"])
def test_the_mean_over_unequal_batches_is_the_loss_over_all_rows(tags, weights):
    model, rows = small(readout="every_step" if tags else "mean"), rows_of(11, tags=tags)
    logits, targets = model(rows[0].ids, rows[0].lengths).flatten(0, -2), rows[0].targets.flatten()
    wanted = F.cross_entropy(logits, targets, weights).item()
    valid = targets >= 0
    accuracy = (logits.argmax(-1) == targets)[valid].double().mean().item()
    for size in (1, 3, 4, 11, 100):
        score = evaluate_loss(model, rows, size, weights)
        assert score.loss == pytest.approx(wanted, rel=1e-5)
        assert score.accuracy == pytest.approx(accuracy, rel=1e-12)


def test_evaluation_is_without_dropout_and_leaves_the_model_training():
    model, rows = small(head_dropout=0.5), rows_of(11)
    model.train()
    score = evaluate_loss(model, rows, 4, None)
    assert model.training
    assert score == evaluate_loss(model, rows, 4, None)
    logits = model.eval()(rows[0].ids, rows[0].lengths)
    assert score.loss == pytest.approx(F.cross_entropy(logits, rows[0].targets).item(), rel=1e-6)


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
    assert dataclasses.asdict(outcome) == {
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


DEFAULTS = {**dataclasses.asdict(SETTINGS), "learning_rate": 1e-3}


def merged(values, defaults=DEFAULTS):
    return load_entry_section(Train, {"train": defaults, "recipes": {"r": {"train": values}}}, "recipes", "r", "train")


def test_a_recipe_s_values_take_precedence_over_the_defaults():
    assert merged({}) == settings(learning_rate=1e-3)
    override = {"epochs": 9, "schedule": {"kind": "step", "every": 5, "factor": 0.95}, "class_weights": {"PER": 10}}
    wanted = settings(learning_rate=1e-3, epochs=9, schedule=StepSchedule("step", 5, 0.95), class_weights={"PER": 10.0})
    assert merged(override) == wanted
    assert merged({"clip_norm": None}, {**DEFAULTS, "clip_norm": 5}).clip_norm is None
    cosine = {"schedule": {"kind": "cosine", "floor": 0, "warmup": 0}}
    assert merged(cosine).schedule == CosineSchedule("cosine", 0.0, 0.0)
    assert merged({"average": {"kind": "ema", "decay": 0.9}}).average == Ema("ema", 0.9)
    assert merged({"average": {"kind": "swa", "from_epoch": 2}}).average == Swa("swa", 2)


@pytest.mark.parametrize(
    ("defaults", "override", "message"),
    [
        ({}, {"epoch": 3}, r"^recipes\.r\.train\.epoch: unknown param; did you mean epochs\?"),
        ({}, {"epochs": "three"}, r"^recipes\.r\.train\.epochs: must be a whole number; got 'three'"),
        ({}, {"epochs": None}, r"^recipes\.r\.train\.epochs: must be a whole number; got null"),
        ({}, {"schedule": {"kind": "step", "every": 5}}, r"^recipes\.r\.train\.schedule\.factor: missing param"),
        ({}, {"schedule": {"kind": "stepp"}}, r"^recipes\.r\.train\.schedule\.kind: must be one of step, cosine"),
        ({}, None, r"^recipes\.r\.train: must be a mapping; got null"),
        ({}, [], r"^recipes\.r\.train: must be a mapping; got \[\]"),
        ({"epochs": 1.5}, {"epochs": 2}, r"^train\.epochs: must be a whole number; got 1\.5"),
        ({"batchsize": 2}, {}, r"^train\.batchsize: unknown param; did you mean batch_size\?"),
    ],
)
def test_unknown_and_mistyped_values_are_refused_by_name(defaults, override, message):
    with pytest.raises(UserError, match=message):
        merged(override, {**DEFAULTS, **defaults})


def test_a_value_must_stand_in_the_defaults_or_in_the_recipe():
    with pytest.raises(UserError, match=r"^train: must be a mapping; got null"):
        merged({}, None)
    incomplete = {name: value for name, value in DEFAULTS.items() if name != "epochs"}
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.epochs: missing param"):
        merged({}, incomplete)
    assert merged({"epochs": 1}, incomplete).epochs == 1  # `check` refuses these defaults all the same


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, r"^train\.seed: must lie in \[0, 2\^63\); got -1"),
        ({"seed": 2**63}, r"^train\.seed: must lie in"),
        ({"batch_size": 0}, r"^train\.batch_size: must be at least 1; got 0"),
        ({"epochs": 0}, r"^train\.epochs: must be at least 1"),
        ({"evaluate_every": 0}, r"^train\.evaluate_every: must be at least 1"),
        ({"patience": 0}, r"^train\.patience: must be at least 1"),
        ({"learning_rate": 0.0}, r"^train\.learning_rate: must be above 0; got 0\.0"),
        ({"learning_rate": math.nan}, r"^train\.learning_rate: must be above 0; got nan"),
        ({"weight_decay": -0.1}, r"^train\.weight_decay: must not be negative"),
        ({"clip_norm": 0.0}, r"^train\.clip_norm: must be above 0"),
        ({"schedule": StepSchedule("step", 0, 0.5)}, r"^train\.schedule\.every: must be at least 1"),
        ({"schedule": StepSchedule("step", 1, -0.5)}, r"^train\.schedule\.factor: must be above 0; got -0\.5"),
        ({"schedule": CosineSchedule("cosine", 1.5, 0.0)}, r"^train\.schedule\.floor: must lie in \[0, 1\]; got 1\.5"),
        ({"schedule": CosineSchedule("cosine", 0.0, 1.0)}, r"^train\.schedule\.warmup: must lie in \[0, 1\); got 1\.0"),
        ({"embedding_rate": -1.0}, r"^train\.embedding_rate: must not be negative; got -1\.0"),
        ({"decoupled_decay": -1.0}, r"^train\.decoupled_decay: must not be negative; got -1\.0"),
        ({"label_smoothing": 1.0}, r"^train\.label_smoothing: must lie in \[0, 1\); got 1\.0"),
        ({"average": Ema("ema", 1.0)}, r"^train\.average\.decay: must lie in \[0, 1\); got 1\.0"),
        ({"average": Swa("swa", 0)}, r"^train\.average\.from_epoch: must be at least 1; got 0"),
        ({"class_weights": {"ORG": 2.0}}, r"^train\.class_weights\.ORG: must be one of O, PER; got 'ORG'"),
        ({"class_weights": {"PER": -1.0}}, r"^train\.class_weights\.PER: must not be negative; got -1\.0"),
    ],
)
def test_values_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(UserError, match=message):
        check_all(settings(**changes))


def test_values_in_range_pass():
    SETTINGS.check("train")
    schedule = CosineSchedule("cosine", 1.0, 0.0)
    settings(class_weights={"O": 0.0}, schedule=schedule, patience=1, clip_norm=0.1).check("train")


def test_the_weight_of_an_entity_type_applies_to_all_of_its_tags():
    options = settings(class_weights={"PER": 10.0, "I-LOC": 3.0, "LOC": 2.0})
    for scheme, names in (("bio", "O B-LOC I-LOC B-PER I-PER"), ("bioes", "O S-LOC I-LOC E-PER S-PER")):
        tags = Labels("tag", names.split(), scheme, ["LOC", "PER"])
        assert weights_of(options, tags) == [1.0, 2.0, 3.0, 10.0, 10.0]
    types = Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])
    assert weights_of(settings(class_weights={"PER": 10.0}), types) == [1.0, 1.0, 10.0]


def test_a_class_named_like_a_tag_has_no_entity_type():
    names = classes("sports", "E-sports", "S-Bahn")
    assert weights_of(settings(class_weights={"sports": 5.0}), names) == [5.0, 1.0, 1.0]
    with pytest.raises(UserError, match="must be one of O, S-Bahn; got 'Bahn'"):
        weights_of(settings(class_weights={"Bahn": 5.0}), Labels("tag", ["O", "S-Bahn"], "type", ["S-Bahn"]))


def check_all(options):
    options.check("train")
    weights_of(options, classes("O", "PER"))
