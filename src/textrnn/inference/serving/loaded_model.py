"""Load model directories for serving: a description of each, and a function from texts to predictions as JSON."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.inference.prediction.model_card import Card, read_card
from textrnn.inference.prediction.predictor import Prediction, load
from textrnn.preparation.artifacts.model_files import ModelFiles


@dataclass(frozen=True)
class LoadedModel:
    """A served model.

    about: its entry in GET /v1/models, but for its card; predict: returns for each text its prediction, a JSON object
    in UTF-8, or None if a number in it is not finite, which JSON cannot have. card: None where there is none next to
    the model directory.
    """

    about: dict[str, Any]
    predict: Callable[[list[str]], list[bytes | None]]
    card: Card | None = None

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def json_name(self) -> bytes:
        """The name as a JSON string."""
        return json.dumps(self.name).encode()


def load_models(folders: Sequence[Path]) -> list[LoadedModel]:
    """Load the models of some directories; a model's name is that of its directory.

    Raises UserError for two models of one name, before any is loaded, and for a directory that is damaged.
    """
    by_name: dict[str, Path] = {}
    for folder in folders:
        name = Path(os.path.abspath(folder)).name  # so that "." has a name too; a symbolic link keeps its own
        if name in by_name:
            do = "rename or copy one of the directories"
            raise UserError(folder, f'has the same name as another model, "{name}"', got=by_name[name], do=do)
        by_name[name] = folder
    return [_load(name, folder) for name, folder in by_name.items()]


def _load(name: str, folder: Path) -> LoadedModel:
    predictor = load(folder)
    predictor.predict(["a"])  # loads now what is loaded lazily, such as jieba's dictionary, not at the first request
    about = {
        "name": name,
        "task": predictor.task,
        "labels": list(predictor.labels),
        "sha256": hashlib.sha256(ModelFiles(folder).weights.read_bytes()).hexdigest(),
        "params": ModelFiles(folder).read_config(),
    }

    return LoadedModel(about, lambda texts: list(map(_encode, predictor.predict(texts))), read_card(folder))


def _encode(prediction: Prediction) -> bytes | None:
    try:
        return json.dumps(prediction, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return None
