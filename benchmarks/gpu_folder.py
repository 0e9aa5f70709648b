"""The folder that benchmarks/gpu.py takes to a GPU: raw headlines, the tutorials' loop, and what recipes start from.

A GPU machine needs no more than torch, NumPy, pyarrow and safetensors to read it. gpu_pack.py writes it.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.train import Train
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.recipe_embedding import load_matrix
from textrnn.preparation.padding.pad import pad
from textrnn.training.trainer.recipe import PreparedData, Recipe

CORPUS = "thucnews"
RECIPES = ("news_rnn", "news_lstm", "news_bilstm")
LOOPS = ("headlines_loop.py",)
RAW_FILES = ("train.txt", "dev.txt", "test.txt", "class.txt")


@dataclass(frozen=True)
class GpuFolder:
    """The packed folder. All of `files` must be there; `encoded` has the shards that its own index lists."""

    folder: Path

    @property
    def raw(self) -> Path:
        """The folder of the corpus's raw files, for the tutorials' loops."""
        return self.folder / CORPUS

    @property
    def encoded(self) -> Path:
        return self.folder / "encoded"

    @property
    def labels(self) -> Path:
        return self.folder / "labels.json"

    @property
    def params(self) -> Path:
        return self.folder / "params.json"

    def loop(self, name: str) -> Path:
        """A script of the tutorials' loops."""
        return self.folder / "yardstick" / name

    def embedding(self, recipe: str) -> Path:
        return self.folder / "embedded" / f"{recipe}.arrow"

    def files(self) -> list[Path]:
        raw = [self.raw / name for name in RAW_FILES]
        recipes = [self.embedding(recipe) for recipe in RECIPES]
        return [*raw, *map(self.loop, LOOPS), self.params, self.labels, self.encoded / "index.json", *recipes]

    def check(self) -> None:
        """Raise UserError that names all that is missing."""
        missing = [str(path.relative_to(self.folder)) for path in self.files() if not path.is_file()]
        if missing:
            do = "pack it where the corpora are: python benchmarks/gpu.py pack FOLDER --source ... --yardstick ..."
            raise UserError(self.folder, "is not a packed folder; it lacks", got=", ".join(missing), do=do)

    def read_params(self) -> dict[str, Any]:
        params: dict[str, Any] = json.loads(self.params.read_text(encoding="utf-8"))
        return params

    def load_loop(self) -> ModuleType:
        """The tutorials' loop as a module; its main program does not run."""
        return load_script(self.loop(LOOPS[0]))

    def recipe(self, name: str, padded: Path) -> Recipe:
        """The recipe, its rows padded into the empty folder `padded`.

        It is not cut by `limits`, and it has no wide part, which changes nothing before the end of training.
        """
        params = self.read_params()
        pad(EncodedRows.read(self.encoded), load_entry_section(Pad, params, "recipes", name, "pad"), padded)
        model = replace(load_entry_section(Model, params, "recipes", name, "model"), wide=False)
        train = load_entry_section(Train, params, "recipes", name, "train")
        matrix, labels = load_matrix(self.embedding(name)), Labels.load(self.labels)
        return Recipe(name, f"recipes.{name}", model, train, PreparedData(PaddedRows.read(padded), matrix, labels))


def load_script(path: Path) -> ModuleType:
    """Import a script of the yardstick's folder. Raises UserError if it is missing."""
    if not path.is_file():
        raise UserError(path, "no such file", do="give --yardstick the folder of the tutorials' loops")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
