"""A model directory as bytes, which an estimator holds and pickles."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textrnn.common.integrity.checksums import CHECKSUMS
from textrnn.errors import UserError, shorten
from textrnn.preparation.artifacts.model_files import REQUIRED_FILES, TRAINING_FILE, WEIGHTS_BEFORE_REFIT_FILE
from textrnn.stage import output_folder

if TYPE_CHECKING:
    from textrnn.inference.prediction.predictor import Predictor

POSSIBLE_FILES = {*REQUIRED_FILES, WEIGHTS_BEFORE_REFIT_FILE, TRAINING_FILE, CHECKSUMS}


@dataclass(frozen=True)
class ModelBytes:
    """The contents of the files of a model directory, by name."""

    files: dict[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> ModelBytes:
        """The files of a model directory."""
        return cls({path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def write(self, folder: Path) -> None:
        """Write the model directory. Only a model directory, or an empty folder, is replaced.

        Raises UserError for anything else at the path, which is left as it is.
        """
        folder = folder.resolve()  # a link stays one
        _check_replaceable(folder)
        with output_folder(folder) as out:
            for name, content in self.files.items():
                (out / name).write_bytes(content)

    def load(self) -> Predictor:
        """The predictor of the model."""
        from textrnn.inference.prediction.predictor import load

        with tempfile.TemporaryDirectory(prefix="textrnn-") as parent:
            folder = Path(parent) / "model"
            self.write(folder)
            return load(folder)


def _check_replaceable(folder: Path) -> None:
    """Raise UserError if replacing the folder would delete a file that is not of a model directory."""
    do = "give a new folder, an empty one, or a model directory to replace"
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(folder, "is a file, not a model directory", do=do)
    names = {path.name for path in folder.iterdir()}
    others = sorted(names - POSSIBLE_FILES)
    if others:
        raise UserError(folder, "has files that are not of a model directory", got=shorten(others[0]), do=do)
    if names and not names.issuperset(REQUIRED_FILES):
        missing = next(name for name in REQUIRED_FILES if name not in names)
        raise UserError(folder, f"has files and is no model directory: it lacks {missing}", do=do)
