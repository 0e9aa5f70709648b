"""SplitMix64 hashes of row numbers: pseudo-random numbers that no library version changes."""

from __future__ import annotations

import hashlib

import numpy as np


def hash_range(rows: int, seed: int, purpose: str) -> np.ndarray:
    """(rows,) uint64: the hashes of the row numbers 0 to rows - 1."""
    return hash_rows(np.arange(rows), seed, purpose)


def hash_rows(rows: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """(N,) uint64: SplitMix64 (Steele et al. 2014) of each row number, offset by the seed and the purpose."""
    offset = int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "little")
    with np.errstate(over="ignore"):
        mixed = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(offset)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
