"""The n-grams that the linear models of an encoding know, and which of them each text has.

Shapes: N texts, F n-grams.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.evaluation.baselines.encoded_texts import EncodedTexts
from textrnn.preparation.artifacts.linear_model import KEYS, find_ngrams, ngram_keys

ROWS_AT_ONCE = 4_096
MIN_COUNT = 2  # an n-gram of a single training row says nothing about other rows


@dataclass(frozen=True, eq=False)
class NgramFeatures:
    """The n-grams selected as features: sorted int64 keys for each order from 1 on, as in `LinearModel`."""

    vocabulary_size: int
    keys: tuple[np.ndarray, ...]

    @classmethod
    def select(cls, texts: EncodedTexts, vocabulary_size: int, order: int, features: int) -> NgramFeatures:
        """Select the n-grams of 1 to `order` tokens that occur in the most texts, at most `features` of them.

        An n-gram must occur in at least MIN_COUNT texts. If none does, every n-gram is selected. Ties go to the lower
        order, then to the lower key. Orders whose keys would not fit into 63 bits are left out: with many tokens
        `order` is lowered.
        """
        order = max(n for n in range(1, order + 1) if n == 1 or vocabulary_size**n <= KEYS)
        found = [_count_texts(texts, vocabulary_size, n) for n in range(1, order + 1)]
        counts = np.concatenate([count for _, count in found])
        least = min(MIN_COUNT, counts.max(initial=0))
        most_frequent = np.argsort(-counts, kind="stable")[:features]
        is_selected = np.zeros(len(counts), bool)
        is_selected[most_frequent[counts[most_frequent] >= least]] = True
        parts = np.split(is_selected, np.cumsum([len(keys) for keys, _ in found])[:-1])
        return cls(vocabulary_size, tuple(keys[part] for (keys, _), part in zip(found, parts, strict=True)))

    def __len__(self) -> int:
        return sum(map(len, self.keys))

    def presence(self, texts: EncodedTexts) -> sparse.csr_matrix:
        """Which of the n-grams each text has: (N, F) float64 of zeros and ones."""
        columns, ends = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
        for chunk in texts.chunks(ROWS_AT_ONCE):
            rows, found = find_ngrams(self.keys, self.vocabulary_size, chunk.ids, chunk.offsets)
            columns.append(found.astype(np.int32))
            ends.append(ends[-1][-1] + np.cumsum(np.bincount(rows, minlength=len(chunk))))
        indices = np.concatenate(columns)
        shape = (len(texts), len(self))
        return sparse.csr_matrix((np.ones(len(indices)), indices, np.concatenate(ends)), shape)


def _count_texts(texts: EncodedTexts, vocabulary_size: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """All n-grams of an order, sorted by key: their keys (G,) and the number of texts that have them (G,)."""
    keys, rows = ngram_keys(texts.ids, texts.offsets, order, vocabulary_size)
    by_key = np.argsort(keys, kind="stable")  # the rows of a key stay in order, so that repetitions are neighbours
    keys, rows = keys[by_key], rows[by_key]
    is_new_key = np.ones(len(keys), bool)
    is_new_key[1:] = keys[1:] != keys[:-1]
    is_new_row = is_new_key.copy()
    is_new_row[1:] |= rows[1:] != rows[:-1]
    starts = np.flatnonzero(is_new_key)
    return keys[starts], np.add.reduceat(is_new_row, starts, dtype=np.int64) if len(starts) else starts
