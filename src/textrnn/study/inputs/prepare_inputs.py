"""Prepares inputs of the study: pads the rows of an encoding, and makes the embedding that runs on them start from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.embedding.initial_embedding import initial_embedding
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.vectorization.vectorize import vectorize
from textrnn.stage import output_folder
from textrnn.study.plan.inputs import EMBEDDED, INPUT_FACTS, PADDED, inputs_folder
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.settings import InputSettings

VECTORIZED = "vectorized"


def prepare_inputs(name: str, settings: InputSettings, vectors: Path) -> None:
    """Write the inputs of this name; vectors: the folder of files of vectors.

    Raises UserError for files that are missing or damaged, and for vectors that do not fit.
    """
    encoded = EncodedRows.read(EncodedRows.default_folder(settings.encoding))
    with output_folder(inputs_folder(name)) as folder:
        resume_key = {"pad": asdict(settings.pad), "encoded": encoded.checksum}
        with resumable_folder(folder / PADDED, stage="study_prepare", **resume_key) as out:
            statistics, _ = pad(encoded, settings.pad, out)
        kept = 1 - statistics["train"]["truncated_share"]
        covered = _make_embedding(settings, folder, vectors, f"study.inputs.{name}")
        write_results(folder / INPUT_FACTS, {"kept_share": kept, "covered_text": covered})


def _make_embedding(settings: InputSettings, folder: Path, vectors: Path, where: str) -> float:
    """Write the embedding into the folder; return the share of the text of train whose tokens have vectors."""
    vocabulary = Preparation(Preparation.default_folder(settings.encoding)).read_vocabulary()
    segmented = SegmentedRows.read(SegmentedRows.default_folder(settings.encoding))
    with checked_folder(folder / VECTORIZED) as out:
        words = (entry.word for entry in read_dictionary())
        learned = vectorize(
            segmented,
            vocabulary,
            settings.vectorize,
            text=None,
            dictionary=words,
            out=out,
            where=f"{where}.vectorize",
        )
        write_statistics(out, learned)
    embedding, statistics = initial_embedding(
        vocabulary, settings.embed, vectors=vectors, vectorized=folder / VECTORIZED, where=f"{where}.embed"
    )
    with checked_folder(folder / EMBEDDED) as out:
        embedding.write(out)
    return float(statistics["covered_text"])
