"""Exported files held against the model that they are of: size, speed, scores, and how far logits differ."""

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
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import BATCH_SIZE, evaluate, metrics
from textrnn.inference.onnx.export import import_extra
from textrnn.modeling.models.model_directory import WEIGHTS, SavedModel, load_model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import load_buckets

PYTHON = "python"


class OnnxNetwork(nn.Module):
    """An exported file in the place of the network that it is of, whose CRF it decodes with; one thread."""

    def __init__(self, path: Path, original: TextRNN) -> None:
        super().__init__()
        runtime = import_extra("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        if not path.is_file():
            raise UserError(path, "no such file", do="export the model")
        self.original = original
        self.crf = original.crf
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """As TextRNN: ids (B, T) and lengths (B,) in, logits out."""
        given = {"ids": ids.long().numpy(), "lengths": lengths.long().numpy()}
        return torch.from_numpy(self._session.run(None, given)[0])


@dataclass(frozen=True)
class RuntimeMeasurement:
    """One way to run a model: size of its file in bytes, rows/s on one thread, scores, and the largest distance of a
    logit from the Python model's.
    """

    size: int
    rows_per_second: float
    scores: dict[str, float]
    distance: float


def measure(
    folder: Path, files: Mapping[str, Path], padded: ShardReader, split: Split = "test", repeats: int = 5
) -> dict[str, RuntimeMeasurement]:
    """The model of a directory, under the name `python`, and exported files of it by their names, on padded shards.

    Rows of one width go in batches of 256; each way runs over the whole split in turn, `repeats` times after the run
    that is scored, and the median counts. The model's scores are `evaluate`'s. Raises UserError as `evaluate` does.
    """
    saved = load_model(folder)
    networks: dict[str, nn.Module] = {PYTHON: saved.network}
    networks |= {name: OnnxNetwork(path, saved.network) for name, path in files.items()}
    sizes = {PYTHON: (folder / WEIGHTS).stat().st_size} | {name: path.stat().st_size for name, path in files.items()}
    with one_thread():
        scores = {name: _scores(saved, network, padded, split) for name, network in networks.items()}
        rows = list(batches(load_buckets(padded, split), BATCH_SIZE))
        distances = {name: _distance(saved.network, network, rows) for name, network in networks.items()}
        rates: dict[str, list[float]] = {name: [] for name in networks}
        for _ in range(repeats):
            for name, network in networks.items():
                rates[name].append(_rate(network, rows))
    return {
        name: RuntimeMeasurement(sizes[name], median(rates[name]), scores[name], distances[name]) for name in networks
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _scores(saved: SavedModel, network: nn.Module, padded: ShardReader, split: Split) -> dict[str, float]:
    return metrics(evaluate(replace(saved, network=cast(TextRNN, network)), padded, split))


@torch.no_grad()
def _distance(one: nn.Module, other: nn.Module, rows: list[Bucket]) -> float:
    return max(float((one(row.ids, row.lengths) - other(row.ids, row.lengths)).abs().max()) for row in rows)


@torch.no_grad()
def _rate(network: nn.Module, rows: list[Bucket]) -> float:
    start = time.perf_counter()
    for row in rows:
        network(row.ids, row.lengths)
    return sum(len(row.ids) for row in rows) / (time.perf_counter() - start)
