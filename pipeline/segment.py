"""Cut a parsed corpus into tokens, as an encoding says."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.data import Data
from textrnn.params import part, pick, read_params, section
from textrnn.records import ENCODING_KEYS
from textrnn.segment import Segment, segment
from textrnn.stage import output_folder, run_stage, workers, write_json


def main(key: str) -> None:
    params = read_params()
    settings = part(Segment, params, "encodings", key, among=ENCODING_KEYS)
    settings.check(f"encodings.{key}")
    parsed = Path("data/parsed") / pick(params, "encodings", key, "corpus")
    punkt = Path(section(Data, params, "data").punkt)
    with output_folder(Path("data/segmented") / key) as out:
        report = segment(parsed, settings, punkt_folder=punkt, workers=workers(), out=out)
    write_json(Path("metrics") / key / "segment.json", report)


if __name__ == "__main__":
    run_stage(main, "encoding")
