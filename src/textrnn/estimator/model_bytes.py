"""A model directory as bytes, which an estimator holds and pickles."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textrnn.stage import output_folder

if TYPE_CHECKING:
    from textrnn.inference.prediction.predictor import Predictor


@dataclass(frozen=True)
class ModelBytes:
    """The contents of the files of a model directory, by name."""

    files: dict[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> ModelBytes:
        """The files of a model directory."""
        return cls({path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def write(self, folder: Path) -> None:
        """Write the model directory; what was there is replaced."""
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
