"""Folders of uncompressed Arrow files with an index: written in fixed pieces, opened without copying.

Shard and batch boundaries depend on the rows alone, so the bytes do not depend on how many workers wrote them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.errors import UserError

ROWS_PER_SHARD = 65_536
ROWS_PER_BATCH = 4_096
INDEX = "index.json"


@dataclass(frozen=True)
class Shard:
    """One file of the index: its name, split, rows, SHA-256, and the padded width where rows have one."""

    file: str
    split: str
    rows: int
    sha256: str
    width: int | None = None


class ShardWriter:
    """Writes rows of one split into shards `<prefix>-00000.arrow`, … of a folder; a context manager.

    `shards` lists what was written, once the block has ended. A split without rows still gets one empty shard.
    """

    def __init__(
        self, folder: Path, split: str, schema: pa.Schema, *, width: int | None = None, first: int = 0
    ) -> None:
        self.folder, self.split, self.schema, self.width = folder, split, schema, width
        self.prefix = split if width is None else f"{split}-{width:05d}"
        self.shards: list[Shard] = []
        self._next = first
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._file: pa.ipc.RecordBatchFileWriter | None = None
        self._path = self._made = folder
        self._rows = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            if self._file is not None:
                self._file.close()
                self._made.unlink()
            return
        if self._pending_rows:
            self._flush(self._pending_rows)
        if self._file is None and not self.shards:
            self._open()
        if self._file is not None:
            self._close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; they reach the file in batches of ROWS_PER_BATCH, whatever the sizes given."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        while self._pending_rows >= ROWS_PER_BATCH:
            self._flush(ROWS_PER_BATCH)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._pending, self.schema)
        # take() copies, so that a slice never drags the bytes before it into the file
        piece = table.slice(0, rows).combine_chunks().take(pa.array(range(min(rows, table.num_rows)), pa.int64()))
        self._pending = table.slice(rows).to_batches()
        self._pending_rows -= piece.num_rows
        if self._file is None:
            self._open()
        assert self._file is not None
        self._file.write_table(piece)
        self._rows += piece.num_rows
        if self._rows >= ROWS_PER_SHARD:
            self._close()

    def _open(self) -> None:
        self._path = self.folder / f"{self.prefix}-{self._next:05d}.arrow"
        # under a name of its own until it is whole: on a cluster, a task given up may still be writing the same shard
        self._made = self.folder / f".{self._path.name}.{uuid.uuid4().hex}"
        self._file = pa.ipc.new_file(str(self._made), self.schema)
        self._next += 1

    def _close(self) -> None:
        assert self._file is not None
        self._file.close()
        self.shards.append(Shard(self._path.name, self.split, self._rows, file_sha256(self._made), self.width))
        os.replace(self._made, self._path)
        self._file, self._rows = None, 0


def write_index(folder: Path, kind: str, shards: list[Shard], **facts: Any) -> None:
    """The folder's index: what kind of shards it holds, each shard's rows and checksum, and facts about them all."""
    index = {"kind": kind, **facts, "shards": [asdict(shard) for shard in shards]}
    (folder / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class ShardReader:
    """Reads a folder of shards by its index; refuses by name what is missing, damaged or of another kind."""

    def __init__(self, folder: Path, kind: str) -> None:
        path = _index(folder)
        self.folder, self.kind = folder, kind
        try:
            self.facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found = self.facts["kind"]
            self.shards = [Shard(**shard) for shard in self.facts["shards"]] if found == kind else []
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(path, "is not an index of shards", do="run the stage that writes it") from error
        if found != kind:
            raise UserError(path, f"is not an index of {kind} shards", got=found)

    def of(self, split: str) -> list[Shard]:
        """The shards of one split, in row order."""
        return [shard for shard in self.shards if shard.split == split]

    def rows(self, split: str) -> int:
        return sum(shard.rows for shard in self.of(split))

    def open(self, shard: Shard) -> pa.Table:
        """One shard as a memory-mapped table, its checksum compared first."""
        return pa.ipc.open_file(pa.memory_map(str(self._checked(shard)))).read_all()

    def stream(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """One shard's batches in order, mapped too, but each one's pages are given back after it.

        So a pass over a shard of any size keeps one batch in memory. A batch that is held on to stays readable.
        """
        with self._checked(shard).open("rb") as file:
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.py_buffer(view))
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
            view.madvise(mmap.MADV_DONTNEED)

    def _checked(self, shard: Shard) -> Path:
        path = self.folder / shard.file
        if not path.is_file():
            raise UserError(path, "the index names this shard and it is missing", do="run the stage that writes it")
        if file_sha256(path) != shard.sha256:
            raise UserError(path, "the shard does not have the index's checksum", do="run the stage that writes it")
        return path

    def batches(self, split: str) -> Iterator[pa.RecordBatch]:
        """The split's rows in order, a few thousand at a time."""
        for shard in self.of(split):
            yield from self.stream(shard)


def index_sha256(folder: Path) -> str:
    """The checksum of a folder's index, and with it of all its shards."""
    return file_sha256(_index(folder))


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _index(folder: Path) -> Path:
    path = folder / INDEX
    if not path.is_file():
        raise UserError(path, "no such file", do=f"run the stage that writes {folder}")
    return path
