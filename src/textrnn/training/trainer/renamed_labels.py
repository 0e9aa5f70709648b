"""Keeps a trained model where nothing but the names of its labels has changed since: these take no part in training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.integrity.checksums import copy_checked, file_sha256, read_content
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.code_version import fingerprint, hash_values, packages_of, scripts_hash, stage_code
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import (
    CONFIG_FILE,
    REQUIRED_FILES,
    TRAINING_FILE,
    WEIGHTS_BEFORE_REFIT_FILE,
    WEIGHTS_FILE,
    ModelFiles,
)
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.training.trainer.recipe import PreparedFiles, Recipe
from textrnn.training.trainer.train_recipe import RUN


def hash_run(recipe: Recipe, files: PreparedFiles, key: Mapping[str, Any]) -> str:
    """The hash of what the weights depend on: params, inputs, code, and of the labels all but their names.

    key: that of `make_resume_key`.
    """
    inputs = {path: digest for path, digest in key["inputs"].items() if path != str(files.preparation.labels_file)}
    by_name = isinstance(recipe.train.class_weights, Mapping)  # these weights follow the names
    labels = recipe.data.labels.names if by_name else _structure(recipe.data.labels)
    code = stage_code("train")
    return hash_values([{**key, "inputs": inputs}, labels, fingerprint(packages_of(code)), scripts_hash(code)])


def mark_run(run: str, curves: Path) -> str:
    """What the record of a training has of the run: its hash, and that of the curves next to the model."""
    return f"{run}-{file_sha256(curves)[:16]}"


def has_other_names(results: RecipeFiles, labels: Labels, run: str) -> bool:
    """Whether the model directory holds the whole result of this very run, under other names of the labels."""
    model = results.model
    try:
        record, saved = read_json(model.training, dict[str, Any]), model.preparation.read_labels()
        for name in (*REQUIRED_FILES, *_others(model)):
            read_content(model.folder / name)
        mark = mark_run(run, results.curves)
    except (UserError, OSError):  # something is missing or damaged: the recipe is trained
        return False
    return record.get(RUN) == mark and saved.names != labels.names


def save_under_new_names(model: ModelFiles, files: PreparedFiles, folder: Path) -> None:
    """Write the model directory again into an existing folder, with the labels of today."""
    for name in (CONFIG_FILE, WEIGHTS_FILE, TRAINING_FILE, *_others(model)):
        copy_checked(model.folder / name, folder / name)
    files.preparation.copy_to(folder)


def _others(model: ModelFiles) -> list[str]:
    return [WEIGHTS_BEFORE_REFIT_FILE] if model.weights_before_refit.exists() else []


def _structure(labels: Labels) -> list[Any]:
    """The task, the scheme, and for each label by id the prefix of a tag and the number of its type."""
    numbers: dict[str, int] = {}
    types = [numbers.setdefault(name, len(numbers)) for name in labels.type_names()]
    prefixes = [name[:1] if labels.prefixed else "" for name in labels.names]
    return [labels.task, labels.scheme, list(zip(prefixes, types, strict=True))]
