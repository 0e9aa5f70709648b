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
from textrnn.common.config.train import Train
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.shards import INDEX
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.training.trainer.limits import Cap, apply_limits, find_caps


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Padded rows, the embedding matrix (tokens, width), the labels, and the lexicon, which may be empty or None."""

    padded: PaddedRows
    matrix: np.ndarray
    labels: Labels
    lexicon: pa.Table | None = None


@dataclass(frozen=True)
class PreparedFiles:
    """Where the prepared data of a recipe lies: the folders of PaddedRows, of RecipeEmbedding and of Preparation."""

    padded: Path
    embedded: Path
    preparation: Preparation

    @classmethod
    def of_recipe(cls, name: str, params: Mapping[str, Any]) -> PreparedFiles:
        """The folders of a recipe in the project. Raises UserError for an unknown recipe."""
        preparation = Preparation(Preparation.default_folder(get_param(params, "recipes", name, "encoding")))
        return cls(PaddedRows.default_folder(name), RecipeEmbedding.default_folder(name), preparation)

    @property
    def all(self) -> list[Path]:
        """All files; the padded shards are represented by their index, which has their checksums."""
        return [self.padded / INDEX, *RecipeEmbedding.files(self.embedded), *self.preparation.files]

    def load(self) -> PreparedData:
        """Load the data. Raises UserError for a file that is missing or damaged."""
        embedding = RecipeEmbedding.read(self.embedded)
        return PreparedData(
            padded=PaddedRows.read(self.padded),
            matrix=embedding.matrix,
            labels=self.preparation.read_labels(),
            lexicon=embedding.lexicon,
        )


@dataclass(frozen=True, eq=False)
class Recipe:
    """A model, how it is trained, and the data that it is trained on.

    where: the dotted name of its params, for messages. caps: what `limits` lowered. max_epochs: limits.epochs, which
    `train.min_steps` does not exceed either.
    """

    name: str
    where: str
    model: Model
    train: Train
    data: PreparedData
    caps: tuple[Cap, ...] = ()
    max_epochs: int | None = None

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
    model = load_entry_section(Model, params, "recipes", name, "model")
    train = load_entry_section(Train, params, "recipes", name, "train")
    data = files.load()
    caps = tuple(find_caps(model, train, limits, data.padded))
    model, train = apply_limits(model, train, limits)
    return Recipe(name, f"recipes.{name}", model, train, data, caps, limits.epochs)
