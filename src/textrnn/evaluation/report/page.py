"""The page: its sections in order, links to them, its style and its script, in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from textrnn.evaluation.report.answers import answers
from textrnn.evaluation.report.costs import costs
from textrnn.evaluation.report.environment import ENVIRONMENT, FOLDER
from textrnn.evaluation.report.overview import overview
from textrnn.evaluation.report.report_content import ReportContent
from textrnn.evaluation.report.sections import recipe_section
from textrnn.evaluation.report.study_section import study_section
from textrnn.stage import output_file


@dataclass(frozen=True)
class Section:
    """A part of the page: the id that links lead to, its heading, its template and the template's values."""

    anchor: str
    title: str
    template: str
    content: Mapping[str, Any]


def _answers(content: ReportContent) -> Iterator[Section]:
    yield Section("answer", "Which model for which corpus", "answers.html", answers(content))


def _costs(content: ReportContent) -> Iterator[Section]:
    yield Section("costs", "Score and cost", "costs.html", costs(content))


def _overview(content: ReportContent) -> Iterator[Section]:
    yield Section("recipes", "Recipes", "overview.html", overview(content.recipes))


def _study_of_claims(content: ReportContent) -> Iterator[Section]:
    if content.study is not None:
        yield Section("study", "The study of the tutorials' claims", "study.html", study_section(content.study))


def _recipes(content: ReportContent) -> Iterator[Section]:
    for recipe in content.recipes:
        yield Section(f"recipe-{recipe.name}", recipe.name, "recipe.html", recipe_section(recipe))


# The parts of the page from top to bottom; each yields the sections that there are files for.
SECTIONS: tuple[Callable[[ReportContent], Iterator[Section]], ...] = (
    _answers,
    _costs,
    _overview,
    _study_of_claims,
    _recipes,
)


def render(content: ReportContent) -> str:
    """The page as one HTML document; equal content gives equal text."""
    script = _read("script.js")
    return ENVIRONMENT.get_template("page.html").render(
        sections=[section for make in SECTIONS for section in make(content)],
        style=Markup(_read("style.css")),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def write_report(content: ReportContent, path: Path) -> None:
    """Write the page, whole or not at all."""
    with output_file(path) as temporary:
        temporary.write_text(render(content), encoding="utf-8", newline="\n")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
