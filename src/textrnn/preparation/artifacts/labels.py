"""What a model predicts, as an encoding has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from textrnn.common.config.params import require
from textrnn.common.config.types import Scheme, Task
from textrnn.errors import UserError
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE


@dataclass(frozen=True)
class Labels:
    """What a model predicts: the task, the names of the classes by id, and for tagging the scheme and entity types."""

    task: Task
    names: list[str]
    scheme: Scheme | None
    types: list[str]

    @property
    def chained(self) -> bool:
        """Whether a tag says where in its entity a token stands, so that not every tag may follow every other."""
        return self.scheme in ("bio", "bioes")

    def kinds(self) -> list[str]:
        """By id the entity type of a tag, and the name itself where that is no more than a type or a class."""
        return [name[2:] if self.chained and name != OUTSIDE else name for name in self.names]

    @classmethod
    def load(cls, path: Path) -> Labels:
        if not path.is_file():
            raise UserError(path, "no such file", do="run the stage that writes it")
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make_labels(task: Task, raw: list[str], scheme: Scheme | None, where: str) -> Labels:
    """The labels an encoding trains on, from the corpus's own; `raw` for tagging is O, then B- and I- of each type."""
    require(
        (task == "tag") == (scheme is not None),
        f"{where}.tags",
        "is bio, bioes or type for a tagged corpus, else null",
        scheme,
    )
    if task == "classify":
        return Labels(task, raw, None, [])
    types = [tag[2:] for tag in raw if tag.startswith("B-")]
    if scheme == "bio":
        names = raw
    elif scheme == "bioes":
        names = ["O", *(f"{letter}-{kind}" for kind in types for letter in "BIES")]
    else:
        names = ["O", *types]
    return Labels(task, names, scheme, types)
