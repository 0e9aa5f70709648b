"""docs/text-to-answer.md: every block of Python has an output, and what needs no training is up to date."""

import re
from pathlib import Path

import pytest

from factories.imports import ROOT
from textrnn.errors import UserError

PAGE, PICTURE = (ROOT / "docs" / f"text-to-answer.{suffix}" for suffix in ("md", "svg"))


@pytest.fixture
def script(import_benchmark):
    return import_benchmark("text_to_answer")


@pytest.fixture
def page():
    return PAGE.read_text(encoding="utf-8")


def test_every_block_of_python_has_an_output(script, page):
    blocks = list(script.BLOCKS.finditer(page))
    assert len(blocks) == page.count("```python") == page.count("```text") > 10
    assert [block["code"] for block in blocks if not block["output"].strip()] == []


def test_the_scores_of_the_recipes_are_the_committed_ones(script, page, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (block,) = [block for block in script.BLOCKS.finditer(page) if "scores.json" in block["code"]]
    exec(block["code"], {"Path": Path})
    assert capsys.readouterr().out == block["output"]


def test_the_picture_shows_the_values_of_the_page(script, page):
    outputs = [block["output"] for block in script.BLOCKS.finditer(page)]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", PICTURE.read_text(encoding="utf-8"))
    (text,) = re.findall(r"'text': '([^']*)', 'label': 7", "".join(outputs))
    assert {f"{text} ⇥ 7", text, "label 7, sports"} <= set(texts)
    start = texts.index("3  Tokens") + 2
    assert texts[start : start + len(text)] == list(text.replace(" ", "␣"))
    (padded,) = [output for output in outputs if "\nlength " in output]
    start = texts.index("5  Padded row") + 2
    assert texts[start : start + 16] == re.findall(r"\d+", padded)[:16]
    (answer,) = [output for output in outputs if "\nanswer: " in output]
    bars = dict(re.findall(r"(?m)^(\w+) .*probability (.*)$", answer))
    chosen = answer.rpartition("answer: ")[2].strip()
    bars[chosen] += ", the answer"
    start = texts.index("8  Answer") + 2
    assert texts[start : start + 20] == [text for bar in bars.items() for text in bar]


def test_only_outputs_are_replaced(script):
    page = "a\n\n```python\nprint(1)\n```\n\n```text\nold\n```\n\nb\n\n```python\nprint(x := 2)\n```\n\n```text\n```\n"
    outputs, names = script.run_blocks(script.code_blocks(page))
    assert outputs == ["1\n", "2\n"]
    assert names["x"] == 2
    filled = page.replace("old\n", "1\n").replace("```text\n```", "```text\n2\n```")
    assert script.fill(page, outputs) == script.fill(filled, outputs) == filled


def test_without_the_model_the_script_says_what_to_run(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="models/news_rnn: is missing; run: dvc repro evaluate@news_rnn"):
        script.main()
