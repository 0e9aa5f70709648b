"""Parsed corpora: rows, held-out splits, limits, rejected lines, and bytes that depend on rows and seed alone."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factories.imports import SOURCE, TESTS
from factories.published_files import BIO, FASTTEXT, HEADLINES, NAMES, bytes_of
from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut, Table
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.errors import UserError
from textrnn.preparation.parsing.parse import parse

# 60 Polish, 30 Arabic and 10 Czech names, sorted by country as the published file is
NAMES_TRAIN = [
    (f"{country}{at}", country)
    for country, rows in (("Arabic", 30), ("Czech", 10), ("Polish", 60))
    for at in range(rows)
]
NAMES_TEST = [("Polish1", "Polish"), ("new", "Czech"), ("Arabic0", "Arabic")]


@pytest.fixture
def parsed(tmp_path, write_corpus):
    """A function of a corpus, its rows by role and parse's options: the counts; shards go to tmp_path/out."""

    def run(corpus, *, seed=1, limit=None, out="out", **roles):
        files = write_corpus(tmp_path / "raw", corpus.format, **roles)
        (tmp_path / out).mkdir()
        corpus = replace(corpus, files=files, seed=seed)
        return parse(tmp_path / "raw", corpus, limit=limit, out=tmp_path / out)

    return run


@pytest.fixture
def rows_of(tmp_path):
    def rows(split, out="out"):
        return [row for batch in ParsedRows.read(tmp_path / out).batches(split) for row in batch.to_pylist()]

    return rows


def headlines(**changed):
    """A tiny corpus with the flaws of the real one: headlines that occur twice, one of them with two labels."""
    roles = {
        "classes": ["finance", "sport"],
        "train": [("a", 0), ("b", 1), ("c", 0), ("c", 1), ("a", 0), ("d", 1)],
        "dev": [("a", 0), ("e", 1), ("a", 1)],
        "test": [("c", 1), ("f", 0)],
    }
    return roles | changed


def test_headlines_exactly(parsed, rows_of, tmp_path):
    assert parsed(HEADLINES, **headlines()) == {
        "files": {
            "train": {"read": 6, "kept": 6, "rejected": {}},
            "dev": {"read": 3, "kept": 3, "rejected": {}},
            "test": {"read": 2, "kept": 2, "rejected": {}},
        },
        "rows": {"train": 6, "dev": 3, "test": 2},
        "also_in_train": {"dev": 2, "test": 1},
        "texts_with_two_labels": 1,
    }
    assert rows_of("train") == [
        {"row": row, "text": text, "label": label}
        for row, (text, label) in enumerate([("a", 0), ("b", 1), ("c", 0), ("c", 1), ("a", 0), ("d", 1)])
    ]
    assert [(row["text"], row["label"]) for row in rows_of("dev")] == [("a", 0), ("e", 1), ("a", 1)]
    assert [(row["text"], row["label"]) for row in rows_of("test")] == [("c", 1), ("f", 0)]
    assert ParsedRows.read(tmp_path / "out").facts == ParsedFacts("classify", {}, ("finance", "sport"))


def test_output_is_shards_and_index_only(parsed, tmp_path):
    parsed(HEADLINES, **headlines())
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "dev-00000.arrow",
        "index.json",
        "test-00000.arrow",
        "train-00000.arrow",
    ]


def test_dev_is_held_out_of_train_stratified(parsed, rows_of):
    counts = parsed(NAMES, train=NAMES_TRAIN, test=NAMES_TEST)
    assert counts["rows"] == {"train": 90, "dev": 10, "test": 3}
    assert counts["files"] == {
        "train": {"read": 100, "kept": 100, "rejected": {}},
        "test": {"read": 3, "kept": 3, "rejected": {}},
    }
    assert Counter(row["label"] for row in rows_of("dev")) == {0: 3, 1: 1, 2: 6}
    both = rows_of("train") + rows_of("dev")
    assert sorted(row["row"] for row in both) == list(range(100))
    assert all(NAMES_TRAIN[row["row"]] == (row["text"], ("Arabic", "Czech", "Polish")[row["label"]]) for row in both)
    for split in SPLITS:
        numbers = [row["row"] for row in rows_of(split)]
        assert numbers == sorted(numbers)
    dev_texts = {row["text"] for row in rows_of("dev")}
    assert counts["also_in_train"] == {"test": 2 - len(dev_texts & {"Polish1", "Arabic0"}), "dev": 0}


