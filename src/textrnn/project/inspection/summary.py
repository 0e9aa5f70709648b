"""Counts what a file of labelled texts holds, in one pass and in memory that hardly grows with it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from textrnn.common.config.types import Task
from textrnn.preparation.parsing.formats.found_labels import refuse_long_labels
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TagRow
from textrnn.project.inspection.language import WITHOUT_BLANKS, LanguageCounts

LANGUAGE_ROWS = 20_000  # the language is that of the first rows
SHOWN_REJECTS = 3
QUANTILES = (0.5, 0.95, 1.0)


@dataclass(frozen=True)
class FileSummary:
    """What the rows of a file are.

    labels: how many rows each label has, the most frequent first; for tagging, how many entities each type has.
    characters: the length of a text with half of the texts below it, with 95% below it, and the longest; words: the
    same in words between blanks, for tagging in tokens. single_characters: the share of a tagger's tokens that are one.
    groups: how many parts the rows fall into that must each stay together; one without a group is a part by itself.
    grouped: whether any row has a group.
    repeated: rows whose text another row before it has. conflicting: texts that have several labels.
    blank: lines of white space alone. rejected: rows that cannot be used, by reason; first_rejects: the first few.
    """

    task: Task
    rows: int
    language: str
    labels: dict[str, int]
    characters: tuple[int, ...]
    words: tuple[int, ...]
    single_characters: float
    groups: int
    grouped: bool
    repeated: int
    conflicting: int
    blank: int
    rejected: dict[str, int]
    first_rejects: tuple[Reject, ...]

    @property
    def has_blanks(self) -> bool:
        """Whether the words of the language stand between blanks."""
        return self.language not in WITHOUT_BLANKS


@dataclass
class _Counts:
    task: Task
    where: str | Path
    language: LanguageCounts = field(default_factory=LanguageCounts)
    labels: Counter[str] = field(default_factory=Counter)
    label_characters: int = 0  # of the different ones
    label_ids: dict[int, int] = field(default_factory=dict)  # by hash
    hashes: array[int] = field(default_factory=lambda: array("q"))
    targets: array[int] = field(default_factory=lambda: array("i"))
    groups: set[int] = field(default_factory=set)  # hashes
    alone: int = 0
    characters: array[int] = field(default_factory=lambda: array("l"))
    words: array[int] = field(default_factory=lambda: array("l"))
    tokens: int = 0
    single: int = 0
    blank: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejects: list[Reject] = field(default_factory=list)

    def add(self, row: Row) -> None:
        if isinstance(row, Reject):
            self.rejected[row.reason] += 1
            if len(self.first_rejects) < SHOWN_REJECTS:
                self.first_rejects.append(row)
            return
        if isinstance(row, Blank):
            self.blank += 1
            return
        if isinstance(row, TagRow):
            text, target, words = " ".join(row.tokens), " ".join(row.tags), len(row.tokens)
            self.tokens += words
            self.single += sum(len(token) == 1 for token in row.tokens)
            self.labels.update(tag[2:] for tag in row.tags if tag[:2] == "B-")
        else:
            text, target, words = row.text, row.label, len(row.text.split())
            if row.label not in self.labels:
                self.label_characters += len(row.label)
                refuse_long_labels(self.where, self.label_characters)
            self.labels[row.label] += 1
        if len(self.hashes) < LANGUAGE_ROWS:
            self.language.add(text)
        if row.group is None:
            self.alone += 1
        else:
            self.groups.add(hash(row.group))
        self.hashes.append(hash(text))
        self.targets.append(self.label_ids.setdefault(hash(target), len(self.label_ids)))
        self.characters.append(len(text))
        self.words.append(words)


def summarize(rows: Iterable[Row], task: Task, where: str | Path = "the file") -> FileSummary:
    """The summary of all rows of a file; `where` names it in errors."""
    counts = _Counts(task, where)
    for row in rows:
        counts.add(row)
    hashes, targets = np.array(counts.hashes, dtype=np.int64), np.array(counts.targets, dtype=np.int64)
    order = np.lexsort((targets, hashes))
    same_text = hashes[order][1:] == hashes[order][:-1]
    other_label = targets[order][1:] != targets[order][:-1]
    return FileSummary(
        task,
        len(hashes),
        counts.language.language(),
        dict(counts.labels.most_common()),
        _quantiles(counts.characters),
        _quantiles(counts.words),
        counts.single / counts.tokens if counts.tokens else 0.0,
        counts.alone + len(counts.groups),
        bool(counts.groups),
        int(same_text.sum()),
        len(np.unique(hashes[order][1:][same_text & other_label])),
        counts.blank,
        dict(counts.rejected.most_common()),
        tuple(counts.first_rejects),
    )


def _quantiles(lengths: array[int]) -> tuple[int, ...]:
    if not lengths:
        return (0,) * len(QUANTILES)
    return tuple(int(value) for value in np.quantile(np.array(lengths), QUANTILES, method="higher"))
