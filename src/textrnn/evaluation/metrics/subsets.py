"""A split's rows in groups that a model may serve unlike: by length, by rarest token, by having been trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.storage.shards import ShardReader

LENGTHS = 5  # groups of rows by length, of about equal size


@dataclass(frozen=True, eq=False)
class TestRows:
    """The N rows of a test split: their numbers, rising, their whole lengths, and which have a known text.

    row and length (N,) int64, repeated (N,) bool: train or dev has the text, so that the model was trained on it or
    chosen by it. Two texts are one where they are cut into the same tokens.
    """

    __test__ = False  # not a test case of pytest's

    row: np.ndarray
    length: np.ndarray
    repeated: np.ndarray


def read_test_rows(segmented: ShardReader) -> TestRows:
    """The facts of segmented shards' test split; of the texts of train and dev 8 bytes each are held."""
    known = [_hashes(batch) for split in ("train", "dev") for batch in segmented.batches(split)]
    row, length, hashed = [], [], []
    for batch in segmented.batches("test"):
        row.append(np.array(batch["row"]))
        length.append(np.diff(batch["tokens"].offsets.to_numpy()).astype(np.int64))
        hashed.append(_hashes(batch))
    order = np.argsort(np.concatenate(row), kind="stable")
    repeated = np.isin(np.concatenate(hashed), np.concatenate([np.empty(0, np.int64), *known]))
    return TestRows(np.concatenate(row)[order], np.concatenate(length)[order], repeated[order])


def _hashes(batch: pa.RecordBatch) -> np.ndarray:
    # joined by a control character, as a blank may be a token
    texts = pc.binary_join(batch["tokens"], "\x1f").to_pylist()
    # Python's own hash: another one in every process, but all texts come by here in one
    return np.array([hash(text) for text in texts], dtype=np.int64)


def by_length(lengths: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Up to LENGTHS groups of about equal size of rows of these lengths (N,): `shortest-longest` and a mask (N,)."""
    ends = np.unique(np.quantile(lengths, np.arange(1, LENGTHS + 1) / LENGTHS, method="inverted_cdf"))
    group = np.searchsorted(ends, lengths)
    for at in range(len(ends)):
        mask = group == at
        yield f"{lengths[mask].min()}-{lengths[mask].max()}", mask


def by_rarest(counts: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Rows by how often train has their rarest token, (N,): none at all, then powers of ten; a name and a mask (N,).

    Rows without a token, of a count below 0, are in no group.
    """
    yield from ((name, mask) for name, mask in _powers(counts) if mask.any())


def _powers(counts: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "0", counts == 0
    first = 1
    while first <= counts.max(initial=0):
        yield f"{first}-{10 * first - 1}", (counts >= first) & (counts < 10 * first)
        first *= 10


def by_duplicate(repeated: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Rows whose text stands in train or dev, and the rest; a group without rows is left out."""
    yield from ((name, mask) for name, mask in (("known", repeated), ("rest", ~repeated)) if mask.any())
