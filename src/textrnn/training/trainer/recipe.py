"""A recipe as it is trained: its settings after `limits`, and the data that the stages before have prepared for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.params import get_param, load_section
from textrnn.common.config.train import Train
from textrnn.common.settings.merging import load_recipe_section
from textrnn.common.storage.shards import INDEX, ShardReader
from textrnn.modeling.models.model_directory import LABELS, PREPARATION_FILES
from textrnn.preparation.artifacts.embedding_matrix import load_matrix
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.lexicon_table import load_lexicon
from textrnn.training.trainer.limits import Cap, apply_limits, find_caps


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Padded rows, the embedding matrix (tokens, width), the labels, and the lexicon, which may be empty or None."""

    padded: ShardReader
    matrix: np.ndarray
    labels: Labels
    lexicon: pa.Table | None = None


@dataclass(frozen=True)
class PreparedFiles:
    """The folders of prepared data: `padded` of shards, `embedded` of matrix and lexicon, `preparation` of the rest.

    preparation: holds PREPARATION_FILES, which a model directory has too.
    """

    padded: Path
    embedded: Path
    preparation: Path

    @classmethod
    def of_recipe(cls, name: str, params: Mapping[str, Any], data: Path = Path("data")) -> PreparedFiles:
        """The folders of a recipe under the folder of all stages' outputs. Raises UserError for an unknown recipe."""
        encoded = data / "encoded" / get_param(params, "recipes", name, "encoding")
        return cls(data / "padded" / name, data / "embedded" / name, encoded / "preparation")

    @property
    def embedding(self) -> Path:
        """The file of the embedding matrix."""
        return self.embedded / "embedding.arrow"

    @property
    def lexicon(self) -> Path:
        """The file of the lexicon."""
        return self.embedded / "lexicon.arrow"

    @property
    def for_model_directory(self) -> dict[str, Path]:
        """By name of PREPARATION_FILES the file to copy into a model directory."""
        return {name: self.preparation / name for name in PREPARATION_FILES}

    @property
    def all(self) -> list[Path]:
        """All files; the padded shards are represented by their index, which has their checksums."""
        return [self.padded / INDEX, self.embedding, self.lexicon, *self.for_model_directory.values()]

    def load(self) -> PreparedData:
        """Load the data. Raises UserError for a file that is missing or damaged."""
        return PreparedData(
            padded=ShardReader(self.padded, "padded"),
            matrix=load_matrix(self.embedding),
            labels=Labels.load(self.preparation / LABELS),
            lexicon=load_lexicon(self.lexicon),
        )


@dataclass(frozen=True, eq=False)
class Recipe:
    """A model, how it is trained, and the data that it is trained on.

    where: the dotted name of its params, for messages. caps: what `limits` lowered.
    """

    name: str
    where: str
    model: Model
    train: Train
    data: PreparedData
    caps: tuple[Cap, ...] = ()

    def check(self) -> None:
        """Raise UserError, by dotted name, for values that do not fit each other or the labels."""
        labels, model, train = self.data.labels, self.model, self.train
        model.check(f"{self.where}.model")
        model.check_task(f"{self.where}.model", labels.task, len(labels.names))
        train.check(f"{self.where}.train")
        train.check_task(f"{self.where}.train", labels.task)
        model.check_loss(f"{self.where}.train", train.class_weights, train.label_smoothing)


def load_recipe(name: str, params: Mapping[str, Any], files: PreparedFiles) -> Recipe:
    """The recipe of params.yaml with its prepared data, after `limits`.

    Raises UserError for values of the wrong type, and for files that are missing or damaged.
    """
    limits = load_section(Limits, params, "limits")
    limits.check()
    model = load_recipe_section(Model, params, "model", name)
    train = load_recipe_section(Train, params, "train", name)
    data = files.load()
    caps = tuple(find_caps(model, train, limits, data.padded))
    model, train = apply_limits(model, train, limits)
    return Recipe(name, f"recipes.{name}", model, train, data, caps)