def test_dev_is_held_out_of_test(parsed, rows_of, tmp_path):
    test = [(f"text {at}", f"__label__{1 + at % 2}") for at in range(20)]
    counts = parsed(FASTTEXT, train=[("text 3", "__label__1"), ("more", "__label__2")], test=test)
    assert counts["rows"] == {"train": 2, "dev": 10, "test": 10}
    assert sum(counts["also_in_train"].values()) == 1
    assert Counter(row["label"] for row in rows_of("dev")) == {0: 5, 1: 5}
    assert sorted(row["row"] for row in rows_of("dev") + rows_of("test")) == list(range(20))
    assert ParsedRows.read(tmp_path / "out").labels == ("negative", "positive")


def test_seed_changes_dev_only(parsed, rows_of):
    for seed, out in [(1, "one"), (2, "two")]:
        parsed(NAMES, seed=seed, out=out, train=NAMES_TRAIN, test=NAMES_TEST)
    assert rows_of("dev", "one") != rows_of("dev", "two")
    assert rows_of("test", "one") == rows_of("test", "two")


def test_sentences_exactly(parsed, rows_of, tmp_path):
    train = [("ab", ["B-PER", "I-PER"]), ("c", ["O"]), ("de", ["O", "B-LOC"]), ("f", ["O"])] * 4
    counts = parsed(BIO, train=train, test=[("de", ["B-LOC", "I-LOC"]), ("ac", ["O", "O"])])
    assert counts["rows"] == {"train": 12, "dev": 4, "test": 2}
    assert counts["also_in_train"] == {"dev": 4, "test": 1}
    assert "texts_with_two_labels" not in counts
    labels = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert ParsedRows.read(tmp_path / "out").facts == ParsedFacts("tag", {}, labels)
    # strata: 8 sentences without entities, 4 with PER, 4 with LOC
    dev = Counter("".join(row["tokens"]) for row in rows_of("dev"))
    assert (dev["ab"], dev["de"], dev["c"] + dev["f"]) == (1, 1, 2)
    assert rows_of("test") == [
        {"row": 0, "tokens": ["d", "e"], "tags": [1, 2]},
        {"row": 1, "tokens": ["a", "c"], "tags": [0, 0]},
    ]


def test_more_entity_types_than_a_stratum_has_bits(parsed, rows_of):
    train = [("x", [f"B-T{at:03d}"]) for at in range(80) for _ in range(4)]
    counts = parsed(BIO, train=train, test=[("yz", ["B-T079", "I-T079"])])
    assert counts["rows"] == {"train": 240, "dev": 80, "test": 1}
    of_type = Counter(row["tags"][0] for row in rows_of("dev"))
    assert [of_type[1 + 2 * at] for at in range(62)] == [1] * 62
    assert rows_of("test")[0]["tags"] == [159, 160]


def test_limit_is_stratified_by_split(parsed, rows_of, tmp_path):
    counts = parsed(NAMES, limit=9, train=NAMES_TRAIN, test=NAMES_TEST)
    assert counts["rows"] == {"train": 9, "dev": 9, "test": 3}
    assert counts["files"]["train"] == {"read": 100, "kept": 100, "rejected": {}}
    # after dev is held out, train has 54, 27 and 9 rows by label; the shares of 9 rows are 5.4, 2.7 and 0.9
    assert Counter(row["label"] for row in rows_of("train")) == {2: 5, 0: 3, 1: 1}
    # of the splits that lost rows: test has only 3
    assert ParsedRows.read(tmp_path / "out").rows_before_limit == {"train": 90, "dev": 10}


