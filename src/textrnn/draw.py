"""Stratified draws by seed that depend on nothing but the rows: no generator state, no library version."""

from __future__ import annotations

import hashlib

import numpy as np


def draw(strata: np.ndarray, rows: int, seed: int, purpose: str) -> np.ndarray:
    """A mask over N rows, True for `rows` of them (or all), each stratum taken in proportion to its share.

    strata: (N,) whole numbers. Quotas are rounded by largest remainder, ties to the smaller stratum number; within
    a stratum the rows with the smallest SplitMix64 hash of (seed, purpose, row) are taken, so that a larger draw
    contains a smaller one up to rounding.
    """
    chosen = np.zeros(len(strata), dtype=bool)
    if rows >= len(strata):
        chosen[:] = True
        return chosen
    kinds, member, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    quotas, remainders = np.divmod(sizes * rows, len(strata))  # in whole numbers: no tie is left to rounding errors
    largest_first = np.lexsort((kinds, -remainders))
    quotas[largest_first[: rows - quotas.sum()]] += 1
    order = np.lexsort((hashes(len(strata), seed, purpose), member))
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    rank = np.arange(len(strata)) - starts[member[order]]
    chosen[order] = rank < quotas[member[order]]
    return chosen


def hashes(rows: int, seed: int, purpose: str) -> np.ndarray:
    """(rows,) uint64: SplitMix64 (Steele et al. 2014) of each row number, offset by the seed and the purpose."""
    offset = int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "little")
    with np.errstate(over="ignore"):
        mixed = (np.arange(1, rows + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(offset)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
