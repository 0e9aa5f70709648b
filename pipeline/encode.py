"""Number the tokens of an encoding: the vocabulary of its training split, and id shards."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.encode import Encode, encode
from textrnn.params import part, read_params
from textrnn.records import ENCODING_KEYS
from textrnn.stage import output_file, output_folder, run_stage, write_json


def main(key: str) -> None:
    where = f"encodings.{key}"
    settings = part(Encode, read_params(), "encodings", key, among=ENCODING_KEYS)
    settings.check(where)
    folder = Path("data/encoded") / key
    with (
        output_folder(folder / "ids") as ids,
        output_file(folder / "vocabulary.arrow") as vocabulary,
        output_file(folder / "labels.json") as labels,
    ):
        report = encode(
            Path("data/segmented") / key, settings, where=where, ids=ids, vocabulary_file=vocabulary, labels_file=labels
        )
    write_json(Path("metrics") / key / "encode.json", report)


if __name__ == "__main__":
    run_stage(main, "encoding")
