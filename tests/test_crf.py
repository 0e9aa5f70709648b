"""Compare the CRF with an enumeration of all tag sequences: loss, gradients, marginals, decoding; then in models."""

import copy
import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from test_batches import write_padded
from test_checkpoints import save
from test_evaluate import BIO, TYPE_ROWS, TYPES, make, stub
from test_models import PLAIN
from test_training import SETTINGS, fit, rows_of, settings, small
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model, save_model
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import initialize_weights
from textrnn.modeling.nn.crf import CRF, find_crf, forbidden_transitions, predict_classes
from textrnn.modeling.nn.precision import forward_in_precision
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import TrainingData

CPU = torch.device("cpu")
CLASSES, WIDTH = 3, 5
LENGTHS = [4, 0, 5, 1, 2]
TAGGER = {"readout": "every_step", "crf": True}
SIDES = pytest.mark.parametrize("side", ["right", "left"])


def random_crf(classes=CLASSES, *, whole=False, dtype=torch.float64, scale=1.0):
    """A CRF with random scores; with whole numbers tag sequences tie."""
    crf = CRF(classes).to(dtype)
    for score in crf.parameters():
        nn.init.normal_(score, std=scale)
        if whole:
            score.data.round_()
    return crf


def tokens(side, lengths=LENGTHS, width=WIDTH):
    """A mask (B, T) that is true at tokens."""
    steps, lengths = torch.arange(width), torch.tensor(lengths)[:, None]
    return steps < lengths if side == "right" else steps >= width - lengths


def batch(side, *, dtype=torch.float64):
    """Logits and targets of five rows."""
    valid = tokens(side)
    logits = torch.randn(*valid.shape, CLASSES, dtype=dtype)
    return logits, torch.randint(0, CLASSES, valid.shape).masked_fill(~valid, -100)


def sequence_score(crf, logits, tags):
    """The score of one tag sequence (T,) with its logits (T, C); 0 without tokens."""
    if len(tags) == 0:
        return logits.sum()
    transitions = [crf.transitions[before, after] for before, after in itertools.pairwise(tags)]
    return (
        crf.start[tags[0]]
        + sum(logits[step, tag] for step, tag in enumerate(tags))
        + sum(transitions)
        + crf.end[tags[-1]]
    )


def all_sequences(classes, length):
    return list(itertools.product(range(classes), repeat=length))


def loss_of_all(crf, logits, targets):
    """The summed loss of a batch, by enumeration of all tag sequences."""
    total = 0
    for row, gold in zip(logits, targets, strict=True):
        row, gold = row[gold >= 0], gold[gold >= 0]
        scores = torch.stack([sequence_score(crf, row, tags) for tags in all_sequences(row.shape[1], len(gold))])
        total = total + scores.logsumexp(0) - sequence_score(crf, row, gold.tolist())
    return total


@SIDES
def test_the_loss_and_its_gradients_equal_those_of_an_enumeration(side):
    torch.manual_seed(1)
    crf, (logits, targets) = random_crf(), batch(side)
    inputs = (logits.requires_grad_(), *crf.parameters())
    ours, theirs = crf(logits, targets), loss_of_all(crf, logits, targets)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    pairs = zip(torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * theirs, inputs), strict=True)
    for own, other in pairs:
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-12)
        assert own.any()


@SIDES
def test_the_gradients_agree_with_finite_differences(side):
    torch.manual_seed(2)
    crf, (logits, targets) = random_crf(), batch(side)

    def loss(logits, transitions, start, end):
        scores = {"transitions": transitions, "start": start, "end": end}
        return torch.func.functional_call(crf, scores, (logits, targets))

    assert torch.autograd.gradcheck(loss, (logits.requires_grad_(), *crf.parameters()))


def test_the_initial_loss_is_the_cross_entropy_of_each_token():
    logits, targets = batch("right")
    wanted = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    assert CRF(CLASSES).double()(logits, targets).item() == pytest.approx(wanted.item(), rel=1e-12)


def test_one_token_and_no_token():
    torch.manual_seed(3)
    crf, logits = random_crf(), torch.randn(1, 1, CLASSES, dtype=torch.float64)
    wanted = (logits[0, 0] + crf.start + crf.end).log_softmax(0)
    assert crf(logits, torch.tensor([[2]])).item() == pytest.approx(-wanted[2].item(), rel=1e-12)
    assert crf.decode(logits, torch.tensor([[True]])).tolist() == [[int(wanted.argmax())]]
    empty_loss = crf(logits.requires_grad_(), torch.tensor([[-100]]))
    assert empty_loss.item() == 0
    assert not any(gradient.any() for gradient in torch.autograd.grad(empty_loss, (logits, *crf.parameters())))
    assert crf.decode(logits, torch.tensor([[False]])).tolist() == [[0]]


