"""Writes and reads folders of uncompressed Arrow files with an index; files are opened without copying.

Shards and the batches in them have a fixed number of rows, or of bytes where rows are long, so the bytes of a file do
not depend on how many workers wrote them.
"""

from __future__ import annotations

import json
import mmap
import os
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from textrnn.common.integrity.arrow_files import open_reader, valid_batches
from textrnn.common.integrity.checksums import file_sha256, named
from textrnn.common.integrity.json_files import read_json
from textrnn.common.integrity.json_forms import check_form
from textrnn.errors import DamagedFileError, UserError

ROWS_PER_SHARD = 65_536
ROWS_PER_BATCH = 4_096
# A batch has fewer rows if they are long: it is in memory whole, and Arrow has 2 GiB at most in a column of texts.
MAX_BATCH_BYTES = 1 << 28
INDEX = "index.json"


@dataclass(frozen=True)
class Shard:
    """A file in the index: its name, split, number of rows, SHA-256 and, for padded rows, their width."""

    file: str
    split: str
    rows: int
    sha256: str
    width: int | None = None


class _Index(TypedDict):
    kind: str
    shards: list[Any]


class _ShardEntry(TypedDict):
    file: str
    split: str
    rows: int
    sha256: str
    width: int | None


class ShardWriter:
    """A context manager that writes the rows of one split to shards `<prefix>-00000.arrow`, … of a folder.

    After the block, `shards` lists the shards written. A split without rows gets one empty shard.
    first: the number of the first shard.
    """

    def __init__(
        self, folder: Path, split: str, schema: pa.Schema, *, width: int | None = None, first: int = 0
    ) -> None:
        self.folder, self.split, self.schema, self.width = folder, split, schema, width
        self.prefix = split if width is None else f"{split}-{width:05d}"
        self.shards: list[Shard] = []
        self._next_number = first
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._file: pa.ipc.RecordBatchFileWriter | None = None
        self._path = self._temporary = folder
        self._written = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            if self._file is not None:
                try:
                    self._file.close()
                finally:  # on a full disk it cannot be closed either
                    self._temporary.unlink()
            return
        while self._pending_rows:
            self._flush(self._pending_rows)
        if self._file is None and not self.shards:
            self._open()
        if self._file is not None:
            self._close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; the file has batches of ROWS_PER_BATCH rows, whatever the sizes of the batches given.

        If these have more than MAX_BATCH_BYTES, a batch has the rows that have fewer, or a single one.
        """
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        self._pending_bytes += batch.nbytes
        while self._pending_rows >= ROWS_PER_BATCH or self._is_large():
            self._flush(min(self._pending_rows, ROWS_PER_BATCH))

    def _is_large(self) -> bool:
        """Whether the pending rows have more than MAX_BATCH_BYTES, in whatever batches they were given."""
        if self._pending_bytes > MAX_BATCH_BYTES and len(self._pending) > 1:
            self._pending = pa.Table.from_batches(self._pending, self.schema).combine_chunks().to_batches()
            self._pending_bytes = self._pending[0].nbytes
        return self._pending_bytes > MAX_BATCH_BYTES

    def _flush(self, rows: int) -> None:
        rows = min(rows, ROWS_PER_SHARD - self._written)
        is_large = self._is_large()
        table = pa.Table.from_batches(self._pending, self.schema)
        if is_large:
            rows = bisect_right(range(2, rows + 1), MAX_BATCH_BYTES, key=lambda end: table.slice(0, end).nbytes) + 1
        # take() copies, so that the buffers of a slice do not carry the rows before it into the file
        batch = table.slice(0, rows).combine_chunks().take(pa.array(range(min(rows, table.num_rows)), pa.int64()))
        self._pending = table.slice(rows).to_batches()
        self._pending_rows -= batch.num_rows
        self._pending_bytes = sum(batch.nbytes for batch in self._pending)
        if self._file is None:
            self._open()
        assert self._file is not None
        self._file.write_table(batch)
        self._written += batch.num_rows
        if self._written >= ROWS_PER_SHARD:
            self._close()

    def _open(self) -> None:
        self._path = self.folder / f"{self.prefix}-{self._next_number:05d}.arrow"
        # a unique name until it is complete: on a cluster, a task that was given up may still be writing the same shard
        self._temporary = self.folder / f".{self._path.name}.{uuid.uuid4().hex}"
        self._file = pa.ipc.new_file(str(self._temporary), self.schema)
        self._next_number += 1

    def _close(self) -> None:
        assert self._file is not None
        self._file.close()
        sha256 = file_sha256(self._temporary)
        self.shards.append(Shard(self._path.name, self.split, self._written, sha256, self.width))
        os.replace(self._temporary, self._path)
        self._file, self._written = None, 0


def write_index(folder: Path, kind: str, shards: list[Shard], **facts: Any) -> None:
    """Write the index of a folder: the kind of its shards, facts about all of them, each one's rows and checksum."""
    index = {"kind": kind, **facts, "shards": [asdict(shard) for shard in shards]}
    (folder / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class ShardReader:
    """Reads a folder of shards through its index; every batch is validated when it is read.

    Raises UserError, with the file's name, for a file that is missing, damaged or of another kind.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        path = _index_path(folder)
        self.folder, self.kind = folder, kind
        self.facts: dict[str, Any] = dict(read_json(path, _Index))
        if self.facts["kind"] != kind:
            raise UserError(path, f"is not an index of {kind} shards", got=self.facts["kind"])
        with named(path, TypeError):
            check_form(list[_ShardEntry], self.facts["shards"], "shards")
            self.shards = [Shard(**shard) for shard in self.facts["shards"]]
            for shard in self.shards:
                if Path(shard.file).name != shard.file or shard.rows < 0:
                    raise ValueError(f"a shard {shard.file!r} of {shard.rows} rows")

    def of(self, split: str) -> list[Shard]:
        """The shards of one split, in row order."""
        return [shard for shard in self.shards if shard.split == split]

    def rows(self, split: str) -> int:
        """The number of rows of one split."""
        return sum(shard.rows for shard in self.of(split))

    def open(self, shard: Shard, schema: pa.Schema | None = None) -> pa.Table:
        """One shard as a memory-mapped table; its checksum is verified first. schema: what it must have; None: any."""
        path = self._verified_path(shard)
        reader = open_reader(path, pa.py_buffer(_map(path)), schema, f"{self.kind} rows")
        return pa.Table.from_batches(list(valid_batches(path, reader, shard.rows)), reader.schema)

    def stream(self, shard: Shard, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        """Yield one shard's batches in order, memory-mapped too; each one's pages are released after it.

        A pass over a shard of any size thus keeps one batch in memory. A batch that the caller keeps stays readable.
        """
        path = self._verified_path(shard)
        view = _map(path)
        reader = open_reader(path, pa.py_buffer(view), schema, f"{self.kind} rows")
        for batch in valid_batches(path, reader, shard.rows):
            yield batch
            view.madvise(mmap.MADV_DONTNEED)

    def columns(self, shard: Shard, names: Sequence[str]) -> pa.Table:
        """Those columns of one shard that it has. The others are not read, and so no checksum is compared."""
        path = self._existing_path(shard)
        content = pa.py_buffer(_map(path))
        schema = open_reader(path, content, None, "").schema
        wanted = [number for number, name in enumerate(schema.names) if name in names]
        reader = open_reader(path, content, None, "", pa.ipc.IpcReadOptions(included_fields=wanted))
        return pa.Table.from_batches(list(valid_batches(path, reader, shard.rows)), reader.schema)

    def _verified_path(self, shard: Shard) -> Path:
        path = self._existing_path(shard)
        if file_sha256(path) != shard.sha256:
            do = "run the stage that writes it"
            raise DamagedFileError(path, "is damaged: the shard does not have the index's checksum", do=do)
        return path

    def _existing_path(self, shard: Shard) -> Path:
        path = self.folder / shard.file
        if not path.is_file():
            raise UserError(path, "is listed in the index but missing", do="run the stage that writes it")
        return path

    def batches(self, split: str, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the split's rows in order, in batches of ROWS_PER_BATCH or fewer."""
        for shard in self.of(split):
            yield from self.stream(shard, schema)


def _map(path: Path) -> mmap.mmap:
    with named(path), path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def listed_files(folder: Path) -> list[str]:
    """The files of the shards in a folder's index, which has their checksums; none without an index."""
    path = folder / INDEX
    return [shard["file"] for shard in read_json(path, _Index)["shards"]] if path.is_file() else []


def index_sha256(folder: Path) -> str:
    """The SHA-256 of a folder's index; it covers all shards, as the index has their checksums."""
    return file_sha256(_index_path(folder))


def _index_path(folder: Path) -> Path:
    path = folder / INDEX
    if not path.is_file():
        raise UserError(path, "no such file", do=f"run the stage that writes {folder}")
    return path
