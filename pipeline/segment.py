"""Cut a parsed corpus into tokens, as an encoding says."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.params import part, pick, read_params, section
from textrnn.common.config.segment import Segment, Segmentation
from textrnn.common.config.types import ENCODING_KEYS
from textrnn.common.storage.resumable import resumable_folder
from textrnn.preparation.segmentation.segment import segment, segment_inputs
from textrnn.stage import run_stage, write_json


def main(key: str) -> None:
    params = read_params()
    segmentation = part(Segmentation, params, "encodings", key, among=ENCODING_KEYS)
    settings = section(Segment, params, "segment")
    segmentation.check(f"encodings.{key}")
    settings.check()
    parsed = Path("data/parsed") / pick(params, "encodings", key, "corpus")
    punkt = Path(section(Data, params, "data").punkt)
    inputs = segment_inputs(parsed, segmentation, punkt_folder=punkt)
    given = {"segmentation": asdict(segmentation), "segment": asdict(settings), "inputs": inputs}
    with resumable_folder(Path("data/segmented") / key, stage="segment", **given) as out:
        report = segment(parsed, segmentation, settings, punkt_folder=punkt, out=out)
    write_json(Path("metrics") / key / "segment.json", report)


if __name__ == "__main__":
    run_stage(main, "encoding")
