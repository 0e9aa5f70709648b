"""Compare exported files with their model: file size, speed, scores and the difference of their logits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import cast

import torch
from torch import Tensor, nn

from textrnn.common.config.types import Split
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.inference.onnx.export import import_extra
from textrnn.modeling.models.model_directory import SavedModel, load_model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import batches
from textrnn.training.batching.loading import load_buckets

PYTHON = "python"
BATCH_SIZE = 256


class OnnxNetwork(nn.Module):
    """An exported file with the interface of TextRNN, run on one thread; decoding uses the original network's CRF."""

    def __init__(self, path: Path, original: TextRNN) -> None:
        super().__init__()
        runtime = import_extra("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        if not path.is_file():
            raise UserError(path, "no such file", do="export the model")
        self.original = original
        self.crf = original.crf
        self.wide = None  # the file's logits are the sum; it has no parts to score
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits for ids (B, T) and lengths (B,), as TextRNN does."""
        inputs = {"ids": ids.long().numpy(), "lengths": lengths.long().numpy()}
        return torch.from_numpy(self._session.run(None, inputs)[0])


@dataclass(frozen=True)
class RuntimeMeasurement:
    """One runtime of a model: file size in bytes, rows per second on one thread, and scores.

    max_difference: the largest absolute difference of a logit from the Python model's.
    """

    size: int
    rows_per_second: float
    scores: dict[str, float]
    max_difference: float


def measure(
    folder: Path, files: Mapping[str, Path], padded: PaddedRows, split: Split = "test", repeats: int = 5
) -> dict[str, RuntimeMeasurement]:
    """Measure the model of a directory, named `python`, and exported files, by name, on padded shards.

    Batches have 256 rows of one width. After a scored run, the runtimes take turns over the whole split, `repeats`
    times each; their speed is the median. Scores are those of `evaluate`. Raises UserError as `evaluate` does.
    """
    saved = load_model(folder)
    networks: dict[str, nn.Module] = {PYTHON: saved.network}
    networks |= {name: OnnxNetwork(path, saved.network) for name, path in files.items()}
    weights = {PYTHON: ModelFiles(folder).weights, **files}
    sizes = {name: path.stat().st_size for name, path in weights.items()}
    with one_thread():
        scores = {name: _scores(saved, network, padded, split) for name, network in networks.items()}
        data = list(batches(load_buckets(padded, split), BATCH_SIZE))
        differences = {name: _max_difference(saved.network, network, data) for name, network in networks.items()}
        speeds: dict[str, list[float]] = {name: [] for name in networks}
        for _ in range(repeats):
            for name, network in networks.items():
                speeds[name].append(_rows_per_second(network, data))
    return {
        name: RuntimeMeasurement(
            size=sizes[name],
            rows_per_second=median(speeds[name]),
            scores=scores[name],
            max_difference=differences[name],
        )
        for name in networks
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _scores(saved: SavedModel, network: nn.Module, padded: PaddedRows, split: Split) -> dict[str, float]:
    return metrics(evaluate(replace(saved, network=cast(TextRNN, network)), padded, split))


@torch.no_grad()
def _max_difference(one: nn.Module, other: nn.Module, data: list[Batch]) -> float:
    return max(float((one(batch.ids, batch.lengths) - other(batch.ids, batch.lengths)).abs().max()) for batch in data)


@torch.no_grad()
def _rows_per_second(network: nn.Module, data: list[Batch]) -> float:
    start = time.perf_counter()
    for batch in data:
        network(batch.ids, batch.lengths)
    return sum(len(batch.ids) for batch in data) / (time.perf_counter() - start)
