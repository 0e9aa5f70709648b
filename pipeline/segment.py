"""Tokenize a parsed corpus as an encoding specifies."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.params import get_param, load_section, load_stage_params, read_params
from textrnn.common.config.segment import Segment, Segmentation
from textrnn.common.config.types import ENCODING_KEYS
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.segmentation.segment import segment, segment_inputs
from textrnn.stage import run_stage


def main(encoding: str) -> None:
    params = read_params()
    segmentation = load_stage_params(Segmentation, params, "encodings", encoding, among=ENCODING_KEYS)
    settings = load_section(Segment, params, "segment")
    segmentation.check(f"encodings.{encoding}")
    settings.check()
    parsed = ParsedRows.read(ParsedRows.default_folder(get_param(params, "encodings", encoding, "corpus")))
    punkt = Path(load_section(Data, params, "data").punkt)
    inputs = segment_inputs(parsed, segmentation, punkt_folder=punkt)
    resume_key = {"segmentation": asdict(segmentation), "segment": asdict(settings), "inputs": inputs}
    with resumable_folder(SegmentedRows.default_folder(encoding), stage="segment", **resume_key) as out:
        write_statistics(out, segment(parsed, segmentation, settings, punkt_folder=punkt, out=out))


if __name__ == "__main__":
    run_stage(main, "encoding")
