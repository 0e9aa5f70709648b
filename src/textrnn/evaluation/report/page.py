"""The page: its sections in order, links to them, its style and its script, in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.evaluation.outputs.recipe_files import RecipeResults
from textrnn.evaluation.rendering.markup import Markup, markup, tag
from textrnn.evaluation.report.overview import overview
from textrnn.evaluation.report.sections import recipe_section
from textrnn.evaluation.report.study_section import Study, study_section

HERE = Path(__file__).parent
TITLE = "textrnn: report"


@dataclass(frozen=True)
class Section:
    """A part of the page: the name that links lead to, its heading and what is in it."""

    anchor: str
    title: str
    body: Markup


def _overview(recipes: Sequence[RecipeResults], _study: Study | None) -> Iterator[Section]:
    yield Section("recipes", "All recipes", overview(recipes))


def _study_of_claims(_recipes: Sequence[RecipeResults], study: Study | None) -> Iterator[Section]:
    if study is not None:
        yield Section("study", "The study of the tutorials' claims", study_section(study))


def _recipes(recipes: Sequence[RecipeResults], _study: Study | None) -> Iterator[Section]:
    for recipe in recipes:
        yield Section(f"recipe-{recipe.name}", recipe.name, recipe_section(recipe))


# What the page is made of, from top to bottom: each gives the sections that there are files for.
SECTIONS: tuple[Callable[[Sequence[RecipeResults], Study | None], Iterator[Section]], ...] = (
    _overview,
    _study_of_claims,
    _recipes,
)


def render(recipes: Sequence[RecipeResults], study: Study | None) -> str:
    """The page of these recipes, and of a study, as one HTML document; the same of them give the same text."""
    sections = [section for make in SECTIONS for section in make(recipes, study)]
    links = [tag("li", tag("a", section.title, href=f"#{section.anchor}")) for section in sections]
    toggle = tag("button", "Theme", type="button", id="theme", hidden=True)
    header = tag("header", tag("h1", TITLE), toggle)
    nav = tag("nav", tag("ul", links), aria_label="Sections")
    body = tag("body", _skip(), header, nav, tag("main", map(_section, sections), id="main"), _script())
    return f"<!DOCTYPE html>\n{tag('html', _head(), body, lang='en')}\n"


def _skip() -> Markup:
    return tag("a", "To the results", href="#main", class_="skip")


def _section(section: Section) -> Markup:
    heading = f"{section.anchor}-title"
    body = (tag("h2", section.title, id=heading), section.body)
    return markup("\n", tag("section", body, id=section.anchor, aria_labelledby=heading))


def _head() -> Markup:
    # nothing is loaded from anywhere, and no script runs but the page's own
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(_read('script.js'))}'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", TITLE),
        tag("style", Markup(_read("style.css"))),
    )


def _script() -> Markup:
    return tag("script", Markup(_read("script.js")))


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