def test_long_rows_and_large_logits_are_precise_in_float32():
    torch.manual_seed(4)
    for scale, width in ((1, 400), (30, 60)):
        exact = random_crf(7, scale=scale / 2)
        rounded = CRF(7)
        rounded.load_state_dict(exact.state_dict())
        logits = (scale * torch.randn(4, width, 7) + 50).requires_grad_()
        wide = logits.detach().double().requires_grad_()
        targets = torch.randint(0, 7, (4, width))
        exact.load_state_dict({name: score.double() for name, score in rounded.state_dict().items()})
        ours, theirs = rounded(logits, targets), exact(wide, targets)
        assert ours.dtype == torch.float32
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
        for own, other in zip(
            torch.autograd.grad(ours, (logits, *rounded.parameters())),
            torch.autograd.grad(theirs, (wide, *exact.parameters())),
            strict=True,
        ):
            torch.testing.assert_close(own.double(), other, rtol=1e-4, atol=5e-3)  # sums are up to 80


@SIDES
def test_the_content_of_padding_and_other_rows_change_nothing(side):
    torch.manual_seed(5)
    crf, (logits, targets) = random_crf(dtype=torch.float32), batch(side, dtype=torch.float32)
    valid = targets >= 0
    other = torch.where(valid[:, :, None], logits, 100 * torch.randn_like(logits)).requires_grad_()
    (gradient,) = torch.autograd.grad(crf(other, targets), other)
    assert crf(other, targets).item() == crf(logits, targets).item()
    assert not gradient[~valid].any()
    assert gradient[valid].all()
    path = crf.decode(logits, valid)
    assert torch.equal(crf.decode(other, valid), path)
    assert not path[~valid].any()
    for row in range(len(logits)):
        assert torch.equal(crf.decode(logits[row : row + 1], valid[row : row + 1])[0], path[row])


def marginals_of_all(crf, logits, temperature):
    """The marginals (T, C) of one row with logits (T, C), by enumeration of all tag sequences."""
    paths = all_sequences(logits.shape[1], len(logits))
    probabilities = (torch.stack([sequence_score(crf, logits, tags) for tags in paths]) / temperature).softmax(0)
    return (
        torch.stack(
            [F.one_hot(torch.tensor(path), logits.shape[1]).to(probabilities) for path in zip(*paths, strict=True)]
        )
        .mul(probabilities[:, None])
        .sum(1)
    )


@SIDES
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_marginals_and_their_gradients_equal_those_of_an_enumeration(side, temperature):
    torch.manual_seed(11)
    crf, (logits, targets) = random_crf(), batch(side)
    valid = targets >= 0
    inputs = (logits.requires_grad_(), *crf.parameters())
    ours = crf.log_marginals(logits, valid, temperature)[valid]
    rows = [
        marginals_of_all(crf, row[mask], temperature) for row, mask in zip(logits, valid, strict=True) if mask.any()
    ]
    theirs = torch.cat(rows)
    torch.testing.assert_close(ours.exp(), theirs, rtol=1e-11, atol=1e-14)
    weights = torch.rand_like(ours)
    pairs = (torch.autograd.grad((weights * log_marginals).sum(), inputs) for log_marginals in (ours, theirs.log()))
    for own, other in zip(*pairs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-12)
        assert own.any()


def test_the_gradient_of_the_loss_is_the_marginals_minus_the_targets():
    torch.manual_seed(12)
    crf, (logits, targets) = random_crf(), batch("left")
    valid = targets >= 0
    (gradient,) = torch.autograd.grad(crf(logits.requires_grad_(), targets), logits)
    wanted = crf.log_marginals(logits, valid).exp()[valid] - F.one_hot(targets[valid], CLASSES)
    torch.testing.assert_close(gradient[valid], wanted.detach(), rtol=1e-10, atol=1e-13)


def test_initial_marginals_are_a_softmax_and_a_row_of_padding_is_finite():
    torch.manual_seed(13)
    logits, targets = batch("right")
    marginals = CRF(CLASSES).double().log_marginals(logits, targets >= 0, 3.0)
    torch.testing.assert_close(
        marginals[targets >= 0], (logits / 3).log_softmax(-1)[targets >= 0], rtol=1e-12, atol=1e-14
    )
    assert marginals.isfinite().all()


def test_marginals_are_precise_in_float32_and_padding_changes_none():
    torch.manual_seed(14)
    exact, logits = random_crf(7, scale=2), 4 * torch.randn(3, 600, 7)
    rounded = CRF(7)
    rounded.load_state_dict(exact.state_dict())
    valid = tokens("right", [600, 250, 3], 600)
    ours = rounded.log_marginals(logits, valid, 1.5)
    assert ours.dtype == torch.float32
    theirs = exact.log_marginals(logits.double(), valid, 1.5)
    torch.testing.assert_close(ours.exp().double()[valid], theirs.exp()[valid], rtol=0, atol=1e-4)
    other = torch.where(valid[:, :, None], logits, 100 * torch.randn_like(logits))
    assert torch.equal(rounded.log_marginals(other, valid, 1.5)[valid], ours[valid])


