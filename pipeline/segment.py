"""Tokenize a parsed corpus as an encoding specifies."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.segment import Segment
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.names import path_of
from textrnn.preparation.segmentation.segment import segment, segment_inputs
from textrnn.stage import run_stage


def main(encoding: str) -> None:
    params = read_params()
    settings = load_entry_section(Segment, params, "encodings", encoding, "segment")
    corpus, data = get_param(params, "encodings", encoding, "corpus"), load_section(Data, params, "data")
    parsed = ParsedRows.read(ParsedRows.default_folder(corpus))
    punkt, source = Path(data.punkt), path_of(Path(data.source), corpus)
    inputs = segment_inputs(parsed, settings, punkt_folder=punkt, corpus_folder=source)
    resume_key = {"segment": asdict(settings), "inputs": inputs}
    with resumable_folder(SegmentedRows.default_folder(encoding), stage="segment", **resume_key) as out:
        write_statistics(out, segment(parsed, settings, punkt_folder=punkt, corpus_folder=source, out=out))


if __name__ == "__main__":
    run_stage(main, "encoding")
