"""A whole training step on the `meta` device, as a GPU would run it: no operation waits, and how many there are.

Tensors of that device have no values, so that an operation whose result has a size that depends on values, or that
hands a value to Python, fails: these are the ones that a CUDA graph cannot hold.
"""

import dataclasses
import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from factories.settings import SETTINGS
from factories.training_runs import rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Distill
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.buckets import RowSelection
from textrnn.training.optimization.step import TrainStep, make_optimizer

META = torch.device("meta")
BLOCKS = {
    "bigrams": BigramOptions(3, 1),
    "words": SoftLexiconOptions(3, 2, sets="bmes", weights="frequency"),
    "readout": ("max", "attention", "last_valid"),
    "word_dropout": 0.1,
    "embedding_dropout": 0.2,
    "locked_dropout": True,
}
TAGGER = {"readout": "every_step"}
OPTIONS = {"decoupled_decay": 0.1, "embedding_rate": 0.5, "weight_decay": 0.1, "label_smoothing": 0.1}
DISTILL = {"distill": Distill((2,), 0.7, 2.0)}
# params of model, of train, and the most operations of a step. torch has no kernel for a whole layer on this device:
# an RNN of 6 steps counts as its single operations.
CASES = {
    "plain": ({}, {}, 443),
    "both directions": ({"cell": "lstm", "bidirectional": True, "layers": 2, "dropout": 0.3}, {}, 1653),
    "padding is read": ({"readout": "last_step", "layer_norm": True, "relu": True, "head_size": 5}, {}, 461),
    "scratch GRU": ({"cell": "scratch_gru"}, {}, 416),
    "blocks": (BLOCKS, OPTIONS, 849),
    "tagger": (TAGGER, {}, 458),
    "CRF": ({**TAGGER, "crf": True}, {}, 688),
    "distilled": (TAGGER, DISTILL, 487),
    "distilled CRF": ({**TAGGER, "crf": True}, DISTILL, 1045),
}


class Operations(TorchDispatchMode):
    """Counts the operations; the update of the fused Adam has no form on this device and is left out."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return None if "_fused_adam" in str(function) else function(*args, **(kwargs or {}))


@pytest.mark.parametrize("case", CASES)
def test_no_operation_of_a_step_waits_for_the_device(monkeypatch, case):
    model, changes, most = CASES[case]
    monkeypatch.setattr(sys.modules[torch.optim.Adam.__module__], "_device_dtype_check_for_fused", lambda *args: None)
    settings = dataclasses.replace(SETTINGS, clip_norm=1.0, **changes)
    network = small(**model).to(META)
    optimizer = make_optimizer(network, settings)
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(0.01, device=META)
    metrics = RunningMetrics.for_network(network, None, smoothing=settings.label_smoothing, distill=settings.distill)
    step = TrainStep(network, optimizer, metrics, settings)
    (rows,) = rows_of(8, tags=model.get("readout") == "every_step")
    if settings.distill:
        rows = rows.with_soft_targets(torch.full((*rows.targets.shape, 4), 0.25))
    selected = RowSelection(rows.to(META), torch.arange(8, device=META))
    for _ in range(2):  # the first one creates Adam's state
        with Operations() as operations:
            step.forward_backward(selected.gather())
            step.update()
    assert len(operations.names) <= most
    assert "aten._fused_adam_.tensor_lr" in operations.names
    assert {"aten.sort.stable", "aten.searchsorted.Tensor"} <= set(operations.names)  # the embedding's own gradient
