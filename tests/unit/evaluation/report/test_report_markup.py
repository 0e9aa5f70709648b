"""The report parses no text as markup, loads nothing, and can be read aloud."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from jinja2 import UndefinedError

from factories import report_files
from factories.report_files import result_folders, write_baselines, write_json, write_recipe
from factories.report_pages import ENTITY_SCORES, HOSTILE, TAGGED, VISIBLE, Page, error, span
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.report.environment import ENVIRONMENT
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent

MACROS = ENVIRONMENT.get_template("macros.html").module


def test_text_is_never_markup(page):
    assert page.count("<script>") == 1  # the page's own
    assert "alert(1)" not in Page(page).texts("script")[0]
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8  # as a label, and as a token of both tasks


@pytest.mark.parametrize("tags", [False, True])
def test_hostile_text_stays_text_wherever_it_is_put(tmp_path, tags):
    folders = result_folders(tmp_path)
    tokens = ["a", HOSTILE, HOSTILE, "b"]
    sentence = {
        **TAGGED,
        "tokens": tokens,
        "missed": [span(1, 2, HOSTILE, tokens)],
        "made_up": [span(2, 3, HOSTILE, tokens)],
        "right": [],
    }
    errors = [sentence] if tags else [error("O", HOSTILE, tokens)]
    scores = ENTITY_SCORES if tags else {}
    write_recipe(folders, "r", np.array([[5, 1], [2, 8]]), ["O", HOSTILE], errors, scores)
    write_baselines(folders, "e", "entity_f1" if tags else "accuracy", **{HOSTILE: (0.2, 0.3)})
    write_json(folders.models / "r" / "training.json", {**report_files.TRAINING, "stopped_by": HOSTILE})
    write_json(folders.models / "r" / "config.json", {"model": {**report_files.MODEL, "cell": HOSTILE}})
    corpus = HOSTILE[2:]
    absent = f"absent {corpus}".replace("/", "")
    # no recipe may have such a name: it is put into the results, as all text is that a page shows
    results = read_recipe_results("absent", "e", corpus, tmp_path)
    missing = [(path.replace("absent", absent), stage.replace("absent", absent)) for path, stage in results.missing]
    results = replace(results, name=absent, missing=missing)
    source = render(ReportContent([read_recipe_results("r", "e", corpus, tmp_path), results]))
    page = Page(source)
    counts = Counter(name for name, _, _ in page.elements)
    assert (counts["script"], counts["img"]) == (1, 0)
    assert not any(attributes.keys() & {"onerror", "src", "evil"} for _, attributes, _ in page.elements)
    # as a class, a token and an entity: all of its characters, in an element that isolates their direction
    hostile = [text for text in page.texts("bdi") if "alert(2)" in text]
    assert {text.replace(VISIBLE, "") for text in hostile} == ({"", "a", "b"} if tags else {"", "ab"})
    assert VISIBLE in page.texts("th", scope="row")
    assert f"O predicted as {VISIBLE}: 1 of 6, 16.67%" in [
        attributes.get("title") for _, attributes, _ in page.all("td")
    ]
    assert page.texts("h2")[-1] == absent
    assert corpus in page.texts("td")
    assert f"{corpus}: {'entity F1' if tags else 'accuracy'}" in page.texts("figcaption")
    assert "49" not in "".join(page.texts("bdi"))


def test_corpus_text_has_its_language_and_visible_control_characters():
    assert MACROS.text("漢a") == '<bdi lang="zh-Hans">漢a</bdi>'
    assert MACROS.text("abc，") == "<bdi>abc，</bdi>"
    assert MACROS.text("\x00a\x1b\x7f\t\n") == "<bdi>␀a␛␡␉␊</bdi>"
    assert MACROS.text("<'\">&") == "<bdi>&lt;&#39;&#34;&gt;&amp;</bdi>"


def test_macros_escape_what_they_are_given():
    quoted = "&#34;&gt;&lt;b&gt;"
    assert f'aria-label="{quoted}"' in MACROS.table('"><b>', [('"><b>', '"><b>')], '"><b>', caller=lambda: "")
    for source in (
        MACROS.table('"><b>', [('"><b>', '"><b>')], '"><b>', caller=lambda: "<b>"),
        MACROS.scroller('"><b>', '"><b>', caller=lambda: "<b>"),
        MACROS.facts([('"><b>', '"><b>')]),
        MACROS.entity('"><b>', '"><b>', '"><b>'),
    ):
        assert "<b>" not in source
        assert "&lt;b&gt;" in source


def test_a_template_names_a_value_that_is_missing():
    with pytest.raises(UndefinedError, match="has no attribute 'rows'"):
        ENVIRONMENT.get_template("overview.html").render(content={"charts": []})


def test_the_page_loads_nothing(page):
    parsed = Page(page)
    links = [attributes["href"] for _, attributes, _ in parsed.all("a")]
    assert all(link.startswith("#") for link in links)
    ids = [attributes["id"] for _, attributes, _ in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)
    assert not {name for name, _, _ in parsed.elements} & {"link", "img", "iframe", "object", "base", "form"}
    loading = {"src", "srcset", "onclick", "onload", "action"}
    assert [each for each in parsed.elements if each[1].keys() & loading] == []
    assert "url(" not in page
    assert "@import" not in page
    policy = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_a_screen_reader_can_read_the_page(page):
    parsed = Page(page)
    headings = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert parsed.all("svg")
    assert all(each[1]["role"] == "img" and each[1]["aria-label"] for each in parsed.all("svg"))
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(each[1]["scope"] in ("row", "col") for each in parsed.all("th"))
    assert all(each[1]["tabindex"] == "0" and each[1]["aria-label"] for each in parsed.all("div", role="region"))
    assert parsed.all("html")[0][1]["lang"] == "en"
