"""Streams raw files into staging shards, where each row is accepted or counted as a reject; finished shards are kept.

A run that was interrupted resumes after the last shard that has a marker.
"""

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
from textrnn.common.files.bounded_batches import MAX_CHARACTERS, count_characters
from textrnn.common.files.lines import fraction_read
from textrnn.common.storage.markers import finished_shards, mark_finished, read_result
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.shards import ROWS_PER_BATCH, ROWS_PER_SHARD, Shard, ShardWriter
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.fasttext import is_glued
from textrnn.preparation.parsing.formats.found_labels import looks_like_header
from textrnn.preparation.parsing.group_sample import group_number
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TagRow, TextRow
from textrnn.preparation.parsing.splits import GROUP
from textrnn.preparation.parsing.tables.read_columns import place_name

STAGING = "staging"
REJECTS_SHOWN = 3
SWAPPED = "are the columns the other way round? headlines have `order` for that, tables `table.text` and `table.label`"
GLUED = "is a space missing between label and text? if it is a class, list all `classes`"
HEADER = "line 1 looks like a header: format: table reads columns by name"


@dataclass
class FileCounts:
    """How many rows of a file were read, kept and rejected so far, and how many lines were blank.

    illegal: how many tags of the kept rows may not follow the one before them.
    first: describes the first rejects. hints: what to do about them. place: what the file counts, lines or rows.
    """

    read: int = 0
    kept: int = 0
    blank: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    place: str = "line"
    illegal: int = 0

    def reject(self, reject: Reject) -> None:
        self.rejected[reject.reason] += 1
        if len(self.first) < REJECTS_SHOWN:
            self.first.append(f"{self.place} {reject.line}: {reject.reason}; got {reject.got}")
            if reject.hint and reject.hint not in self.hints:
                self.hints.append(reject.hint)


def stage_file(
    path: Path,
    role: str,
    rows: Iterator[Row],
    *,
    limit: int | None,
    task: Task,
    label_ids: Mapping[str, int],
    out: Path,
    grouped: bool = False,
) -> tuple[list[Shard], FileCounts]:
    """Stream the rows of one file, at most `limit` of them, into shards of `out`/staging, with labels as ids.

    label_ids: id by raw label. grouped: whether the shards have a further column, the number of each row's group.
    After each shard a marker is written (see textrnn.common.storage.resumable). Shards that have a marker are not
    staged again: the rows up to the end of the last one are skipped.
    """
    shards, count, ended = _load_staged(out, role)
    if ended:
        return shards, count
    with _progress_bar(path, limit) as advance:
        count.place = place_name(path)
        count.blank = 0  # they are counted again from the start of the file
        no_blanks = _without_blanks(rows, count)
        _skip_rows(no_blanks, count.read, advance)
        wanted = islice(no_blanks, None if limit is None else limit - count.read)
        schema = staged_schema(task, grouped)
        while not ended:
            with ShardWriter(out / STAGING, role, schema, first=len(shards)) as writer:
                ended = _fill_shard(writer, wanted, schema, label_ids, count, advance)
            shards += writer.shards
            files = [f"{STAGING}/{shard.file}" for shard in writer.shards]
            result = {"files": files, "shards": [asdict(shard) for shard in writer.shards], "ended": ended}
            mark_finished(out, _marker_name(role, len(shards)), result | {"count": vars(count)})
    return shards, count


def staged_schema(task: Task, grouped: bool) -> pa.Schema:
    """The schema of staged rows: that of parsed rows and, if asked for, the number of each row's group."""
    schema = ParsedRows.schema(task)
    return schema.append(pa.field(GROUP, pa.uint64())) if grouped else schema


def _without_blanks(rows: Iterator[Row], count: FileCounts) -> Iterator[TextRow | TagRow | Reject]:
    for row in rows:
        if isinstance(row, Blank):
            count.blank += 1
        else:
            yield row


def _marker_name(role: str, shards: int) -> str:
    return f"{STAGING}-{role}-{shards:05d}"


def _load_staged(out: Path, role: str) -> tuple[list[Shard], FileCounts, bool]:
    """What an earlier run staged: shards, the counts at the end of the last one, and whether it ends the file."""
    finished = finished_shards(out)
    shards: list[Shard] = []
    count, ended = FileCounts(), False
    while not ended and (name := _marker_name(role, len(shards) + 1)) in finished:
        result = read_result(out, name)
        shards += [Shard(**shard) for shard in result["shards"]]
        count = FileCounts(**result["count"] | {"rejected": Counter(result["count"]["rejected"])})
        ended = result["ended"]
    return shards, count, ended


