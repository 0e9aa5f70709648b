"""Multinomial logistic regression on the n-grams around a token: the linear baseline for tagging.

Shapes: N rows, M tokens in all rows, F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.schemas import PAD_ID
from textrnn.evaluation.baselines.logistic_regression import (
    HASH_BUCKETS,
    ROWS_AT_ONCE,
    LogisticResult,
    fit_regularization_path,
    select_columns,
)


@dataclass(frozen=True, eq=False)
class EncodedSentences:
    """N tagged rows of token ids, not truncated: concatenated ids (M,) int32, offsets (N + 1,), tags (M,) int64."""

    ids: np.ndarray
    offsets: np.ndarray
    tags: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def chunks(self, rows: int) -> Iterator[EncodedSentences]:
        """Yield all rows in order, at most `rows` at a time."""
        for first in range(0, len(self), rows):
            offsets = self.offsets[first : first + rows + 1]
            tokens = slice(offsets[0], offsets[-1])
            yield EncodedSentences(self.ids[tokens], offsets - offsets[0], self.tags[tokens])


def read_sentences(encoded: EncodedRows, split: str) -> EncodedSentences:
    """Read a split of id shards for tagging; it may be empty."""
    ids, lengths, tags = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for batch in encoded.batches(split):
        # copied: the memory of a batch is released when the next one is read
        ids.append(np.array(batch["ids"].flatten()))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        tags.append(np.array(batch["tags"].flatten(), dtype=np.int64))
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    return EncodedSentences(np.concatenate(ids), offsets, np.concatenate(tags))


def fit_context_windows(
    train: EncodedSentences, dev: EncodedSentences, test: EncodedSentences, settings: Baseline
) -> LogisticResult:
    """Fit one regression for each value of `settings.regularization`; return the best by token accuracy on dev.

    Features are the n-grams of 1 to `settings.ngrams` tokens that lie within `ngrams - 1` tokens of a token, each with
    its relative position. The `settings.features` most frequent ones are used, if they occur around at least two tokens
    of train. Rows have boundary marks on both sides. Each tag is predicted by itself, without the neighbouring tags.
    Otherwise as `fit_logistic`.
    """
    counts = np.zeros(HASH_BUCKETS, dtype=np.int32)
    for chunk in train.chunks(ROWS_AT_ONCE):
        for token_buckets in _window_buckets(chunk, settings.ngrams):
            buckets, occurrences = np.unique(token_buckets, return_counts=True)
            counts[buckets] += occurrences
    columns, count = select_columns(counts, settings.features)
    train_inputs, dev_inputs, test_inputs = (
        _feature_matrix(sentences, settings.ngrams, columns, count) for sentences in (train, dev, test)
    )
    return fit_regularization_path((train_inputs, train.tags), (dev_inputs, dev.tags), test_inputs, settings)


def _feature_matrix(sentences: EncodedSentences, max_order: int, columns: np.ndarray, count: int) -> sparse.csr_matrix:
    """Return which features each token has: (M, F) float32 of zeros and ones."""
    matrices = [sparse.csr_matrix((0, count), dtype=np.float32)]
    for chunk in sentences.chunks(ROWS_AT_ONCE):
        token_columns = np.stack([columns[buckets] for buckets in _window_buckets(chunk, max_order)], axis=1)
        counted = token_columns >= 0
        ends = np.concatenate(([0], np.cumsum(counted.sum(axis=1))))
        indices = token_columns[counted]
        matrices.append(sparse.csr_matrix((np.ones(len(indices), np.float32), indices, ends), (len(ends) - 1, count)))
    return sparse.vstack(matrices, format="csr")


def _window_buckets(sentences: EncodedSentences, max_order: int) -> Iterator[np.ndarray]:
    """Yield the hash bucket of the n-gram around each token, (M,) int64, for each order and relative position."""
    reach = max_order - 1
    rows = np.repeat(np.arange(len(sentences)), np.diff(sentences.offsets))
    positions = np.arange(len(rows)) + reach * (2 * rows + 1)
    marked = np.full(len(rows) + 2 * reach * len(sentences), PAD_ID, dtype=np.uint64)
    marked[positions] = sentences.ids
    for order in range(1, max_order + 1):
        for first in range(-reach, reach - order + 2):
            hashes = hash_rows(np.full(len(positions), first + reach), order, "place")
            for step in range(order):
                hashes = hash_rows(hashes ^ marked[positions + first + step], order, "window")
            yield (hashes % np.uint64(HASH_BUCKETS)).astype(np.int64)
