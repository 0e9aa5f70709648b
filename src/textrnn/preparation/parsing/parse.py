"""Raw files of a corpus into Arrow shards of rows, split into train, dev and test; every reject counted by reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.config.corpus import Corpus
from textrnn.common.config.types import SPLITS
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.shards import Shard, ShardReader, write_index
from textrnn.errors import UserError
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.formats import find_format
from textrnn.preparation.parsing.formats.base import Format
from textrnn.preparation.parsing.splits import SplitPlan, plan_splits, write_splits
from textrnn.preparation.parsing.staging import STAGING, FileCounts, stage_file


def parse(source: Path, corpus: Corpus, *, seed: int, limit: int | None, out: Path) -> dict[str, Any]:
    """Write the corpus in `source` as shards, `labels.json` and an index into the folder `out`; return the counts.

    The files are read once into `out`/staging, then rows are dealt to splits: dev held out first, `limit` rows
    a split drawn last. What an earlier run with the same files and arguments left staged in `out` is not staged again.
    Memory and time: a few shards, whatever the number of rows; time in proportion to it.
    Raises UserError for a faulty file, for more than `max_rejects` faulty rows, and for a split that ends up empty.
    """
    kind = find_format(corpus.format, "corpora.format")
    labels = kind.labels(source, corpus.files, corpus.classes)
    if len(labels) < 2:
        raise UserError(
            source, "needs at least two labels", got=list(labels.values()), do="see whether its format is the right one"
        )
    staging = out / STAGING
    staging.mkdir(exist_ok=True)
    counts = _stage(source, corpus, kind, {raw: at for at, raw in enumerate(labels)}, out)
    reader = ShardReader(staging, "staged")
    plans = plan_splits(reader, corpus.dev, seed, limit)
    repeats = DuplicateCounter(staging / "repeats", sum(count.kept for count in counts.values()))
    shards = write_splits(reader, plans, kind.task, repeats, out)
    rows: dict[str, int] = {split: sum(shard.rows for shard in shards[split]) for split in SPLITS}
    _check_rows(source, plans, counts, rows)
    report = _report(kind, plans, counts, rows, repeats)
    # markers last: a run that is killed here finds them without their files, and stages again
    shutil.rmtree(staging)
    shutil.rmtree(out / MARKERS)
    _write_labels(out, kind, list(labels.values()))
    write_index(out, "parsed", [shard for split in SPLITS for shard in shards[split]], task=kind.task)
    return report


def _stage(source: Path, corpus: Corpus, kind: Format, index: Mapping[str, int], out: Path) -> dict[str, FileCounts]:
    counts: dict[str, FileCounts] = {}
    staged: list[Shard] = []
    for role in SPLITS:
        name = corpus.files.get(role)
        if name is not None:
            path = source / name
            shards, counts[role] = stage_file(path, role, kind.read(path), corpus.rows.get(role), kind.task, index, out)
            staged += shards
            _check_rejects(path, counts, corpus.max_rejects)
    write_index(out / STAGING, "staged", staged)
    return counts


def _write_labels(out: Path, kind: Format, names: list[str]) -> None:
    text = json.dumps({"task": kind.task, "labels": names}, ensure_ascii=False, indent=1)
    (out / "labels.json").write_text(text + "\n", encoding="utf-8")


def _check_rejects(path: Path, counts: dict[str, FileCounts], allowed: int) -> None:
    rejected = sum(count.rejected.total() for count in counts.values())
    if rejected > allowed:
        read = sum(count.read for count in counts.values())
        raise UserError(
            f"{path}, {list(counts.values())[-1].first}",
            f"{rejected} of the {read} rows read so far are faulty and max_rejects is {allowed}",
            do="mend the file, or raise the corpus's max_rejects",
        )


def _check_rows(
    source: Path, plans: Mapping[str, SplitPlan], counts: Mapping[str, FileCounts], rows: Mapping[str, int]
) -> None:
    for split, plan in plans.items():
        if not rows[split]:
            usable = f"{counts[plan.role].kept} usable rows in the {plan.role} file"
            raise UserError(source, f"the {split} split is empty", got=usable)


def _report(
    kind: Format,
    plans: Mapping[str, SplitPlan],
    counts: Mapping[str, FileCounts],
    rows: Mapping[str, int],
    repeats: DuplicateCounter,
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "files": {
            role: {"read": c.read, "kept": c.kept, "rejected": dict(sorted(c.rejected.items()))}
            for role, c in counts.items()
        },
        "rows": dict(rows),
        "also_in_train": {split: repeats.count_also_in(split, "train") for split in plans if split != "train"},
    }
    if kind.task == "classify":
        report["texts_with_two_labels"] = repeats.count_conflicting_labels("train")
    return report
