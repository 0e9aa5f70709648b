"""Map the tokens of an encoding to ids: the vocabulary of its training split, and id shards."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.encode import Encode
from textrnn.common.config.params import load_stage_params, read_params
from textrnn.common.config.types import ENCODING_KEYS
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.shards import index_sha256
from textrnn.preparation.encoding.encode import encode
from textrnn.stage import output_file, run_stage, write_json


def main(encoding: str) -> None:
    where = f"encodings.{encoding}"
    settings = load_stage_params(Encode, read_params(), "encodings", encoding, among=ENCODING_KEYS)
    settings.check(where)
    segmented, folder = Path("data/segmented") / encoding, Path("data/encoded") / encoding
    resume_key = {"encode": asdict(settings), "segmented": index_sha256(segmented)}
    with (
        resumable_folder(folder / "ids", stage="encode", **resume_key) as ids,
        output_file(folder / "vocabulary.arrow") as vocabulary,
        output_file(folder / "labels.json") as labels,
    ):
        metrics = encode(segmented, settings, where=where, ids=ids, vocabulary_file=vocabulary, labels_file=labels)
    write_json(Path("metrics") / encoding / "encode.json", metrics)


if __name__ == "__main__":
    run_stage(main, "encoding")
