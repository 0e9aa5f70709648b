"""Raw files of a corpus into Arrow shards of rows, split into train, dev and test; every reject counted by reason."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.draw import draw
from textrnn.errors import UserError
from textrnn.formats import find_format
from textrnn.formats.rows import Format, Reject, Row, TagRow, TextRow, shorten
from textrnn.params import require, require_name
from textrnn.records import PARSED, SPLITS, Task
from textrnn.shards import ROWS_PER_BATCH, Shard, ShardReader, ShardWriter, write_index

MAX_STRATUM_TYPE = 62  # a set of entity types is one int64; types from here on share its last bit


@dataclass(frozen=True)
class HoldOut:
    """Which split's file gives rows to dev, and what share of them, from 0 to 1."""

    from_: str
    share: float


@dataclass(frozen=True)
class Corpus:
    """An entry of `corpora`: raw files of one published format.

    files: file name by role: train, dev, test, and for headlines classes; null where there is none.
    classes: name by raw label in the order of ids, or null to take what the format itself gives.
    rows: how many rows of a file are used, from its start, by role; null or absent means all.
    dev: {from, share} to hold dev out of another file by seed, stratified; null when it has a file.
    max_rejects: how many faulty rows, over all files, are let pass.
    """

    format: str
    files: Mapping[str, str | None]
    classes: Mapping[str, str] | None
    rows: Mapping[str, int | None]
    dev: HoldOut | None
    max_rejects: int

    def check(self, where: str) -> None:
        """Refuse what the types let through; `where` is the dotted name of the entry."""
        find_format(self.format, f"{where}.format")
        for role, name in self.files.items():
            require(role in (*SPLITS, "classes"), f"{where}.files", "roles are train, dev, test, classes", role)
            if name is not None:
                require_name(name, f"{where}.files.{role}", "the corpus's folder in data.source")
        for role in ("train", "test"):
            require(self.files.get(role) is not None, f"{where}.files.{role}", "must name a file", None)
        named = self.format != "headlines" or self.classes is not None or self.files.get("classes") is not None
        require(named, f"{where}.files.classes", "must name a file, or give classes", None)
        names = list((self.classes or {}).values())
        require(len(set(names)) == len(names), f"{where}.classes", "gives two labels one name", names)
        has_file = self.files.get("dev") is not None
        require(has_file != (self.dev is not None), f"{where}.dev", "give either a dev file or {from, share}", self.dev)
        if self.dev is not None:
            require(self.dev.from_ in ("train", "test"), f"{where}.dev.from", "is train or test", self.dev.from_)
            require(0 < self.dev.share < 1, f"{where}.dev.share", "must lie between 0 and 1", self.dev.share)
        for role, rows in self.rows.items():
            require(role in SPLITS, f"{where}.rows", "roles are train, dev, test", role)
            require(rows is None or rows > 0, f"{where}.rows.{role}", "must be at least 1", rows)
            require(rows is None or self.files.get(role) is not None, f"{where}.rows.{role}", "has no file", rows)
        require(self.max_rejects >= 0, f"{where}.max_rejects", "must not be negative", self.max_rejects)


@dataclass
class FileCount:
    """What became of one file's rows, and what is needed to split them: each kept row's stratum and text hash."""

    read: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: str = ""
    strata: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)


def parse(source: Path, corpus: Corpus, *, seed: int, limit: int | None, out: Path) -> dict[str, Any]:
    """Write the corpus in `source` as shards, `labels.json` and an index into the folder `out`; return the counts.

    The files are read once into a staging folder, then rows are dealt to splits: dev held out first, `limit` rows
    a split drawn last. Raises UserError for a faulty file, for more than `max_rejects` faulty rows, and for a
    split that ends up empty.
    """
    kind = find_format(corpus.format, "corpora.format")
    labels = kind.labels(source, corpus.files, corpus.classes)
    if len(labels) < 2:
        raise UserError(
            source, "needs at least two labels", got=list(labels.values()), do="see whether its format is the right one"
        )
    index = {raw: position for position, raw in enumerate(labels)}
    staging = out / "staging"
    staging.mkdir()
    counts: dict[str, FileCount] = {}
    staged: list[Shard] = []
    for role in SPLITS:
        name = corpus.files.get(role)
        if name is not None:
            counts[role] = FileCount()
            rows = islice(kind.read(source / name), corpus.rows.get(role))
            staged += _stage(role, rows, kind.task, index, counts[role], staging)
            _check_rejects(source / name, counts, corpus.max_rejects)
    write_index(staging, "staged", staged)
    masks = _deal(corpus, counts, seed, limit)
    _check_rows(source, masks)
    shards = [shard for split in SPLITS for shard in _write_split(split, *masks[split], kind, staging, out)]
    shutil.rmtree(staging)
    _write_labels(out, kind, list(labels.values()))
    write_index(out, "parsed", shards, task=kind.task)
    return _report(kind, counts, masks)