def test_limits_are_nested_and_do_not_change_the_split(parsed, rows_of, tmp_path):
    for limit, out in [(9, "small"), (45, "middle"), (None, "whole")]:
        parsed(NAMES, limit=limit, out=out, train=NAMES_TRAIN, test=NAMES_TEST)
    for split, sizes in {"train": (9, 45, 90), "dev": (9, 10, 10)}.items():
        small, middle, whole = ({row["row"] for row in rows_of(split, out)} for out in ("small", "middle", "whole"))
        assert (len(small), len(middle), len(whole)) == sizes
        assert small < middle <= whole
    before = {out: ParsedRows.read(tmp_path / out).rows_before_limit for out in ("small", "middle", "whole")}
    assert before == {"small": {"train": 90, "dev": 10}, "middle": {"train": 90}, "whole": {}}


def test_rows_are_read_from_the_start_of_a_file(parsed, rows_of):
    corpus = replace(HEADLINES, rows={"train": 4, "dev": None, "test": 1})
    counts = parsed(corpus, **headlines(train=[("a", 0), ("b", 1), ("c", 0), ("c", 1), ("", 7)]))
    assert counts["rows"] == {"train": 4, "dev": 3, "test": 1}
    assert counts["files"]["train"] == {"read": 4, "kept": 4, "rejected": {}}
    assert [row["text"] for row in rows_of("train")] == ["a", "b", "c", "c"]
    assert [row["text"] for row in rows_of("test")] == ["c"]


def test_first_reject_is_an_error_that_names_file_line_and_reason(parsed, tmp_path):
    train = [("a", 0), ("b", 2), ("c", 0), ("", 1), ("d", 1)]
    with pytest.raises(UserError) as caught:
        parsed(HEADLINES, **headlines(train=train))
    assert str(caught.value) == (
        f"{tmp_path / 'raw' / 'train.txt'}, line 2: a label that is not one of the 2 classes; got '2': "
        "2 of the 5 rows read so far are rejected and max_rejects is 0; "
        "also line 4: empty text; got '\\t1'; "
        "correct the file, or raise the corpus's max_rejects"
    )


def test_rejects_are_counted_by_reason_and_the_rest_kept(parsed, rows_of):
    train = [("a", 0), ("b", 2), ("c", "x"), ("", 1), ("d", 1), ("e\tf", 1)]
    counts = parsed(replace(HEADLINES, max_rejects=4), **headlines(train=train))
    assert counts["files"]["train"] == {
        "read": 6,
        "kept": 2,
        "rejected": {
            "a label that is not one of the 2 classes": 2,
            "empty text": 1,
            "not two columns, title<TAB>class index": 1,
        },
    }
    assert list(counts["files"]["train"]["rejected"]) == sorted(counts["files"]["train"]["rejected"])
    assert [(row["row"], row["text"]) for row in rows_of("train")] == [(0, "a"), (4, "d")]


def test_rejects_add_up_over_files(parsed, tmp_path):
    roles = headlines(train=[("a", 0), ("", 0), ("d", 1)], test=[("", 1), ("f", 0)])
    assert parsed(replace(HEADLINES, max_rejects=2), **roles)["rows"] == {"train": 2, "dev": 3, "test": 1}
    message = "test.txt, line 1: empty text; got '\\t1': 2 of the 8 rows read so far are rejected and max_rejects is 1;"
    with pytest.raises(UserError, match=re.escape(message)):
        parsed(replace(HEADLINES, max_rejects=1), out="strict", **roles)


