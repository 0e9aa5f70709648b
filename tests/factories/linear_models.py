"""Linear models with random weights for the n-grams of some rows, and their scores by sets of tuples."""

from __future__ import annotations

import math

import numpy as np

from textrnn.preparation.artifacts.linear_model import LinearModel

# token ids below 9, as in factories.networks and factories.recipes
LINEAR_ROWS = [[3, 1, 4, 1, 5], [2, 6], [5, 3, 8], [7], [2, 3, 2], [8, 3, 4], []]


def tuples(row, order):
    """The n-grams of a row, repeated ones too; from order 2 on with a boundary mark, 0, at both ends."""
    marked = row if order == 1 else [0, *row, 0]
    return [tuple(marked[first : first + order]) for first in range(len(marked) - order + 1)]


def known_ngrams(rows, orders):
    """For each order the sorted n-grams of the rows."""
    return [sorted({gram for row in rows for gram in tuples(row, order)}) for order in range(1, orders + 1)]


def random_linear(rows=LINEAR_ROWS, *, vocabulary_size=9, classes=3, orders=3, squares=True, seed=0):
    """A model that knows all n-grams of the rows, with random weights; without squares, like NB-SVM, it has no norm."""
    generator = np.random.default_rng(seed)
    ngrams = known_ngrams(rows, orders)
    keys = tuple(
        np.array([sum(token * vocabulary_size**place for place, token in enumerate(gram[::-1])) for gram in grams])
        for grams in ngrams
    )
    count = sum(map(len, keys))
    return LinearModel(
        "linear_svm",
        vocabulary_size,
        tuple(np.asarray(values, np.int64) for values in keys),
        generator.standard_normal((count, classes)).astype(np.float32),
        generator.random(count, np.float32) * np.float32(squares),
        generator.standard_normal(classes).astype(np.float32),
    )


def brute_force(linear, rows, known):
    """The scores of rows, by sets of tuples; known: the rows whose n-grams the model knows."""
    grams = [gram for grams in known_ngrams(known, len(linear.keys)) for gram in grams]
    scores = []
    for row in rows:
        present = {gram for order in range(1, len(linear.keys) + 1) for gram in tuples(row, order)}
        columns = [index for index, gram in enumerate(grams) if gram in present]
        norm = math.sqrt(linear.squares[columns].sum()) or 1
        scores.append(linear.bias + linear.weights[columns].sum(0) / norm)
    return np.array(scores)
