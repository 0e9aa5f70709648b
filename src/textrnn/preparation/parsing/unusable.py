"""The errors of a corpus whose rows cannot be used: each shows the first rows that were rejected."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.common.files.encoding_hint import encoding_hint
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats.base import FileFormat
from textrnn.preparation.parsing.rows import Reject
from textrnn.preparation.parsing.staging import REJECTS_SHOWN, FileCounts
from textrnn.preparation.parsing.tables.read_columns import place_name

NOT_TEXT = "bytes that are not"  # the beginning of a reason


def check_rejects(source: Path, settings: Parse, counts: Mapping[str, FileCounts]) -> None:
    """Raise UserError if more rows than `max_rejects` of the files read so far are rejected."""
    rejected = sum(count.rejected.total() for count in counts.values())
    read = sum(count.read for count in counts.values())
    allowed = settings.max_rejects
    if rejected <= (allowed * read if allowed < 1 else allowed):
        return
    role, count = next((role, count) for role, count in list(counts.items())[::-1] if count.first)
    path = _path(source, settings, role)
    do = [*_others(count.first[1:]), *_hints(path, count), "correct the file, or raise the corpus's max_rejects"]
    raise UserError(
        f"{path}, {count.first[0]}",
        f"{rejected} of the {read} rows read so far are rejected and max_rejects is {allowed:.15g}",
        do="; ".join(do),
    )


def check_splits(
    source: Path,
    files: Mapping[str, str],
    counts: Mapping[str, FileCounts],
    rows: Mapping[str, int],
    *,
    grouped: bool,
    hint: str,
) -> None:
    """Raise UserError for a split without rows; `files` has the role of the file that each split is from.

    hint: what to do if there are no rejects.
    """
    for split, role in files.items():
        if not rows[split]:
            usable = f"{counts[role].kept} usable rows in the {role} file"
            group = "are all rows of one group? a group is never split" if grouped else ""
            rejects = _rejects(counts[role].first)
            do = "; ".join(filter(None, (rejects or hint, group)))
            raise UserError(source, f"the {split} split is empty", got=usable, do=do)


def too_few_labels(source: Path, settings: Parse, file_format: FileFormat, names: list[str]) -> UserError:
    """The error of a corpus with fewer than two labels; it shows the first rejects of the training file."""
    path = _path(source, settings, "train")
    count = FileCounts(place=place_name(path))
    found = (row for row in file_format.read(path, settings) if isinstance(row, Reject))
    for reject in islice(found, REJECTS_SHOWN):
        count.reject(reject)
    rejects = [f"{path.name}, {_rejects(count.first)}"] if count.first else []
    do = ["check that its format is the right one", *rejects, *_hints(path, count)]
    return UserError(source, "needs at least two labels", got=names, do="; ".join(do))


def _path(source: Path, settings: Parse, role: str) -> Path:
    name = settings.files[role]
    assert name is not None
    return source / name


def _rejects(first: list[str]) -> str:
    return f"the first rejected rows: {', '.join(first)}" if first else ""


def _others(others: list[str]) -> list[str]:
    return [f"also {', '.join(others)}"] if others else []


def _hints(path: Path, count: FileCounts) -> list[str]:
    """What to do about the rejects of a file."""
    not_text = any(reason.startswith(NOT_TEXT) for reason in count.rejected)
    hints = [encoding_hint(path)] if not_text else []
    return [*filter(None, hints), *count.hints]