def test_invalid_utf8_is_a_counted_reject(parsed, write_raw, tmp_path):
    files = {"train": "t.txt", "dev": "t.txt", "test": "t.txt", "classes": "c.txt"}
    write_raw(tmp_path / "t.txt", b"a\t0\n\xff\t0\nb\t1\n")
    write_raw(tmp_path / "c.txt", "x\ny\n")
    (tmp_path / "out").mkdir()
    corpus = replace(HEADLINES, files=files, max_rejects=3)
    counts = parse(tmp_path, corpus, limit=None, out=tmp_path / "out")
    rejected = {"bytes that are not UTF-8": 1}
    assert counts["files"] == {split: {"read": 3, "kept": 2, "rejected": rejected} for split in SPLITS}


def test_unknown_country_in_test(parsed):
    test = [*NAMES_TEST, ("x", "Zulu")]
    with pytest.raises(UserError, match=r"test\.csv\.gz, line 4: a label that is not one of the 3 classes; got 'Zulu'"):
        parsed(NAMES, train=NAMES_TRAIN, test=test)
    counts = parsed(replace(NAMES, max_rejects=1), out="lenient", train=NAMES_TRAIN, test=test)
    assert counts["files"]["test"]["kept"] == 3


def test_tag_type_unseen_in_train(parsed):
    train = [("ab", ["B-PER", "O"])] * 4
    test = [("a", ["O"]), ("bc", ["O", "I-ORG"])]
    message = r"test_bio\.txt, line 3: a tag whose type is not one of the corpus's 1; got 'ORG': 1 of the 6 rows"
    with pytest.raises(UserError, match=message):
        parsed(BIO, train=train, test=test)


def test_classes_of_bio_reject_other_types(parsed):
    corpus = replace(BIO, classes={"PER": "person"}, max_rejects=1)
    train = [("ab", ["B-PER", "O"])] * 8 + [("c", ["B-LOC"])]
    assert parsed(corpus, train=train, test=[("a", ["O"])])["files"]["train"]["rejected"] == {
        "a tag whose type is not one of the corpus's 1": 1
    }


@pytest.mark.parametrize(
    ("roles", "share", "message"),
    [
        (
            {"test": [("", 1)]},
            None,
            r"raw: the test split is empty; got 0 usable rows in the test file; "
            r"the first rejected rows: line 1: empty text; got '\\t1'$",
        ),
        (
            {"dev": None},
            0.01,
            r"raw: the dev split is empty; got 6 usable rows in the train file, of which these shares .*: dev 0\.01$",
        ),
        (
            {"dev": None},
            0.99,
            r"raw: the train split is empty; got 6 usable rows in the train file, of which these .*: dev 0\.99$",
        ),
    ],
)
def test_empty_split(parsed, roles, share, message):
    corpus = replace(HEADLINES, max_rejects=1, dev=share and HoldOut("train", share, 1))
    roles = {role: rows for role, rows in headlines(**roles).items() if rows is not None}
    with pytest.raises(UserError, match=message):
        parsed(corpus, **roles)


def test_one_label_is_too_few(parsed):
    message = (
        r"raw: needs at least two labels; got \['Polish'\]; all 2 usable rows of train\.csv\.gz have this label; "
        r"check that its format is the right one$"
    )
    with pytest.raises(UserError, match=message):
        parsed(NAMES, train=[("a", "Polish"), ("b", "Polish")], test=NAMES_TEST)


def test_file_of_another_format_is_not_a_corpus(write_raw, tmp_path):
    write_raw(tmp_path / "raw" / "train.txt", '"a","Polish"\n')
    corpus = replace(BIO, files={"train": "train.txt", "test": "train.txt"})
    with pytest.raises(UserError, match=r"needs at least two labels; got \['O'\]; check that"):
        parse(tmp_path / "raw", corpus, limit=None, out=tmp_path)


