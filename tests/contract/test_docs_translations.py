"""Pages in two languages: both have the same commands, code, names, links, headings and tables."""

from __future__ import annotations

import pytest

from factories.doc_pages import CHINESE, PAGES, chinese, english, links, skeleton
from factories.imports import ROOT

TRANSLATED = [english(page) for page in PAGES if page.name.endswith(CHINESE)]


def test_the_pages_of_a_first_use_are_translated():
    names = {page.relative_to(ROOT).as_posix() for page in TRANSLATED}
    assert {"README.md", "docs/own-data.md", "docs/experiments.md", "docs/params.md"} <= names


def test_commands_are_seen():
    assert {"make run", "make test", "dvc metrics diff"} <= set(skeleton(ROOT / "README.md").commands)


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
@pytest.mark.parametrize("part", skeleton(ROOT / "README.md")._fields)
def test_a_page_and_its_translation_share(page, part):
    assert getattr(skeleton(page), part) == getattr(skeleton(chinese(page)), part)


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_a_page_and_its_translation_link_to_each_other_on_top(page):
    other = chinese(page)
    assert page.read_text(encoding="utf-8").split("\n\n")[1] == f"English | [中文]({other.name})"
    assert other.read_text(encoding="utf-8").split("\n\n")[1] == f"[English]({page.name}) | 中文"


def test_the_figures_of_the_study_are_in_the_language_of_their_page():
    for name, language in (("study.md", "en"), (f"study{CHINESE}", "zh")):
        figures = [link for link in links(ROOT / "docs" / name) if link.endswith(".svg")]
        assert len(figures) > 10
        assert [figure for figure in figures if not figure.startswith(f"study/{language}/")] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob(f"*{CHINESE}")), ids=lambda page: page.name)
def test_chinese_pages_lead_to_chinese_pages_where_there_are_some(page):
    targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if not link.startswith("http")}
    translated = {target for target in targets - {english(page)} if target in TRANSLATED}
    assert translated == set()
