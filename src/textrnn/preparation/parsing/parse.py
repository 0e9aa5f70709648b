"""Parses a corpus's raw files into Arrow shards of rows for train, dev and test, and counts rejected rows by reason."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.config.parse import Parse
from textrnn.common.config.types import Task
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.common.storage.shards import Shard, ShardReader, write_index
from textrnn.errors import UserError
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.formats import find_format
from textrnn.preparation.parsing.formats.base import FileFormat
from textrnn.preparation.parsing.splits import SplitPlan, plan_splits, write_splits
from textrnn.preparation.parsing.staging import STAGING, FileCounts, stage_file


def parse(source: Path, settings: Parse, *, limit: int | None, out: Path) -> dict[str, Any]:
    """Write the corpus in `source` as shards and an index into the folder `out`; return the counts.

    The files are read once into `out`/staging. Then rows are assigned to splits: dev is held out first, and `limit`
    rows per split are sampled last. An interrupted run with the same files and arguments resumes after its last
    finished shard. Memory stays at a few shards whatever the number of rows; time is proportional to it.
    Raises UserError for a damaged file, for more than `max_rejects` rejected rows, and for a split that ends up empty.
    """
    file_format = find_format(settings.format, "parse.format")
    labels = file_format.labels(source, settings)
    if len(labels) < 2:
        raise UserError(
            source, "needs at least two labels", got=list(labels.values()), do="check that its format is the right one"
        )
    staging = out / STAGING
    staging.mkdir(exist_ok=True)
    label_ids = {label: label_id for label_id, label in enumerate(labels)}
    counts = _stage_files(source, settings, file_format, label_ids, out)
    reader = ShardReader(staging, "staged")
    plans = plan_splits(reader, settings.dev, settings.seed, limit)
    duplicates = DuplicateCounter(staging / "repeats", sum(count.kept for count in counts.values()))
    shards = write_splits(reader, plans, file_format.task, duplicates, out)
    rows: dict[str, int] = {split: sum(shard.rows for shard in shards[split]) for split in SPLITS}
    _check_rows(source, file_format.task, plans, counts, rows)
    described = {role: file_format.describe(source / str(settings.files[role]), settings) for role in counts}
    statistics = _statistics(file_format, plans, counts, rows, duplicates, described)
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
            )
            staged += shards
            _check_rejects(path, counts, settings.max_rejects)
    write_index(out / STAGING, "staged", staged)
    return counts


def _rows_before_limit(plans: Mapping[str, SplitPlan], rows: Mapping[str, int]) -> dict[str, int]:
    """By split that lost rows to the limit, how many it had before."""
    before = {split: plans[split].rows_before_limit for split in SPLITS}
    return {split: count for split, count in before.items() if count is not None and count > rows[split]}


def _check_rejects(path: Path, counts: dict[str, FileCounts], max_rejects: int) -> None:
    rejected = sum(count.rejected.total() for count in counts.values())
    if rejected > max_rejects:
        read = sum(count.read for count in counts.values())
        raise UserError(
            f"{path}, {list(counts.values())[-1].first}",
            f"{rejected} of the {read} rows read so far are rejected and max_rejects is {max_rejects}",
            do="correct the file, or raise the corpus's max_rejects",
        )


def _check_rows(
    source: Path, task: Task, plans: Mapping[str, SplitPlan], counts: Mapping[str, FileCounts], rows: Mapping[str, int]
) -> None:
    for split, plan in plans.items():
        if not rows[split]:
            usable = f"{counts[plan.role].kept} usable rows in the {plan.role} file"
            do = "check that blank lines part the sentences" if task == "tag" else ""
            raise UserError(source, f"the {split} split is empty", got=usable, do=do)


def _statistics(
    file_format: FileFormat,
    plans: Mapping[str, SplitPlan],
    counts: Mapping[str, FileCounts],
    rows: Mapping[str, int],
    duplicates: DuplicateCounter,
    described: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    files = {
        role: {"read": count.read, "kept": count.kept, "rejected": dict(sorted(count.rejected.items()))}
        | (described[role] and {**described[role], "illegal_transitions": count.illegal})
        for role, count in counts.items()
    }
    statistics: dict[str, Any] = {
        "files": files,
        "rows": dict(rows),
        "also_in_train": {split: duplicates.count_also_in(split, "train") for split in plans if split != "train"},
    }
    if file_format.task == "classify":
        statistics["texts_with_two_labels"] = duplicates.count_conflicting_labels("train")
    return statistics
