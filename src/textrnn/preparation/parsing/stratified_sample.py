"""Stratified sampling by seed that depends on the rows alone: no generator state and no library version.

Each row gets a pseudo-random hash of (seed, purpose, row). A sample of k rows of a stratum consists of the rows with
the k smallest hashes, so it is fully described by one threshold per stratum, the k-th smallest hash. Rows are
streamed and never kept in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.hashing import hash_rows

ROWS_PER_BIN = 256  # a stratum's hashes are counted in about size / 256 bins, …
MAX_BIN_BITS = 12  # … but in at most 2^12
MAX_HASH = np.uint64(2**64 - 1)

Chunks = Iterable[tuple[np.ndarray, np.ndarray]]  # row numbers (N,) and their strata (N,) int64, chunk by chunk


@dataclass(frozen=True)
class StratifiedSample:
    """A sample: the strata it takes rows from, (S,) int64 ascending, and the hash threshold of each, (S,) uint64.

    population: the number of rows sampled from, of all strata.
    SplitMix64 never gives two rows the same hash, so the rows up to the threshold are exactly as many as requested.
    """

    seed: int
    purpose: str
    strata: np.ndarray
    thresholds: np.ndarray
    population: int

    def mask(self, rows: np.ndarray, strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the row numbers (N,) with strata (N,) are in the sample."""
        mask = np.zeros(len(rows), dtype=bool)
        indices, known = _find_strata(self.strata, strata)
        mask[known] = hash_rows(rows[known], self.seed, self.purpose) <= self.thresholds[indices]
        return mask


