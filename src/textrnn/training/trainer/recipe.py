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
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.training.planning.limits import Cap, apply_limits, find_caps


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Padded rows, the embedding matrix (tokens, width), and the labels.

    lexicon: may be empty or None. bigrams: a table with the vectors of bigrams, which may be empty; None takes the
    lexicon's. linear: the encoding's linear model, None for a recipe without a wide part.
    """

    padded: PaddedRows
    matrix: np.ndarray
    labels: Labels
    lexicon: pa.Table | None = None
    bigrams: pa.Table | None = None
    linear: LinearModel | None = None


@dataclass(frozen=True)
class PreparedFiles:
    """Where the prepared data of a recipe lies: the folders of PaddedRows, of RecipeEmbedding and of Preparation.

    linear: the folder of LinearModel, None for a recipe without a wide part.
    """

    padded: Path
    embedded: Path
    preparation: Preparation
    linear: Path | None = None

    @classmethod
    def of_recipe(cls, name: str, params: Mapping[str, Any]) -> PreparedFiles:
        """The folders of a recipe in the project. Raises UserError for an unknown recipe or an invalid model."""
        encoding = get_param(params, "recipes", name, "encoding")
        model = load_entry_section(Model, params, "recipes", name, "model")
        return cls(
            padded=PaddedRows.default_folder(name),
            embedded=RecipeEmbedding.default_folder(name),
            preparation=Preparation(Preparation.default_folder(encoding)),
            linear=LinearModel.default_folder(encoding) if model.wide else None,
        )

    @property
    def all(self) -> list[Path]:
        """All files; the padded shards are represented by their index, which has their checksums."""
        linear = [] if self.linear is None else LinearModel.files(self.linear)
        return [self.padded / INDEX, *RecipeEmbedding.files(self.embedded), *self.preparation.files, *linear]

    def load(self) -> PreparedData:
        """Load the data. Raises UserError for a file that is missing or damaged."""
        embedding = RecipeEmbedding.read(self.embedded)
        return PreparedData(
            padded=PaddedRows.read(self.padded),
            matrix=embedding.matrix,
            labels=self.preparation.read_labels(),
            lexicon=embedding.lexicon,
            bigrams=embedding.bigrams,
            linear=None if self.linear is None else LinearModel.read(self.linear),
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
        if model.wide:
            self._check_linear(f"{self.where}.model.wide")

    def _check_linear(self, where: str) -> None:
        """Refuse a wide part if there is no linear model, or one of another vocabulary or other labels."""
        linear = self.data.linear
        if linear is None or not len(linear.weights):
            raise UserError(where, "needs a linear model of the encoding, and the stage `baseline` has fitted none")
        tokens, classes = len(self.data.matrix), len(self.data.labels.names)
        found = (linear.vocabulary_size, len(linear.bias))
        if found != (tokens, classes):
            wrong = f"needs a linear model of {tokens} tokens and {classes} classes"
            raise UserError(where, wrong, got=found, do="run the stage `baseline` again")


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
