"""Stratified samples by brute force: published hashes, exact quotas, and rows sorted by hash."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np

MASK = 2**64 - 1


def split_mix(row, seed, purpose):
    """The row'th output of the published SplitMix64 generator, in Python's integers."""
    state = int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "little")
    z = (state + (row + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def largest_remainder(sizes, rows):
    """Quotas by stratum, in exact fractions; ties go to the smaller stratum number."""
    total = sum(sizes.values())
    exact = {kind: Fraction(size * rows, total) for kind, size in sizes.items()}
    quotas = {kind: int(share) for kind, share in exact.items()}
    by_remainder = sorted(sizes, key=lambda kind: (quotas[kind] - exact[kind], kind))
    for kind in by_remainder[: rows - sum(quotas.values())]:
        quotas[kind] += 1
    return quotas


def sizes_of(strata):
    return {int(kind): int((strata == kind).sum()) for kind in np.unique(strata)}


def brute_force(strata, rows, seed, purpose, numbers):
    """The mask of a sample, by sorting each stratum's rows by their hash."""
    expected = np.zeros(len(strata), dtype=bool)
    for kind, quota in largest_remainder(sizes_of(strata), rows).items():
        members = sorted(np.flatnonzero(strata == kind).tolist(), key=lambda at: split_mix(numbers[at], seed, purpose))
        expected[members[:quota]] = True
    return expected
