"""The real corpora parsed: their rows, labels and rejects."""

from dataclasses import replace

import pytest

from factories.published_files import BIO, FASTTEXT, HEADLINES, NAMES
from textrnn.common.config.parse import HoldOut
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.preparation.parsing.parse import parse


def parse_real(folder, name, corpus, out):
    out.mkdir()
    return parse(folder / name, corpus, limit=None, out=out)


@pytest.mark.real
def test_real_headlines(real_data, tmp_path):
    files = {"train": "train.txt", "dev": "dev.txt", "test": "test.txt", "classes": "class.txt"}
    counts = parse_real(real_data, "thucnews", replace(HEADLINES, files=files), tmp_path / "out")
    assert counts["rows"] == {"train": 180_000, "dev": 10_000, "test": 10_000}
    assert counts["also_in_train"] == {"dev": 96, "test": 114}
    assert counts["texts_with_two_labels"] == 46
    assert len(ParsedRows.read(tmp_path / "out").labels) == 10


@pytest.mark.real
def test_real_names(real_data, tmp_path):
    files = {"train": "names_train.csv.gz", "test": "names_test.csv.gz"}
    corpus = replace(NAMES, files=files, dev=HoldOut("test", 0.5, 1))
    counts = parse_real(real_data, "names", corpus, tmp_path / "out")
    assert counts["rows"] == {"train": 13_374, "dev": 3_350, "test": 3_350}
    assert sum(counts["also_in_train"].values()) == 1_046
    assert len(ParsedRows.read(tmp_path / "out").labels) == 18


@pytest.mark.slow  # two million labelled characters
@pytest.mark.real
def test_real_sentences(real_data, tmp_path):
    files = {"train": "msra_train_bio.txt", "test": "msra_test_bio.txt"}
    corpus = replace(BIO, files=files, dev=HoldOut("train", 0.1, 1))
    assert parse_real(real_data, "msra", corpus, tmp_path / "out")["rows"] == {
        "train": 40_500,
        "dev": 4_500,
        "test": 3_442,
    }
    reader = ParsedRows.read(tmp_path / "out")
    lengths = {
        split: [length for batch in reader.batches(split) for length in batch["tokens"].value_lengths().to_pylist()]
        for split in SPLITS
    }
    assert sum(lengths["train"]) + sum(lengths["dev"]) == 2_171_573
    assert sum(lengths["test"]) == 172_601
    assert (max(lengths["train"] + lengths["dev"]), max(lengths["test"])) == (746, 2_427)
    assert ParsedRows.read(tmp_path / "out").labels == (
        "O",
        *("B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"),
    )


@pytest.mark.real
def test_real_reviews(real_data, tmp_path):
    files = {"train": "train.ft.txt.bz2", "test": "test.ft.txt.bz2"}
    corpus = replace(FASTTEXT, files=files, rows={"train": 800_000, "test": 200_000})
    counts = parse_real(real_data, "amazon", corpus, tmp_path / "out")
    assert counts["rows"] == {"train": 5_459, "dev": 500, "test": 500}
    assert counts["files"]["train"]["rejected"] == {}
