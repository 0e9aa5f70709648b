"""Defines the labels of an encoding, that is, what a model predicts, and their file `labels.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from textrnn.common.config.types import Scheme, Task
from textrnn.common.integrity.checksums import named
from textrnn.common.integrity.json_files import read_json
from textrnn.errors import require
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE


@dataclass(frozen=True)
class Labels:
    """The task, the names of the classes or tags by id, and for tagging the scheme and the entity types."""

    task: Task
    names: list[str]
    scheme: Scheme | None
    types: list[str]

    @property
    def prefixed(self) -> bool:
        """Whether tags have a prefix (B-, I-, ...) that gives the position in the entity.

        Only then are some transitions between tags invalid.
        """
        return self.scheme in ("bio", "bioes")

    def type_names(self) -> list[str]:
        """By id, the entity type of a tag; the name itself if it has no prefix: a class, a bare type, or O."""
        return [name[2:] if self.prefixed and name != OUTSIDE else name for name in self.names]

    @classmethod
    def load(cls, path: Path) -> Labels:
        """The labels that `save` wrote. Raises UserError if the file is missing, DamagedFileError."""
        values = read_json(path, _LabelsFile)
        with named(path, TypeError):
            labels = cls(**values)
            labels._check()
        return labels

    def _check(self) -> None:
        """Raise ValueError for what `make_labels` cannot have made."""
        if not self.names or len(set(self.names)) != len(self.names) or len(set(self.types)) != len(self.types):
            raise ValueError("names or types are missing, or occur twice")
        if self.task == "classify":
            expected = self.names if self.scheme is None and not self.types else []
        elif self.scheme == "type":
            expected = [OUTSIDE, *self.types]
        else:
            prefixes = {"bio": "BI", "bioes": "BIES"}.get(self.scheme or "", "")
            expected = [OUTSIDE, *(f"{prefix}-{name}" for name in self.types for prefix in prefixes)]
        if sorted(self.names) != sorted(expected) or (self.task == "tag" and self.names[0] != OUTSIDE):
            raise ValueError(f"the names are not those of the task {self.task} and the scheme {self.scheme}")

    def save(self, path: Path) -> None:
        """Write the labels as JSON."""
        path.write_text(json.dumps(self.__dict__, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


class _LabelsFile(TypedDict):
    task: Task
    names: list[str]
    scheme: Scheme | None
    types: list[str]


def make_labels(task: Task, raw: list[str], scheme: Scheme | None, where: str) -> Labels:
    """The labels an encoding trains on, from the corpus's own.

    raw: the names of the classes or, for tagging, O, then B- and I- of each type. where: the dotted name of the
    encoding, for messages. Raises UserError if there is a scheme for classification, or none for tagging.
    """
    require(
        (task == "tag") == (scheme is not None),
        f"{where}.tags",
        "must be bio, bioes or type for a tagged corpus, and null for any other",
        scheme,
    )
    if task == "classify":
        return Labels(task, raw, None, [])
    types = [tag[2:] for tag in raw if tag.startswith("B-")]
    if scheme == "bio":
        names = raw
    elif scheme == "bioes":
        names = ["O", *(f"{prefix}-{entity_type}" for entity_type in types for prefix in "BIES")]
    else:
        names = ["O", *types]
    return Labels(task, names, scheme, types)
