"""Gradients by distance, compared with finite differences."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from factories.networks import PLAIN
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.study.runs.gradients import by_distance, input_gradients
from textrnn.training.batching.buckets import Bucket

IDS = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [5, 3, 8, 0, 0]])
LENGTHS, TARGETS = torch.tensor([5, 2, 3]), torch.tensor([1, 0, 1])


def network(cell, readout, layers=1, bidirectional=False):
    options = dataclasses.replace(PLAIN, cell=cell, readout=readout, layers=layers, bidirectional=bidirectional)
    torch.manual_seed(0)
    return TextRNN(options, 9, 4, 2, "right").double()


@pytest.mark.parametrize("readout", ["last_valid", "last_step"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_input_gradients_are_finite_differences(cell, readout):
    model = network(cell, readout, layers=2, bidirectional=True)
    norms = input_gradients(model, IDS, LENGTHS, TARGETS)
    assert norms.shape == (3, 5)

    def loss(row, embedded):
        hook = model.embedding.register_forward_hook(lambda *_: embedded[:, None])
        model.recurrent.use_kernels = False
        logits = model(IDS[row : row + 1], LENGTHS[row : row + 1])
        hook.remove()
        return F.cross_entropy(logits, TARGETS[row : row + 1]).item()

    with torch.no_grad():
        for row, step in ((0, 0), (0, 4), (1, 1), (1, 3), (2, 2)):
            embedded = model.embedding.weight[IDS[row]].clone()
            slopes = []
            for feature in range(4):
                losses = []
                for delta in (1e-5, -1e-5):
                    shifted = embedded.clone()
                    shifted[step, feature] += delta
                    losses.append(loss(row, shifted))
                slopes.append((losses[0] - losses[1]) / 2e-5)
            assert norms[row, step].item() == pytest.approx(math.hypot(*slopes), rel=1e-5, abs=1e-9)


def test_padding_after_the_last_token_has_no_gradient_unless_it_is_read():
    exact = input_gradients(network("gru", "last_valid"), IDS, LENGTHS, TARGETS)
    assert (exact[1, 2:] == 0).all()
    assert (exact[1, :2] > 0).all()
    assert (input_gradients(network("gru", "last_step"), IDS, LENGTHS, TARGETS)[1] > 0).all()


def test_input_gradients_do_not_change_the_network():
    model = network("rnn", "last_valid").train()
    before = model(IDS, LENGTHS)
    input_gradients(model, IDS, LENGTHS, TARGETS)
    assert model.training
    assert model.recurrent.use_kernels
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(model(IDS, LENGTHS), before)


@pytest.mark.parametrize(
    ("readout", "distance"), [("last_valid", lambda n, t: n - 1 - t), ("last_step", lambda n, t: 4 - t)]
)
def test_distances_are_from_the_step_that_is_read(readout, distance):
    model = network("rnn", readout)
    norms = input_gradients(model, IDS, LENGTHS, TARGETS)
    by_step = {}
    for row, length in enumerate(LENGTHS.tolist()):
        for step in range(length):
            by_step.setdefault(distance(length, step), []).append(norms[row, step].item())
    rows = [Bucket(torch.arange(3), IDS, LENGTHS, TARGETS)]
    expected = [pytest.approx(np.mean(by_step[d])) if d in by_step else None for d in range(5)]
    assert by_distance(model, rows, 10) == expected
    first = by_distance(model, rows, 1)
    assert first == pytest.approx([norms[0, 4 - d].item() for d in range(5)])


def test_the_gradient_of_a_linear_rnn_decays_by_its_weight():
    model = network("rnn", "last_valid")
    module = model.recurrent.runs[0]
    with torch.no_grad():
        module.weight_hh_l0.copy_(0.5 * torch.eye(3))
        module.weight_ih_l0.mul_(1e-4)  # so that tanh is the identity
        module.bias_ih_l0.zero_()
        module.bias_hh_l0.zero_()
    rows = [Bucket(torch.arange(1), IDS[:1], LENGTHS[:1], TARGETS[:1])]
    norms = by_distance(model, rows, 1)
    assert [b / a for a, b in itertools.pairwise(norms)] == pytest.approx([0.5] * 4, rel=1e-6)
