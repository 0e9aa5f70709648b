"""Our side of benchmarks/gpu.py: the rows of a case, and the training speed on them at each rung of the ladder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Literal, cast

import numpy as np
import torch
from torch import nn

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.model import Cell, Model
from textrnn.common.config.train import Precision, Train
from textrnn.modeling.devices.precision import check_precision, make_deterministic
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.preparation.padding.pad import bucket_widths
from textrnn.training.batching.batches import Selected, Shuffle, selections
from textrnn.training.batching.buckets import Bucket
from textrnn.training.optimization.cuda_graphs import CudaGraphRecorder, GraphedTrainStep, Work, make_train_step
from textrnn.training.optimization.step import TrainStep, make_optimizer

CLASSES, EMBEDDING, HIDDEN, WIDTHS = 10, 300, 128, 6
PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
Rung = Literal["eager", "resident", "fused", "graphs", "buckets", "tf32", "float16"]
# each rung includes the optimizations before it; those that are precisions take each other's place
RUNGS: tuple[Rung, ...] = ("eager", "resident", "fused", "graphs", "buckets", "tf32", "float16")
GRU_STEPS, GRU_BATCH, GRU_SIZE, GRU_WARM_UP = 64, 64, 256, 5


@dataclass(frozen=True)
class TimedRun:
    """graphed: whether full batches took their steps as a CUDA graph."""

    graphed: bool
    steps_per_second: float


@dataclass(frozen=True)
class Case:
    """The options of a run of the yardstick."""

    cell: Cell
    bidirectional: bool
    batch_size: int
    pad_size: int

    def shrunk(self, divisor: int) -> Case:
        """The case with smaller batches, for rehearsals."""
        return replace(self, batch_size=max(1, self.batch_size // divisor))


CASES = {
    "rnn_b64": Case("rnn", False, 64, 16),
    "rnn_b256": Case("rnn", False, 256, 16),
    "rnn_b1024": Case("rnn", False, 1024, 16),
    "bilstm_b256": Case("lstm", True, 256, 32),
}


@dataclass(frozen=True, eq=False)
class Titles:
    """The rows of a case, of one width, and the number of tokens in its vocabulary."""

    rows: Bucket
    vocabulary_size: int


def read_rows(yardstick: ModuleType, source: Path, case: Case, batches: int) -> Titles:
    """Read, encode and pad titles for some batches with the yardstick's functions, but give padding the id 0."""
    lines = yardstick.read_rows(source / "thucnews" / "train.txt", case.batch_size * batches)
    vocabulary = yardstick.build_vocab(lines)
    ids, labels = zip(*yardstick.encode(lines, vocabulary, case.pad_size), strict=True)
    shifted = (torch.tensor(ids) + 1) % len(vocabulary)  # padding is the yardstick's last id, and our first
    lengths = (shifted != 0).sum(1)
    return Titles(Bucket(torch.arange(len(ids)), shifted.int(), lengths, torch.tensor(labels)), len(vocabulary))


def by_width(rows: Bucket) -> list[Bucket]:
    """Group the rows into buckets of the widths that minimize padding."""
    widths = torch.tensor(bucket_widths(*np.unique(rows.lengths.numpy(), return_counts=True), WIDTHS))
    bucket_of = torch.searchsorted(widths, rows.lengths)
    buckets = []
    for index, width in enumerate(widths.tolist()):
        part = rows.take((bucket_of == index).nonzero().flatten())
        buckets.append(Bucket(part.row_numbers, part.ids[:, :width].contiguous(), part.lengths, part.targets))
    return buckets


