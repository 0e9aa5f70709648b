"""Multinomial logistic regression on what stands around a token: the linear model that a tagger has to beat.

Shapes: N rows, M tokens of all of them, F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.schemas import PAD_ID
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.baselines.logistic_regression import (
    CELLS,
    ROWS_AT_ONCE,
    LogisticResult,
    choose_columns,
    fit_regularization_path,
)


@dataclass(frozen=True, eq=False)
class EncodedSentences:
    """Tagged rows of ids, none truncated: ids (M,) int32 end to end, offsets (N + 1,) int64, tags (M,) int64."""

    ids: np.ndarray
    offsets: np.ndarray
    tags: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def pieces(self, rows: int) -> Iterator[EncodedSentences]:
        """All rows in order, so many at a time."""
        for first in range(0, len(self), rows):
            ends = self.offsets[first : first + rows + 1]
            its = slice(ends[0], ends[-1])
            yield EncodedSentences(self.ids[its], ends - ends[0], self.tags[its])


def read_sentences(encoded: ShardReader, split: str) -> EncodedSentences:
    """The split's rows of id shards, for tagging; there may be none."""
    ids, lengths, tags = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for batch in encoded.batches(split):
        # copied: a batch's pages are given back when the next one is read
        ids.append(np.array(batch["ids"].flatten()))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        tags.append(np.array(batch["tags"].flatten(), dtype=np.int64))
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    return EncodedSentences(np.concatenate(ids), offsets, np.concatenate(tags))


def fit_context_windows(
    train: EncodedSentences, dev: EncodedSentences, test: EncodedSentences, settings: Baseline
) -> LogisticResult:
    """Fit one regression for each strength in `settings.regularization`; dev's accuracy over tokens chooses.

    Features are the n-grams of 1 to `settings.ngrams` tokens that lie no further than `ngrams - 1` from a token, each
    at its place: those around two tokens of train at least, the most frequent `settings.features`. Rows have marks on
    both sides. Each tag is guessed alone: nothing is known of the neighbours'. Otherwise as `fit_logistic`.
    """
    counts = np.zeros(CELLS, dtype=np.int32)
    for piece in train.pieces(ROWS_AT_ONCE):
        for cells in _cells(piece, settings.ngrams):
            found, times = np.unique(cells, return_counts=True)
            counts[found] += times
    column, count = choose_columns(counts, settings.features)
    seen, tried, unseen = (_inputs(each, settings.ngrams, column, count) for each in (train, dev, test))
    return fit_regularization_path((seen, train.tags), (tried, dev.tags), unseen, settings)


def _inputs(sentences: EncodedSentences, order: int, column: np.ndarray, count: int) -> sparse.csr_matrix:
    """Which features each token has: (M, F) float32."""
    made = [sparse.csr_matrix((0, count), dtype=np.float32)]
    for piece in sentences.pieces(ROWS_AT_ONCE):
        columns = np.stack([column[cells] for cells in _cells(piece, order)], axis=1)
        known = columns >= 0
        ends = np.concatenate(([0], np.cumsum(known.sum(axis=1))))
        columns = columns[known]
        made.append(sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(ends) - 1, count)))
    return sparse.vstack(made, format="csr")


def _cells(sentences: EncodedSentences, order: int) -> Iterator[np.ndarray]:
    """For each n-gram and place of it the cell that it falls into beside each token, (M,) int64."""
    reach = order - 1
    rows = np.repeat(np.arange(len(sentences)), np.diff(sentences.offsets))
    at = np.arange(len(rows)) + reach * (2 * rows + 1)
    marked = np.full(len(rows) + 2 * reach * len(sentences), PAD_ID, dtype=np.uint64)
    marked[at] = sentences.ids
    for size in range(1, order + 1):
        for first in range(-reach, reach - size + 2):
            hashes = hash_rows(np.full(len(at), first + reach), size, "place")
            for step in range(size):
                hashes = hash_rows(hashes ^ marked[at + first + step], size, "window")
            yield (hashes % np.uint64(CELLS)).astype(np.int64)
