import bz2
import csv
import gzip
import itertools
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from factories.imports import ROOT
from factories.sample_corpora import FILES, ROWS, reviews, rows_of_names, sentences, spans_of, titles, write_files
from factories.settings import parse_settings
from textrnn.common.config.data import Sample
from textrnn.common.config.parse import HoldOut, Table
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import format_of
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.parsing.rows import Reject
from textrnn.preparation.sample import headlines, synthetic_corpora
from textrnn.preparation.sample import reviews as reviews_module
from textrnn.preparation.sample.synthetic_corpora import FORMATS, write_sample


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("sample")
    return {format: write_files(format, root / format) for format in FORMATS}


def test_formats():
    assert FORMATS == ("headlines", "names", "bio", "fasttext", "table")


TABLES = ["a.csv", "a.TSV", "a.jsonl", "a.ndjson.gz", "a.csv.bz2", "a.parquet"]


@pytest.mark.parametrize("table", [Table(text="text", label="label"), Table(tokens="tokens", tags="tags")])
def test_tables_of_every_kind_have_the_same_rows_for_both_tasks(tmp_path, table):
    rows = []
    for name in TABLES:
        write_files("table", tmp_path / name, files={"train": name}, rows=50)
        corpus = parse_settings("table", table=table)
        read = [replace(row, line=0) for row in format_of(corpus).read(tmp_path / name / name, corpus)]
        assert len(read) == 50
        rows.append(read)
    assert all(read == rows[0] for read in rows)
    assert not any(isinstance(row, Reject) for row in rows[0])


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_depend_on_seed_and_corpus(format, corpora, tmp_path):
    assert write_files(format, tmp_path / "again") == corpora[format]
    for other in (
        write_files(format, tmp_path / "seed", seed=2),
        write_files(format, tmp_path / "name", corpus="second"),
    ):
        assert all(other[role] != corpora[format][role] for role in ("train", "test"))


def test_bytes_do_not_depend_on_the_process(corpora, tmp_path):
    code = (
        "import sys, pathlib; from textrnn.preparation.sample.synthetic_corpora import *; "
        f"write_sample('corpus', 'names', {FILES['names']!r}, Sample(1, {ROWS}), pathlib.Path(sys.argv[1]))"
    )
    env = {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(synthetic_corpora.__file__).parents[3])}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=env)
    assert (tmp_path / "names_train.csv.gz").read_bytes() == corpora["names"]["train"]


def test_a_file_does_not_depend_on_the_others(corpora, tmp_path):
    alone = write_files("headlines", tmp_path / "alone", files={"test": "test.txt"})
    assert alone == {"test": corpora["headlines"]["test"]}


def test_headlines(corpora):
    files = corpora["headlines"]
    names = ["finance", "realty", "stocks", "education", "science", "society", "politics", "sports", "game"]
    assert files["classes"].decode().split("\n") == [*names, "entertainment"]
    for role, rows in (("train", ROWS), ("dev", ROWS // 5), ("test", ROWS // 5)):
        texts, indices = titles(files[role])
        assert len(texts) == rows
        assert set(indices) == set(range(10))
        assert all(text == text.strip() for text in texts)
    texts, indices = titles(files["train"])
    lengths = [len(text) for text in texts]
    assert min(lengths) >= 3
    assert 30 < max(lengths) <= 38
    assert 17 < sum(lengths) / ROWS < 21
    assert indices != sorted(indices)
    once = [character for character, count in Counter("".join(texts)).items() if count == 1]
    assert len(once) > 100
    assert all(mark in "".join(texts) for mark in "，：！《》0A")


def test_headlines_are_learnable_but_not_trivial(corpora):
    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), LogisticRegression(C=3))
    model.fit(*titles(corpora["headlines"]["train"]))
    assert 0.75 < model.score(*titles(corpora["headlines"]["test"])) < 0.99


