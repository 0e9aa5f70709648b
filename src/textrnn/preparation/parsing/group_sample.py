"""Samples whole groups of rows by a hash of the group, so that no group is split; memory is constant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from textrnn.common.config.parse import Parse
from textrnn.common.storage.hashing import hash_rows

BIN_BITS = 16  # rows are counted by the first bits of their group's hash


@dataclass(frozen=True)
class GroupSample:
    """A sample: the groups whose hashes have first bits, BIN_BITS of them, below a threshold."""

    seed: int
    purpose: str
    threshold: int

    def mask(self, groups: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the rows with these groups (N,) uint64 are in the sample."""
        return np.asarray(_bins(groups, self.seed, self.purpose) < self.threshold)


def is_grouped(settings: Parse) -> bool:
    """Whether rows that belong together are held out together: those of a group, or those of one fastText line."""
    if settings.format == "fasttext":
        return settings.several_labels == "each"
    return settings.format == "table" and settings.table.group is not None


def group_number(group: str | None, row: int) -> int:
    """A number of 64 bits for a group; a row without a group is a group by itself."""
    key = f"row {row}".encode() if group is None else b"group " + group.encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def sample_groups(chunks: Iterable[np.ndarray], sample_size: int, seed: int, purpose: str) -> GroupSample:
    """Sample groups with about `sample_size` rows together: as near to it as groups in the order of their hashes come.

    chunks: the groups of the rows (N,) uint64, chunk by chunk. At least one group is sampled and one is not, if there
    are two.
    """
    counts = np.zeros(1 << BIN_BITS, dtype=np.int64)
    for groups in chunks:
        counts += np.bincount(_bins(groups, seed, purpose), minlength=len(counts))
    rows = np.cumsum(counts)
    some = np.flatnonzero((rows > 0) & (rows < rows[-1]))
    if not len(some):
        return GroupSample(seed, purpose, 0)
    nearest = some[np.argmin(np.abs(rows[some] - sample_size))]
    return GroupSample(seed, purpose, int(nearest) + 1)


def _bins(groups: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """(N,) int64: the first bits of the hash of each group (N,)."""
    return (hash_rows(groups, seed, purpose) >> np.uint64(64 - BIN_BITS)).astype(np.int64)
