"""Run the Python of docs/text-to-answer.md, and write its output and the picture into the docs.

    dvc repro evaluate@news_rnn
    python benchmarks/text_to_answer.py

The page is its own template: each block of Python is followed by a block of text, which this script replaces with what
the Python prints. All blocks share one namespace, as if a reader had typed them one after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from text_to_answer_picture import VECTOR_ROWS, Walk, draw
from textrnn.errors import UserError
from textrnn.evaluation.rendering.svg import document
from textrnn.stage import run_command

PAGE = Path("docs/text-to-answer.md")
PICTURE = Path("docs/text-to-answer.svg")
BLOCKS = re.compile(r"(?ms)^```python\n(?P<code>.*?)^```\n\n```text\n(?P<output>.*?)^```$")
MODEL = Path("models/news_rnn")  # what the page reads that takes training


def code_blocks(page: str) -> list[str]:
    """The Python of each block, in order."""
    return [block["code"] for block in BLOCKS.finditer(page)]


def run_blocks(blocks: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """What each block prints, and the names that the blocks have defined."""
    namespace: dict[str, Any] = {}
    outputs = []
    for number, code in enumerate(blocks, start=1):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, f"{PAGE}, block {number}", "exec"), namespace)
        outputs.append(printed.getvalue())
    return outputs, namespace


def fill(page: str, outputs: Sequence[str]) -> str:
    """The page with these outputs, one for each block."""
    remaining: Iterator[str] = iter(outputs)
    return BLOCKS.sub(lambda block: f"```python\n{block['code']}```\n\n```text\n{next(remaining)}```", page)


def picture(names: Mapping[str, Any]) -> str:
    """The picture as SVG, of what the blocks have defined."""
    row, padded = names["row"], names["padded"]
    walk = Walk(
        text=row["text"],
        label=row["label"],
        tokens=names["tokens"],
        ids=padded["ids"],
        vectors=[names["table"][token_id, :VECTOR_ROWS].tolist() for token_id in padded["ids"]],
        states=[state.tolist() for state in names["states"]],
        probabilities=dict(zip(names["topics"], names["probabilities"].tolist(), strict=True)),
    )
    return document(draw(walk))


def main() -> None:
    if not MODEL.is_dir():
        raise UserError(MODEL, "is missing", do="run: dvc repro evaluate@news_rnn")
    page = PAGE.read_text(encoding="utf-8")
    outputs, namespace = run_blocks(code_blocks(page))
    PAGE.write_text(fill(page, outputs), encoding="utf-8")
    PICTURE.write_text(picture(namespace), encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    run_command(main)
