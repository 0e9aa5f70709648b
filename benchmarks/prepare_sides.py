"""Run one side of a preparation benchmark in its own process; prints a JSON line of rows, seconds or differences.

    python benchmarks/prepare_sides.py segmentation --source <folder> --rows 25000 --work /tmp/work

benchmarks/prepare.py runs it. Reading and cleaning the texts are not timed where only segmentation is measured.
"""

from __future__ import annotations

import argparse
import bz2
import cProfile
import json
import os
import pstats
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.encode import Encode
from textrnn.common.config.pad import Pad
from textrnn.common.config.parse import HoldOut, Parse, Table, TagColumns
from textrnn.common.config.segment import Cleaning, Punkt, Segment
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.schemas import RESERVED
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.shards import ROWS_PER_BATCH
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.segmentation.cleaning import clean
from textrnn.preparation.segmentation.punkt import load_punkt
from textrnn.preparation.segmentation.segment import segment
from textrnn.preparation.segmentation.segmenters import Segmenter
from textrnn.stage import run_command

STEPS: tuple[Cleaning, ...] = ("lower", "digits", "urls")
WIDTH, MIN_COUNT = 200, 2
TOKENIZERS = Path("nltk_data/tokenizers/punkt_tab")
REVIEWS, TITLES = Path("imdb/train.ft.txt.bz2"), Path("thucnews/train.txt")
# part of the profile: the function whose seconds count, and the functions called by it that belong to other parts
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "chunks: split at blanks, distinct ones of a batch": ("_split (nltk_words)", ("_encode (nltk_words)",)),
    "chunks: numbered": ("_encode (nltk_words)", ("add (nltk_rules)", "add (nltk_sentences)")),
    "word rules of new chunks": ("add (nltk_rules)", ()),
    "sentence rules of new chunks": ("add (nltk_sentences)", ()),
    "sentence ends by the next chunk": ("_end_sentences (nltk_words)", ()),
    "word rules at the ends of sentences": ("lists (nltk_rules)", ()),
    "rows that nltk segments": ("_insert_by_nltk (nltk_words)", ()),
    "tokens gathered": ("_gather (nltk_words)", ()),
}


