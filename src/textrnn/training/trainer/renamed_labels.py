"""Keeps the weights of a recipe if only the names of its labels have changed: training does not use these names.

DVC removes the model directory before it runs the stage. So the trained files are kept in the private folder next
to it, `.textrnn/<recipe>.kept`, from which the stage writes the model directory with the current names.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from textrnn import __version__
from textrnn.common.integrity.checksums import CHECKSUMS, check_file, checked_folder, copy_checked, require_file
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.code_version import fingerprint, hash_values, packages_of, scripts_hash, stage_code
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import (
    CONFIG_FILE,
    TRAINING_FILE,
    WEIGHTS_BEFORE_REFIT_FILE,
    WEIGHTS_FILE,
)
from textrnn.stage import output_file
from textrnn.training.trainer.recipe import PreparedFiles, Recipe
from textrnn.unfinished import private_folder

RECORD_FILE = "kept.json"


class _Record(TypedDict):
    """run: the hash of the run. files: the kept ones. names: all lists of label names with which the model was written.

    If the stage runs again with one of these lists, a user has forced it, and it has to train.
    """

    run: str
    files: list[str]
    names: list[list[str]]


@dataclass(frozen=True)
class KeptModel:
    """The latest trained model of a recipe, without the files of its preparation, and its curves.

    The files of the model directory are hard links where the file system has them, and DVC's cache may have the same
    ones. Nothing ever writes into a kept file; another model takes the place of the whole folder.
    """

    folder: Path

    @classmethod
    def of_recipe(cls, name: str, private: Path) -> KeptModel:
        """The kept model in the private folder next to the model directory; it need not exist."""
        return cls(private / f"{name}.kept")

    def names_of_run(self, run: str) -> list[list[str]]:
        """The names of labels with which the model of a run was written; empty if it is missing or incomplete."""
        try:
            with private_folder(self.folder):  # puts back what a run was replacing when it was killed
                record = self._read_record()
            if record["run"] != run:
                return []
            for name in record["files"]:
                check_file(self.folder / name)
        except (UserError, OSError):  # something is missing or damaged: the recipe is trained
            return []
        return record["names"]

    def copy_to(self, folder: Path, files: PreparedFiles, curves: Path) -> None:
        """Write the model directory into an existing folder, with the current labels, and the file of its curves.

        Raises UserError for a file that is missing or damaged. The files are copied, not linked: what changes one in
        the model directory must not change the kept one, nor one in DVC's cache that it may be linked with.
        """
        for name in self._read_record()["files"]:
            if name != curves.name:
                copy_checked(self.folder / name, folder / name)
        files.preparation.copy_to(folder)
        with output_file(curves) as temporary:
            copy_checked(self.folder / curves.name, temporary)

    def replace_by(self, model: Path, curves: Path, run: str, names: list[list[str]]) -> None:
        """Keep the files of a model directory and its curves in place of what is kept; nothing where that fails.

        names: those of `names_of_run`, and those that the model has now.
        """
        files = [CONFIG_FILE, WEIGHTS_FILE, TRAINING_FILE, WEIGHTS_BEFORE_REFIT_FILE]
        files = [name for name in files if (model / name).exists()]
        record = _Record(run=run, files=[*files, curves.name], names=names)
        try:
            with checked_folder(self.folder) as folder:
                for name in files:
                    _link(model / name, folder / name)
                shutil.copyfile(curves, folder / curves.name)  # git has this file, so others may write into it
                (folder / RECORD_FILE).write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
        except (UserError, OSError):  # the model itself is whole; a rename of labels will train again
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read_record(self) -> _Record:
        require_file(self.folder / CHECKSUMS)  # without it nothing would be compared
        return read_json(self.folder / RECORD_FILE, _Record)


def hash_run(recipe: Recipe, files: PreparedFiles, key: Mapping[str, Any]) -> str:
    """The hash of what training writes depends on: params, inputs, code, and of the labels all but their names.

    key: that of `make_resume_key`.
    """
    inputs = {path: digest for path, digest in key["inputs"].items() if path != str(files.preparation.labels_file)}
    by_name = isinstance(recipe.train.class_weights, Mapping)  # these weights follow the names
    labels = [_structure(recipe.data.labels), recipe.data.labels.names if by_name else None]
    caps = [asdict(cap) for cap in recipe.caps]  # the record of the training shows them
    code = stage_code("train")
    code_hashes = [fingerprint(packages_of(code)), scripts_hash(code), __version__]
    return hash_values([{**key, "inputs": inputs}, labels, caps, code_hashes])


def _structure(labels: Labels) -> list[Any]:
    """The task, the scheme, for each label by id the prefix of a tag and the number of its type, and those of types."""
    numbers: dict[str, int] = {}
    types = [numbers.setdefault(name, len(numbers)) for name in labels.type_names()]
    prefixes = [name[:1] if labels.prefixed else "" for name in labels.names]
    return [labels.task, labels.scheme, prefixes, types, [numbers[name] for name in labels.types]]


def _link(source: Path, target: Path) -> None:
    """Make a hard link to a file, or a copy where links are not possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
