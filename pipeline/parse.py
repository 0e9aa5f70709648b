"""Parse a corpus's raw files into Arrow shards of labelled rows."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.data import Data
from textrnn.limits import Limits
from textrnn.params import read_params, section
from textrnn.parse import Corpus, parse
from textrnn.stage import output_folder, run_stage, write_json


def main(key: str) -> None:
    params = read_params()
    corpus = section(Corpus, params, "corpora", key)
    data, limits = section(Data, params, "data"), section(Limits, params, "limits")
    corpus.check(f"corpora.{key}")
    limits.check()
    with output_folder(Path("data/parsed") / key) as out:
        counts = parse(Path(data.source) / key, corpus, seed=data.seed, limit=limits.rows, out=out)
    write_json(Path("metrics") / key / "parse.json", counts)


if __name__ == "__main__":
    run_stage(main, "corpus")
