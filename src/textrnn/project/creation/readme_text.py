"""The README of a project."""

from __future__ import annotations

from pathlib import Path

from textrnn.evaluation.analysis.markdown import code_span

TEMPLATE = Path(__file__).with_name("templates") / "project.md"


def readme_text(corpus: str, recipe: str, file: str) -> str:
    """The README, with the names of the project's corpus and recipe, and of the raw file."""
    return TEMPLATE.read_text(encoding="utf-8").format(corpus=corpus, recipe=recipe, file=code_span(file))
