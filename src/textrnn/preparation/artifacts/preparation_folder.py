"""The files of an encoding that a model needs, apart from its weights: vocabulary, labels, segmenter state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textrnn.common.integrity.checksums import copy_checked
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SEGMENTATION_FILE
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.vocabulary import Vocabulary

VOCABULARY_FILE = "vocabulary.arrow"
LABELS_FILE = "labels.json"
PREPARATION_FILES = (VOCABULARY_FILE, LABELS_FILE, SEGMENTATION_FILE)


@dataclass(frozen=True)
class Preparation:
    """A folder with PREPARATION_FILES: `data/encoded/<encoding>/preparation`, or a model directory.

    They turn a text into ids, and a model's outputs into labels.
    """

    folder: Path

    @staticmethod
    def default_folder(encoding: str) -> Path:
        """Where the stage `encode` writes the files, next to the encoded rows."""
        return EncodedRows.default_folder(encoding).with_name("preparation")

    @classmethod
    def write(cls, folder: Path, vocabulary: Vocabulary, labels: Labels, segmentation_file: Path) -> Preparation:
        """Write the files into an existing folder; the segmenter's state is copied."""
        preparation = cls(folder)
        vocabulary.save(preparation.vocabulary_file)
        labels.save(preparation.labels_file)
        copy_checked(segmentation_file, preparation.segmentation_file)
        return preparation

    def copy_to(self, folder: Path) -> None:
        """Copy the files into an existing folder, as into a model directory."""
        for name in PREPARATION_FILES:
            copy_checked(self.folder / name, folder / name)

    @property
    def vocabulary_file(self) -> Path:
        return self.folder / VOCABULARY_FILE

    @property
    def labels_file(self) -> Path:
        return self.folder / LABELS_FILE

    @property
    def segmentation_file(self) -> Path:
        return self.folder / SEGMENTATION_FILE

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of all files, in the order of PREPARATION_FILES."""
        return tuple(self.folder / name for name in PREPARATION_FILES)

    def read_vocabulary(self) -> Vocabulary:
        """The vocabulary. Raises UserError if its file is missing or is not a vocabulary."""
        return Vocabulary.load(self.vocabulary_file)

    def read_labels(self) -> Labels:
        """The labels. Raises UserError if their file is missing."""
        return Labels.load(self.labels_file)
