"""The page in both languages, the words of findings, the figures, and what a terminal shows."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter

import numpy as np
import pytest

from factories.imports import ROOT
from factories.study_records import verdicts
from textrnn.common.params.params_file import read_values
from textrnn.errors import UserError
from textrnn.evaluation.rendering.dot_plots import LEFT, RIGHT
from textrnn.study.claims.all_claims import ALL_CLAIMS, runs_of
from textrnn.study.claims.claim import LANGUAGES, Comparison
from textrnn.study.claims.titles import TITLES
from textrnn.study.page.study_page import describe_scale, read_verdicts, render, terminal_lines
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.variants import read_study
from textrnn.study.verdicts.figures import draw_figures, mean_line, measure_plot
from textrnn.study.verdicts.judging import Finding
from textrnn.study.verdicts.statistics import Evidence, SeedError, score_evidence
from textrnn.study.verdicts.wording import finding_words, p_text

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def study():
    measured, judged, content = verdicts()
    figures = draw_figures(judged, {each["claim"]: each["measured"] for each in content["claims"]}, measured)
    return content, figures


def finding(comparison, mean, low, high, p_support=0.004, p_against=0.9, count=5, seeds=5, not_alone=False):
    return Finding(
        comparison, Evidence(mean, low, high, count, (SeedError(0.1, 4),)), p_support, p_against, seeds, not_alone
    )


def test_the_words_of_a_finding():
    scores = Comparison("test_score", "bilstm_b64", "rnn_b64_p32", "above", 0.01)
    found, means = finding(scores, 0.105, 0.0415, 0.1685), {"bilstm_b64": 0.905, "rnn_b64_p32": 0.8}
    sides = "90.50% (BiLSTM, batch 64) against 80.00% (RNN, batch 64, pad 32)"
    numbers = "difference +10.50 [+4.15, +16.85] points; needed above +1 points: yes (p = 0.004)"
    assert finding_words(found, means, "en") == f"score on test: {sides}; {numbers}"
    assert finding_words(found, means, "zh") == (
        "测试集得分：90.50%（双向 LSTM，批大小 64）与 80.00%（RNN，批大小 64，填充到 32）相比；"
        "差值 +10.50 [+4.15, +16.85] 个百分点；要求高于 +1 个百分点，满足（p = 0.004）"
    )
    against = finding(scores, -0.1, -0.2, -0.05, p_support=0.99, p_against=0.0002, count=4)
    assert finding_words(against, means, "en").endswith("points (4 of 5 seeds); needed above +1 points: no (p < 0.001)")
    undecided = finding(scores, 0.02, -0.01, 0.05, p_support=0.06, p_against=0.94)
    assert finding_words(undecided, means, "en").endswith(": open (p = 0.06)")
    one = finding(scores, 0.1, -float("inf"), float("inf"), count=1)
    assert "; difference +10.00 points (one seed); needed " in finding_words(one, means, "en")


def test_the_words_of_a_ratio_of_a_number_and_of_nothing():
    faster = Comparison("seconds", "bilstm_b256", "bilstm_b64", "below", 0.05, ratio=True)
    seconds = {"bilstm_b256": 1234.5, "bilstm_b64": 4938.0}
    assert finding_words(finding(faster, -1.386, -1.609, -1.204), seconds, "en").startswith(
        "seconds of training: 1,234 (BiLSTM, batch 256) against 4,938 (BiLSTM, batch 64); "
        "change -75.0% [-80.0%, -70.0%]; needed below -4.8%: yes (p = 0.004)"
    )
    large = finding_words(finding(faster, math.log(15), math.log(5), math.log(45)), seconds, "en")
    assert "change +1,400% [+400.0%, +4,400%]" in large
    half = Comparison("kept_share", "rnn_b256_p16", 0.5, "same", 0.05)
    assert finding_words(finding(half, 0.31, 0.31, 0.31), {}, "en").startswith(
        "share of characters kept: 81.00% (RNN, batch 256, pad 16) against 50%; difference +31.00 [+31.00, +31.00] "
        "points; needed within \N{PLUS-MINUS SIGN}5 points"
    )
    equal = Comparison("output_difference", "kernels", 0.0, "same", 1e-6)
    assert finding_words(finding(equal, 1e-16, 0, 2e-16), {}, "en").startswith(
        "largest difference of outputs: 1e-16 [0, 2e-16] (GRU from scratch, by PyTorch's kernels); "
        "needed at most 1e-06: yes (p = 0.004)"
    )
    above = Comparison("share_above_clip_norm", "names_unclipped", 0.0, "above", 0.001)
    assert finding_words(finding(above, 0.0002, 0.0, 0.0004), {}, "en").startswith(
        "steps with a gradient above 5: 0.02% [0.00%, 0.04%] (BiGRU, not clipped); needed above 0.1%: yes"
    )
    late = Comparison("late_gain", "names_unclipped", 0.0, "above", 0.005)
    assert "first half: +0.20 [+0.10, +0.30] points (BiGRU, not clipped); needed above +0.5 points" in finding_words(
        finding(late, 0.002, 0.001, 0.003), {}, "en"
    )
    assert finding_words(Finding(faster, None, 1.0, 1.0, 5), seconds, "en") == (
        "seconds of training: BiLSTM, batch 256 against BiLSTM, batch 64: not measured; needed below -4.8%"
    )
    alone = finding_words(Finding(faster, None, 1.0, 1.0, 0, not_alone=True), {}, "en")
    assert alone.endswith("not judged, as other programs ran at the same time, or the machines differ")
    steps = Comparison("steps", "bilstm_b256", "bilstm_b64", "below", 0.05, ratio=True)
    stands_in = finding_words(finding(steps, -1.386, -1.386, -1.386, not_alone=True), {}, "en")
    assert stands_in.startswith("steps of training (in place of seconds, which say nothing: other programs ran")


def test_what_is_the_same_for_all_seeds_has_no_p():
    quarter = Comparison("parameter_share", "nn_gru", 0.75, "same", 1e-9)
    certain = Evidence(0.0, 0.0, 0.0, 5, (SeedError(0.0, 4),))
    found = Finding(quarter, certain, 0.0, 1.0, 5)
    assert finding_words(found, {}, "en").endswith("; needed no difference: yes (the same for all seeds)")
    assert finding_words(found, {}, "zh").endswith("；要求没有差别，满足（所有种子都一样）")


def test_a_limit_of_nothing_and_one_that_allows_a_loss():
    better = finding(Comparison("test_score", "bilstm_b64", "bilstm_b256", "above", 0.0), 0.1, 0.0, 0.2)
    no_worse = finding(Comparison("test_score", "bilstm_b64", "bilstm_b256", "above", -0.01), 0.1, 0.0, 0.2)
    equal = finding(Comparison("roughness", "bilstm_b64", "bilstm_b256", "same", 0.05, ratio=True), 0.0, 0.0, 0.0)
    words = [finding_words(found, {}, "en") for found in (better, no_worse, equal)]
    needed = [line.partition("needed ")[2].partition(":")[0] for line in words]
    assert needed == ["above 0 points", "above -1 points", "within -4.8% and +5.0%"]


def test_everything_that_can_be_compared_has_a_name_of_its_own():
    compared = {name for claim in ALL_CLAIMS for name in (*claim.variants(), *runs_of(claim), *claim.drawn)}
    assert compared | read_study(read_values(ROOT / "study" / "params.yaml")).variants.keys() <= TITLES.keys()
    for language in LANGUAGES:
        assert len({title.of(language) for title in TITLES.values()}) == len(TITLES)


def test_a_curve_says_how_many_rows_it_would_take():
    curve = Comparison("accuracy_at_800000", "films_curve", 0.93906, "same", 0.01)
    found = finding(curve, -0.05, -0.1, 0.02)
    words = finding_words(found, {}, "en", (1.234e6, 5e5, float("inf")))
    assert words.startswith("accuracy extrapolated to 800,000 rows: 88.91% (film reviews) against 93.906%; ")
    assert words.endswith("; 93.9% would take 1.23e+06 rows [5e+05, infinitely many]")


@pytest.mark.parametrize(("p", "text"), [(0.04321, "= 0.043"), (0.0009, "< 0.001"), (1.0, "= 1")])
def test_p_values_are_short(p, text):
    assert p_text(p) == text


def test_the_page_has_each_verdict_with_its_finding_figure_and_command(study):
    content, figures = study
    page = render(content, list(figures), "study", "make study")
    assert (
        "20 of 20 training runs are done, on the CPU (threads: 1). The largest runs of each recipe: `news_rnn`" in page
    )
    for claim in content["claims"]:
        assert f"[{claim['verdict']}](#{claim['claim']})" in page
        section = section_of(page, claim["claim"])
        assert f"**{claim['verdict'].capitalize()}.** (`{claim['claim']}`)" in section
        shown = [each for each in claim["findings"] if f"* {each['words']}\n" in section]
        measured = [each for each in claim["findings"] if each["difference"] is not None]
        assert shown == (measured if claim["missing"] else claim["findings"])
        assert section.count("](study/") == (f"{claim['claim']}.svg" in figures)
        judged = [f"How it was judged: {claim['judged']}\n"] if claim["judged"] else []
        why = [f"Why: {claim['why']}\n"] if claim["why"] else []
        assert re.findall(r"^(?:Why|How it was judged): .*\n", section, flags=re.MULTILINE) == why + judged
    assert "`make study` makes the runs and this page. `CLAIMS=<keys>` limits it" in page
    assert "Not run yet: BiGRU, batch 256 (seeds 1); BiLSTM, batch 256 (seeds 1)." in page
    counted = Counter(claim["verdict"] for claim in content["claims"])
    assert f"Of 40 claims, {counted['supported']} are supported, " in page
    assert f"{counted['not run yet']} are not run yet. 20 of 20 training runs" in page
    assert max(map(len, re.findall(r"^\|.*\|$", page, flags=re.MULTILINE))) < 260


def test_an_undecided_claim_says_what_keeps_it_so(study):
    content, _ = study
    claim = next(each for each in content["claims"] if each["claim"] == "fails_at_32") | {"verdict": "undecided"}
    cases = {
        "yes yes yes": "although each comparison is a yes",
        "yes no open": "although a comparison is a no",
        "yes open yes": "too close to its limit",
    }
    for answers, expected in cases.items():
        findings = [
            finding | {"answer": answer} for finding, answer in zip(claim["findings"], answers.split(), strict=True)
        ]
        page = render(content | {"claims": [claim | {"findings": findings}]}, [], "study", "make study")
        (line,) = re.findall(r"^Undecided, .*", page, flags=re.MULTILINE)
        assert expected in line
        assert page.index("After Holm's correction:") < page.index(line)
    unmeasured = [finding | {"answer": None} for finding in claim["findings"]]
    page = render(content | {"claims": [claim | {"findings": unmeasured}]}, [], "study", "make study")
    assert "Undecided, " not in page


def section_of(page, key):
    return page.split(f'<a id="{key}"></a>\n')[1].split("<a id=")[0].split("\n## ")[0]


def test_the_chinese_page_has_the_same_claims_and_verdicts(study):
    content, figures = study
    page = render(content, list(figures), "study", "make study", "zh")
    assert re.findall(r'<a id="(\w+)"></a>', page) == [*(each.key for each in ALL_CLAIMS), "rules"]
    for claim in content["claims"]:
        section = section_of(page, claim["claim"])
        assert claim["said_zh"] in section.partition("\n\n**")[0]
        assert claim["missing"] or all(f"* {finding['words_zh']}\n" in section for finding in claim["findings"])
    assert "**成立。**（`scratch_equal`）" in page
    for english in ("supported", "undecided", "not run", "needed", "Found"):
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
    assert {"batch 64", "batch 1024", "length after padding, in characters"} <= texts_of(figures["widths.svg"])
    assert "score on dev, %" in texts_of(figures["fails_at_32.svg"])


def test_the_figures_in_chinese_are_those_in_english_with_other_words(study):
    measured, judged, content = verdicts()
    of_claims = {each["claim"]: each["measured"] for each in content["claims"]}
    figures = draw_figures(judged, of_claims, measured, "zh")
    assert figures.keys() == study[1].keys()
    for name, svg in figures.items():
        shapes = [re.sub(r"<text.*?</text>", "", figure) for figure in (svg, study[1][name])]
        assert shapes[0] == shapes[1]
        for english in ("batch", "pad", "dev,", "test", "epoch", "loss", "seconds", "fitted"):
            assert not any(english in text for text in texts_of(svg) if text != "nn.GRU" and "dev 得分" not in text)


def texts_of(svg):
    return {text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_a_dot_is_drawn_at_its_value():
    estimate = {"mean": 0.5, "low": 0.4, "high": 0.6, "values": [0.4, 0.6]}
    without = estimate | {"low": None, "high": None}
    chart = measure_plot({"test_score": {"nn_gru": estimate, "nn_rnn": without}, "roughness": {}}, "en")
    root = ElementTree.fromstring(f"<svg>{''.join(chart.elements)}</svg>")
    dots = [float(dot.get("cx")) for dot in root.iter("circle")]
    # the axis goes from half a spread below the least value to half a spread above the greatest
    assert dots == pytest.approx([LEFT + (RIGHT - LEFT) * share for share in (0.25, 0.75, 0.5)] * 2)
    (interval,) = [line for line in root.iter("line") if line.get("class") == "interval"]  # the one of `a`
    assert (float(interval.get("x1")), float(interval.get("x2"))) == pytest.approx((dots[0], dots[1]))


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
        Comparison("test_score", "bilstm_b64", "bilstm_b256", "above", 0.0),
        score_evidence(0.1, np.array([[0.1, 0.2]])),
        1.0,
        1.0,
        1,
    )
    assert "(one seed)" in finding_words(alone, {}, "en")
