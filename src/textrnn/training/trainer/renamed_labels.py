"""Keeps a trained model where nothing but the names of its labels has changed since: these take no part in training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.code_version import fingerprint, hash_values, packages_of, scripts_hash, stage_code
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES
from textrnn.training.trainer.recipe import PreparedFiles, Recipe
from textrnn.training.trainer.train_recipe import RUN, make_resume_key


def hash_run(recipe: Recipe, files: PreparedFiles) -> str:
    """The hash of what the weights depend on: params, inputs, code, and of the labels all but their names."""
    key = make_resume_key(recipe, files)
    del key["inputs"][str(files.preparation.labels_file)]
    by_name = isinstance(recipe.train.class_weights, Mapping)  # these weights follow the names
    labels = recipe.data.labels.names if by_name else _structure(recipe.data.labels)
    code = stage_code("train")
    return hash_values([key, labels, fingerprint(packages_of(code)), scripts_hash(code)])


def has_other_names(model: ModelFiles, labels: Labels, run: str) -> bool:
    """Whether a model directory holds the result of this very run, under other names of the labels."""
    try:
        record, saved = read_json(model.training, dict[str, Any]), model.preparation.read_labels()
    except UserError:  # there is none, or it is damaged: the recipe is trained
        return False
    return record.get(RUN) == run and saved.names != labels.names


def save_under_new_names(model: ModelFiles, files: PreparedFiles, folder: Path) -> None:
    """Write the model directory again into an existing folder, with the labels of today."""
    for path in model.folder.iterdir():
        if path.name not in PREPARATION_FILES:
            shutil.copyfile(path, folder / path.name)
    files.preparation.copy_to(folder)


def _structure(labels: Labels) -> list[Any]:
    """The task, the scheme, and for each label by id the prefix of a tag and the number of its type."""
    numbers: dict[str, int] = {}
    types = [numbers.setdefault(name, len(numbers)) for name in labels.type_names()]
    prefixes = [name[:1] if labels.prefixed else "" for name in labels.names]
    return [labels.task, labels.scheme, list(zip(prefixes, types, strict=True))]
