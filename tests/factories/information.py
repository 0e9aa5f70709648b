"""Contexts and their information by plain loops: what the vectors of `vectorize` are compared with."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def contexts_around(rows, names, contexts, window, positions):
    """The weights of the contexts around each occurrence of the names, tuples of tokens: a Counter by name."""
    found = {name: Counter() for name in names}
    for row in rows:
        for name, counter in found.items():
            for start in range(len(row) - len(name) + 1):
                if tuple(row[start : start + len(name)]) == name:
                    for distance in range(1, window + 1):
                        for side, place in enumerate((start - distance, start + len(name) - 1 + distance)):
                            if 0 <= place < len(row) and row[place] in contexts:
                                key = (row[place], 2 * (distance - 1) + side if positions else 0)
                                counter[key] += (window + 1 - distance) / window
    return found


def chances_of(counted):
    """The probability of each context, its weight to the power 0.75 over the sum of these."""
    weights = Counter()
    for counter in counted.values():
        weights.update(counter)
    total = sum(weight**0.75 for weight in weights.values())
    return {context: weight**0.75 / total for context, weight in weights.items()}


def information_of(counter, chances):
    """The positive pointwise mutual information of one name and its contexts."""
    total = sum(counter.values())
    found = {context: math.log(weight / (total * chances[context])) for context, weight in counter.items()}
    return {context: value for context, value in found.items() if value > 0}


def as_matrix(rows, columns):
    """Mappings from columns to numbers as a dense matrix."""
    return np.array([[row.get(column, 0.0) for column in columns] for row in rows])


def random_rows(count, letters="abcde", seed=0, longest=9):
    """Rows of letters, the first ones more frequent, some of them empty."""
    generator = np.random.default_rng(seed)
    chances = 1 / np.arange(1, len(letters) + 1)
    return [
        generator.choice(list(letters), generator.integers(0, longest), p=chances / chances.sum()).tolist()
        for _ in range(count)
    ]
