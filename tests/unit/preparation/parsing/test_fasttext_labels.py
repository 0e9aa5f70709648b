"""Where a fastText label ends: text that is glued to it is no class, and separators are no text."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.published_files import FASTTEXT
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import fasttext
from textrnn.preparation.parsing.formats.fasttext import (
    FURTHER,
    LONE_SEPARATOR,
    PREFIX,
    SEPARATORS,
    WHITE,
    _split_labels,
)
from textrnn.preparation.parsing.parse import parse

ROWS = "".join(f"__label__{'ab'[at % 2]} text {at}\n" for at in range(12))


def corpus(folder, write_raw, content, **changes):
    write_raw(folder / "train.txt", content)
    return replace(FASTTEXT, files={"train": "train.txt", "test": "train.txt"}, **{"classes": None} | changes)


def test_text_that_is_glued_to_a_label(tmp_path, write_raw):
    content = ROWS + "__label__a,great cup\n__label__c;good\n" + "__label__a,b more\n" * 2
    settings = corpus(tmp_path, write_raw, content)
    assert fasttext.labels(tmp_path, settings) == {"__label__a": "a", "__label__b": "b"}
    message = r"a label that is not one of the 2 classes; got '__label__a,great': .*is a space missing between label an"
    with pytest.raises(UserError, match=message):
        parse(tmp_path, settings, limit=None, out=tmp_path)


def test_a_class_with_a_separator(tmp_path, write_raw):
    content = ROWS + "__label__food,drink cup\n" * 2
    assert "food,drink" in fasttext.labels(tmp_path, corpus(tmp_path, write_raw, content)).values()


def test_no_text_begins_with_a_lone_separator(tmp_path, write_raw):
    lines = ["__label__a , text", "__label__a, text", "__label__a ,text", "__label__a , __label__b , text"]
    settings = corpus(tmp_path, write_raw, "__label__a first\n" + "\n".join(lines), several_labels="first")
    rows = list(fasttext.read(tmp_path / "train.txt", settings))
    assert [(row.label, row.text) for row in rows[1:]] == [
        ("__label__a", "text"),
        ("__label__a", "text"),
        ("__label__a", ",text"),
        ("__label__a", "text"),
    ]


def test_classes_without_the_prefix(tmp_path, write_raw):
    settings = corpus(tmp_path, write_raw, ROWS, classes={"a": "good", "b": "bad"})
    with pytest.raises(UserError, match=r"classes must have the labels with __label__.*; write __label__a: good"):
        fasttext.labels(tmp_path, settings)


OLD_FURTHER = re.compile(rf"(?:^|[{WHITE}])[{WHITE}{SEPARATORS}]*{PREFIX}([^{WHITE}]*)")  # takes quadratic time


@settings(max_examples=500)
@given(st.lists(st.sampled_from([" ", ",", "\t", "\0", "a", PREFIX, "__label", ";", "x y"]), max_size=12).map("".join))
def test_further_labels_are_those_of_the_plain_pattern(text):
    labels, left = _split_labels("__label__0", text)
    tokens = ["0", *OLD_FURTHER.findall(text)]
    parts = [part.rstrip(SEPARATORS) for token in tokens for part in token.split(PREFIX)]
    plain = OLD_FURTHER.sub("", text).lstrip() if len(tokens) > 1 else text
    assert labels == list(dict.fromkeys(parts))
    assert left == (LONE_SEPARATOR.sub("", plain, count=1) if LONE_SEPARATOR.match(plain) else plain)


def test_a_run_without_a_label_is_one_match():
    assert len(list(FURTHER.finditer("a" + " ," * 5000 + "b"))) == 1
