"""Options of the plainest model, small models with them, and the texts that tests of models read."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from textrnn.common.config.model import Model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.layer_input import LayerInput

# For all tests that build models: on a busy machine, threads that wait for each other make operations on tiny tensors
# up to 100 times slower.
torch.set_num_threads(1)

PLAIN = Model(
    cell="gru",
    hidden_size=3,
    layers=1,
    bidirectional=False,
    dropout=0.0,
    locked_dropout=False,
    word_dropout=0.0,
    embedding_dropout=0.0,
    bigrams=None,
    words=None,
    readout="last_valid",
    layer_norm=False,
    relu=False,
    head_size=None,
    head_dropout=0.0,
    loss="cross_entropy",
    crf=False,
    wide=False,
    initialization="stock",
)
TOKENS, EMBEDDING, CLASSES = 9, 4, 5
ROWS = [[3, 1, 4, 1, 5], [2, 6], [5, 3, 8], [7]]
EMPTY_TOO = [*ROWS, [], [8, 8]]
LENGTHS = torch.tensor([5, 2, 3, 1])

CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "scratch_gru"])
DIRECTIONS = pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])


def small(*, seed=0, side="right", classes=CLASSES, **changes):
    """A small model in float64 and evaluation mode, with the options of PLAIN and the given changes."""
    torch.manual_seed(seed)
    return TextRNN(dataclasses.replace(PLAIN, **changes), TOKENS, EMBEDDING, classes, side).double().eval()


def padded(rows=ROWS, width=5, side="right"):
    fill = [[0] * (width - len(row)) for row in rows]
    return torch.tensor([row + pad if side == "right" else pad + row for row, pad in zip(rows, fill, strict=True)])


def states_of(model, ids, lengths=None):
    """The states (B, T, D*H) and the last h, from dense embeddings."""
    stepwise, last = model.recurrent(LayerInput.from_dense(model.embedding(ids.T)), lengths)
    return stepwise.transpose(0, 1), last


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def with_and_without_kernels(ids, lengths, **options):
    """The logits and the gradients of all parameters by name, once with the kernels and once with torch's modules."""
    torch.manual_seed(4)
    weights, results = None, []
    for kernels in (True, False):
        model = small(**options).train()
        model.recurrent.use_kernels = kernels
        logits = model(ids, lengths)
        weights = torch.randn_like(logits) if weights is None else weights
        (logits * weights).sum().backward()
        results.append((logits, {name: parameter.grad for name, parameter in model.named_parameters()}))
    return results


class CountProducts(TorchDispatchMode):
    """Records the shape of every matrix product: rows, inner dimension, columns."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (torch.ops.aten.addmm, torch.ops.aten.addmm_, torch.ops.aten.mm):
            left, right = args[-2:]
            self.shapes.append((*left.shape, right.shape[1]))
        return func(*args, **(kwargs or {}))
