"""Prepare rows of token ids for a model as the pipeline prepared its training data: pad and batch them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from textrnn.common.config.types import Side
from textrnn.common.storage.schemas import PAD_ID
from textrnn.preparation.padding.pad_rows import choose_widths, pad_rows_to

MAX_BATCH_ROWS = 256
MAX_BATCH_CELLS = 1 << 16  # rows times width; a single row may exceed it

Text = str | Sequence[str]  # a tagger also takes a list of tokens


@dataclass(frozen=True, eq=False)
class InputBatch:
    """Padded rows of one width: their row numbers (B,), token ids (B, T) and numbers of tokens (B,)."""

    rows: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray

    @property
    def valid(self) -> np.ndarray:
        """True where a row has a token (B, T); no token has the id of padding."""
        return self.ids != PAD_ID


@dataclass(frozen=True)
class PaddingRule:
    """How the training rows were padded: their widths in increasing order, the padding side, whether rows were cut.

    fixed: pad every row to its training width, as a model that reads padding needs; otherwise a batch is only as wide
    as its longest row.
    """

    widths: tuple[int, ...]
    side: Side
    truncates: bool
    fixed: bool

    def batches(self, ids: Sequence[Sequence[int]]) -> Iterator[InputBatch]:
        """Group rows of token ids into batches; a batch has rows that training would have padded to the same width.

        A row longer than any training row, where none is truncated, is padded to the widest width times a power of 2.
        """
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        widths = self._widths_for(int(lengths.max(initial=0)))
        buckets = choose_widths(lengths, widths)
        for bucket in sorted(set(buckets.tolist())):
            rows = np.flatnonzero(buckets == bucket)
            batch_size = max(1, min(MAX_BATCH_ROWS, MAX_BATCH_CELLS // widths[bucket]))
            for first in range(0, len(rows), batch_size):
                yield self._batch(rows[first : first + batch_size], ids, lengths, widths[bucket])

    def _widths_for(self, longest: int) -> list[int]:
        widths = list(self.widths)
        while not self.truncates and widths[-1] < longest:
            widths.append(2 * widths[-1])
        return widths

    def _batch(self, rows: np.ndarray, ids: Sequence[Sequence[int]], lengths: np.ndarray, width: int) -> InputBatch:
        values = np.array(list(chain.from_iterable(ids[row] for row in rows.tolist())), np.int32)
        offsets = np.zeros(len(rows) + 1, np.int64)
        lengths[rows].cumsum(out=offsets[1:])
        if not self.fixed:
            width = min(width, max(1, int(lengths[rows].max())))
        return InputBatch(rows, *pad_rows_to(values, offsets, width, self.side, PAD_ID, np.int32))
