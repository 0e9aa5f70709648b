"""Raw files into staging shards, their rows accepted or counted as rejects; a shard that is finished is kept."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.common.config.types import Task
from textrnn.common.files.lines import fraction_read
from textrnn.common.storage.markers import finished_shards, mark_finished, read_result
from textrnn.common.storage.schemas import PARSED
from textrnn.common.storage.shards import ROWS_PER_BATCH, ROWS_PER_SHARD, Shard, ShardWriter
from textrnn.preparation.parsing.formats.base import Reject, Row, TagRow, TextRow, shorten

STAGING = "staging"


@dataclass
class FileCounts:
    """What became of one file's rows so far; `first` tells its first reject."""

    read: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def reject(self, reject: Reject) -> None:
        self.rejected[reject.reason] += 1
        self.first = self.first or f"line {reject.line}: {reject.reason}; got {reject.got}"


def stage_file(
    path: Path, role: str, rows: Iterator[Row], limit: int | None, task: Task, index: Mapping[str, int], out: Path
) -> tuple[list[Shard], FileCounts]:
    """Stream the rows of one file, `limit` of them at most, into shards of `out`/staging, labels as ids.

    index: id by raw label. After each shard a marker is written (see textrnn.common.storage.resumable); shards that have theirs are not
    staged again: the rows up to the end of the last one are passed over.
    """
    shards, count, ended = _earlier(out, role)
    if ended:
        return shards, count
    with _bar(path, limit) as advance:
        _pass_over(rows, count.read, advance)
        rows = islice(rows, None if limit is None else limit - count.read)
        while not ended:
            with ShardWriter(out / STAGING, role, PARSED[task], first=len(shards)) as writer:
                ended = _fill(writer, rows, PARSED[task], index, count, advance)
            shards += writer.shards
            files = [f"{STAGING}/{shard.file}" for shard in writer.shards]
            result = {"files": files, "shards": [asdict(shard) for shard in writer.shards], "ended": ended}
            mark_finished(out, _marker(role, len(shards)), result | {"count": vars(count)})
    return shards, count


def _marker(role: str, shards: int) -> str:
    return f"{STAGING}-{role}-{shards:05d}"


def _earlier(out: Path, role: str) -> tuple[list[Shard], FileCounts, bool]:
    """What an earlier run has staged: shards, the counts at the end of the last one, and whether it ends the file."""
    done = finished_shards(out)
    shards: list[Shard] = []
    count, ended = FileCounts(), False
    while not ended and (name := _marker(role, len(shards) + 1)) in done:
        result = read_result(out, name)
        shards += [Shard(**shard) for shard in result["shards"]]
        count = FileCounts(**result["count"] | {"rejected": Counter(result["count"]["rejected"])})
        ended = result["ended"]
    return shards, count, ended


def _pass_over(rows: Iterator[Row], number: int, advance: Callable[[int], None]) -> None:
    while number:
        passed = sum(1 for _ in islice(rows, min(number, ROWS_PER_BATCH)))
        if not passed:
            break
        number -= passed
        advance(passed)


def _fill(
    writer: ShardWriter,
    rows: Iterator[Row],
    schema: pa.Schema,
    index: Mapping[str, int],
    count: FileCounts,
    advance: Callable[[int], None],
) -> bool:
    """Write one shard's rows; return whether the file has ended with them."""
    room = ROWS_PER_SHARD
    while room:
        wanted, before = min(room, ROWS_PER_BATCH), count.read
        columns = _accepted(rows, wanted, index, count)
        got = len(columns[0])
        if got:
            writer.write(pa.record_batch(columns, schema=schema))
        count.kept += got
        advance(count.read - before)
        if got < wanted:
            return True
        room -= got
    return False


def _accepted(rows: Iterator[Row], wanted: int, index: Mapping[str, int], count: FileCounts) -> list[list[Any]]:
    """The next accepted rows as columns: the number in the file, text or tokens, label or tags."""
    numbers: list[int] = []
    contents: list[Any] = []
    targets: list[Any] = []
    at = count.read - 1
    for at, row in enumerate(rows, start=count.read):
        accepted = row if isinstance(row, Reject) else _accept(row, index)
        if isinstance(accepted, Reject):
            count.reject(accepted)
            continue
        numbers.append(at)
        contents.append(accepted[0])
        targets.append(accepted[1])
        if len(numbers) == wanted:
            break
    count.read = at + 1
    return [numbers, contents, targets]


def _accept(row: TextRow | TagRow, index: Mapping[str, int]) -> tuple[Any, Any] | Reject:
    """Text or tokens with the ids of the label or tags, or why the row is refused."""
    if isinstance(row, TextRow):
        label = index.get(row.label)
        if label is None:
            return Reject(row.line, f"a label that is none of the {len(index)} classes", shorten(row.label))
        return row.text, label
    tags = [index.get(tag, -1) for tag in row.tags]
    if min(tags) < 0:
        reason = f"a tag whose type is none of the corpus's {len(index) // 2}"
        return Reject(row.line, reason, shorten(row.tags[tags.index(-1)]))
    return row.tokens, tags


def _bar(path: Path, limit: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """On a terminal, a progress bar in rows; how much of the file lies behind tells about how many there will be."""
    if not sys.stderr.isatty():
        return nullcontext(lambda rows: None)
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext(lambda rows: None)
    return _drawn(tqdm(total=limit, unit=" rows", desc=path.name, dynamic_ncols=True, leave=False), path, limit)


@contextmanager
def _drawn(bar: Any, path: Path, limit: int | None) -> Iterator[Callable[[int], None]]:
    def advance(rows: int) -> None:
        if share := fraction_read(path):
            expected = round((bar.n + rows) / share)
            bar.total = expected if limit is None else min(expected, limit)
        bar.update(rows)

    with bar:
        yield advance