def best_of_all(crf, logits, forbidden=None):
    """The best tag sequence for logits (T, C); of equal ones the lowest, compared from its end."""
    candidates = []
    for tags in all_sequences(len(crf.start), len(logits)):
        pairs = zip((-1, *tags), (*tags, -1), strict=True)  # -1: the last row is the start, the last column the end
        if forbidden is None or not any(forbidden[pair] for pair in pairs):
            candidates.append((-sequence_score(crf, logits, tags).item(), tags[::-1]))
    return list(min(candidates)[1][::-1])


@SIDES
@pytest.mark.parametrize("whole", [False, True], ids=["apart", "ties"])
def test_the_decoded_sequence_is_the_best_of_all(side, whole):
    torch.manual_seed(6)
    valid = tokens(side)
    for _ in range(8):
        crf, logits = random_crf(whole=whole), torch.randn(*valid.shape, CLASSES, dtype=torch.float64)
        logits = logits.round() if whole else logits
        path = crf.decode(logits, valid)
        for row, predicted, mask in zip(logits, path, valid, strict=True):
            assert predicted[mask].tolist() == best_of_all(crf, row[mask])
    assert CRF(CLASSES).decode(torch.zeros(*valid.shape, CLASSES), valid).tolist() == torch.zeros_like(path).tolist()


NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
BIOES = ["O", "B-A", "I-A", "E-A", "S-A", "E-B", "B-B"]


def forbidden_pairs(names):
    """The forbidden transitions, by name."""
    forbidden = forbidden_transitions(names)
    assert forbidden.shape == (len(names) + 1, len(names) + 1)
    return {((*names, "start")[a], (*names, "end")[b]) for a, b in forbidden.nonzero().tolist()}


def test_the_forbidden_transitions_of_bio_by_hand():
    into = {"I-LOC": ["O", "B-PER", "I-PER", "start"], "I-PER": ["O", "B-LOC", "I-LOC", "start"]}
    assert forbidden_pairs(NAMES) == {(before, name) for name, all_before in into.items() for before in all_before}


def test_the_allowed_transitions_of_bioes_by_hand():
    after = {"B-A": ["I-A", "E-A"], "I-A": ["I-A", "E-A"], "B-B": ["E-B"]}
    first = ["O", "B-A", "S-A", "B-B"]
    after |= {name: [*first, "end"] for name in ("O", "E-A", "S-A", "E-B", "start")}
    all_pairs = {(before, name) for before in (*BIOES, "start") for name in (*BIOES, "end")}
    assert all_pairs - forbidden_pairs(BIOES) == {(before, name) for before, names in after.items() for name in names}


@pytest.mark.parametrize("names", [NAMES, BIOES], ids=["bio", "bioes"])
def test_the_decoded_sequence_is_the_best_without_forbidden_transitions(names):
    torch.manual_seed(7)
    forbidden, valid = forbidden_transitions(names[::-1]), tokens("right", [4, 3, 1, 2], 4)
    changed = 0
    for whole in (False, True):
        crf = random_crf(len(names), whole=whole)
        logits = 3 * torch.randn(4, 4, len(names), dtype=torch.float64)
        logits = logits.round() if whole else logits
        path = crf.decode(logits, valid, forbidden)
        changed += int((path != crf.decode(logits, valid)).any(1).sum())
        for row, predicted, mask in zip(logits, path, valid, strict=True):
            assert predicted[mask].tolist() == best_of_all(crf, row[mask], forbidden)
    assert changed > 2


def test_the_training_loss_forbids_no_transition():
    crf, logits = CRF(5), torch.zeros(1, 2, 5)
    assert crf(logits, torch.tensor([[2, 4]])).item() == pytest.approx(2 * math.log(5))  # I-LOC I-PER


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
    step(rows, 0.01)
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
        padded = write_padded(make(tmp_path / side), "tag", {"train": TYPE_ROWS, "test": TYPE_ROWS}, 6, side)
        model, place = dataclasses.replace(PLAIN, bidirectional=True, **TAGGER), make(tmp_path / f"{side}-model")
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
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.class_weights: must be null where model\.crf is true"):
        tagger.check_loss("recipes.r.train", {"PER": 10.0}, 0.0)
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.label_smoothing: must be 0 where model\.crf is true"):
        tagger.check_loss("recipes.r.train", None, 0.1)
    tagger.check_loss("recipes.r.train", None, 0.0)
    PLAIN.check_loss("recipes.r.train", {"PER": 10.0}, 0.1)
