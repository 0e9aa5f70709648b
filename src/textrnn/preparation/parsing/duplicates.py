"""Texts that stand more than once, counted by 64-bit hash: by way of files, so that memory does not grow with rows."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS_PER_PART = 1 << 16
MAX_BITS = 12  # parts are two to the power of this at most
ROWS_HELD = 1 << 16
ENTRY = np.dtype([("hash", np.uint64), ("label", np.int64)])


class DuplicateCounter:
    """Collects the texts of the splits with their labels: into parts by the first bits of the hash, a file each.

    folder: made anew. rows: how many will come, about; it sets the number of parts.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.folder = folder
        self.bits = min((rows // ROWS_PER_PART).bit_length(), MAX_BITS)
        self._held: dict[str, list[np.ndarray]] = defaultdict(list)
        self._rows: dict[str, int] = defaultdict(int)

    def add(self, split: str, contents: pa.Array, labels: np.ndarray) -> None:
        """Rows of a split: texts, or lists of tokens that are joined, (N,) and labels (N,)."""
        texts = contents if contents.type == pa.string() else pc.binary_join(contents, "")
        entries = np.empty(len(texts), dtype=ENTRY)
        # Python's own hash: another one in every process, but all rows come by here in one
        entries["hash"] = np.array([hash(text) for text in texts.to_pylist()], dtype=np.int64).view(np.uint64)
        entries["label"] = labels
        self._held[split].append(entries)
        self._rows[split] += len(entries)
        if self._rows[split] >= ROWS_HELD:
            self._write(split)

    def count_also_in(self, split: str, train: str) -> int:
        """How many rows of a split have a text that stands in the split `train`, too."""
        return sum(
            int(np.isin(self._read(split, part)["hash"], self._read(train, part)["hash"]).sum())
            for part in range(1 << self.bits)
        )

    def count_conflicting_labels(self, split: str) -> int:
        """How many texts of a split stand there with different labels."""
        return sum(_with_two_labels(self._read(split, part)) for part in range(1 << self.bits))

    def _path(self, split: str, part: int) -> Path:
        return self.folder / f"{split}-{part:04d}"

    def _read(self, split: str, part: int) -> np.ndarray:
        self._write(split)
        path = self._path(split, part)
        return np.fromfile(path, dtype=ENTRY) if path.is_file() else np.empty(0, dtype=ENTRY)

    def _write(self, split: str) -> None:
        if not self._held[split]:
            return
        entries = np.concatenate(self._held[split])
        parts = entries["hash"] >> np.uint64(64 - self.bits) if self.bits else np.zeros(len(entries), dtype=np.uint64)
        order = np.argsort(parts, kind="stable")
        cuts = np.searchsorted(parts[order], np.arange(1, 1 << self.bits, dtype=np.uint64))
        for part, piece in enumerate(np.split(entries[order], cuts)):
            with self._path(split, part).open("ab") as file:
                file.write(piece.tobytes())
        self._held[split], self._rows[split] = [], 0


def _with_two_labels(entries: np.ndarray) -> int:
    entries = entries[np.lexsort((entries["label"], entries["hash"]))]
    same_text = entries["hash"][1:] == entries["hash"][:-1]
    other_label = entries["label"][1:] != entries["label"][:-1]
    return len(np.unique(entries["hash"][1:][same_text & other_label]))
