"""The errors of a corpus whose rows cannot be used: each shows the first rows that were rejected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from textrnn.common.config.parse import HoldOut, Parse
from textrnn.common.config.types import Task
from textrnn.common.files.encoding_hint import encoding_hint
from textrnn.errors import UserError, plural
from textrnn.preparation.parsing.formats.base import FileFormat
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.splits import MAX_STRATUM_TYPE
from textrnn.preparation.parsing.staging import FileCounts
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
    held_out: Mapping[str, HoldOut | None],
    grouped: bool,
    hint: str,
) -> None:
    """Raise UserError for a split without rows; `files` has the role of the file that each split is from.

    held_out: by split, its share. hint: what to do if there are no rejects.
    """
    for split, role in files.items():
        if not rows[split]:
            shares = [f"{name} {held.share:g}" for name, held in held_out.items() if held and files[name] == role]
            usable = f"{plural(counts[role].kept, 'usable row')} in the {role} file"
            usable += f", of which these shares are held out: {', '.join(shares)}" if shares else ""
            group = "are all rows of one group? a group is never split" if grouped else ""
            rejects = _rejects(counts[role].first)
            do = "; ".join(filter(None, (rejects or hint, group)))
            raise UserError(source, f"the {split} split is empty", got=usable, do=do)


def too_few_labels(source: Path, settings: Parse, file_format: FileFormat, names: list[str]) -> UserError:
    """The error of a corpus with fewer than two labels; it shows the first rejects of the training file."""
    path = _path(source, settings, "train")
    count = FileCounts(place=place_name(path))
    for row in file_format.read(path, settings):
        if isinstance(row, Reject):
            count.reject(row)
        elif not isinstance(row, Blank):
            count.kept += 1
    rejects = [f"{path.name}, {_rejects(count.first)}"] if count.first else []
    found = _what_rows_have(path.name, count, file_format.task)
    do = [*found, "check that its format is the right one", *rejects, *_hints(path, count)]
    return UserError(source, "needs at least two labels", got=names, do="; ".join(do))


def _what_rows_have(name: str, count: FileCounts, task: Task) -> list[str]:
    """Why a file has fewer than two labels, if that is not for its rejects."""
    if not count.kept:
        return [] if count.first else [f"{name} has no rows"]
    rows = f"{plural(count.kept, 'usable row')} of {name}"
    labels = f"all {rows} have this label" if count.kept > 1 else f"the {rows} has this label"
    return [f"all tags of the {rows} are O" if task == "tag" else labels]


def labels_without_rows(strata: Iterable[np.ndarray], names: Sequence[str], task: Task) -> list[str]:
    """The classes, or entity types, that no row of a split has. strata: of its rows, as of `strata_of`, by chunk.

    names: of the labels by id.
    """
    if task == "classify":
        found = {label for chunk in strata for label in np.unique(chunk).tolist()}
        return [name for label, name in enumerate(names) if label not in found]
    bits = 0
    for chunk in strata:
        bits |= int(np.bitwise_or.reduce(chunk))
    types = [name[2:] for name in names[1::2]]
    return [name for at, name in enumerate(types) if not bits >> min(at, MAX_STRATUM_TYPE) & 1]


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
