"""Count the contexts of tokens and n-grams: the frequent tokens within a window on either side, near ones more.

Shapes: T places of a stream, N tokens or n-grams, C contexts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import sparse

from textrnn.stage import worker_count

PLACES_PER_CHUNK = 1 << 20  # each chunk's co-occurrences are in memory at once, some 20 bytes for each


@dataclass(frozen=True)
class Contexts:
    """What counts as a context.

    tokens: the first numbers of the stream, the most frequent tokens. window: how many tokens on either side.
    positions: whether one token at two places of the window is two contexts.
    """

    tokens: int
    window: int
    positions: bool

    @property
    def count(self) -> int:
        """C, the number of columns of a matrix of counts."""
        return self.tokens * (2 * self.window if self.positions else 1)

    def offsets(self, length: int) -> Iterator[tuple[int, int, float]]:
        """For each place of the window around `length` tokens: its offset from the first one, column and weight.

        A token at distance d weighs (window + 1 - d) / window, as in word2vec on average.
        """
        for distance in range(1, self.window + 1):
            weight = (self.window + 1 - distance) / self.window
            for side, offset in enumerate((-distance, length - 1 + distance)):
                position = 2 * (distance - 1) + side if self.positions else 0
                yield offset, position * self.tokens, weight


def count_contexts(
    stream: np.ndarray, contexts: Contexts, find_rows: Callable[[slice], np.ndarray], rows: int, length: int
) -> sparse.csr_array:
    """The weights of the contexts around the occurrences of N n-grams of `length` tokens, summed: (N, C) float32.

    stream: of `make_stream`, with a gap of at least the window. find_rows: returns for a slice of the stream, by place,
    the number of the n-gram that begins there, or a negative number. Chunks are counted by TEXTRNN_WORKERS threads and
    added in order, so that the sums do not depend on their number.
    """
    shape = rows, contexts.count

    def count(start: int) -> sparse.csr_array:
        return _count_chunk(stream, contexts, find_rows(slice(start, start + PLACES_PER_CHUNK)), start, shape, length)

    total = sparse.csr_array(shape, dtype=np.float32)
    threads = worker_count()
    starts = iter(range(0, len(stream), PLACES_PER_CHUNK))
    with ThreadPoolExecutor(threads) as pool:
        while group := list(islice(starts, threads)):  # no more chunks in memory than threads
            for counted in pool.map(count, group):
                total = total + counted
    return total


def _count_chunk(
    stream: np.ndarray, contexts: Contexts, rows: np.ndarray, start: int, shape: tuple[int, int], length: int
) -> sparse.csr_array:
    places = np.flatnonzero(rows >= 0)
    rows, places = rows[places].astype(np.int32), places + start
    cells: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for offset, first_column, weight in contexts.offsets(length):
        near = stream[places + offset]
        valid = (near >= 0) & (near < contexts.tokens)
        columns = near[valid] + np.int32(first_column)
        cells.append((rows[valid], columns, np.full(len(columns), weight, np.float32)))
    row, column, weights = (np.concatenate(parts) for parts in zip(*cells, strict=True))
    return sparse.coo_array((weights, (row, column)), shape).tocsr()