def test_too_few_labels_show_the_first_rejects(write_raw, tmp_path):
    write_raw(tmp_path / "raw" / "train.csv", "\n".join(f"text {at};label" for at in range(9)))
    corpus = replace(NAMES, files={"train": "train.csv", "test": "train.csv"})
    with pytest.raises(UserError) as caught:
        parse(tmp_path / "raw", corpus, limit=None, out=tmp_path)
    columns = """not two CSV columns, "name","country"; got 'text {0};label'"""
    assert str(caught.value) == (
        f"{tmp_path / 'raw'}: needs at least two labels; got []; check that its format is the right one; "
        f"train.csv, the first rejected rows: line 1: {columns.format(0)}, line 2: {columns.format(1)}, "
        f"line 3: {columns.format(2)}; "
        "with a header in line 1, format: table reads any number of columns and any delimiter"
    )


def test_rejects_that_are_not_utf8_come_with_the_encoding(write_raw, tmp_path):
    rows = "".join(f"今天股市上涨{at}\t{at % 2}\n" for at in range(5))
    write_raw(tmp_path / "raw" / "train.txt", rows.encode("gb18030"))
    files = dict.fromkeys(SPLITS, "train.txt")
    corpus = replace(HEADLINES, files=files, classes={"0": "a", "1": "b"})
    message = (
        r"train\.txt, line 1: bytes that are not UTF-8; got b.*: 5 of the 5 rows read so far are rejected and "
        r"max_rejects is 0; also line 2: .*, line 3: .*; it is probably gb18030: set text_encoding: gb18030, "
        r"or convert it with `iconv -f gb18030 -t utf-8 train\.txt > utf8-train\.txt`; correct the file"
    )
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=message):
        parse(tmp_path / "raw", corpus, limit=None, out=tmp_path / "out")
    (tmp_path / "other").mkdir()
    counts = parse(tmp_path / "raw", replace(corpus, text_encoding="gb18030"), limit=None, out=tmp_path / "other")
    assert counts["rows"] == {"train": 5, "dev": 5, "test": 5}


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        ([(0, "a title"), (1, "another")], "are the columns the other way round? headlines have `order` for that"),
        ([("text", "label"), ("a title", 0)], "line 1 looks like a header: format: table reads columns by name"),
    ],
)
def test_unknown_labels_come_with_what_may_be_wrong(parsed, rows, hint):
    with pytest.raises(UserError, match=re.escape(hint)):
        parsed(HEADLINES, **headlines(train=rows))


def test_labels_may_be_the_names_of_classes(parsed, rows_of):
    train = [("a", "sport"), ("b", "finance"), ("c", 0), ("d", "1"), ("e", 1)]
    parsed(HEADLINES, **headlines(train=train))
    assert [(row["text"], row["label"]) for row in rows_of("train")] == [
        ("a", 1),
        ("b", 0),
        ("c", 0),
        ("d", 1),
        ("e", 1),
    ]
    with pytest.raises(UserError, match="a label that is not one of the 2 classes; got 'Sport'"):
        parsed(HEADLINES, out="case", **headlines(train=[("a", "Sport"), ("b", 1)]))


def test_an_index_takes_precedence_over_a_name(parsed, rows_of):
    roles = headlines(classes=["1", "0"], train=[("a", 0), ("b", 1)])
    parsed(replace(HEADLINES, classes={"0": "1", "1": "0"}), **roles)
    assert [row["label"] for row in rows_of("train")] == [0, 1]
    with pytest.raises(UserError, match="labels may be class names or class indices"):  # nobody has said which
        parsed(HEADLINES, out="other", **roles)


