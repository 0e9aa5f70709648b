"""Runs the stages of one recipe as functions, from parsed rows to a model directory, in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Data
from textrnn.common.config.embed import Embed
from textrnn.common.config.encode import Encode
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.segment import Segment
from textrnn.common.config.vectorize import Vectorize
from textrnn.common.executor.tasks import without_workers
from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.params.sections import load_entry_section, load_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.evaluation.baselines.best_linear_model import fit_best_linear_model
from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.embedding.initial_embedding import initial_embedding
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.segmentation.segment import segment
from textrnn.preparation.vectorization.vectorize import vectorize
from textrnn.stage import without_progress
from textrnn.training.trainer.recipe import PreparedFiles, load_recipe
from textrnn.training.trainer.train_recipe import train_recipe


@dataclass(frozen=True)
class StageRun:
    """The stages of the recipe `name`, whose encoding has the same name, on parsed rows; all files are in `folder`."""

    name: str
    params: Mapping[str, Any]
    folder: Path

    def run(self, parsed: ParsedRows, *, verbose: bool) -> Path:
        """Prepare the rows, train, and return the model directory; the state of torch's CPU generator is restored.

        verbose: print the plan, the model and the scores of dev, as the stage `train` does.
        """
        quiet = nullcontext() if verbose else without_progress()
        with without_workers(), quiet, torch.random.fork_rng(devices=[]):
            segmented = self._segment(parsed)
            encoded, preparation = self._encode(segmented)
            self._vectorize(segmented, preparation)
            files = PreparedFiles(
                padded=self._pad(encoded),
                embedded=self._embed(preparation),
                preparation=preparation,
                linear=self._fit_linear_model(encoded, preparation)
                if self._recipe_section(Model, "model").wide
                else None,
            )
            recipe = load_recipe(self.name, self.params, files)
            trained = train_recipe(recipe, curves_file=self.folder / "curves.csv" if verbose else None)
            with checked_folder(self.folder / "model") as out:
                trained.save(out, files)
        return self.folder / "model"

    def _segment(self, parsed: ParsedRows) -> SegmentedRows:
        settings, punkt = self._encoding_section(Segment, "segment"), Path(self._data.punkt)
        with resumable_folder(self.folder / "segmented") as out:
            segment(parsed, settings, punkt_folder=punkt, out=out)
        return SegmentedRows.read(self.folder / "segmented")

    def _encode(self, segmented: SegmentedRows) -> tuple[EncodedRows, Preparation]:
        settings, where = self._encoding_section(Encode, "encode"), f"encodings.{self.name}.encode"
        with (
            resumable_folder(self.folder / "encoded") as ids,
            checked_folder(self.folder / "preparation") as preparation,
        ):
            encode(segmented, settings, where=where, ids=ids, preparation=preparation)
        return EncodedRows.read(self.folder / "encoded"), Preparation(self.folder / "preparation")

    def _vectorize(self, segmented: SegmentedRows, preparation: Preparation) -> None:
        settings, where = self._encoding_section(Vectorize, "vectorize"), f"encodings.{self.name}.vectorize"
        words = (entry.word for entry in read_dictionary())
        vocabulary = preparation.read_vocabulary()
        with resumable_folder(self.folder / "vectorized") as out:
            statistics = vectorize(segmented, vocabulary, settings, text=None, dictionary=words, out=out, where=where)
            write_statistics(out, statistics)

    def _embed(self, preparation: Preparation) -> Path:
        embedding, _ = initial_embedding(
            preparation.read_vocabulary(),
            self._recipe_section(Embed, "embed"),
            vectors=Path(self._data.vectors),
            vectorized=self.folder / "vectorized",
            where=f"recipes.{self.name}.embed",
        )
        with checked_folder(self.folder / "embedded") as out:
            embedding.write(out)
        return self.folder / "embedded"

    def _pad(self, encoded: EncodedRows) -> Path:
        with resumable_folder(self.folder / "padded") as out:
            pad(encoded, self._recipe_section(Pad, "pad"), out)
        return self.folder / "padded"

    def _fit_linear_model(self, encoded: EncodedRows, preparation: Preparation) -> Path:
        labels, vocabulary_size = preparation.read_labels(), len(preparation.read_vocabulary())
        settings = load_section(Baseline, self.params, "baseline")
        with checked_folder(self.folder / "linear") as out:
            fit_best_linear_model(encoded, labels, vocabulary_size, settings).write(out)
        return self.folder / "linear"

    @property
    def _data(self) -> Data:
        return load_section(Data, self.params, "data")

    def _encoding_section(self, cls: type[Any], section: str) -> Any:
        return load_entry_section(cls, self.params, "encodings", self.name, section)

    def _recipe_section(self, cls: type[Any], section: str) -> Any:
        return load_entry_section(cls, self.params, "recipes", self.name, section)
