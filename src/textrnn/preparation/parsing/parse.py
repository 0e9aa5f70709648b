"""Parses a corpus's raw files into Arrow shards of rows for train, dev and test, and counts rejected rows by reason."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.config.parse import Parse
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.common.storage.shards import Shard, ShardReader, write_index
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.formats import format_of
from textrnn.preparation.parsing.formats.base import FileFormat, ids_of
from textrnn.preparation.parsing.group_sample import is_grouped
from textrnn.preparation.parsing.splits import SplitPlan, plan_splits, write_splits
from textrnn.preparation.parsing.staging import STAGING, FileCounts, stage_file, staged_schema
from textrnn.preparation.parsing.unusable import check_rejects, check_splits, labels_without_rows, too_few_labels


def parse(source: Path, settings: Parse, *, limit: int | None, out: Path) -> dict[str, Any]:
    """Write the corpus in `source` as shards and an index into the folder `out`; return the counts.

    The files are read once into `out`/staging. Then rows are assigned to splits: test and dev are held out first, and
    `limit` rows per split are sampled last. An interrupted run with the same files and arguments resumes after its last
    finished shard. Memory stays at a few shards whatever the number of rows; time is proportional to it.
    Raises UserError for a damaged file, for more than `max_rejects` rejected rows, and for a split that ends up empty.
    """
    file_format = format_of(settings)
    labels = file_format.labels(source, settings)
    if len(labels) < 2:
        raise too_few_labels(source, settings, file_format, list(labels.values()))
    staging = out / STAGING
    staging.mkdir(exist_ok=True)
    find_ids = file_format.label_ids or (lambda _source, _settings, labels: ids_of(labels))
    label_ids = find_ids(source, settings, labels)
    counts = _stage_files(source, settings, file_format, label_ids, out)
    reader = ShardReader(staging, "staged")
    plans = plan_splits(reader, settings.dev, settings.seed, limit, test=settings.test)
    duplicates = DuplicateCounter(staging / "repeats", sum(count.kept for count in counts.values()))
    shards = write_splits(reader, plans, file_format.task, duplicates, out)
    rows: dict[str, int] = {split: sum(shard.rows for shard in shards[split]) for split in SPLITS}
    roles = {split: plan.role for split, plan in plans.items()}
    held_out = {"test": settings.test, "dev": settings.dev}
    hint = file_format.split_hint
    check_splits(source, roles, counts, rows, held_out=held_out, grouped=is_grouped(settings), hint=hint)
    described = {
        role: file_format.describe(source / str(settings.files[role]), settings) if file_format.describe else {}
        for role in counts
    }
    statistics = _statistics(file_format, plans, counts, rows, duplicates, described)
    strata = (strata for _, strata in plans["train"].members(reader))
    if missing := labels_without_rows(strata, list(labels.values()), file_format.task):
        statistics["labels_without_train_rows"] = missing
    # markers last: a run that is killed here finds them without their files, and stages again
    shutil.rmtree(staging)
    shutil.rmtree(out / MARKERS)
    facts = ParsedFacts(file_format.task, _rows_before_limit(plans, rows), tuple(labels.values()))
    ParsedRows.write_index(out, [shard for split in SPLITS for shard in shards[split]], facts)
    return statistics


def _stage_files(
    source: Path, settings: Parse, file_format: FileFormat, label_ids: Mapping[str, int], out: Path
) -> dict[str, FileCounts]:
    counts: dict[str, FileCounts] = {}
    staged: list[Shard] = []
    grouped = is_grouped(settings)
    for role in SPLITS:
        name = settings.files.get(role)
        if name is not None:
            path = source / name
            shards, counts[role] = stage_file(
                path,
                role,
                file_format.read(path, settings),
                limit=settings.rows.get(role),
                task=file_format.task,
                label_ids=label_ids,
                out=out,
                grouped=grouped,
            )
            staged += shards
            check_rejects(source, settings, counts)
    write_index(out / STAGING, "staged", staged, columns=staged_schema(file_format.task, grouped).names)
    return counts


def _rows_before_limit(plans: Mapping[str, SplitPlan], rows: Mapping[str, int]) -> dict[str, int]:
    """By split that lost rows to the limit, how many it had before."""
    before = {split: plans[split].rows_before_limit for split in SPLITS}
    return {split: count for split, count in before.items() if count is not None and count > rows[split]}


def _statistics(
    file_format: FileFormat,
    plans: Mapping[str, SplitPlan],
    counts: Mapping[str, FileCounts],
    rows: Mapping[str, int],
    duplicates: DuplicateCounter,
    described: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    statistics: dict[str, Any] = {
        "files": {
            role: {"read": count.read, "kept": count.kept, "rejected": dict(sorted(count.rejected.items()))}
            | ({"blank_lines": count.blank} if count.blank else {})
            | ({**described[role], "illegal_transitions": count.illegal} if file_format.task == "tag" else {})
            for role, count in counts.items()
        },
        "rows": dict(rows),
        "also_in_train": {split: duplicates.count_also_in(split, "train") for split in plans if split != "train"},
    }
    if file_format.task == "classify":
        statistics["texts_with_two_labels"] = duplicates.count_conflicting_labels("train")
    return statistics
