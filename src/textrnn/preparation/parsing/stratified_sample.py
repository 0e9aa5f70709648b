"""Stratified draws by seed that depend on nothing but the rows: no generator state, no library version.

Rows are streamed and never held: a draw is, for each stratum, the largest hash of a row that it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.hashing import hash_rows

ROWS_PER_BIN = 256  # bins of hashes that a stratum is counted in: about its size over this, …
MOST_BITS = 12  # … and at most two to the power of this
HIGHEST = np.uint64(2**64 - 1)

Chunks = Iterable[tuple[np.ndarray, np.ndarray]]  # row numbers (N,) and their strata (N,) int64, a piece at a time


@dataclass(frozen=True)
class StratifiedSample:
    """A draw that is made: the strata it takes rows of, (S,) int64 ascending, and each one's largest hash, (S,) uint64.

    SplitMix64 gives no two rows one hash, so the rows up to the largest hash are as many as were asked for.
    """

    seed: int
    purpose: str
    strata: np.ndarray
    largest: np.ndarray

    def takes(self, rows: np.ndarray, strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the row numbers (N,), whose strata (N,) are given, are drawn."""
        chosen = np.zeros(len(rows), dtype=bool)
        at, known = _find(self.strata, strata)
        chosen[known] = hash_rows(rows[known], self.seed, self.purpose) <= self.largest[at]
        return chosen


@dataclass(frozen=True)
class BlockSample:
    """A draw of whole blocks of `size` rows, whatever their strata are; the last block has the rows left over too."""

    draw: StratifiedSample
    size: int
    blocks: int

    def takes(self, rows: np.ndarray, _strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the row numbers (N,) lie in a block that is drawn."""
        numbers = np.minimum(rows // self.size, self.blocks - 1)
        return self.draw.takes(numbers, np.zeros(len(rows), dtype=np.int64))


def sample_blocks(rows: int, size: int, share: float, seed: int, purpose: str) -> BlockSample:
    """Draw a share of the blocks of `size` rows that `rows` rows make, at least one of them and never all.

    Blocks larger than the share of the rows, or than what it leaves, are cut to that: a small file has blocks too.
    """
    size = max(1, min(size, int(rows * share), int(rows * (1 - share))))
    blocks = np.arange(max(1, rows // size))
    wanted = min(max(1, round(len(blocks) * share)), len(blocks) - 1)
    chunks = lambda: [(blocks, np.zeros(len(blocks), dtype=np.int64))]  # noqa: E731  (read twice)
    return BlockSample(sample_stratified(chunks, wanted, seed, purpose), size, len(blocks))


def sample_stratified(chunks: Callable[[], Chunks], wanted: int, seed: int, purpose: str) -> StratifiedSample:
    """Draw `wanted` rows (or all) of those that `chunks` yields, each stratum taken in proportion to its share.

    chunks: called up to three times, to count strata, to count hashes by their first bits, and to collect those of
    the one bin that holds a stratum's largest. Quotas are rounded by largest remainder, ties to the smaller stratum
    number; within a stratum the rows with the smallest SplitMix64 hash of (seed, purpose, row) are taken, so that a
    larger draw contains a smaller one up to rounding.
    """
    counted: Counter[int] = Counter()
    for _, strata in chunks():
        kinds, counts = np.unique(strata, return_counts=True)
        counted.update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
    kinds = np.array(sorted(counted), dtype=np.int64)
    sizes = np.array([counted[kind] for kind in kinds.tolist()], dtype=np.int64)
    quotas = _quotas(sizes, wanted)
    largest = np.full(len(kinds), HIGHEST)
    cut = (quotas > 0) & (quotas < sizes)
    if cut.any():
        hashed = lambda: _hashed(chunks(), kinds[cut], seed, purpose)  # noqa: E731  (a stream to be read twice)
        largest[cut] = _largest(hashed, sizes[cut], quotas[cut])
    return StratifiedSample(seed, purpose, kinds[quotas > 0], largest[quotas > 0])


def _quotas(sizes: np.ndarray, wanted: int) -> np.ndarray:
    total = int(sizes.sum())
    if wanted >= total:
        return sizes
    quotas, remainders = np.divmod(sizes * wanted, total)  # in whole numbers: no tie is left to rounding errors
    largest_first = np.argsort(-remainders, kind="stable")
    quotas[largest_first[: wanted - quotas.sum()]] += 1
    return quotas


def _find(kinds: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in `kinds` (S,) the strata stand that are there at all, and the mask (N,) of those."""
    if not len(kinds):
        return np.zeros(0, dtype=np.int64), np.zeros(len(strata), dtype=bool)
    at = np.minimum(np.searchsorted(kinds, strata), len(kinds) - 1)
    known = kinds[at] == strata
    return at[known], known


def _hashed(chunks: Chunks, kinds: np.ndarray, seed: int, purpose: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for rows, strata in chunks:
        at, known = _find(kinds, strata)
        yield at, hash_rows(rows[known], seed, purpose)


def _largest(hashed: Callable[[], Chunks], sizes: np.ndarray, quotas: np.ndarray) -> np.ndarray:
    """(S,) uint64: the hash of rank `quotas` (S,), from 1, among the `sizes` (S,) hashes of each stratum."""
    bits = np.array([min(max((size // ROWS_PER_BIN).bit_length(), 1), MOST_BITS) for size in sizes.tolist()])
    shifts = (64 - bits).astype(np.uint64)
    ends = np.cumsum(2**bits)
    starts = ends - 2**bits
    counts = np.zeros(ends[-1], dtype=np.int64)
    for kind, hash_ in hashed():
        np.add.at(counts, starts[kind] + (hash_ >> shifts[kind]).astype(np.int64), 1)
    bins, ranks = np.zeros(len(sizes), dtype=np.uint64), np.zeros(len(sizes), dtype=np.int64)
    for at, (start, end, quota) in enumerate(zip(starts, ends, quotas, strict=True)):
        up_to = np.cumsum(counts[start:end])
        bins[at] = found = np.searchsorted(up_to, quota)
        ranks[at] = quota - (up_to[found] - counts[start + found])
    inside = []
    for kind, hash_ in hashed():
        hit = hash_ >> shifts[kind] == bins[kind]
        inside.append((kind[hit], hash_[hit]))
    kinds, found_hashes = (np.concatenate(column) for column in zip(*inside, strict=True))
    order = np.lexsort((found_hashes, kinds))
    first = np.searchsorted(kinds[order], np.arange(len(sizes)))
    return np.asarray(found_hashes[order[first + ranks - 1]])