def test_blank_lines_are_counted_and_are_no_rows(write_raw, tmp_path, rows_of):
    content = "\n" + "".join(f"t{at}\t{at % 2}\n\n" for at in range(6))
    files = dict.fromkeys(SPLITS, "t.txt")
    write_raw(tmp_path / "t.txt", content)
    (tmp_path / "out").mkdir()
    corpus = replace(HEADLINES, files=files, classes={"0": "a", "1": "b"}, rows={"dev": 3})
    counts = parse(tmp_path, corpus, limit=None, out=tmp_path / "out")
    assert counts["files"]["train"] == {"read": 6, "kept": 6, "rejected": {}, "blank_lines": 7}
    assert counts["files"]["dev"] == {"read": 3, "kept": 3, "rejected": {}, "blank_lines": 3}
    assert [row["row"] for row in rows_of("train")] == [0, 1, 2, 3, 4, 5]
    assert [row["row"] for row in rows_of("dev")] == [0, 1, 2]


@pytest.mark.parametrize(("share", "accepted"), [(0.2, True), (0.19, False)])
def test_max_rejects_may_be_a_share_of_the_rows_read(parsed, share, accepted):
    train = [("a", 0), ("b", 1), ("c", 0), ("", 1), ("d", 1)]
    corpus = replace(HEADLINES, max_rejects=share)
    if accepted:
        assert parsed(corpus, **headlines(train=train))["rows"]["train"] == 4
        return
    message = "line 4: empty text; got '\\t1': 1 of the 5 rows read so far are rejected and max_rejects is 0.19;"
    with pytest.raises(UserError, match=re.escape(message)):
        parsed(corpus, **headlines(train=train))


def test_rows_of_a_parquet_file_are_named_as_rows(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b", None], "label": ["x", "y", "x"]}), tmp_path / "a.parquet")
    corpus = parse_settings("table", files={"train": "a.parquet"}, dev=HoldOut("train", 0.3, 1))
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"a\.parquet, row 3: empty text; got null in text: 1 of the 3 rows"):
        parse(tmp_path, replace(corpus, test=HoldOut("train", 0.3, 1)), limit=None, out=tmp_path / "out")


ONE_FILE = {"dev": HoldOut("train", 0.2, 1), "test": HoldOut("train", 0.1, 1)}


@pytest.fixture
def one_file(tmp_path, rows_of):
    """A function of rows (text, label, author) and settings: parses one file that is split; rows by split."""

    def run(rows, *, out="out", columns=("text", "label"), **changes):
        path = tmp_path / "raw" / "all.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label", "author"), *rows])
        names = dict(zip(("text", "label", "group"), columns, strict=False))
        corpus = parse_settings("table", files={"train": "all.csv"}, table=Table(**names), **(ONE_FILE | changes))
        corpus.check("corpora.x.parse")
        (tmp_path / out).mkdir()
        parse(tmp_path / "raw", corpus, limit=None, out=tmp_path / out)
        return {split: rows_of(split, out) for split in SPLITS}

    return run


GROUPED = [(f"text {at}", "ab"[at % 3 > 0], f"author {at * 7 % 40}") for at in range(600)]


def test_one_file_is_split_by_shares_and_stratified(one_file):
    splits = one_file(GROUPED)
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 420, "dev": 120, "test": 60}
    by_label = {split: Counter(row["label"] for row in rows) for split, rows in splits.items()}
    assert by_label == {"train": {0: 140, 1: 280}, "dev": {0: 40, 1: 80}, "test": {0: 20, 1: 40}}
    assert sorted(row["row"] for rows in splits.values() for row in rows) == list(range(600))
    assert one_file(GROUPED, out="again") == splits
    assert one_file(GROUPED, out="seed", seed=2)["test"] != splits["test"]


def test_rows_of_a_group_are_in_one_split(one_file):
    splits = one_file(GROUPED, columns=("text", "label", "author"))
    authors = {split: {GROUPED[row["row"]][2] for row in rows} for split, rows in splits.items()}
    assert sum(len(names) for names in authors.values()) == 40
    # 15 rows of each author: the shares are met exactly
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 420, "dev": 120, "test": 60}
    assert one_file(GROUPED, out="again", columns=("text", "label", "author")) == splits
    other = one_file(GROUPED, out="seed", columns=("text", "label", "author"), seed=2)
    assert {GROUPED[row["row"]][2] for row in other["test"]} != authors["test"]


