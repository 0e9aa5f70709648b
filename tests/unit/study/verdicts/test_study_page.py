"""The page in both languages, the words of findings, the figures, and what a terminal shows."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from factories.study_records import verdicts
from textrnn.errors import UserError
from textrnn.study.claims.all_claims import ALL_CLAIMS
from textrnn.study.claims.claim import Comparison
from textrnn.study.plan.json_files import write_results
from textrnn.study.verdicts.figures import draw_figures, mean_line, measure_plot
from textrnn.study.verdicts.judging import Finding
from textrnn.study.verdicts.statistics import Evidence, score_evidence
from textrnn.study.verdicts.study_page import describe_scale, read_verdicts, render, terminal_lines
from textrnn.study.verdicts.wording import finding_words, p_text

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def study():
    measured, judged, content = verdicts()
    figures = draw_figures(judged, {each["claim"]: each["measured"] for each in content["claims"]}, measured)
    return content, figures


def finding(comparison, mean, low, high, p_support=0.004, p_against=0.9, count=5, seeds=5, not_alone=False):
    return Finding(comparison, Evidence(mean, low, high, count, 0.1, count - 1), p_support, p_against, seeds, not_alone)


def test_the_words_of_a_finding():
    scores = Comparison("test_score", "a", "b", "above", 0.01)
    found = finding(scores, 0.105, 0.0415, 0.1685)
    numbers = "+10.50 points [+4.15 points, +16.85 points], expected above +1.00 points; p = 0.004"
    assert finding_words(found, "en") == f"score on test, a against b: {numbers}"
    assert finding_words(found, "zh").startswith("测试集得分，a 对 b：+10.50 个百分点 [")
    against = finding(scores, -0.1, -0.2, -0.05, p_support=0.99, p_against=0.0002, count=4)
    assert finding_words(against, "en").endswith(
        "(4 of 5 seeds), expected above +1.00 points; p of the contrary < 0.001"
    )
    one = finding(scores, 0.1, -float("inf"), float("inf"), count=1)
    assert "+10.00 points (one seed), expected" in finding_words(one, "en")


def test_the_words_of_a_ratio_of_a_number_and_of_nothing():
    faster = Comparison("seconds", "a", "b", "below", 0.05, ratio=True)
    assert "a against b: x0.25 [x0.2, x0.3], expected below x0.952; p" in finding_words(
        finding(faster, -1.386, -1.609, -1.204), "en"
    )
    half = Comparison("kept_share", "a", 0.5, "same", 0.05)
    assert finding_words(finding(half, 0.31, 0.31, 0.31), "en").startswith(
        "share of tokens kept, a against 50%: +31.00 points"
    )
    equal = Comparison("output_difference", "a", 0.0, "same", 1e-6)
    assert finding_words(finding(equal, 1e-16, 0, 2e-16), "en").startswith(
        "largest difference of outputs, a: +1e-16 [+0, +2e-16]"
    )
    assert finding_words(Finding(faster, None, 1.0, 1.0, 5), "en").endswith(
        "a against b: not measured, expected below x0.952"
    )
    alone = finding_words(Finding(faster, None, 1.0, 1.0, 0, not_alone=True), "en")
    assert alone.endswith("the runs were not alone on machines of one kind, so seconds say nothing")


def test_a_curve_says_how_many_rows_it_would_take():
    curve = Comparison("accuracy_at_800000", "films_curve", 0.93906, "same", 0.01)
    found = finding(curve, -0.05, -0.1, 0.02)
    words = finding_words(found, "en", (1.234e6, 5e5, float("inf")))
    assert words.endswith("; 93.9% would take 1.23e+06 rows [5e+05, infinitely many]")


@pytest.mark.parametrize(("p", "text"), [(0.04321, "= 0.043"), (0.0009, "< 0.001"), (1.0, "= 1")])
def test_p_values_are_short(p, text):
    assert p_text(p) == text


def test_the_page_has_each_verdict_with_its_finding_figure_and_command(study):
    content, figures = study
    page = render(content, list(figures), "study", "make study")
    assert "20 of 20 runs, on the CPU, threads: 1; at most news_rnn on 16 rows for 1 epoch" in page
    for claim in content["claims"]:
        assert f"[{claim['verdict']}](#{claim['claim']})" in page
        section = page.split(f"### {claim['claim']}\n")[1].split("\n### ")[0]
        assert f"**{claim['verdict'].capitalize()}.**" in section
        assert all(f"* {each['words']}\n" in section for each in claim["findings"])
        assert section.count("](study/") == (f"{claim['claim']}.svg" in figures)
    assert "`make study SOURCE=<folder> VECTORS=<folder> CLAIMS=fails_at_32`" in page
    assert "dvc repro -f -s study/dvc.yaml:study_cells" in page.split("### scratch_cost\n")[1]
    assert "Not run yet, by seed: bigru_b256 (1), bilstm_b256 (1)." in page
    assert max(map(len, re.findall(r"^\|.*\|$", page, flags=re.MULTILINE))) < 260


def test_the_chinese_page_has_the_same_claims_and_verdicts(study):
    content, figures = study
    page = render(content, list(figures), "study", "make study", "zh")
    assert [line[4:] for line in page.splitlines() if line.startswith("### ")] == [each.key for each in ALL_CLAIMS]
    assert "批大小为 64、行长为 32 时 RNN 不收敛；行长为 16 时收敛。 **成立。**" in page
    assert all(f"* {finding['words_zh']}\n" in page for claim in content["claims"] for finding in claim["findings"])
    for english in ("supported", "undecided", "not run", "expected", "Found"):
        assert english not in page


def test_the_terminal_has_a_line_per_claim_comparison_and_lack(study):
    content, _ = study
    lines = terminal_lines(content)
    lacking = sum(bool(claim["missing"]) for claim in content["claims"])
    assert len(lines) == len(ALL_CLAIMS) + sum(len(claim.comparisons) for claim in ALL_CLAIMS) + lacking
    assert lines[0].startswith("supported      fails_at_32: With batches of 64")


def test_each_claim_that_was_run_has_one_figure(study):
    content, figures = study
    assert all(ElementTree.fromstring(each).tag == f"{SVG}svg" for each in figures.values())
    run = {f"{claim['claim']}.svg" for claim in content["claims"] if not claim["missing"]}
    assert run <= figures.keys()
    assert "class_weights.svg" not in figures  # none of its variants was run
    assert {"loss of every batch", "epoch"} <= texts_of(figures["batch_128.svg"])
    assert {"batches of 64", "batches of 1024", "width of rows"} <= texts_of(figures["widths.svg"])
    assert "score on dev, %" in texts_of(figures["fails_at_32.svg"])


def texts_of(svg):
    return {text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_a_dot_is_drawn_at_its_value():
    estimate = {"mean": 0.5, "low": 0.4, "high": 0.6, "values": [0.4, 0.6]}
    chart = measure_plot({"test_score": {"a": estimate, "b": estimate | {"low": None, "high": None}}, "roughness": {}})
    root = ElementTree.fromstring(f"<svg>{''.join(chart.elements)}</svg>")
    dots = [float(dot.get("cx")) for dot in root.iter("circle")]
    # the axis goes from half a spread below the least value to half a spread above the greatest
    assert dots == pytest.approx([190 + 500 * share for share in (0.25, 0.75, 0.5)] * 2)
    (interval,) = [line for line in root.iter("line") if line.get("class") == "interval"]  # the one of `a`
    assert (float(interval.get("x1")), float(interval.get("x2"))) == pytest.approx((315, 565))


def test_curves_are_means_over_seeds():
    assert mean_line([[(0, 1), (1, 2)], [(1, 4), (2, 5)]]) == [(1, 3)]
    assert mean_line([[], [(1, 4)]]) == [(1, 4)]  # one run diverged before its first point
    assert mean_line([[]]) == []


def test_verdicts_are_read_back_and_those_of_another_version_are_refused(tmp_path, study):
    content, _ = study
    write_results(tmp_path / "verdicts.json", content)
    assert describe_scale(read_verdicts(tmp_path / "verdicts.json")) == describe_scale(content)
    changed = [content["claims"][0] | {"measured": {"elegance": {}}}]
    write_results(tmp_path / "verdicts.json", content | {"claims": changed})
    with pytest.raises(UserError, match="the measure 'elegance'"):
        read_verdicts(tmp_path / "verdicts.json")


def test_a_bootstrap_without_an_interval_is_one_seed():
    alone = Finding(
        Comparison("test_score", "a", "b", "above", 0.0), score_evidence(0.1, np.array([[0.1, 0.2]])), 1.0, 1.0, 1
    )
    assert "(one seed)" in finding_words(alone, "en")
