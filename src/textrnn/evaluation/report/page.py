"""The page: its sections in order, links to them, its style and its script, in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.report.environment import ENVIRONMENT, FOLDER
from textrnn.evaluation.report.overview import overview
from textrnn.evaluation.report.sections import recipe_section
from textrnn.evaluation.report.study_section import ShownStudy, study_section
from textrnn.stage import output_file


@dataclass(frozen=True)
class Section:
    """A part of the page: the id that links lead to, its heading, its template and the template's values."""

    anchor: str
    title: str
    template: str
    content: Mapping[str, Any]


def _overview(recipes: Sequence[RecipeResults], _study: ShownStudy | None) -> Iterator[Section]:
    yield Section("recipes", "Recipes", "overview.html", overview(recipes))


def _study_of_claims(_recipes: Sequence[RecipeResults], study: ShownStudy | None) -> Iterator[Section]:
    if study is not None:
        yield Section("study", "The study of the tutorials' claims", "study.html", study_section(study))


def _recipes(recipes: Sequence[RecipeResults], _study: ShownStudy | None) -> Iterator[Section]:
    for recipe in recipes:
        yield Section(f"recipe-{recipe.name}", recipe.name, "recipe.html", recipe_section(recipe))


# The parts of the page from top to bottom; each yields the sections that there are files for.
SECTIONS: tuple[Callable[[Sequence[RecipeResults], ShownStudy | None], Iterator[Section]], ...] = (
    _overview,
    _study_of_claims,
    _recipes,
)


def render(recipes: Sequence[RecipeResults], study: ShownStudy | None) -> str:
    """The page of these recipes and of a study as one HTML document; equal arguments give equal text."""
    script = _read("script.js")
    return ENVIRONMENT.get_template("page.html").render(
        sections=[section for make in SECTIONS for section in make(recipes, study)],
        style=Markup(_read("style.css")),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def write_report(recipes: Sequence[RecipeResults], study: ShownStudy | None, path: Path) -> None:
    """Write the page of these recipes and of a study, whole or not at all."""
    with output_file(path) as temporary:
        temporary.write_text(render(recipes, study), encoding="utf-8", newline="\n")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
