"""The section `parse` of a corpus: values accepted, and values refused by their dotted name."""

import re
from dataclasses import replace

import pytest

from factories.published_files import HEADLINES, NAMES
from textrnn.common.config.parse import HoldOut, Parse, Table
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError


def test_check_accepts_valid_entries():
    replace(HEADLINES, files={"train": "a", "dev": "b", "test": "c", "classes": "d"}).check("corpora.x")
    replace(NAMES, files={"train": "a", "test": "c", "dev": None}, rows={"train": 5, "dev": None}).check("corpora.x")


FILES = {"train": "a", "test": "b"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"files": FILES | {"valid": "c"}},
            "files: a role must be train, dev, test, classes or unlabelled; got 'valid' (str)",
        ),
        ({"files": {"train": "a"}}, "files.test: must name a file; got null"),
        ({"files": {"train": None, "test": "b"}}, "files.train: must name a file; got null"),
        ({"format": "headlines"}, "files.classes: must name a file unless classes is given; got null"),
        ({"classes": {"a": "x", "b": "x"}}, "classes: must not give two labels the same name; got ['x', 'x'] (list)"),
        ({"classes": {"a": "x", "b": ""}}, "classes: must not give a label an empty name; got ['x', ''] (list)"),
        ({"dev": None}, "dev: must be null if files.dev names a file, and {from, share, block} otherwise; got null"),
        ({"dev": HoldOut("dev", 0.1, 1)}, "dev.from: must be train or test; got 'dev' (str)"),
        ({"dev": HoldOut("train", 0.1, 0)}, "dev.block: must be at least 1; got 0 (int)"),
        ({"dev": HoldOut("train", 0.0, 1)}, "dev.share: must lie in (0, 1); got 0.0 (float)"),
        ({"dev": HoldOut("train", 1.0, 1)}, "dev.share: must lie in (0, 1); got 1.0 (float)"),
        ({"dev": HoldOut("train", float("nan"), 1)}, "dev.share: must lie in (0, 1); got nan (float)"),
        ({"rows": {"valid": 3}}, "rows: a role must be train, dev or test; got 'valid' (str)"),
        ({"rows": {"train": 0}}, "rows.train: must be at least 1; got 0 (int)"),
        ({"rows": {"dev": 7}}, "rows.dev: must be null if there is no such file; got 7 (int)"),
        (
            {"test": HoldOut("train", 0.1, 1)},
            "test: must be null if files.test names a file; got HoldOut(from_='train', share=0.1, block=1) (HoldOut)",
        ),
        ({"max_rejects": 1.5}, "max_rejects: must be a whole number, or a fraction below 1; got 1.5 (float)"),
        (
            {"text_encoding": "utf-9"},
            "text_encoding: must be the name of an encoding that Python has, such as gb18030, or null; "
            "got 'utf-9' (str); did you mean utf-8?",
        ),
        (
            {"text_encoding": "zip"},
            "text_encoding: must be the name of an encoding that Python has, such as gb18030, or null; got 'zip' (str)",
        ),
        (
            {"table": Table(text="a")},
            "table: must name the columns text and label, or tokens and tags; got ['text'] (list)",
        ),
        ({"table": Table(text="a", label="a")}, "table: must name two different columns; got ['a', 'a'] (list)"),
        (
            {"table": Table(text="a", label="b", tokens="c", tags="d")},
            "table: must name the columns text and label, or tokens and tags; "
            "got ['text', 'label', 'tokens', 'tags'] (list)",
        ),
        (
            {"table": Table(text="a", label="b", delimiter="::")},
            "table.delimiter: must be one character, but not a quote or a line end; got '::' (str)",
        ),
        ({"max_rejects": -1}, "max_rejects: must not be negative; got -1 (int)"),
    ],
)
def test_check_refuses_invalid_values_by_dotted_name(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(f'corpora.x.{message}')}$"):
        replace(NAMES, **({"files": FILES} | changed)).check("corpora.x")


def test_an_unknown_format_is_refused_when_params_are_read():
    entry = vars(NAMES) | {"format": "csv", "files": FILES, "dev": {"from": "train", "share": 0.1, "block": 1}}
    entry |= {"table": vars(NAMES.table), "columns": vars(NAMES.columns)}
    message = r"^corpora\.x\.parse\.format: must be one of headlines, names, bio, fasttext, table; got 'csv' \(str\)$"
    with pytest.raises(UserError, match=message):
        load_entry_section(Parse, {"parse": {}, "corpora": {"x": {"parse": entry}}}, "corpora", "x", "parse")


def test_check_refuses_both_a_dev_file_and_a_hold_out():
    with pytest.raises(UserError, match=r"^corpora\.x\.dev: must be null if files\.dev names a file, .*; got HoldOut"):
        replace(NAMES, files=FILES | {"dev": "c"}).check("corpora.x")


ONE_FILE = {"files": {"train": "a"}, "dev": HoldOut("train", 0.2, 1), "test": HoldOut("train", 0.1, 1)}


def test_one_file_may_be_split_by_shares():
    replace(NAMES, **ONE_FILE).check("corpora.x")
    replace(NAMES, **ONE_FILE | {"dev": HoldOut("test", 0.5, 1)}).check("corpora.x")
    replace(NAMES, files=FILES, max_rejects=0.01, text_encoding="gb18030").check("corpora.x")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": None}, "files.test: must name a file; got null"),
        ({"test": HoldOut("test", 0.1, 1)}, "test.from: must be train; got 'test' (str)"),
        ({"test": HoldOut("dev", 0.1, 1)}, "test.from: must be train; got 'dev' (str)"),
        (
            {"test": HoldOut("train", 0.8, 1)},
            "test.share: leaves no rows for train: the shares of dev and test must be less than 1 together; "
            "got 0.8 (float)",
        ),
        ({"rows": {"test": 5}}, "rows.test: must be null if there is no such file; got 5 (int)"),
        (
            {"format": "table", "table": Table(text="a", label="b", group="c"), "test": HoldOut("train", 0.1, 20)},
            "test.block: must be 1 if table.group says which rows belong together; got 20 (int)",
        ),
    ],
)
def test_check_refuses_splits_of_one_file_that_cannot_be(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(f'corpora.x.{message}')}$"):
        replace(NAMES, **ONE_FILE | changed).check("corpora.x")


def test_sections_of_tables_are_read_from_params():
    defaults = vars(NAMES) | {
        "dev": None,
        "columns": vars(NAMES.columns),
        "table": {"text": "text", "label": "label"},
        "max_rejects": 0.01,
    }
    own = {"table": {"tokens": "words", "tags": "ner"}, "files": FILES, "format": "table", "max_rejects": 3}
    own["dev"] = {"from": "train", "share": 0.1, "block": 1}
    loaded = load_entry_section(Parse, {"parse": defaults, "corpora": {"x": {"parse": own}}}, "corpora", "x", "parse")
    assert loaded.table == Table(tokens="words", tags="ner")
    assert (loaded.max_rejects, type(loaded.max_rejects)) == (3, int)


@pytest.mark.parametrize("encoding", ["idna", "punycode", "undefined", "unicode_escape"])
def test_an_encoding_of_other_things_than_files(encoding):
    with pytest.raises(UserError, match="text_encoding: must be the name of an encoding that Python has"):
        replace(NAMES, files=FILES, text_encoding=encoding).check("corpora.x")