def _stage(
    role: str, rows: Iterator[Row], task: Task, index: Mapping[str, int], count: FileCount, folder: Path
) -> list[Shard]:
    """Stream one file into staging shards, labels as ids."""
    columns: list[list[Any]] = [[], [], []]
    with ShardWriter(folder, role, PARSED[task]) as writer:
        for number, row in enumerate(rows):
            count.read += 1
            reject = row if isinstance(row, Reject) else _accept(number, row, index, count, columns)
            if reject is not None:
                count.rejected[reject.reason] += 1
                count.first = count.first or f"line {reject.line}: {reject.reason}; got {reject.got}"
            if len(columns[0]) == ROWS_PER_BATCH:
                writer.write(pa.record_batch(columns, schema=PARSED[task]))
                columns = [[], [], []]
        if columns[0]:
            writer.write(pa.record_batch(columns, schema=PARSED[task]))
    return writer.shards


def _accept(
    number: int, row: TextRow | TagRow, index: Mapping[str, int], count: FileCount, columns: list[list[Any]]
) -> Reject | None:
    """Add the row to the columns, or return why it is refused."""
    if isinstance(row, TextRow):
        label = index.get(row.label)
        if label is None:
            return Reject(row.line, f"a label that is none of the {len(index)} classes", shorten(row.label))
        values: tuple[Any, ...] = (number, row.text, label)
        count.strata.append(label)
        count.hashes.append(hash(row.text))
    else:
        tags = [index.get(tag, -1) for tag in row.tags]
        if min(tags) < 0:
            reason = f"a tag whose type is none of the corpus's {len(index) // 2}"
            return Reject(row.line, reason, shorten(row.tags[tags.index(-1)]))
        values = (number, row.tokens, tags)
        # sentences with the same set of entity types are one stratum; ids 2k+1 and 2k+2 are B and I of type k
        count.strata.append(sum({1 << min((tag - 1) // 2, MAX_STRATUM_TYPE) for tag in tags if tag}))
        count.hashes.append(hash("".join(row.tokens)))
    for column, value in zip(columns, values, strict=True):
        column.append(value)
    return None


def _deal(
    corpus: Corpus, counts: dict[str, FileCount], seed: int, limit: int | None
) -> dict[str, tuple[str, np.ndarray]]:
    """For each split, the file its rows come from and the mask of its rows there."""
    strata = {role: np.asarray(count.strata, dtype=np.int64) for role, count in counts.items()}
    masks: dict[str, tuple[str, np.ndarray]] = {role: (role, np.ones(len(strata[role]), dtype=bool)) for role in counts}
    if corpus.dev is not None:
        source = corpus.dev.from_
        held = draw(strata[source], round(len(strata[source]) * corpus.dev.share), seed, "dev")
        masks["dev"], masks[source] = (source, held), (source, ~held)
    if limit is not None:
        for split, (source, mask) in masks.items():
            kept = np.flatnonzero(mask)
            limited = np.zeros_like(mask)
            limited[kept[draw(strata[source][kept], limit, seed, f"limit/{split}")]] = True
            masks[split] = (source, limited)
    return masks


def _write_split(split: str, role: str, mask: np.ndarray, kind: Format, staging: Path, out: Path) -> list[Shard]:
    at = 0
    with ShardWriter(out, split, PARSED[kind.task]) as writer:
        for batch in ShardReader(staging, "staged").batches(role):
            kept = mask[at : at + batch.num_rows]
            at += batch.num_rows
            if kept.any():
                writer.write(batch.filter(pa.array(kept)))
    return writer.shards


def _write_labels(out: Path, kind: Format, names: list[str]) -> None:
    text = json.dumps({"task": kind.task, "labels": names}, ensure_ascii=False, indent=1)
    (out / "labels.json").write_text(text + "\n", encoding="utf-8")


def _check_rejects(path: Path, counts: dict[str, FileCount], allowed: int) -> None:
    rejected = sum(count.rejected.total() for count in counts.values())
    if rejected > allowed:
        read = sum(count.read for count in counts.values())
        raise UserError(
            f"{path}, {list(counts.values())[-1].first}",
            f"{rejected} of the {read} rows read so far are faulty and max_rejects is {allowed}",
            do="mend the file, or raise the corpus's max_rejects",
        )


def _check_rows(source: Path, masks: dict[str, tuple[str, np.ndarray]]) -> None:
    for split, (role, mask) in masks.items():
        if not mask.any():
            raise UserError(source, f"the {split} split is empty", got=f"{len(mask)} usable rows in the {role} file")


def _report(kind: Format, counts: dict[str, FileCount], masks: dict[str, tuple[str, np.ndarray]]) -> dict[str, Any]:
    hashes = {role: np.asarray(count.hashes, dtype=np.int64) for role, count in counts.items()}
    train_role, train_mask = masks["train"]
    train = hashes[train_role][train_mask]
    report: dict[str, Any] = {
        "files": {
            role: {"read": c.read, "kept": len(c.strata), "rejected": dict(sorted(c.rejected.items()))}
            for role, c in counts.items()
        },
        "rows": {split: int(masks[split][1].sum()) for split in SPLITS},
        "also_in_train": {
            split: int(np.isin(hashes[role][mask], train).sum())
            for split, (role, mask) in masks.items()
            if split != "train"
        },
    }
    if kind.task == "classify":
        labels = np.asarray(counts[train_role].strata)[train_mask]
        pairs = np.unique(np.stack([train, labels]), axis=1)
        report["texts_with_two_labels"] = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    return report