def test_rows_without_a_group_stand_alone(one_file):
    rows = [(text, label, "") for text, label, _ in GROUPED]
    splits = one_file(rows, columns=("text", "label", "author"))
    assert abs(len(splits["test"]) - 60) <= 1
    assert abs(len(splits["dev"]) - 120) <= 1


def test_one_group_leaves_a_split_empty(one_file):
    rows = [(text, label, "the same") for text, label, _ in GROUPED]
    with pytest.raises(
        UserError,
        match=r"raw: the test split is empty; got 600 usable rows .*: test 0\.1, dev 0\.2; .* one group",
    ):
        one_file(rows, columns=("text", "label", "author"))


def test_blocks_of_one_file(one_file):
    block = {"dev": HoldOut("train", 0.2, 20), "test": HoldOut("train", 0.1, 20)}
    splits = one_file(GROUPED, **block)
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 420, "dev": 120, "test": 60}
    for split in ("dev", "test"):
        assert all(count == 20 for count in Counter(row["row"] // 20 for row in splits[split]).values())


def test_dev_may_be_held_out_of_a_test_that_is_held_out_itself(one_file):
    splits = one_file(GROUPED, test=HoldOut("train", 0.5, 1), dev=HoldOut("test", 0.1, 1))
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 300, "dev": 60, "test": 240}


@pytest.mark.parametrize("role", ["train", "dev", "test", "classes"])
def test_missing_file(tmp_path, role, write_corpus):
    files = write_corpus(tmp_path / "raw", "headlines", **headlines())
    (tmp_path / "raw" / files[role]).unlink()
    with pytest.raises(UserError, match=rf"{files[role]}: no such file; put it there, or correct the params"):
        parse(tmp_path / "raw", replace(HEADLINES, files=files), limit=None, out=tmp_path)


def test_a_truncated_file_stops_whatever_max_rejects_is(tmp_path, write_corpus):
    files = write_corpus(tmp_path, "fasttext", train=[(f"t{at}", "__label__1") for at in range(500)], test=[])
    path = tmp_path / files["train"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"train\.ft\.txt\.bz2: the compressed file is truncated or damaged"):
        parse(tmp_path, replace(FASTTEXT, files=files, max_rejects=10**6), limit=None, out=tmp_path)


def test_more_rows_than_a_batch(parsed, rows_of):
    train = [(f"t{at}", f"__label__{1 + at % 2}") for at in range(9000)]
    parsed(replace(FASTTEXT, dev=HoldOut("train", 0.3, 1)), train=train, test=train[:1])
    train_rows, dev_rows = rows_of("train"), rows_of("dev")
    assert (len(train_rows), len(dev_rows)) == (6300, 2700)
    assert Counter(row["label"] for row in dev_rows) == {0: 1350, 1: 1350}
    assert sorted((row["row"], row["text"], row["label"]) for row in train_rows + dev_rows) == [
        (at, f"t{at}", at % 2) for at in range(9000)
    ]


SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
from factories.published_files import NAMES
from textrnn.preparation.parsing.parse import parse
raw, out = map(Path, sys.argv[1:])
out.mkdir()
files = {"train": "train.csv.gz", "test": "test.csv.gz"}
print(json.dumps(parse(raw, replace(NAMES, files=files), limit=50, out=out)))
"""


def test_bytes_depend_on_nothing_but_rows_and_seed(parsed, tmp_path):
    counts = parsed(NAMES, limit=50, train=NAMES_TRAIN, test=NAMES_TEST)
    for hash_seed in ("0", "12345"):
        out = tmp_path / f"hash{hash_seed}"
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{SOURCE}:{TESTS}"}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "raw"), str(out)]
        printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        assert json.loads(printed) == counts
        assert bytes_of(out) == bytes_of(tmp_path / "out")
