"""Parse a corpus's raw files into Arrow shards of labelled rows."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.params import pick, read_params, require, section
from textrnn.parse import Corpus, parse
from textrnn.stage import output_folder, run_stage, write_json


def main(key: str) -> None:
    params = read_params()
    corpus = section(Corpus, params, "corpora", key)
    corpus.check(f"corpora.{key}")
    limit = pick(params, "limits", "rows")
    require(limit is None or (type(limit) is int and limit > 0), "limits.rows", "is null or a whole number", limit)
    source = Path(pick(params, "data", "source")) / key
    with output_folder(Path("data/parsed") / key) as out:
        counts = parse(source, corpus, seed=pick(params, "data", "seed"), limit=limit, out=out)
        write_json(Path("metrics") / key / "parse.json", counts)


if __name__ == "__main__":
    run_stage(main, "corpus")
