"""Encoded texts for baselines, the settings of a small baseline, n-grams as tuples, and rows of three splits."""

from __future__ import annotations

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.evaluation.baselines.encoded_texts import EncodedTexts

SETTINGS = Baseline(
    seed=1,
    ngrams=2,
    features=1000,
    logistic_c=(1.0, 10.0),
    svm_c=(0.3, 1.0),
    nb_svm_c=(0.1, 1.0),
    nb_svm_tfidf_c=(0.3, 1.0),
    nb_svm_beta=(0.5, 1.0),
    width=8,
    epochs=5,
    batch_size=4,
    learning_rate=0.3,
    crf_iterations=60,
    crf_min_count=1,
)


def make_texts(rows, labels=None):
    lengths = [len(row) for row in rows]
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    labels = np.array(labels if labels is not None else [0] * len(rows), dtype=np.int64)
    return EncodedTexts(ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), labels)


def tuples(row, order):
    marked = row if order == 1 else [0, *row, 0]
    return [tuple(marked[first : first + order]) for first in range(len(marked) - order + 1)]


ROWS = [[2, 3, 2], [], [3], [2, 3, 2, 3, 4], [2**31 - 1, 2]]


def span(start, end, kind):
    return {"start": start, "end": end, "type": kind}


TEXTS = {
    "train": [([2, 3], 0), ([3, 2], 1)] * 8 + [([2, 2], 1), ([4], 2), ([4, 4], 2)],
    "dev": [([2, 3], 0), ([3, 2], 1), ([4], 2), ([3, 2], 1)],
    "test": [([4, 4], 2), ([3, 2], 1), ([2, 3], 0), ([2, 3], 1)],
}

# token 2 is mostly LOC, 3 is O, 4 is PER; 5 and 6 are not in train, where most tokens are O
SENTENCES = {
    "train": [
        ([2, 3, 4], [1, 0, 2], [span(0, 1, 0), span(2, 3, 1)]),
        ([2, 3, 3, 2], [1, 0, 0, 0], [span(0, 1, 0)]),
    ],
    "dev": [([3, 5], [0, 0], []), ([2], [1], [span(0, 1, 0)])],
    "test": [
        ([2, 2, 3, 4, 5], [1, 1, 0, 2, 2], [span(0, 2, 0), span(3, 5, 1)]),
        ([], [], []),
        ([6, 4], [0, 2], [span(1, 2, 1)]),
    ],
}
