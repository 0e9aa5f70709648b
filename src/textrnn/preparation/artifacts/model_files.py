"""The files of a model directory, and what can be read of them without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.common.integrity.json_files import read_json
from textrnn.common.integrity.tensor_files import read_shapes
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
WEIGHTS_BEFORE_REFIT_FILE = "before_refit.safetensors"
TRAINING_FILE = "training.json"
REQUIRED_FILES = (CONFIG_FILE, WEIGHTS_FILE, *PREPARATION_FILES)  # what a prediction needs


@dataclass(frozen=True)
class ModelFiles:
    """A model directory: REQUIRED_FILES, and the record of the training that made them."""

    folder: Path

    @property
    def config(self) -> Path:
        """The sizes and the architecture of the model, JSON."""
        return self.folder / CONFIG_FILE

    @property
    def weights(self) -> Path:
        """The weights, safetensors."""
        return self.folder / WEIGHTS_FILE

    @property
    def weights_before_refit(self) -> Path:
        """The weights that dev has chosen, where `train.refit` has trained on dev afterwards; predictions need none."""
        return self.folder / WEIGHTS_BEFORE_REFIT_FILE

    @property
    def training(self) -> Path:
        """How training ended, the params that it used, and what `limits` capped, JSON."""
        return self.folder / TRAINING_FILE

    @property
    def preparation(self) -> Preparation:
        """Vocabulary, labels and segmentation."""
        return Preparation(self.folder)

    def read_config(self, form: Any = dict[str, Any]) -> dict[str, Any]:
        """The values of the configuration, which have the form. Raises as `read_json` does."""
        config: dict[str, Any] = read_json(self.config, form)
        return config

    def count_weights(self) -> int:
        """The number of weights: the float32 values, of which the header of the file has the shapes.

        Those of a wide part are among them; integer tensors, such as the keys of bigrams, are no weights.
        Raises UserError if the file is missing or damaged.
        """
        return sum(math.prod(shape) for kind, shape in read_shapes(self.weights).values() if kind == "F32")
