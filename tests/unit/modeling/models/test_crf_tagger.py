"""Taggers with a CRF: their metrics, training, evaluation and files; and models that may have none."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from factories.crf_reference import (
    CLASSES,
    LENGTHS,
    SIDES,
    TAGGER,
    batch,
    loss_of_all,
    random_crf,
)
from factories.networks import PLAIN
from factories.saved_models import make_folder, save
from factories.settings import SETTINGS, settings
from factories.shards import write_padded
from factories.stub_models import BIO, TYPE_ROWS, TYPES, stub
from factories.training_runs import fit, rows_of, small
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.devices.precision import forward_in_precision
from textrnn.modeling.models.model_directory import load_model, save_model
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import initialize_weights
from textrnn.modeling.nn.crf import CRF, find_crf, predict_classes
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import TrainingData

CPU = torch.device("cpu")


def test_the_running_metrics_are_means_over_tokens():
    torch.manual_seed(8)
    crf, (logits, targets) = random_crf(), batch("right")
    running_metrics = RunningMetrics(None, CPU, crf=crf)
    logits.requires_grad_()
    loss = running_metrics.update(logits, targets)
    wanted = loss_of_all(crf, logits, targets).item() / sum(LENGTHS)
    assert (loss.item(), running_metrics.compute().loss) == pytest.approx((wanted, wanted), rel=1e-12)
    assert running_metrics.compute().accuracy == (logits.argmax(-1) == targets).sum().item() / sum(LENGTHS)
    whole = torch.autograd.grad(loss, (logits, *crf.parameters()))
    divisor = running_metrics.total_weight(targets)
    parts = sum(running_metrics.update(logits[part], targets[part], divisor) for part in (slice(0, 2), slice(2, 5)))
    for own, other in zip(torch.autograd.grad(parts, (logits, *crf.parameters())), whole, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="it allows no class weights and no smoothing"):
        RunningMetrics(torch.ones(CLASSES), CPU, crf=crf)


def test_the_running_metrics_count_the_given_predictions():
    logits, targets = batch("left")
    running_metrics = RunningMetrics(None, CPU, crf=CRF(CLASSES).double())
    running_metrics.update(logits, targets, predictions=targets.clamp(min=0))
    assert running_metrics.compute().accuracy == 1.0


def test_predictions_are_best_sequences_with_a_crf_and_highest_logits_without():
    torch.manual_seed(9)
    model, rows = small(**TAGGER), rows_of(6, tags=True)[0]
    nn.init.normal_(model.crf.transitions, std=3)
    logits, valid = model(rows.ids, rows.lengths), rows.targets >= 0
    assert find_crf(model) is model.crf
    assert torch.equal(predict_classes(model, logits, valid), model.crf.decode(logits, valid))
    plain = small(readout="every_step")
    assert find_crf(plain) is None
    assert torch.equal(predict_classes(plain, logits, valid), logits.argmax(-1))
    assert not torch.equal(predict_classes(model, logits, valid)[valid], logits.argmax(-1)[valid])
    running_metrics = RunningMetrics(None, CPU, crf=model.crf)
    score = evaluate_loss(model, [rows], 4, None)
    running_metrics.update(logits, rows.targets, predictions=model.crf.decode(logits, valid))
    assert score.loss == pytest.approx(running_metrics.compute().loss, rel=1e-5)
    assert score.accuracy == running_metrics.compute().accuracy


def test_the_logits_of_a_model_do_not_depend_on_its_crf():
    rows = rows_of(6, tags=True)[0]
    logits = small(**TAGGER)(rows.ids, rows.lengths)
    assert torch.equal(logits, small(readout="every_step")(rows.ids, rows.lengths))


def test_its_initial_scores_are_zero_whatever_the_initialization():
    model = small(**TAGGER)
    initialize_weights(model, "xavier")
    assert [name for name, _ in model.crf.named_parameters()] == ["transitions", "start", "end"]
    assert not any(score.any() for score in model.crf.parameters())


def coin(count=24, width=6):
    """Rows whose tags alternate at every step; only the last token reveals its tag."""
    first = torch.arange(count) % 2
    tags = (first[:, None] + torch.arange(width)) % 2
    ids = torch.full((count, width), 3)
    ids[:, -1] = 4 + tags[:, -1]  # only the last token reveals its tag
    return Bucket(torch.arange(count), ids, torch.full((count,), width), tags)


def test_training_learns_transitions_that_logits_cannot():
    model = small(classes=2, **TAGGER)
    outcome = fit(model, TrainingData([coin()], [coin()]), settings(epochs=20, learning_rate=0.1))
    assert outcome.dev_accuracy == 1.0  # of best sequences; the logits of a forward tagger determine one tag in six
    assert outcome.dev_loss < 0.02
    assert model.crf.transitions[0, 1] > model.crf.transitions[0, 0] + 1
    plain = small(classes=2, readout="every_step")
    assert fit(plain, TrainingData([coin()], [coin()]), settings(epochs=20)).dev_accuracy < 0.8


def test_the_crf_is_computed_in_full_precision():
    model, rows = small(**TAGGER), rows_of(8, tags=True)[0]
    logits = forward_in_precision(model, rows.ids, rows.lengths, "bfloat16")
    running_metrics = RunningMetrics.for_network(model, None)
    running_metrics.update(logits, rows.targets).backward()
    exact = random_crf(4).double()
    exact.load_state_dict({name: score.double() for name, score in model.crf.state_dict().items()})
    exact(logits.detach().double(), rows.targets).backward()
    count, own = (rows.targets >= 0).sum(), model.crf.transitions.grad.double()
    torch.testing.assert_close(own, exact.transitions.grad / count, rtol=1e-5, atol=1e-6)
    step = TrainStep(model, make_optimizer(model, SETTINGS), running_metrics, settings(precision="bfloat16"))
    before = model.crf.transitions.detach().clone()
    step(rows.take(torch.arange(len(rows))), 0.01)
    assert not torch.equal(model.crf.transitions, before)


# ids are tags + 2; I-LOC is where BIO forbids it: at the start of row 0 and after B-PER in row 1
WRONG = [([4, 2], [1, 0], [(0, 1, 0)]), ([5, 4, 2, 3], [3, 4, 0, 1], [(0, 2, 1), (3, 4, 0)]), ([], [], [])]


def wrong_rows():
    return [(ids, tags, [{"start": a, "end": b, "type": kind} for a, b, kind in gold]) for ids, tags, gold in WRONG]


@SIDES
def test_evaluation_forbids_transitions_that_bio_forbids(tmp_path, side):
    padded = write_padded(tmp_path, "tag", {"train": wrong_rows(), "test": wrong_rows()}, 4, side)
    saved = stub(padded, BIO, [0, 0, *range(5)])
    plain = evaluate(saved, padded, "test")
    crf = saved.network.crf = CRF(5)
    crf.start.data[1] = 0.1  # B-LOC, and I-PER after B-PER: second best where I-LOC is forbidden
    crf.transitions.data[3, 4] = 0.2
    scores = evaluate(saved, padded, "test")
    assert plain.classes.accuracy == 4 / 6
    assert scores.classes.accuracy == 1.0
    assert (plain.entities.f1 < 1, scores.entities.f1) == (True, 1.0)
    running_metrics = RunningMetrics(None, CPU, crf=crf)
    (batch,) = batches(load_buckets(padded, "test"), 4)
    running_metrics.update(saved.network(batch.ids, batch.lengths), batch.targets)
    assert scores.loss == pytest.approx(running_metrics.compute().loss, rel=1e-6)


def test_type_tags_have_no_forbidden_transitions(tmp_path):
    names = ["O", "I-LOC", "PER"]  # a type may have any name
    rows = [([3, 3], [1, 1], [{"start": 0, "end": 2, "type": 0}])]
    padded = write_padded(tmp_path, "tag", {"train": rows, "test": rows}, 4)
    labels = dataclasses.replace(TYPES, names=names, types=["I-LOC", "PER"])
    saved = stub(padded, labels, [0, 0, 0, 1, 2])
    saved.network.crf = CRF(3)
    assert evaluate(saved, padded, "test").classes.accuracy == 1.0


def test_a_model_is_loaded_with_its_transitions_and_scores_do_not_depend_on_the_padding_side(tmp_path):
    results = []
    for side in ("right", "left"):
        padded = write_padded(make_folder(tmp_path / side), "tag", {"train": TYPE_ROWS, "test": TYPE_ROWS}, 6, side)
        model, place = dataclasses.replace(PLAIN, bidirectional=True, **TAGGER), make_folder(tmp_path / f"{side}-model")
        folder, config, network = save(place, model, TYPES, facts=padded.facts)
        torch.manual_seed(3)
        for score in network.crf.parameters():
            nn.init.normal_(score)
        save_model(folder, config, network, Preparation(place))
        saved = load_model(folder)
        assert torch.equal(saved.network.crf.transitions, network.crf.transitions)
        results.append(metrics(evaluate(saved, padded, "test")))
        assert results[-1] != metrics(evaluate(dataclasses.replace(saved, network=bare(saved.network)), padded, "test"))
    assert results[0] == pytest.approx(results[1], rel=1e-6)


def bare(network):
    """A copy of the network with an untrained CRF."""
    copied = copy.deepcopy(network)
    for score in copied.crf.parameters():
        nn.init.zeros_(score)
    return copied


@pytest.mark.parametrize(
    "changes", [{}, {"readout": "max"}, {"readout": "every_step", "loss": "bce"}], ids=["plain", "max", "bce"]
)
def test_a_crf_is_rejected_in_a_model_that_is_no_tagger(changes):
    model = dataclasses.replace(PLAIN, crf=True, **changes)
    with pytest.raises(UserError, match=r"^recipes\.r\.model\.crf: needs readout every_step and loss cross_entropy"):
        model.check("recipes.r.model")
    dataclasses.replace(PLAIN, **TAGGER).check("recipes.r.model")


def test_class_weights_and_smoothing_are_rejected_only_with_a_crf():
    tagger = dataclasses.replace(PLAIN, **TAGGER)
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.class_weights: must be null if model\.crf is true"):
        tagger.check_loss("recipes.r.train", {"PER": 10.0}, 0.0)
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.label_smoothing: must be 0 if model\.crf is true"):
        tagger.check_loss("recipes.r.train", None, 0.1)
    tagger.check_loss("recipes.r.train", None, 0.0)
    PLAIN.check_loss("recipes.r.train", {"PER": 10.0}, 0.1)