def test_names(corpora):
    train, test = rows_of_names(corpora["names"]["train"]), rows_of_names(corpora["names"]["test"])
    assert (len(train), len(test)) == (ROWS, ROWS // 5)
    assert all(len(row) == 2 and row[0] == row[0].strip() for row in train + test)
    first = gzip.decompress(corpora["names"]["train"]).split(b"\r\n")[0].decode()
    assert first == f'"{train[0][0]}","{train[0][1]}"'
    for rows in (train, test):
        countries = [country for _, country in rows]
        assert countries == sorted(countries)
        assert len(set(countries)) == 18
        assert 0.38 < countries.count("Russian") / len(rows) < 0.54
    countries_of = {name: {country for other, country in train if other == name} for name, _ in train}
    assert sum(len(countries) > 1 for countries in countries_of.values()) >= 5
    assert {"'", " ", "-"} <= set("".join(name for name, _ in train))
    assert not corpora["names"]["train"][3] & 8  # gzip header: no file name
    assert corpora["names"]["train"][4:8] == bytes(4)  # nor time


def test_bio_tags(corpora):
    rows = sentences(corpora["bio"]["train"])
    assert len(rows) == ROWS
    assert len(sentences(corpora["bio"]["test"])) == ROWS // 5
    kinds = ("PER", "LOC", "ORG")
    tags = {"O", *(f"{edge}-{kind}" for edge in "BI" for kind in kinds)}
    for sentence in rows:
        assert all(len(pair) == 2 and len(pair[0]) == 1 and not pair[0].isspace() for pair in sentence)
        for previous, (_, tag) in itertools.pairwise([("", "O"), *sentence]):
            assert tag[0] != "I" or previous[1][1:] == tag[1:]
    counts = Counter(tag for sentence in rows for _, tag in sentence)
    assert set(counts) == tags
    pairs = Counter((one[1], two[1]) for sentence in rows for one, two in itertools.pairwise(sentence))
    adjacent_pairs = [pairs[f"I-{kind}", f"B-{kind}"] for kind in kinds]
    assert min(adjacent_pairs) > 5


def test_bio_lengths_and_entities(corpora):
    rows = sentences(corpora["bio"]["train"])
    lengths = [len(sentence) for sentence in rows]
    assert min(lengths) in (5, 6)
    assert max(lengths) > 200
    assert 0.1 < sum(all(tag == "O" for _, tag in sentence) for sentence in rows) / ROWS < 0.4
    spans = [span for sentence in rows for span in spans_of(sentence)]
    assert {len(text) for text, _ in spans} <= set(range(2, 11))
    places = {text for text, kind in spans if kind == "LOC"}
    assert any(text.startswith(place) for text, kind in spans if kind == "ORG" for place in places)


def test_bio_ends(corpora):
    assert corpora["bio"]["train"].endswith("。\tO\n\n".encode())
    assert corpora["bio"]["test"].endswith("。\tO\n".encode())
    assert "\n\n\n" not in corpora["bio"]["train"].decode()


def test_reviews(corpora):
    texts, labels = reviews(corpora["fasttext"]["train"])
    assert len(reviews(corpora["fasttext"]["test"])[0]) == ROWS // 5
    assert len(texts) == ROWS
    assert set(labels) == {"__label__1", "__label__2"}
    assert 0.45 < labels.count("__label__1") / ROWS < 0.55
    assert all(": " in text for text in texts)
    lengths = [len(text.split()) for text in texts]
    assert 5 <= min(lengths) < 10
    assert 90 < max(lengths) <= 125
    whole = "\n".join(texts)
    for part in (
        "www.example.com",
        "http://shop.example.com/x",
        "Don't",
        "It's",
        "Mr. ",
        "U.S.",
        "e.g.",
        "...",
        "not ",
    ):
        assert part in whole
    assert any(text.islower() for text in texts)
    assert sum(count == 1 for count in Counter(whole.split()).values()) > 500


def test_punkt_learns_the_sentences_of_reviews(corpora):
    train, test = (reviews(corpora["fasttext"][role])[0] for role in ("train", "test"))
    tokenizer = PunktSentenceTokenizer(PunktTrainer("\n".join(train)).get_params())
    found = [sentence for text in test for sentence in tokenizer.tokenize(text)]
    assert len(found) > 3 * len(test)
    lowered = [sentence.lower() for sentence in found]
    assert sum(sentence in ("they are wrong.", "that is not true.") for sentence in lowered) > 10
    assert not any(sentence.endswith((" mr.", " dr.")) for sentence in lowered)


@pytest.mark.parametrize("format", FORMATS)
def test_the_parser_accepts_every_row(format, tmp_path):
    files = FILES[format]
    write_files(format, tmp_path / "files", rows=300)
    dev = None if "dev" in files else HoldOut("train", 0.1, 1)
    (tmp_path / "out").mkdir()
    settings = parse_settings(format, files=files, dev=dev)  # no row may be rejected
    counts = parse(tmp_path / "files", settings, limit=None, out=tmp_path / "out")
    assert counts["rows"] == {"train": 300 if dev is None else 270, "dev": 60 if dev is None else 30, "test": 60}


@pytest.mark.parametrize(
    ("format", "module", "constant", "read"),
    [("headlines", headlines, "TITLE_NOISE", titles), ("fasttext", reviews_module, "REVIEW_NOISE", reviews)],
)
def test_label_noise(format, module, constant, read, tmp_path, monkeypatch):
    noisy_texts, noisy = read(write_files(format, tmp_path / "noisy", rows=3000)["train"])
    monkeypatch.setattr(module, constant, 0.0)
    texts, labels = read(write_files(format, tmp_path / "clean", rows=3000)["train"])
    assert noisy_texts == texts  # labels are changed after the texts are generated
    assert 0.02 < sum(one != other for one, other in zip(noisy, labels, strict=True)) / 3000 < 0.04


def test_unknown_format(tmp_path):
    with pytest.raises(
        UserError, match=r"^corpora\.news\.parse\.format: no such format; got 'csv'; use headlines, names"
    ):
        write_sample("news", "csv", {"train": "train.csv"}, Sample(1, 10), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("format", "role"), [("names", "classes"), ("headlines", "extra")])
def test_unknown_role(format, role, tmp_path):
    with pytest.raises(UserError, match=rf"^corpora\.news\.parse\.files\.{role}: the format {format} has no such file"):
        write_sample("news", format, {role: "file"}, Sample(1, 10), tmp_path)


def test_too_few_rows(tmp_path):
    with pytest.raises(UserError, match=r"^sample\.rows: must be at least 5; got 4"):
        write_sample("news", "bio", {"train": "train.txt"}, Sample(1, 4), tmp_path)


def test_stage(tmp_path):
    (tmp_path / "params.yaml").write_text(
        "sample: {seed: 1, rows: 50}\n"
        "corpora: {msra: {parse: {format: bio, files: {train: train.txt, dev: null, test: test.txt}}},"
        " bad: {parse: {format: bio, files: x}}}\n"
    )
    script = ROOT / "pipeline" / "sample.py"
    subprocess.run([sys.executable, script, "msra"], cwd=tmp_path, check=True)
    folder = tmp_path / "data" / "sample" / "msra"
    assert sorted(path.name for path in folder.iterdir()) == ["test.txt", "train.txt"]
    assert len(sentences((folder / "train.txt").read_bytes())) == 50
    failed = subprocess.run([sys.executable, script, "bad"], cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: corpora.bad.parse.files: must map each role to a file name")


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_without_labels_has_texts_of_the_same_kind_that_test_has_not(corpora, tmp_path, format):
    files = FILES[format] | {"unlabelled": "more.txt"}
    written = write_files(format, tmp_path / format, files=files)
    lines = written.pop("unlabelled").decode().splitlines()
    assert written == corpora[format]  # other files are as without it
    assert len(lines) == ROWS + ROWS // 5
    of_test, of_train = (texts_without_labels(format, corpora[format][role]) for role in ("test", "train"))
    assert all(lines)
    assert len(set(lines) - set(of_test)) > 0.5 * len(lines)  # names alone are short enough to be met again
    assert {word for line in of_train for word in line.split()} & {word for line in lines for word in line.split()}
    assert not any("\t" in line or line.startswith("__label__") for line in lines)


def texts_without_labels(format, content):
    if format == "headlines":
        return titles(content)[0]
    if format == "names":
        return [name for name, _ in rows_of_names(content)]
    if format == "bio":
        return [" ".join(token for token, _ in sentence) for sentence in sentences(content)]
    if format == "table":
        return [row["text"] for row in csv.DictReader(content.decode().splitlines())]
    return [line.partition(" ")[2] for line in bz2.decompress(content).decode().splitlines()]
