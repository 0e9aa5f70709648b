"""Compare the CRF with an enumeration of all tag sequences: loss, gradients, marginals, decoding."""

import math

import pytest
import torch
import torch.nn.functional as F

from factories.crf_reference import (
    CLASSES,
    SIDES,
    all_sequences,
    batch,
    loss_of_all,
    marginals_of_all,
    random_crf,
    sequence_score,
    tokens,
)
from textrnn.modeling.nn.crf import CRF, forbidden_transitions


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