def read_reviews(source: Path, rows: int) -> list[str]:
    with bz2.open(source / REVIEWS, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").split(" ", 1)[1] for line in islice(lines, rows)]


def read_titles(source: Path, rows: int) -> list[str]:
    with (source / TITLES).open(encoding="utf-8") as lines:
        return [line.split("\t")[0] for line in islice(lines, rows)]


def new_segmenter(source: Path) -> Segmenter:
    return Segmenter({"clean": [], "segmenter": "nltk", "punkt": load_punkt(source / TOKENIZERS / "english")})


def yardstick_clean(text: str) -> str:
    """The three lines of the yardstick that clean a text."""
    text = re.sub(r"\d", "0", text.lower())
    urls = any(sign in text for sign in ("www.", "http:", "https:", ".com"))
    return re.sub(r"([^ ]+(?<=\.[a-z]{3}))", "<url>", text) if urls else text


def columns(texts: list[str]) -> Iterator[pa.StringArray]:
    for first in range(0, len(texts), ROWS_PER_BATCH):
        yield pa.array(texts[first : first + ROWS_PER_BATCH], pa.string())


def timed(rows: int, work: Callable[[], Any]) -> dict[str, Any]:
    started = time.perf_counter()
    work()
    return {"rows": rows, "seconds": time.perf_counter() - started}


def segmentation(source: Path, rows: int, _: Path) -> dict[str, Any]:
    """Split cleaned reviews into nltk's words."""
    texts = [clean(text, STEPS) for text in read_reviews(source, rows)]
    segmenter = new_segmenter(source)
    return timed(len(texts), lambda: [segmenter.column(column) for column in columns(texts)])


def preparation(source: Path, rows: int, work: Path) -> dict[str, Any]:
    """Turn the raw file into padded shards in the folder `work` with all data stages."""
    new_segmenter(source)  # imports nltk before the timer starts, as the yardstick does
    started = time.perf_counter()
    rows = prepare(source, rows, work)
    return {"rows": rows, "seconds": time.perf_counter() - started}


def prepare(source: Path, rows: int, work: Path) -> int:
    """Run the data stages; returns the number of training rows."""
    folders = {name: work / name for name in ("raw", "parsed", "segmented", "ids", "padded")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    train, test = (folders["raw"] / f"{role}.ft.txt.bz2" for role in ("train", "test"))
    train.symlink_to((source / REVIEWS).resolve())
    test.write_bytes(bz2.compress(b"__label__1 a bad film .\n__label__2 a good film .\n"))
    files = {"train": train.name, "test": test.name}
    labels = {"__label__1": "negative", "__label__2": "positive"}
    corpus = Parse(
        format="fasttext",
        files=files,
        seed=1,
        classes=labels,
        rows={"train": rows},
        dev=HoldOut("test", 0.5, 1),
        test=None,
        max_rejects=0,
        text_encoding=None,
        table=Table(text="text", label="label"),
        order="text_label",
        several_labels="refuse",
        columns=TagColumns(0, -1),
        scheme=None,
    )
    counts = parse(folders["raw"], corpus, limit=None, out=folders["parsed"])
    segmentation = Segment(
        segmenter="nltk", clean=STEPS, punkt=Punkt("english", None), verify_share=0.001, seed=1, dictionary=None
    )
    parsed = ParsedRows.read(folders["parsed"])
    segment(parsed, segmentation, punkt_folder=source / TOKENIZERS, out=folders["segmented"])
    encode(
        SegmentedRows.read(folders["segmented"]),
        Encode(MIN_COUNT, None, None),
        where="encodings.reviews.encode",
        ids=folders["ids"],
        preparation=work,
    )
    pad(EncodedRows.read(folders["ids"]), Pad(WIDTH, "left", None), folders["padded"])
    return int(counts["rows"]["train"])


def words(source: Path, rows: int, _: Path) -> dict[str, Any]:
    """Split titles into jieba's words, after loading the dictionary."""
    titles = read_titles(source, rows)
    segmenter = Segmenter({"clean": [], "segmenter": "jieba", "punkt": None})
    segmenter("载入词典")
    return timed(len(titles), lambda: [segmenter.column(column) for column in columns(titles)])


def jieba(source: Path, rows: int, _: Path) -> dict[str, Any]:
    """Split titles with jieba itself."""
    import jieba as library

    titles = read_titles(source, rows)
    library.setLogLevel("WARNING")
    library.initialize()
    return timed(len(titles), lambda: [library.lcut(title) for title in titles])


def review_differences(source: Path, rows: int, work: Path) -> dict[str, Any]:
    """Count rows whose tokens differ from nltk.word_tokenize's, and padded rows that differ from the yardstick's."""
    import nltk

    os.environ["NLTK_DATA"] = str(source / "nltk_data")
    nltk.data.path.insert(0, str(source / "nltk_data"))
    texts = read_reviews(source, rows)
    segmenter = Segmenter({**new_segmenter(source).state, "clean": list(STEPS)})
    ours = (tokens for column in columns(texts) for tokens in segmenter.column(column).to_pylist())
    expected = [nltk.word_tokenize(yardstick_clean(text)) for text in texts]
    segmented = sum(got != tokens for got, tokens in zip(ours, expected, strict=True))
    counts = Counter(token for tokens in expected for token in tokens)
    names = [*RESERVED, *Vocabulary.load(work / "vocabulary.arrow").tokens.to_pylist()]
    truncated = ([token if counts[token] >= MIN_COUNT else "<unk>" for token in tokens[:WIDTH]] for tokens in expected)
    batches = PaddedRows.read(work / "padded").batches("train")
    ids = (row for batch in batches for row in batch["ids"].to_pylist())
    named = ([names[token] for token in row] for row in ids)
    padded = sum(got != ["<pad>"] * (WIDTH - len(row)) + row for got, row in zip(named, truncated, strict=True))
    return {"segmentation": segmented, "preparation": padded}


def word_differences(source: Path, rows: int, _: Path) -> dict[str, Any]:
    """Count titles whose words differ from jieba.lcut's."""
    import jieba as library

    library.setLogLevel("WARNING")
    titles = read_titles(source, rows)
    segmenter = Segmenter({"clean": [], "segmenter": "jieba", "punkt": None})
    ours = (tokens for column in columns(titles) for tokens in segmenter.column(column).to_pylist())
    return {"words": sum(got != library.lcut(title) for got, title in zip(ours, titles, strict=True))}


def profile(source: Path, rows: int, _: Path) -> dict[str, Any]:
    """The seconds of each part of review segmentation, under cProfile."""
    texts = [clean(text, STEPS) for text in read_reviews(source, rows)]
    segmenter = new_segmenter(source)
    profiler = cProfile.Profile()
    batches = list(columns(texts))
    profiler.enable()
    for column in batches:
        segmenter.column(column)
    profiler.disable()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    seconds: dict[str, float] = defaultdict(float)
    total = 0.0
    for (file, _line, function), (_, _, internal, cumulative, _) in stats.items():
        total += internal
        if "textrnn" in file:
            seconds[f"{function} ({Path(file).stem})"] += cumulative
    parts: dict[str, float] = {
        part: seconds[function] - sum(seconds[inner] for inner in excluded)
        for part, (function, excluded) in PARTS.items()
    }
    parts["other"] = total - sum(parts.values())
    chunks = Counter(chunk for text in texts for chunk in text.split(" "))
    return {"rows": rows, "seconds": total, "parts": parts, "chunks": chunks.total(), "distinct": len(chunks)}


SIDES: dict[str, Callable[[Path, int, Path], dict[str, Any]]] = {
    side.__name__: side
    for side in (segmentation, preparation, words, jieba, review_differences, word_differences, profile)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--work", type=Path, required=True, help="a folder to write to")
    args = parser.parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    print(json.dumps(SIDES[args.side](args.source, args.rows, args.work)))


if __name__ == "__main__":
    run_command(main)
