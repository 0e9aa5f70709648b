"""Adversarial training by hand: where the embedding is moved, gradients of both losses, the same dropout masks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from factories.settings import settings
from factories.training_runs import rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial, Distill
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batch import Batch
from textrnn.training.optimization.perturbation import perturbed
from textrnn.training.optimization.step import TrainStep, make_optimizer

EPSILON, WEIGHT = 0.7, 0.5
CASES = {
    "kernels": {"cell": "gru"},
    "lstm": {"cell": "lstm", "bidirectional": True, "readout": ("max", "mean")},
    "dense relu": {"relu": True},
    "tokens alone of all tables": {"bigrams": BigramOptions(3, 1), "words": SoftLexiconOptions(3, 2)},
    "padding that is read": {"readout": "last_step"},
    "tags": {"readout": "every_step"},
    "crf": {"readout": "every_step", "crf": True},
}


def batch_of(**options):
    (bucket,) = rows_of(14, tags=options.get("readout") == "every_step")
    return bucket.take(torch.arange(14))


def gradients(network, batch, adversarial, **changes):
    """The gradients of a step by name, dense, and its running metrics."""
    options = settings(adversarial=adversarial, **changes)
    running_metrics = RunningMetrics.for_network(network, None, distill=options.distill)
    step = TrainStep(network, make_optimizer(network, options), running_metrics, options)
    step.forward_backward(batch)
    found = {name: weight.grad for name, weight in network.named_parameters()}
    return {name: gradient.to_dense() for name, gradient in found.items() if gradient is not None}, running_metrics


def loss_of(network, batch):
    logits = network(batch.ids, batch.lengths)
    if network.crf is not None:
        return network.crf(logits, batch.targets) / (batch.targets >= 0).sum()
    return F.cross_entropy(logits.flatten(0, -2), batch.targets.flatten())


def test_the_rows_of_the_batch_are_moved_by_epsilon_along_their_gradient():
    torch.manual_seed(0)
    embedding = nn.Parameter(torch.randn(9, 4))
    embedding.grad = torch.randn(9, 4)
    start, ids = embedding.detach().clone(), torch.tensor([[3, 5], [5, 7]], dtype=torch.int32)
    with perturbed(embedding, ids, EPSILON):
        moved = embedding.detach() - start
        rows = [1, 3, 5, 7]  # the unknown token too, as word dropout may have put it there
        assert moved.norm().item() == pytest.approx(EPSILON, rel=1e-6)
        torch.testing.assert_close(moved[rows], EPSILON * embedding.grad[rows] / embedding.grad[rows].norm())
        assert not moved[[0, 2, 4, 6, 8]].any()
    assert torch.equal(embedding, start)


def test_without_a_gradient_nothing_is_moved_and_an_error_restores_the_rows():
    embedding = nn.Parameter(torch.randn(9, 4))
    start, ids = embedding.detach().clone(), torch.tensor([[3, 5]])
    for gradient in (None, torch.zeros(9, 4)):
        embedding.grad = gradient
        with perturbed(embedding, ids, EPSILON):
            assert torch.equal(embedding, start)
    embedding.grad = torch.ones(9, 4)
    moved = []

    def fail():
        with perturbed(embedding, ids, EPSILON):
            moved.append(embedding.detach() - start)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert moved[0].any()
    assert torch.equal(embedding, start)


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "torch"])
@pytest.mark.parametrize("case", CASES)
def test_the_gradients_are_those_of_both_losses_by_hand(case, kernels):
    network, batch = small(**CASES[case]).double(), batch_of(**CASES[case])
    network.recurrent.use_kernels = kernels
    weights = dict(network.named_parameters())
    start = network.embedding.weight.detach().clone()

    def by_hand():
        found = torch.autograd.grad(loss_of(network, batch), list(weights.values()))
        return {name: gradient.to_dense() for name, gradient in zip(weights, found, strict=True)}

    plain = by_hand()
    direction = plain["embedding.weight"]
    with torch.no_grad():
        network.embedding.weight.add_(EPSILON * direction / direction.norm())
    adversarial_loss, adversarial = loss_of(network, batch).item(), by_hand()
    with torch.no_grad():
        network.embedding.weight.copy_(start)
    usual_loss = loss_of(network, batch).item()
    assert adversarial_loss > usual_loss
    ours, running_metrics = gradients(network, batch, Adversarial(EPSILON, WEIGHT))
    assert ours.keys() == weights.keys()
    for name, gradient in ours.items():
        wanted = (plain[name] + WEIGHT * adversarial[name]) / (1 + WEIGHT)
        torch.testing.assert_close(gradient, wanted, rtol=1e-8, atol=1e-12)
    assert torch.equal(network.embedding.weight, start)
    assert running_metrics.compute().loss == pytest.approx(usual_loss, rel=1e-12)  # before the move, counted once


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "torch"])
def test_both_passes_have_the_same_dropout_masks(kernels):
    dropped = {"word_dropout": 0.3, "embedding_dropout": 0.4, "head_dropout": 0.5, "layers": 2, "dropout": 0.3}
    batch, found = batch_of(), []
    for adversarial in (None, Adversarial(0.0, 1.0)):  # the second loss is the first one again
        network = small(**dropped).double().train()
        network.recurrent.use_kernels = kernels
        torch.manual_seed(5)
        found.append(gradients(network, batch, adversarial)[0])
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-12, atol=1e-15)


def test_the_second_loss_of_a_student_is_that_of_its_teachers_too():
    batch = batch_of()
    soft = torch.randn(14, 4, generator=torch.Generator().manual_seed(2)).softmax(-1).double()
    taught = Batch(batch.row_numbers, batch.ids, batch.lengths, batch.targets, soft)
    found = []
    for adversarial in (None, Adversarial(0.0, 3.0)):
        network = small().double()
        found.append(gradients(network, taught, adversarial, distill=Distill((2,), 0.7, 2.0))[0])
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-12, atol=1e-15)


def test_a_step_with_half_precision_restores_the_embedding():
    network, batch = small(), batch_of()
    start = network.embedding.weight.detach().clone()
    gradients(network, batch, Adversarial(EPSILON, WEIGHT), precision="bfloat16")
    assert torch.equal(network.embedding.weight, start)
