"""The part `probe` of benchmarks/gpu.py: what the machine is, and whether its arithmetic is what we take it for."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import get_args

import torch
from torch import Tensor, nn

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_record import Recorder
from gpu_sides import (
    PRECISIONS,
    Case,
    TimedRun,
    make_network,
    make_settings,
    replays_graphs,
    synchronize,
    use_precision,
)
from textrnn.common.config.model import Cell
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.nn.embedding_lookup import TokenEmbedding
from textrnn.training.batching.batch import Batch
from textrnn.training.optimization.cuda_graphs import make_train_step
from textrnn.training.optimization.step import TrainStep, make_optimizer

READS = (1024, 1025, 2048, 3072, 3073, 4096, 8192, 16384)  # around 1,024 and 3,072 torch changes its algorithm
VOCABULARY, WIDTH = 5000, 300
LARGE = 1e5  # beyond float16's largest number, 65,504, and well within the range of bfloat16


@dataclass(frozen=True)
class ProbeSizes:
    """repeats: backward passes of one embedding. steps: of each cell, timed and compared. batch: their rows."""

    repeats: int
    steps: int
    batch: int


def probe(recorder: Recorder, device: torch.device, sizes: ProbeSizes) -> None:
    """Versions, the type inside autocast, gradients of embeddings, and each cell in each precision."""
    with recorder.attempt("versions") as found:
        found |= versions(device)
    for cell, module in (("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)):
        for dtype in (torch.bfloat16, torch.float16):
            with recorder.attempt("autocast", cell=cell, asked=str(dtype).removeprefix("torch.")) as found:
                found |= type_inside_autocast(module, dtype, device)
    for reads in READS:
        for name, table in TABLES.items():
            with recorder.attempt("embedding_gradient", table=name, reads=reads) as found:
                found |= embedding_gradient(table, reads, device, sizes.repeats)
    for cell in get_args(Cell):
        for precision in PRECISIONS:
            with recorder.attempt("cell", cell=cell, precision=precision) as found:
                found |= graph_against_plain(cell, precision, device, sizes)


def versions(device: torch.device) -> dict[str, object]:
    """The versions of all that takes part, and the device's own facts."""
    found: dict[str, object] = {name: version(name) for name in ("torch", "numpy", "pyarrow", "safetensors")}
    found |= {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0))}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        found |= {"capability": f"{properties.major}.{properties.minor}", "memory": properties.total_memory}
        found |= {"multiprocessors": properties.multi_processor_count}
    return found


def type_inside_autocast(
    module: type[nn.RNN | nn.LSTM | nn.GRU], dtype: torch.dtype, device: torch.device
) -> dict[str, object]:
    """The type of what a cell returns under autocast, and whether a number beyond float16's range got through it.

    Weights of 1e-6 bring the input, LARGE, back to 0.1. In float16 it is infinite before they see it.
    """
    cell = module(1, 1).to(device)
    for weight in cell.parameters():
        nn.init.constant_(weight, 1e-6)
    x = torch.full((1, 1, 1), LARGE, device=device)
    with torch.no_grad():
        expected = cell(x)[0]
        with torch.autocast(device.type, dtype):
            output = cell(x)[0]
    # an infinite gate is saturated, or not a number: its output is far from that of 0.1
    wide_range = bool((output.float() - expected).abs() < 0.01)
    return {"returns": str(output.dtype).removeprefix("torch."), "wide_range": wide_range}


def embedding_gradient(kind: type[nn.Embedding], reads: int, device: torch.device, repeats: int) -> dict[str, object]:
    """The error of an embedding's gradient against float64, and how many of the repeats had other bytes than the first.

    Half of the reads are padding, and few tokens are most of the rest, as in text.
    """
    generator = torch.Generator().manual_seed(reads)
    ids = (VOCABULARY * torch.rand(reads, generator=generator) ** 4).long().clamp(min=1)
    ids[torch.rand(reads, generator=generator) < 0.5] = 0
    upstream = torch.randn(reads, WIDTH, generator=generator)
    exact = torch.zeros(VOCABULARY, WIDTH, dtype=torch.float64).index_add_(0, ids, upstream.double())
    exact[0] = 0  # padding
    table = kind(VOCABULARY, WIDTH, padding_idx=0).to(device)
    ids, upstream, gradients = ids[:, None].to(device), upstream[:, None].to(device), []
    for _ in range(repeats):
        table.zero_grad()
        table(ids).backward(upstream)
        assert table.weight.grad is not None
        gradients.append(table.weight.grad.detach().to_dense().cpu())
    error = max((gradient.double() - exact).abs().max().item() for gradient in gradients)
    others = sum(not torch.equal(gradient, gradients[0]) for gradient in gradients)
    return {"error": error / exact.abs().max().item(), "repeats": repeats, "other_bytes": others}


TABLES: dict[str, type[nn.Embedding]] = {"nn.Embedding": nn.Embedding, "ours": TokenEmbedding}


def graph_against_plain(cell: Cell, precision: str, device: torch.device, sizes: ProbeSizes) -> dict[str, object]:
    """Speed and losses of steps of one cell as a graph and without one, the losses also against float32 on a CPU."""
    graph, graph_run = losses_of(cell, precision, device, sizes)
    again, _ = losses_of(cell, precision, device, sizes)
    plain, plain_run = losses_of(cell, precision, device, sizes, graphs=False)
    reference, _ = losses_of(cell, "float32", torch.device("cpu"), sizes)
    return {
        "graphed": graph_run.graphed,
        "graph_steps_per_second": graph_run.steps_per_second,
        "plain_steps_per_second": plain_run.steps_per_second,
        "difference_from_plain": (graph - plain).abs().max().item(),
        "difference_from_float32": (graph - reference).abs().max().item(),
        "same_again": torch.equal(graph, again),
        "last_loss": graph[-1].item(),
    }


def losses_of(
    cell: Cell, precision: str, device: torch.device, sizes: ProbeSizes, *, graphs: bool = True
) -> tuple[Tensor, TimedRun]:
    """The loss of each of some steps without dropout, and the speed of as many more."""
    settings = make_settings(sizes.batch, use_precision(precision, cell, device))
    network = make_network(Case(cell, True, sizes.batch, 16), VOCABULARY, valid=True, dropout=0.0).to(device)
    metrics = RunningMetrics(None, device)
    make_step = make_train_step if graphs else TrainStep
    take_step = make_step(network, make_optimizer(network, settings), metrics, settings)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(2, VOCABULARY, (sizes.steps, sizes.batch, 16), generator=generator)
    lengths, targets = torch.full((sizes.batch,), 16), torch.arange(sizes.batch) % 10
    batches = [Batch(torch.arange(sizes.batch), row.int(), lengths, targets).to(device) for row in ids]
    losses = []
    for batch in batches:
        take_step(batch, settings.learning_rate)
        losses.append(metrics.compute().loss)
        metrics.reset()
    synchronize(device)
    started = time.perf_counter()
    for batch in batches:
        take_step(batch, settings.learning_rate)
    synchronize(device)
    rate = sizes.steps / (time.perf_counter() - started)
    graphed = replays_graphs(take_step)
    take_step.close()
    return torch.tensor(losses), TimedRun(graphed, rate)
