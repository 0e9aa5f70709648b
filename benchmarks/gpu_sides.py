"""Our side of benchmarks/gpu.py: a case's rows, and the rate of training on them with so many means switched on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import nn

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.model import Cell, Model
from textrnn.common.config.train import Train
from textrnn.modeling.models.loss import RunningLoss
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.preparation.padding.pad import bucket_widths
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.optimization.cuda_graphs import CudaGraphRecorder, Work, make_train_step
from textrnn.training.optimization.step import TrainStep, make_optimizer

CLASSES, EMBEDDING, HIDDEN, WIDTHS = 10, 300, 128, 6
Rung = Literal["eager", "to_device", "fused", "graphs", "bfloat16", "buckets"]
RUNGS: tuple[Rung, ...] = ("eager", "to_device", "fused", "graphs", "bfloat16", "buckets")  # each has those before it
GRU_STEPS, GRU_BATCH, GRU_SIZE, GRU_REPEATS, GRU_WARM_UP = 64, 64, 256, 50, 5


@dataclass(frozen=True)
class Case:
    """What the yardstick is asked for."""

    cell: Cell
    bidirectional: bool
    batch_size: int
    pad_size: int


CASES = {
    "rnn_b64": Case("rnn", False, 64, 16),
    "rnn_b256": Case("rnn", False, 256, 16),
    "rnn_b1024": Case("rnn", False, 1024, 16),
    "bilstm_b256": Case("lstm", True, 256, 32),
}


@dataclass(frozen=True, eq=False)
class Titles:
    """A case's rows of one width, and how many tokens there are."""

    rows: Bucket
    tokens: int


def read_rows(yardstick: ModuleType, source: Path, case: Case, batches: int) -> Titles:
    """So many batches of titles, read, numbered and padded by the yardstick's own functions; only padding becomes 0."""
    lines = yardstick.read_rows(source / "thucnews" / "train.txt", case.batch_size * batches)
    vocabulary = yardstick.build_vocab(lines)
    ids, labels = zip(*yardstick.encode(lines, vocabulary, case.pad_size), strict=True)
    numbered = (torch.tensor(ids) + 1) % len(vocabulary)  # padding is the last id there, and the first one here
    lengths = (numbered != 0).sum(1)
    return Titles(Bucket(torch.arange(len(ids)), numbered.int(), lengths, torch.tensor(labels)), len(vocabulary))


def by_width(rows: Bucket) -> list[Bucket]:
    """The rows cut to the few widths with the least padding."""
    widths = torch.tensor(bucket_widths(*np.unique(rows.lengths.numpy(), return_counts=True), WIDTHS))
    bucket_of = torch.searchsorted(widths, rows.lengths)
    found = []
    for at, width in enumerate(widths.tolist()):
        part = rows.take((bucket_of == at).nonzero().flatten())
        found.append(Bucket(part.row, part.ids[:, :width].contiguous(), part.lengths, part.targets))
    return found


def time_rung(rung: Rung, case: Case, titles: Titles, device: torch.device) -> float:
    """Samples a second of an epoch of training, the second one."""
    has = RUNGS[: RUNGS.index(rung) + 1]
    settings = _settings(case.batch_size, "bfloat16" if "bfloat16" in has else "float32")
    network = _network(case, titles.tokens, valid="buckets" in has).to(device)
    optimizer: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    if "fused" in has:
        optimizer = make_optimizer(network, settings)
    step_of = (make_train_step if "graphs" in has else TrainStep)(
        network, optimizer, RunningLoss(None, device), settings
    )
    rows = by_width(titles.rows) if "buckets" in has else [titles.rows]
    resident = [bucket.to(device) for bucket in rows] if "resident" in has else rows
    step = 0
    for epoch in range(2):
        _wait(device)
        started = time.perf_counter()
        for batch in batches(resident, case.batch_size, shuffle=(1, epoch)):
            torch.manual_seed(step)  # as training does, for dropout
            step_of(batch.to(device), settings.learning_rate)
            step += 1
    _wait(device)
    return len(titles.rows) / (time.perf_counter() - started)


def time_gru(scratch: bool, graph: bool, device: torch.device) -> float:
    """Forward and backward passes a second of the GRU from scratch or of nn.GRU; without a GPU no graph is made."""
    torch.manual_seed(1)
    stock = nn.GRU(GRU_SIZE, GRU_SIZE)
    module = (ScratchGRU(GRU_SIZE, GRU_SIZE) if scratch else stock).to(device)
    x = torch.randn(GRU_STEPS, GRU_BATCH, GRU_SIZE).to(device)

    def work() -> None:
        module.zero_grad(set_to_none=True)
        module(x)[0].square().mean().backward()

    again = _warm(work, graph, device)
    _wait(device)
    started = time.perf_counter()
    for _ in range(GRU_REPEATS):
        again()
    _wait(device)
    return GRU_REPEATS / (time.perf_counter() - started)


def _warm(work: Work, graph: bool, device: torch.device) -> Work:
    """The work, warmed up, as itself or as a graph."""
    recorder = CudaGraphRecorder(device) if graph and device.type == "cuda" else None
    for _ in range(GRU_WARM_UP):
        work() if recorder is None else recorder.warm_up(work)
    return work if recorder is None else recorder.record(work)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _network(case: Case, tokens: int, *, valid: bool) -> TextRNN:
    torch.manual_seed(1)
    model = Model(
        cell=case.cell,
        hidden_size=HIDDEN,
        layers=2,
        bidirectional=case.bidirectional,
        dropout=0.3,
        locked_dropout=False,
        word_dropout=0.0,
        embedding_dropout=0.0,
        bigrams=None,
        words=None,
        readout="last_valid" if valid else "last_step",
        layer_norm=False,
        relu=False,
        head_size=None,
        head_dropout=0.0,
        loss="cross_entropy",
        crf=False,
        initialization="stock",
    )
    return TextRNN(model, tokens, EMBEDDING, CLASSES, "right")


def _settings(batch_size: int, precision: Literal["float32", "bfloat16"]) -> Train:
    return Train(
        seed=1,
        batch_size=batch_size,
        batch_tokens=None,
        epochs=2,
        learning_rate=0.001,
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
        precision=precision,
        shuffle=True,
        drop_last=False,
    )