@dataclass(frozen=True)
class BlockSample:
    """A sample of whole blocks of `block_size` rows, whatever their strata; the last block includes the remainder."""

    sample: StratifiedSample
    block_size: int
    blocks: int

    def mask(self, rows: np.ndarray, _strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the row numbers (N,) are in a sampled block."""
        block_numbers = np.minimum(rows // self.block_size, self.blocks - 1)
        return self.sample.mask(block_numbers, np.zeros(len(rows), dtype=np.int64))


def sample_blocks(
    rows: int, block_size: int, fraction: float, seed: int, purpose: str, positions: Iterable[np.ndarray] | None = None
) -> BlockSample:
    """Sample a fraction of the blocks of `block_size` rows that `rows` rows form, at least one of them and never all.

    A block is never larger than the fraction of the rows or than the rest, so that a small file has blocks too.
    positions: of the rows that are left, chunk by chunk; blocks of which no row is left are not sampled. None: all are.
    """
    block_size = max(1, min(block_size, int(rows * fraction), int(rows * (1 - fraction))))
    blocks = np.arange(max(1, rows // block_size))
    sample_size = max(1, round(len(blocks) * fraction))
    if positions is not None:
        left = np.zeros(len(blocks), dtype=bool)
        for chunk in positions:
            left[np.minimum(chunk // block_size, len(blocks) - 1)] = True
        left_blocks = np.flatnonzero(left)
    else:
        left_blocks = blocks
    chunks = lambda: [(left_blocks, np.zeros(len(left_blocks), dtype=np.int64))]  # noqa: E731  (read more than once)
    sample_size = max(0, min(sample_size, len(left_blocks) - 1))
    return BlockSample(sample_stratified(chunks, sample_size, seed, purpose), block_size, len(blocks))


def sample_stratified(chunks: Callable[[], Chunks], sample_size: int, seed: int, purpose: str) -> StratifiedSample:
    """Sample `sample_size` of the rows that `chunks` yields (or all), from each stratum in proportion to its size.

    chunks: called up to three times: to count strata, to count hashes by their first bits, and to collect the hashes
    of the one bin that contains a stratum's threshold. Quotas are rounded by the largest-remainder method, with ties to
    the smaller stratum number. Within a stratum the rows with the smallest SplitMix64 hash of (seed, purpose, row) are
    taken, so that a larger sample contains a smaller one up to rounding.
    """
    counts: Counter[int] = Counter()
    for _, chunk_strata in chunks():
        values, value_counts = np.unique(chunk_strata, return_counts=True)
        counts.update(dict(zip(values.tolist(), value_counts.tolist(), strict=True)))
    strata = np.array(sorted(counts), dtype=np.int64)
    sizes = np.array([counts[stratum] for stratum in strata.tolist()], dtype=np.int64)
    quotas = _quotas(sizes, sample_size)
    thresholds = np.full(len(strata), MAX_HASH)
    partial = (quotas > 0) & (quotas < sizes)  # strata of which some rows are taken and some are not
    if partial.any():
        hashes = lambda: _hash_chunks(chunks(), strata[partial], seed, purpose)  # noqa: E731  (a stream, read twice)
        thresholds[partial] = _thresholds(hashes, sizes[partial], quotas[partial])
    return StratifiedSample(seed, purpose, strata[quotas > 0], thresholds[quotas > 0], int(sizes.sum()))


def _quotas(sizes: np.ndarray, sample_size: int) -> np.ndarray:
    """(S,) int64: how many rows to take from strata of these sizes (S,), by the largest-remainder method."""
    total = int(sizes.sum())
    if sample_size >= total:
        return sizes
    quotas, remainders = np.divmod(sizes * sample_size, total)  # integers: ties do not depend on rounding errors
    largest_first = np.argsort(-remainders, kind="stable")
    quotas[largest_first[: sample_size - quotas.sum()]] += 1
    return quotas


def _find_strata(sample_strata: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The indices in `sample_strata` (S,) of those strata (N,) that occur in it, and the mask (N,) of those."""
    if not len(sample_strata):
        return np.zeros(0, dtype=np.int64), np.zeros(len(strata), dtype=bool)
    indices = np.minimum(np.searchsorted(sample_strata, strata), len(sample_strata) - 1)
    known = sample_strata[indices] == strata
    return indices[known], known


def _hash_chunks(
    chunks: Chunks, sample_strata: np.ndarray, seed: int, purpose: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """By chunk, for the rows of `sample_strata` (S,): the index of their stratum in it, and their hashes."""
    for rows, strata in chunks:
        indices, known = _find_strata(sample_strata, strata)
        yield indices, hash_rows(rows[known], seed, purpose)


def _thresholds(hashes: Callable[[], Chunks], sizes: np.ndarray, quotas: np.ndarray) -> np.ndarray:
    """(S,) uint64: the hash of rank `quotas` (S,), counted from 1, among the `sizes` (S,) hashes of each stratum.

    A histogram of each stratum's hashes by their first bits finds the bin that contains the threshold; then only the
    hashes in these bins are collected and sorted.
    """
    bits = np.array([min(max((size // ROWS_PER_BIN).bit_length(), 1), MAX_BIN_BITS) for size in sizes.tolist()])
    shifts = (64 - bits).astype(np.uint64)
    ends = np.cumsum(2**bits)
    starts = ends - 2**bits
    histogram = np.zeros(ends[-1], dtype=np.int64)
    for indices, chunk_hashes in hashes():
        np.add.at(histogram, starts[indices] + (chunk_hashes >> shifts[indices]).astype(np.int64), 1)
    bins, ranks = np.zeros(len(sizes), dtype=np.uint64), np.zeros(len(sizes), dtype=np.int64)
    for index, (start, end, quota) in enumerate(zip(starts, ends, quotas, strict=True)):
        cumulative = np.cumsum(histogram[start:end])
        bins[index] = target_bin = np.searchsorted(cumulative, quota)
        ranks[index] = quota - (cumulative[target_bin] - histogram[start + target_bin])
    candidates = []
    for indices, chunk_hashes in hashes():
        in_bin = chunk_hashes >> shifts[indices] == bins[indices]
        candidates.append((indices[in_bin], chunk_hashes[in_bin]))
    strata, candidate_hashes = (np.concatenate(column) for column in zip(*candidates, strict=True))
    order = np.lexsort((candidate_hashes, strata))
    first = np.searchsorted(strata[order], np.arange(len(sizes)))
    return np.asarray(candidate_hashes[order[first + ranks - 1]])
