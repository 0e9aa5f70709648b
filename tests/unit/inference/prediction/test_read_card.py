"""The card next to a model directory, and the example in its head, which never stop a server."""

import json

import pytest

from factories.imports import ROOT
from textrnn.inference.prediction.model_card import MAX_BYTES, Card, read_card


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "news.v2"
    folder.mkdir()
    return folder


def read(folder, content):
    path = folder.with_name("news.v2.md")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_card(folder)


def test_a_card_as_it_is_rendered_has_its_example(folder):
    golden = ROOT / "tests" / "unit" / "evaluation" / "analysis" / "card.golden.md"
    card = read(folder, golden.read_bytes())
    assert card.example == "张三 said hello"
    assert card.markdown.startswith("# Model card: tiny\n")
    assert card.markdown.endswith("* textrnn: 0.1.0\n")


@pytest.mark.parametrize(
    ("head", "example"),
    [
        (f"- text: {json.dumps('a')}", "a"),
        ("- text: plain", None),
        ("- text: 3", None),
        ("  - text: no", None),
        ("title: x", None),
        (r'- text: "\ud800"', None),
        ("- text: " + 100_000 * "[", None),
    ],
)
def test_a_head_of_another_form_has_no_example(folder, head, example):
    assert read(folder, f"---\n{head}\n---\n\n# Card\n") == Card("# Card\n", example)


@pytest.mark.parametrize("content", ["# Card\n", "", '---\n- text: "never closed"\n'])
def test_without_a_head_all_of_the_file_is_the_card(folder, content):
    assert read(folder, content) == Card(content, None)


def test_bytes_that_are_no_text_are_replaced(folder):
    assert read(folder, b"# \xff\n") == Card("# \ufffd\n", None)


def test_what_is_no_card_is_none(folder):
    assert read_card(folder) is None
    assert read(folder, b"#" * (MAX_BYTES + 1)) is None
    assert read(folder, b"#" * MAX_BYTES) is not None


def test_a_card_that_cannot_be_read_is_none(folder, monkeypatch):
    folder.with_name("news.v2.md").write_text("# Card\n", encoding="utf-8")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    assert read_card(folder) is None