def time_rung(rung: Rung, case: Case, titles: Titles, device: torch.device) -> float:
    """Samples per second in the second epoch of training. Raises UserError for a precision that the device lacks."""
    enabled = RUNGS[: RUNGS.index(rung) + 1]
    precision = use_precision(rung if rung in PRECISIONS else "float32", case.cell, device)
    settings = make_settings(case.batch_size, precision)
    network = make_network(case, titles.vocabulary_size, valid="buckets" in enabled).to(device)
    optimizer: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    if "fused" in enabled:
        optimizer = make_optimizer(network, settings)
    take_step = (make_train_step if "graphs" in enabled else TrainStep)(
        network, optimizer, RunningMetrics(None, device), settings
    )
    rows = by_width(titles.rows) if "buckets" in enabled else [titles.rows]
    resident = [bucket.to(device) for bucket in rows] if "resident" in enabled else rows
    step = 0
    for epoch in range(2):
        synchronize(device)
        started = time.perf_counter()
        chosen: Iterator[Selected] = selections(resident, case.batch_size, shuffle=Shuffle(1, epoch))
        if "graphs" not in enabled:  # a graph holds the gathering of the rows too
            chosen = (selected.gather().to(device) for selected in chosen)
        for selected in chosen:
            torch.manual_seed(step)  # as in training, so that dropout depends on the step alone
            take_step(selected, settings.learning_rate)
            step += 1
    synchronize(device)
    seconds, graphed = time.perf_counter() - started, replays_graphs(take_step)
    take_step.close()
    if "graphs" in enabled and device.type == "cuda" and not graphed:
        raise RuntimeError("no graph could be recorded")
    return len(titles.rows) / seconds


def time_gru(scratch: bool, graph: bool, device: torch.device, repeats: int) -> float:
    """Forward and backward passes per second of the GRU from scratch or of nn.GRU; graphs need a GPU."""
    torch.manual_seed(1)
    stock = nn.GRU(GRU_SIZE, GRU_SIZE)
    module = (ScratchGRU(GRU_SIZE, GRU_SIZE) if scratch else stock).to(device)
    x = torch.randn(GRU_STEPS, GRU_BATCH, GRU_SIZE).to(device)

    def work() -> None:
        module.zero_grad(set_to_none=True)
        module(x)[0].square().mean().backward()

    replay = _warm_up(work, graph, device)
    synchronize(device)
    started = time.perf_counter()
    for _ in range(repeats):
        replay()
    synchronize(device)
    return repeats / (time.perf_counter() - started)


def _warm_up(work: Work, graph: bool, device: torch.device) -> Work:
    """Warm the work up and return it, recorded as a CUDA graph if `graph`."""
    recorder = CudaGraphRecorder(device) if graph and device.type == "cuda" else None
    for _ in range(GRU_WARM_UP):
        work() if recorder is None else recorder.warm_up(work)
    return work if recorder is None else recorder.record(work)


def replays_graphs(take_step: TrainStep) -> bool:
    """Whether full batches take their steps as a CUDA graph; not so on a CPU, or once a recording has failed."""
    return isinstance(take_step, GraphedTrainStep) and take_step.graph_count > 0


def synchronize(device: torch.device) -> None:
    """Wait for all work of the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_network(case: Case, vocabulary_size: int, *, valid: bool, dropout: float = 0.3) -> TextRNN:
    """The network of a case; valid: reads the last valid step, else the last step of the padded row."""
    torch.manual_seed(1)
    model = Model(
        cell=case.cell,
        hidden_size=HIDDEN,
        layers=2,
        bidirectional=case.bidirectional,
        dropout=dropout,
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
        wide=False,
        initialization="stock",
    )
    return TextRNN(model, vocabulary_size, EMBEDDING, CLASSES, "right")


def use_precision(name: str, cell: Cell, device: torch.device) -> Precision:
    """The precision, to which the process is switched. Raises UserError if the device lacks it for this cell."""
    precision = cast(Precision, name)
    check_precision(precision, cell, device, "train.precision")
    make_deterministic(device, precision)
    return precision


def make_settings(batch_size: int, precision: Precision) -> Train:
    """Settings with everything optional switched off."""
    return Train(
        seed=1,
        batch_size=batch_size,
        batch_tokens=None,
        epochs=2,
        min_steps=None,
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
        adversarial=None,
        evaluate_every=None,
        monitor="loss",
        patience=None,
        time_limit_seconds=None,
        precision=precision,
        shuffle=True,
        drop_last=False,
        refit=False,
    )
