"""The section `parse` of a corpus: values accepted, and values refused by their dotted name."""

import re
from dataclasses import replace

import pytest

from factories.published_files import HEADLINES, NAMES
from textrnn.common.config.parse import HoldOut, Parse
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
        ({"rows": {"dev": 7}}, "rows.dev: must be null where there is no such file; got 7 (int)"),
        ({"max_rejects": -1}, "max_rejects: must not be negative; got -1 (int)"),
    ],
)
def test_check_refuses_invalid_values_by_dotted_name(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(f'corpora.x.{message}')}$"):
        replace(NAMES, **({"files": FILES} | changed)).check("corpora.x")


def test_an_unknown_format_is_refused_when_params_are_read():
    entry = vars(NAMES) | {"format": "csv", "files": FILES, "dev": {"from": "train", "share": 0.1, "block": 1}}
    entry["table"] = vars(NAMES.table)
    message = r"^corpora\.x\.parse\.format: must be one of headlines, names, bio, fasttext, table; got 'csv' \(str\)$"
    with pytest.raises(UserError, match=message):
        load_entry_section(Parse, {"parse": {}, "corpora": {"x": {"parse": entry}}}, "corpora", "x", "parse")


def test_check_refuses_both_a_dev_file_and_a_hold_out():
    with pytest.raises(UserError, match=r"^corpora\.x\.dev: must be null if files\.dev names a file, .*; got HoldOut"):
        replace(NAMES, files=FILES | {"dev": "c"}).check("corpora.x")
