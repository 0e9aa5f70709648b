"""Learn vectors of character pairs and words, for `lexicon.vectors`; outside the DVC graph."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.preparation.embedding.jieba_dictionary import read_dictionary
from textrnn.stage import output_file, run_command
from textrnn.tools.ppmi_vectors import (
    GZIP_SUFFIX,
    VectorSettings,
    check_output,
    learn_vectors,
    read_token_stream,
    write_vectors,
)


def main() -> None:
    """Read the train split of corpora segmented into characters; write a file of vectors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "to", type=Path, help="the file to write, in word2vec's text format; with gzip if it ends in .gz"
    )
    parser.add_argument(
        "segmented", type=Path, nargs="+", help="an output folder of `segment`: data/segmented/<encoding>"
    )
    parser.add_argument("--width", type=int, default=50, help="numbers per vector (50)")
    parser.add_argument("--longest", type=int, default=4, help="characters of the longest word (4)")
    parser.add_argument("--word-count", type=int, default=3, help="least count of a word of jieba's dictionary (3)")
    parser.add_argument("--pair-count", type=int, default=5, help="least count of a pair that is not such a word (5)")
    parser.add_argument("--norm", type=float, default=3.0, help="Euclidean length of each vector (3)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random start of the SVD (1)")
    args = parser.parse_args()
    settings = VectorSettings(
        width=args.width,
        longest=args.longest,
        word_count=args.word_count,
        pair_count=args.pair_count,
        norm=args.norm,
        seed=args.seed,
    )
    settings.check()
    check_output(args.to)
    names, vectors = learn_vectors(read_token_stream(args.segmented), (word for word, _ in read_dictionary()), settings)
    with output_file(args.to) as temporary:
        write_vectors(temporary, names, vectors, compressed=args.to.suffix == GZIP_SUFFIX)
    print(f"{args.to}: vectors of {len(names):,} pairs and words, {settings.width} wide")


if __name__ == "__main__":
    run_command(main)
