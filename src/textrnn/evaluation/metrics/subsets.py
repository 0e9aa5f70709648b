"""Subsets of the test split to score separately: by length, by rarest token, and by overlap with train and dev."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.storage.schemas import RESERVED
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.preparation.artifacts.vocabulary import Vocabulary

LENGTH_GROUPS = 5  # groups of rows by length, of about equal size
EMPTY_ROW = -1  # the count of the rarest token of a row without tokens


@dataclass(frozen=True, eq=False)
class TestRows:
    """The N rows of a test split: row numbers, lengths before truncation, and which texts also occur in train or dev.

    row_numbers: (N,) int64, increasing; lengths: (N,) int64; seen: (N,) bool, whether train or dev has the text, so
    that the model was trained on it or selected by it. Two texts are equal when their tokens are.
    """

    __test__ = False  # not a test case of pytest's

    row_numbers: np.ndarray
    lengths: np.ndarray
    seen: np.ndarray


def read_test_rows(segmented: SegmentedRows) -> TestRows:
    """Read the test split of segmented shards; of each text of train and dev only an 8-byte hash stays in memory."""
    seen_hashes = [_text_hashes(batch) for split in ("train", "dev") for batch in segmented.batches(split)]
    row_numbers, lengths, hashes = [], [], []
    for batch in segmented.batches("test"):
        row_numbers.append(np.array(batch["row"]))
        lengths.append(np.diff(batch["tokens"].offsets.to_numpy()).astype(np.int64))
        hashes.append(_text_hashes(batch))
    order = np.argsort(np.concatenate(row_numbers), kind="stable")
    seen = np.isin(np.concatenate(hashes), np.concatenate([np.empty(0, np.int64), *seen_hashes]))
    return TestRows(np.concatenate(row_numbers)[order], np.concatenate(lengths)[order], seen[order])


def _text_hashes(batch: pa.RecordBatch) -> np.ndarray:
    # joined by a control character, because a space may be a token
    texts = pc.binary_join(batch["tokens"], "\x1f").to_pylist()
    # Python's hash differs from process to process, but all texts are hashed in one process
    return np.array([hash(text) for text in texts], dtype=np.int64)


def rarest_counts(segmented: SegmentedRows, vocabulary: Vocabulary, width: int) -> np.ndarray:
    """How often train has the rarest token that the model read of each row of test, (N,) in order of row numbers.

    width: the largest width that rows were padded to; the model did not read the tokens after it. The count of an
    unknown token is 0, and that of a row without tokens is EMPTY_ROW.
    """
    token_counts = np.concatenate((np.zeros(len(RESERVED), np.int64), vocabulary.counts.to_numpy()))
    row_numbers, counts = [], []
    for batch in segmented.batches("test"):
        ids = vocabulary.encode_lists(batch["tokens"])
        offsets = ids.offsets.to_numpy()
        sizes = np.diff(offsets)
        read = np.arange(len(ids.values)) - np.repeat(offsets[:-1], sizes) < width
        rarest = np.where(sizes > 0, np.iinfo(np.int64).max, EMPTY_ROW)
        np.minimum.at(rarest, np.repeat(np.arange(len(sizes)), sizes)[read], token_counts[ids.values.to_numpy()[read]])
        row_numbers.append(np.array(batch["row"]))
        counts.append(rarest)
    ordered: np.ndarray = np.concatenate(counts)[np.argsort(np.concatenate(row_numbers), kind="stable")]
    return ordered


def by_length(lengths: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield up to LENGTH_GROUPS groups of about equal size by length (N,): a name `shortest-longest`, a mask (N,)."""
    ends = np.unique(np.quantile(lengths, np.arange(1, LENGTH_GROUPS + 1) / LENGTH_GROUPS, method="inverted_cdf"))
    groups = np.searchsorted(ends, lengths)
    for index in range(len(ends)):
        mask = groups == index
        yield f"{lengths[mask].min()}-{lengths[mask].max()}", mask


def by_rarest(counts: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield groups by the count (N,) of a row's rarest token in train: a name and a mask (N,).

    The first group has count 0; the others span powers of ten. Empty groups are left out. A negative count marks a row
    without tokens, which belongs to no group.
    """
    yield from ((name, mask) for name, mask in _count_ranges(counts) if mask.any())


def _count_ranges(counts: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "0", counts == 0
    first = 1
    while first <= counts.max(initial=0):
        yield f"{first}-{10 * first - 1}", (counts >= first) & (counts < 10 * first)
        first *= 10


def by_seen(seen: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the rows whose text is seen (N,), in train or dev, then the unseen ones; an empty group is left out."""
    # `known` and `rest` are the keys of seen and unseen texts in analysis.json, which stay as they are
    yield from ((name, mask) for name, mask in (("known", seen), ("rest", ~seen)) if mask.any())
