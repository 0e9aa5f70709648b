"""A model directory as a server has it: what it says of itself, and texts to answers that are JSON already."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.inference.prediction.predictor import load
from textrnn.modeling.models.model_directory import CONFIG, WEIGHTS


@dataclass(frozen=True)
class LoadedModel:
    """A model under its name: `about` as GET /v1/models tells it, `answer` an object of JSON in UTF-8 for each text."""

    about: dict[str, Any]
    answer: Callable[[list[str]], list[bytes]]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def quoted(self) -> bytes:
        """The name as JSON."""
        return json.dumps(self.name).encode()


def load_models(folders: Sequence[Path]) -> list[LoadedModel]:
    """The models of some directories, by the names of these.

    Raises UserError for two of one name, before any is loaded, and for a directory that is damaged.
    """
    named: dict[str, Path] = {}
    for folder in folders:
        name = Path(os.path.abspath(folder)).name  # "." has a name too; a link keeps its own
        if name in named:
            do = "rename or copy one of the directories"
            raise UserError(folder, f'has the name of another model, "{name}"', got=named[name], do=do)
        named[name] = folder
    return [_load(name, folder) for name, folder in named.items()]


def _load(name: str, folder: Path) -> LoadedModel:
    predictor = load(folder)
    predictor.predict(["a"])  # reads what is read late, such as jieba's dictionary: the first request would wait for it
    about = {
        "name": name,
        "task": predictor.task,
        "labels": list(predictor.labels),
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "params": json.loads((folder / CONFIG).read_text(encoding="utf-8")),
    }

    def answer(texts: list[str]) -> list[bytes]:
        return [json.dumps(each, ensure_ascii=False, allow_nan=False).encode() for each in predictor.predict(texts)]

    return LoadedModel(about, answer)
