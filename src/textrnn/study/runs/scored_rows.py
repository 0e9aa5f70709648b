"""Scores test row by row: which rows are correct, or the entities of each sentence.

A paired bootstrap over rows needs both runs row by row. Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.models.f1_counts import EntityF1Counts, GoldSpans
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.crf import predict_classes
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import evaluation_size, selections
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.batching.loading import CPU


@torch.no_grad()
def predicted_batches(network: TextRNN, buckets: Sequence[AnyBucket]) -> Iterator[tuple[Batch, Tensor]]:
    """The batches of a split, each with its predicted classes or tags; dropout is off meanwhile."""
    training = network.training
    network.eval()
    for selected in selections(buckets, evaluation_size(CPU)):
        batch = selected.gather()
        logits = network(batch.ids, batch.lengths)
        yield batch, predict_classes(network, logits, batch.targets != IGNORED_TAG, None)
    network.train(training)


def correct_rows(network: TextRNN, buckets: Sequence[AnyBucket]) -> np.ndarray:
    """Which rows a classifier predicts correctly, (N,) bool in the order of the split's rows."""
    numbers, correct = [], []
    for batch, predicted in predicted_batches(network, buckets):
        numbers.append(batch.row_numbers.numpy())
        correct.append((predicted == batch.targets).numpy())
    result: np.ndarray = np.concatenate(correct)[np.argsort(np.concatenate(numbers), kind="stable")]
    return result


def sentence_counts(network: TextRNN, padded: PaddedRows, labels: Labels, buckets: Sequence[AnyBucket]) -> np.ndarray:
    """Gold, predicted and correct entities of each test sentence, (3, N) in the order of the split's rows."""
    gold: dict[int, int] = {}
    for record in padded.batches("test"):
        lengths = record["spans"].value_lengths().to_pylist()
        gold |= dict(zip(record["row"].to_pylist(), lengths, strict=True))
    counter, counts = EntityF1Counts(labels, GoldSpans.of_split(padded, "test")), {}
    for batch, predicted in predicted_batches(network, buckets):
        for index, row in enumerate(batch.row_numbers.tolist()):
            one = slice(index, index + 1)
            counter.reset()
            counter.update(batch.row_numbers[one], batch.targets[one], predicted[one])
            hits, found = counter.counts.tolist()
            counts[row] = (gold[row], found, hits)
    return np.array([counts[row] for row in sorted(counts)], np.int64).T


def entity_f1(counts: np.ndarray) -> float:
    """The F1 score of counts (3, N): of exact entity spans, over all sentences."""
    gold, found, hits = counts.sum(axis=1)
    return float(2 * hits / (gold + found)) if hits else 0.0
