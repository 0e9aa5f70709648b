"""The study in the report: its claims, findings and plots, and damaged files named."""

import re
import shutil

import pytest

from factories.imports import ROOT
from factories.report_files import write_json
from factories.report_pages import ATTACK, Page, details, recipes
from factories.study_records import verdicts
from textrnn.errors import UserError
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent
from textrnn.evaluation.report.study_section import read_shown_study

DOCS = ROOT / "docs" / "study"


def test_the_study_has_its_claims_findings_and_plots(folder, study):
    _, _, judged = verdicts()
    judged["claims"][1]["said"] = ATTACK
    write_json(study / "verdicts.json", judged)
    page = render(ReportContent(recipes(folder), read_shown_study(study)))
    part = page.split('<section id="study"')[1].split("</section>")[0]
    scale = "20 of 20 runs, on the CPU; at most news_rnn on 16 rows for 1 epoch. Brackets are 90% intervals by Student"
    assert f">{scale}" in part
    claims = details(part)
    assert len(claims) == len(judged["claims"])
    for claim, expected in zip(claims, judged["claims"], strict=True):
        summary = f"{expected['verdict']} {expected['said']} tutorial {expected['tutorial']}"
        assert claim.texts("summary") == [summary]
        words = [each["words"] for each in expected["findings"] if each["difference"] or not expected["missing"]]
        lacks = [expected["lacks"]] if expected["missing"] else []
        assert [text.replace("\xa0", " ") for text in claim.texts("li")] == words + lacks
        notes = [expected["judged"], expected["why"] and f"Why: {expected['why']}"]
        assert claim.texts("p") == [note for note in notes if note]
    assert "Not run yet: BiLSTM, batch 64 (seeds 1)." in part
    assert {claim["claim"] for claim in judged["claims"] if claim["why"]} == {"half_text", "fewer_parameters"}
    assert claims[0].texts("figcaption") == ["fails_at_32"]
    assert "RNN, batch 64, pad 32" in claims[0].texts("text")
    assert claims[0].all("span")[0][1]["class"] == "verdict good"
    assert Page(page).all("svg", **{"aria-label": "Plot fails_at_32"})[0][1]["viewbox"].startswith("0 0 440 ")
    assert page.count("<style>") == 1  # the page's own
    assert '<a href="#study">' in page


def test_the_plots_of_the_documentation_can_be_shown(folder, tmp_path):
    """They may be older than the code that draws plots."""
    shutil.copytree(DOCS / "en", tmp_path / "shown" / "plots")
    shutil.copy(DOCS / "verdicts.json", tmp_path / "shown")
    names = [path.stem for path in (DOCS / "en").iterdir()]
    page = render(ReportContent(recipes(folder), read_shown_study(tmp_path / "shown")))
    shown = [caption for claim in details(page) for caption in claim.texts("figcaption")]
    assert sorted(shown) == sorted(names)
    assert page.count("<style>") == 1
    assert "nn.GRU" in Page(page).texts("text")


def test_every_class_of_a_plot_has_a_rule_in_the_page(study):
    style = (ROOT / "src" / "textrnn" / "evaluation" / "report" / "style.css").read_text(encoding="utf-8")
    rules = set(re.findall(r"(?:svg|\.plot) \.([\w-]+)", style))
    for folder in (study / "plots", DOCS / "en", DOCS / "zh"):
        for path in folder.glob("*.svg"):
            plot = path.read_text(encoding="utf-8")
            classes = {each for value in re.findall(r'class="([^"]*)"', plot) for each in value.split()}
            assert classes <= rules, path
            own_rules = re.findall(r"\.([\w-]+)", plot.split("<style>")[1].split("</style>")[0])
            assert classes <= {*own_rules, "soft"}, path


def test_without_a_study_there_is_no_section_for_it(folder, tmp_path):
    assert read_shown_study(tmp_path) is None
    assert 'id="study"' not in render(ReportContent(recipes(folder)))


def test_a_damaged_study_is_named(study):
    for path, broken in ((study / "plots" / "fails_at_32.svg", "<svg></svg>"), (study / "verdicts.json", "{")):
        before = path.read_bytes()
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{path.name}: is damaged; got .*; run the stage that writes it$"):
            read_shown_study(study)
        path.write_bytes(before)
