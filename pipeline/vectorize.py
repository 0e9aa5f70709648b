"""Learn vectors of an encoding's tokens, bigrams and words from train and from texts without labels."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.parse import Parse
from textrnn.common.config.vectorize import Vectorize
from textrnn.common.integrity.checksums import file_sha256
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.names import path_of
from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.vectorization.vectorize import vectorize
from textrnn.stage import run_stage


def main(encoding: str) -> None:
    params, where = read_params(), f"encodings.{encoding}.vectorize"
    settings = load_entry_section(Vectorize, params, "encodings", encoding, "vectorize")
    segmented = SegmentedRows.read(SegmentedRows.default_folder(encoding))
    preparation = Preparation(Preparation.default_folder(encoding))
    corpus = get_param(params, "encodings", encoding, "corpus")
    parse = load_entry_section(Parse, params, "corpora", corpus, "parse")
    name = parse.files.get("unlabelled")
    source = path_of(Path(load_section(Data, params, "data").source), corpus)
    text = source / name if settings.width is not None and settings.unlabelled and name is not None else None
    inputs = [segmented.checksum, file_sha256(preparation.vocabulary_file)]
    inputs += [file_sha256(text), str(parse.text_encoding)] if text and text.is_file() else []
    with resumable_folder(
        LearnedVectors.default_folder(encoding), stage="vectorize", vectorize=asdict(settings), inputs=inputs
    ) as out:
        statistics = vectorize(
            segmented,
            preparation.read_vocabulary(),
            settings,
            text=text,
            text_encoding=parse.text_encoding,
            dictionary=(entry.word for entry in read_dictionary()),
            out=out,
            where=where,
        )
        write_statistics(out, statistics)


if __name__ == "__main__":
    run_stage(main, "encoding")
