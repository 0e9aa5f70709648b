"""Counts texts that occur more than once, by 64-bit hash and through files, so that memory does not grow with rows.

Equal texts have equal hashes and therefore land in the same part, so each part can be counted by itself.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS_PER_PART = 1 << 16
MAX_BITS = 12  # there are at most 2^12 parts
MAX_BUFFERED_ROWS = 1 << 16
ENTRY = np.dtype([("hash", np.uint64), ("label", np.int64)])


class DuplicateCounter:
    """Collects the texts of the splits with their labels, in parts by the first bits of the hash, one file each.

    folder: is created anew. rows: roughly how many rows will be added; determines the number of parts.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.folder = folder
        self.bits = min((rows // ROWS_PER_PART).bit_length(), MAX_BITS)
        self._buffers: dict[str, list[np.ndarray]] = defaultdict(list)
        self._buffered_rows: dict[str, int] = defaultdict(int)

    def add(self, split: str, contents: pa.Array, labels: np.ndarray) -> None:
        """Add rows of a split: texts (N,), or lists of tokens to be joined (N,), and their labels (N,)."""
        texts = contents if contents.type == pa.string() else pc.binary_join(contents, "")
        entries = np.empty(len(texts), dtype=ENTRY)
        # Python's hash differs from process to process, but a single process adds all rows
        entries["hash"] = np.array([hash(text) for text in texts.to_pylist()], dtype=np.int64).view(np.uint64)
        entries["label"] = labels
        self._buffers[split].append(entries)
        self._buffered_rows[split] += len(entries)
        if self._buffered_rows[split] >= MAX_BUFFERED_ROWS:
            self._write(split)

    def count_also_in(self, split: str, train: str) -> int:
        """The number of rows of a split whose text also occurs in the split `train`."""
        return sum(
            int(np.isin(self._read(split, part)["hash"], self._read(train, part)["hash"]).sum())
            for part in range(1 << self.bits)
        )

    def count_conflicting_labels(self, split: str) -> int:
        """The number of texts that occur in a split with different labels."""
        return sum(_count_conflicts(self._read(split, part)) for part in range(1 << self.bits))

    def _path(self, split: str, part: int) -> Path:
        return self.folder / f"{split}-{part:04d}"

    def _read(self, split: str, part: int) -> np.ndarray:
        self._write(split)
        path = self._path(split, part)
        return np.fromfile(path, dtype=ENTRY) if path.is_file() else np.empty(0, dtype=ENTRY)

    def _write(self, split: str) -> None:
        """Append the buffered entries of a split to the files of their parts."""
        if not self._buffers[split]:
            return
        entries = np.concatenate(self._buffers[split])
        parts = entries["hash"] >> np.uint64(64 - self.bits) if self.bits else np.zeros(len(entries), dtype=np.uint64)
        order = np.argsort(parts, kind="stable")
        boundaries = np.searchsorted(parts[order], np.arange(1, 1 << self.bits, dtype=np.uint64))
        for part, part_entries in enumerate(np.split(entries[order], boundaries)):
            with self._path(split, part).open("ab") as file:
                file.write(part_entries.tobytes())
        self._buffers[split], self._buffered_rows[split] = [], 0


def _count_conflicts(entries: np.ndarray) -> int:
    """The number of hashes that occur with more than one label."""
    entries = entries[np.lexsort((entries["label"], entries["hash"]))]
    same_text = entries["hash"][1:] == entries["hash"][:-1]
    other_label = entries["label"][1:] != entries["label"][:-1]
    return len(np.unique(entries["hash"][1:][same_text & other_label]))
