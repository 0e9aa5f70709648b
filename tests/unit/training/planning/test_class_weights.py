"""Means over rows and tags by hand: class weights, ignored tags, unequal batches; and the weights of entity types."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from factories.buckets import mapped, numbered
from factories.networks import PLAIN
from factories.settings import settings
from factories.training_runs import rows_of, small
from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.planning.class_weights import balanced_weights, class_weights, count_targets
from textrnn.training.trainer.evaluation import evaluate_loss

CPU = torch.device("cpu")


def classes(*names):
    return Labels("classify", list(names), None, [])


def weights_of(options, labels):
    return class_weights(options.class_weights, labels, [], "train.class_weights")


def test_balanced_weights_give_every_class_the_same_total():
    # scikit-learn: compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 6 + [1] * 3 + [2]) is 10 / (3 * count)
    assert balanced_weights(np.array([6, 3, 1])) == pytest.approx([10 / 18, 10 / 9, 10 / 3], rel=1e-15)
    assert balanced_weights(np.array([4, 0, 4])) == [1.0, 1.0, 1.0]  # over the two classes that occur
    rows = numbered(5, 3)  # row number n has the class n % 3
    for buckets in (rows, [mapped(bucket) for bucket in rows]):
        assert count_targets(buckets, 4).tolist() == [3, 3, 2, 0]
        weights = class_weights("balanced", classes(*"abcd"), buckets, "w")
        assert weights == pytest.approx([8 / 9, 8 / 9, 8 / 6, 1], rel=1e-15)


def test_balanced_weights_of_tags_count_tokens_and_no_padding():
    (bucket,) = rows_of(11, tags=True)
    counted = [int((bucket.targets == tag).sum()) for tag in range(4)]
    assert count_targets([bucket], 4).tolist() == counted
    weights = class_weights("balanced", Labels("tag", list("OABC"), "type", list("ABC")), [bucket], "w")
    assert weights == pytest.approx([sum(counted) / (4 * count) for count in counted], rel=1e-15)


def test_balanced_weights_are_refused_with_a_crf():
    crf = dataclasses.replace(PLAIN, crf=True, readout="every_step")
    with pytest.raises(UserError, match=r"^train\.class_weights: must be null if model\.crf is true; got 'balanced'"):
        crf.check_loss("train", "balanced", 0.0)


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