def _skip_rows(rows: Iterator[TextRow | TagRow | Reject], number: int, advance: Callable[[int], None]) -> None:
    while number:
        skipped = sum(1 for _ in islice(rows, min(number, ROWS_PER_BATCH)))
        if not skipped:
            break
        number -= skipped
        advance(skipped)


def _fill_shard(
    writer: ShardWriter,
    rows: Iterator[TextRow | TagRow | Reject],
    schema: pa.Schema,
    label_ids: Mapping[str, int],
    count: FileCounts,
    advance: Callable[[int], None],
) -> bool:
    """Write the rows of one shard; return whether the file ends with them."""
    capacity = ROWS_PER_SHARD
    while capacity:
        batch_size, read_before = min(capacity, ROWS_PER_BATCH), count.read
        columns, ended = _next_columns(rows, batch_size, label_ids, count, grouped=GROUP in schema.names)
        accepted = len(columns[0])
        if accepted:
            writer.write(pa.record_batch(columns, schema=schema))
        count.kept += accepted
        advance(count.read - read_before)
        if ended:
            return True
        capacity -= accepted
    return False


def _next_columns(
    rows: Iterator[TextRow | TagRow | Reject],
    batch_size: int,
    label_ids: Mapping[str, int],
    count: FileCounts,
    *,
    grouped: bool,
) -> tuple[list[list[Any]], bool]:
    """The next accepted rows as columns: the number in the file, text or tokens, label or tags, and the group.

    These are `batch_size` rows, or fewer if they have MAX_CHARACTERS, or if the file ends, which is the second value.
    """
    numbers: list[int] = []
    contents: list[Any] = []
    targets: list[Any] = []
    groups: list[int] = []
    number = count.read - 1
    characters = 0
    ended = True
    for number, row in enumerate(rows, start=count.read):
        accepted = row if isinstance(row, Reject) else _convert_row(row, label_ids)
        if isinstance(accepted, Reject):
            count.reject(accepted)
            continue
        if isinstance(row, TagRow):
            count.illegal += row.illegal
        numbers.append(number)
        contents.append(accepted[0])
        targets.append(accepted[1])
        if grouped and not isinstance(row, Reject):
            groups.append(group_number(row.group, number))
        characters += count_characters(accepted[0])
        if len(numbers) == batch_size or characters >= MAX_CHARACTERS:
            ended = False
            break
    count.read = number + 1
    return [numbers, contents, targets, *([groups] if grouped else [])], ended


def _convert_row(row: TextRow | TagRow, label_ids: Mapping[str, int]) -> tuple[Any, Any] | Reject:
    """Text or tokens with the ids of the label or tags, or the reason why the row is rejected."""
    if isinstance(row, TextRow):
        label = label_ids.get(row.label)
        return _unknown_label(row, label_ids) if label is None else (row.text, label)
    tags = [label_ids.get(tag, -1) for tag in row.tags]
    if min(tags) < 0:
        reason = f"a tag whose type is not one of the corpus's {len(label_ids) // 2}"
        return Reject(row.line, reason, shorten(row.tags[tags.index(-1)][2:]))
    return row.tokens, tags


def _unknown_label(row: TextRow, label_ids: Mapping[str, int]) -> Reject:
    classes = len(set(label_ids.values()))
    hint = SWAPPED if row.text.strip() in label_ids else HEADER if row.line == 1 and looks_like_header(row) else ""
    hint = GLUED if is_glued(row.label) else hint
    return Reject(row.line, f"a label that is not one of the {classes} classes", shorten(row.label), hint)


def _progress_bar(path: Path, limit: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """On a terminal, a progress bar in rows; its total is estimated from the fraction of the file read so far."""
    if not sys.stderr.isatty():
        return nullcontext(lambda rows: None)
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext(lambda rows: None)
    return _update_bar(tqdm(total=limit, unit=" rows", desc=path.name, dynamic_ncols=True, leave=False), path, limit)


@contextmanager
def _update_bar(bar: Any, path: Path, limit: int | None) -> Iterator[Callable[[int], None]]:
    def advance(rows: int) -> None:
        if fraction := fraction_read(path):
            expected = round((bar.n + rows) / fraction)
            bar.total = expected if limit is None else min(expected, limit)
        bar.update(rows)

    with bar:
        yield advance
