"""The best linear model on the n-grams of an encoding: its file, and its scores in numpy.

Shapes: N rows, M tokens of all rows, F n-grams, C classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from safetensors.numpy import save

from textrnn.common.integrity.json_files import read_json
from textrnn.common.integrity.tensor_files import read_tensors
from textrnn.common.storage.schemas import PAD_ID
from textrnn.errors import DamagedFileError
from textrnn.names import path_of

WEIGHTS_FILE = "linear.safetensors"
FACTS_FILE = "linear.json"
NO_MODEL = "none"  # the name where there is no model: taggers
ROWS_AT_ONCE = 1_024
KEYS = 2**63  # keys are below this


class _Facts(TypedDict):
    name: str
    vocabulary_size: int


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear model on the presence of n-grams of token ids; all rows are read whole.

    The score of class c is `bias[c]` plus the sum of `weights[., c]` over the distinct known n-grams of a row, divided
    by the square root of the sum of their `squares`, or by 1 where that sum is 0.

    name: the baseline that this is. vocabulary_size: V, the reserved ids included. keys: for each order from 1 on the
    known n-grams, sorted int64, see `ngram_keys`. weights: (F, C) float32, the n-grams of order 1 first, then those of
    order 2, and so on. squares: (F,) float32. bias: (C,) float32.
    """

    name: str
    vocabulary_size: int
    keys: tuple[np.ndarray, ...]
    weights: np.ndarray
    squares: np.ndarray
    bias: np.ndarray

    @staticmethod
    def default_folder(encoding: str) -> Path:
        """Where the stage `baseline` writes the model of an encoding."""
        return path_of(Path("data/linear"), encoding)

    @staticmethod
    def files(folder: Path) -> tuple[Path, Path]:
        """The paths of the tensors and of the facts in a folder."""
        return folder / WEIGHTS_FILE, folder / FACTS_FILE

    @classmethod
    def empty(cls, vocabulary_size: int, classes: int) -> LinearModel:
        """A model without n-grams, all of whose scores are 0: what taggers have."""
        weights, squares = np.zeros((0, classes), np.float32), np.zeros(0, np.float32)
        return cls(NO_MODEL, vocabulary_size, (), weights, squares, np.zeros(classes, np.float32))

    @classmethod
    def read(cls, folder: Path) -> LinearModel:
        """The model that `write` wrote. Raises UserError, with the file's name, if a file is missing or damaged."""
        path, facts_path = cls.files(folder)
        facts = read_json(facts_path, _Facts)
        if not 1 <= facts["vocabulary_size"] <= KEYS:
            raise _damaged(facts_path, "is damaged", f"vocabulary_size {facts['vocabulary_size']}")
        tensors = read_tensors(path)
        names = [f"keys.{order}" for order in range(1, len(tensors) - 2)]
        if tensors.keys() != {*names, "weights", "squares", "bias"}:
            raise _damaged(path, "does not contain a linear model", sorted(tensors))
        keys = tuple(tensors[name] for name in names)
        model = cls(
            facts["name"], facts["vocabulary_size"], keys, tensors["weights"], tensors["squares"], tensors["bias"]
        )
        model._check(path)
        return model

    def write(self, folder: Path) -> None:
        """Write the model into an existing folder, for `read`; equal models give the same bytes."""
        tensors = {f"keys.{order}": keys for order, keys in enumerate(self.keys, start=1)}
        tensors |= {"weights": self.weights, "squares": self.squares, "bias": self.bias}
        (folder / WEIGHTS_FILE).write_bytes(
            save({name: np.ascontiguousarray(value) for name, value in tensors.items()})
        )
        facts = {"name": self.name, "vocabulary_size": self.vocabulary_size}
        (folder / FACTS_FILE).write_text(json.dumps(facts) + "\n", encoding="utf-8")

    def scores(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The scores (N, C) float32 of rows of token ids: concatenated ids (M,), offsets (N + 1,)."""
        scores = np.tile(self.bias.astype(np.float64), (len(offsets) - 1, 1))
        for first, part_ids, part_offsets in _row_chunks(ids, offsets):
            rows, columns = find_ngrams(self.keys, self.vocabulary_size, part_ids, part_offsets)
            if not len(rows):
                continue
            starts = np.flatnonzero(np.diff(rows, prepend=-1))
            sums = np.add.reduceat(self.weights[columns].astype(np.float64), starts)
            squares = np.add.reduceat(self.squares[columns].astype(np.float64), starts)
            norms = np.sqrt(np.where(squares > 0, squares, 1))
            scores[first + rows[starts]] += sums / norms[:, None]
        return scores.astype(np.float32)

    def _check(self, path: Path) -> None:
        """Refuse what `write` cannot have written."""
        features = sum(keys.size for keys in self.keys)
        classes = self.bias.shape[-1] if self.bias.ndim else 0
        shapes = [self.weights.shape, self.squares.shape, self.bias.shape]
        if shapes != [(features, classes), (features,), (classes,)] or any(keys.ndim != 1 for keys in self.keys):
            raise _damaged(path, f"has shapes that do not fit {features} n-grams", shapes)
        for name, values in {"weights": self.weights, "squares": self.squares, "bias": self.bias}.items():
            if values.dtype != np.float32 or not np.isfinite(values).all():
                raise _damaged(path, f"has {name} that are not finite float32 numbers", values.dtype)
        if (self.squares < 0).any():
            raise _damaged(path, "has squares below 0", self.squares.min())
        for order, keys in enumerate(self.keys, start=1):
            limit = self.vocabulary_size**order
            bounds = limit <= KEYS and (keys[:1] >= 0).all() and all(key < limit for key in keys[-1:].tolist())
            if keys.dtype != np.int64 or not bounds or (np.diff(keys) <= 0).any():
                raise _damaged(path, f"has keys of order {order} that are not sorted, or not within V^{order}", None)


def ngram_keys(ids: np.ndarray, offsets: np.ndarray, order: int, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams of one order of rows of token ids, row by row: their keys (G,) int64 and their rows (G,) int64.

    The key of an n-gram is its ids as the digits of a number in base V, so that only equal n-grams have equal keys.
    V^order must be at most 2^63. From order 2 on, each row has a boundary mark at both ends. The mark is the padding
    id, which no token has: the first two letters of a name make another trigram than the same letters within it.
    ids: (M,); offsets: (N + 1,).
    """
    assert vocabulary_size**order <= KEYS
    ids = ids.astype(np.int64)
    rows = len(offsets) - 1
    if order > 1:
        ids = np.insert(ids, np.repeat(offsets, 2)[1:-1], PAD_ID)
        offsets = offsets + 2 * np.arange(rows + 1)
    counts = np.maximum(np.diff(offsets) - order + 1, 0)
    last = np.concatenate(([0], np.cumsum(counts)))
    first = np.arange(last[-1]) + np.repeat(offsets[:-1] - last[:-1], counts)
    keys = np.zeros(len(first), np.int64)
    for step in range(order):
        keys *= vocabulary_size
        keys += ids[first + step]
    return keys, np.repeat(np.arange(rows), counts)


def find_ngrams(
    keys: Sequence[np.ndarray], vocabulary_size: int, ids: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The distinct known n-grams of rows of token ids: rows (G,) and columns (G,) int64, sorted by row, then column.

    keys: for each order from 1 on the known n-grams, sorted; a column counts them in this order, as in LinearModel.
    """
    features = sum(map(len, keys))
    pairs, first_column = [np.empty(0, np.int64)], 0
    for order, known in enumerate(keys, start=1):
        found, rows = ngram_keys(ids, offsets, order, vocabulary_size)
        places = np.searchsorted(known, found)
        is_known = known[np.minimum(places, len(known) - 1)] == found if len(known) else np.zeros(len(found), bool)
        pairs.append(rows[is_known] * features + places[is_known] + first_column)
        first_column += len(known)
    merged = np.sort(np.concatenate(pairs))
    merged = merged[np.diff(merged, prepend=-1) > 0]
    return np.divmod(merged, max(features, 1))


def _row_chunks(ids: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the number of the first row, the ids and the offsets of at most ROWS_AT_ONCE rows at a time."""
    for first in range(0, len(offsets) - 1, ROWS_AT_ONCE):
        part = offsets[first : first + ROWS_AT_ONCE + 1]
        yield first, ids[part[0] : part[-1]], part - part[0]


def _damaged(path: Path, wrong: str, got: object) -> DamagedFileError:
    return DamagedFileError(path, wrong, got=got, do="run the stage that writes it")
