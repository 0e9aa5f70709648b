"""The rule for verdicts, the claims and the names they use, verdicts.json, plots and page."""

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from factories.imports import ROOT
from factories.study_records import values, verdicts
from textrnn.common.params.params_file import read_params
from textrnn.study.verdicts.claims import CLAIMS, Claim, Comparison
from textrnn.study.verdicts.curves import ACCURACIES, GRADIENTS, accuracy_lines, draw_all, gradient_lines, mean_line
from textrnn.study.verdicts.measure_plots import draw_measures
from textrnn.study.verdicts.measures import MEASURES
from textrnn.study.verdicts.rules import decide, judge
from textrnn.study.verdicts.statistics import Interval
from textrnn.study.verdicts.study_page import CELLS, lines, render

SVG = "{http://www.w3.org/2000/svg}"


def comparison(expect="above", margin=0.1, measure="test_accuracy", ratio=False, second="b"):
    return Comparison(measure, "a", second, expect, margin, ratio)


def an_interval(low, high):
    return Interval((low + high) / 2, low, high, 3)


@pytest.mark.parametrize(
    ("expect", "low", "high", "verdict"),
    [
        ("above", 0.11, 0.5, "supported"),
        ("above", 0.09, 0.5, "undecided"),
        ("above", -0.5, 0.1, "not supported"),
        ("above", 0.02, 0.08, "not supported"),
        ("below", -0.5, -0.11, "supported"),
        ("below", -0.5, -0.05, "undecided"),
        ("below", -0.1, 0.3, "not supported"),
        ("same", -0.1, 0.1, "supported"),
        ("same", -0.11, 0.05, "undecided"),
        ("same", 0.11, 0.2, "not supported"),
        ("same", -0.3, -0.2, "not supported"),
        ("same", -0.3, 0.3, "undecided"),
        ("above", -math.inf, math.inf, "undecided"),
        ("same", -math.inf, math.inf, "undecided"),
    ],
)
def test_the_rule(expect, low, high, verdict):
    assert decide(comparison(expect), an_interval(low, high)) == verdict


def test_a_ratio_is_judged_by_its_logarithm():
    faster = comparison("below", 0.25, "seconds", ratio=True)
    assert decide(faster, an_interval(math.log(0.7), math.log(0.79))) == "supported"  # 1 / 1.25 is 0.8
    assert decide(faster, an_interval(math.log(0.7), math.log(0.81))) == "undecided"
    assert decide(faster, an_interval(math.log(0.81), math.log(2))) == "not supported"


def claim(*comparisons):
    return Claim("key", 1, "It is so.", comparisons)


def test_the_summary_of_a_finding_has_its_numbers():
    judged = judge(claim(comparison(margin=0.01)), values(a=[0.9, 0.92], b=[0.8, 0.81]))
    (finding,) = judged.findings
    # differences 0.1 and 0.11: s / sqrt 2 = 0.005, t(1) = 12.7062
    assert finding.difference.mean == pytest.approx(0.105)
    assert finding.difference.high - finding.difference.low == pytest.approx(2 * 12.7062 * 0.005, rel=1e-4)
    numbers = "+10.50 points [+4.15 points, +16.85 points], expected above +1.00 points"
    assert finding.summary == f"test accuracy, a against b: {numbers}: supported"


def test_the_summary_of_a_ratio():
    judged = judge(
        claim(comparison("below", 0.05, "seconds", ratio=True)), values("seconds", a=[1.0, 2.0], b=[4.0, 8.0])
    )
    assert judged.verdict == "supported"
    assert judged.findings[0].summary == (
        "seconds of training, a against b: x0.25 [x0.25, x0.25], expected below x0.952: supported"
    )


def test_a_variant_can_be_compared_with_a_number():
    judged = judge(claim(comparison("same", 0.05, second=0.5)), values(a=[0.81, 0.81]))
    assert judged.verdict == "not supported"
    assert judged.findings[0].difference.mean == pytest.approx(0.31)


def test_one_seed_is_undecided():
    judged = judge(claim(comparison()), values(a=[0.9], b=[0.1]))
    assert judged.verdict == "undecided"
    assert "(one seed)" in judged.findings[0].summary


@pytest.mark.parametrize(("missing", "verdict"), [((), "supported"), (("a",), "undecided"), (("a", "b"), "undecided")])
def test_missing_seeds_leave_a_comparison_undecided(missing, verdict):
    by_measure = values(a=[0.9, 0.9, 0.9], b=[0.1, 0.1, 0.1], c=[0.5, 0.5, 0.5])
    for name in missing:
        del by_measure["test_accuracy"][name][1]
    judged = judge(claim(comparison()), by_measure)
    assert judged.verdict == verdict
    assert ("(2 of 3 seeds)" in judged.findings[0].summary) == bool(missing)


def judge_claims(measure, **variants):
    """The verdicts of all findings, by claim."""
    by_measure = values(measure, **variants)
    return {claim.key: [finding.verdict for finding in judge(claim, by_measure).findings] for claim in CLAIMS}


def test_a_worse_result_is_not_a_failure_to_converge():
    judged = judge_claims(
        "test_accuracy", rnn_b64_p16=[0.86, 0.87], rnn_b64_p32=[0.8, 0.81], rnn_valid_b64_p32=[0.81, 0.82]
    )
    assert judged["fails_at_32"] == ["supported", "not supported", "supported"]
    assert judged["forgets"][:3] == ["not supported", "supported", "supported"]
    assert judged["lstm_cures"][0] == "not supported"  # there is no failure to cure
    judged = judge_claims("test_accuracy", rnn_b64_p16=[0.2, 0.21], rnn_b64_p32=[0.1, 0.11], bilstm_b64=[0.3, 0.31])
    assert judged["fails_at_32"] == ["supported", "supported", "not supported"]
    assert judged["lstm_cures"][:3] == ["supported", "supported", "not supported"]
    assert judged["forgets"][:2] == ["supported", "not supported"]  # rows of 16 fail as well


def test_a_smaller_gradient_than_others_need_not_vanish():
    cells = {"gru_valid_p32": [1.5, 1.51], "lstm_valid_p32": [1.6, 1.61]}
    assert judge_claims("far_gradient", rnn_valid_p32=[1.1, 1.11], **cells)["gradient_by_cell"][:3] == [
        *["supported"] * 2,
        "not supported",
    ]
    assert judge_claims("far_gradient", rnn_valid_p32=[0.2, 0.21], **cells)["gradient_by_cell"][:3] == ["supported"] * 3


def test_a_gain_is_not_a_cost():
    sizes = {f"rnn_b{rows}_p16": [0.9, 0.91] for rows in (128, 256, 1024)}
    assert judge_claims("dev_accuracy", rnn_b64_p16=[0.8, 0.81], **sizes)["batch_free"] == ["supported"] * 3
    assert judge_claims("dev_accuracy", rnn_b64_p16=[0.92, 0.93], **sizes)["batch_free"] == ["not supported"] * 3
    judged = judge_claims("test_accuracy", bigru_b256=[0.9, 0.91], bilstm_b256=[0.85, 0.86])
    assert judged["gru_for_lstm"] == ["supported", "not measured"]


@pytest.mark.parametrize(
    ("second", "verdict"),
    [([0.1, 0.1], "supported"), ([0.9, 0.9], "not supported"), ([0.1, 0.9], "undecided"), ([], "not measured")],
)
def test_a_claim_needs_all_its_comparisons(second, verdict):
    supported = comparison()
    other = Comparison("test_accuracy", "a", "c", "above", 0.1)
    judged = judge(claim(supported, other), values(a=[0.9, 0.9], b=[0.1, 0.1], c=second))
    assert judged.findings[0].verdict == "supported"
    assert judged.verdict == verdict


def test_a_refuted_claim_stays_so_when_a_comparison_is_not_measured():
    other = Comparison("test_accuracy", "a", "gone", "above", 0.1)
    assert judge(claim(comparison(), other), values(a=[0.1, 0.1], b=[0.1, 0.1])).verdict == "not supported"


def test_claims_use_existing_variants_and_measures():
    study = read_params(ROOT / "study" / "params.yaml")
    keys = [claim.key for claim in CLAIMS]
    assert len(keys) == len(set(keys))
    named = {name for claim in CLAIMS for name in claim.variants()}
    assert named - CELLS <= set(study["runs"])
    assert set(study["runs"]) == set(study["variants"])
    # every trained variant is used by a claim or a curve
    assert set(study["runs"]) <= named | set(GRADIENTS) | {
        name for variants in ACCURACIES.values() for name in variants
    }
    assert {comparison.measure for claim in CLAIMS for comparison in claim.comparisons} <= MEASURES.keys()
    assert ACCURACIES.keys() <= set(keys)


def test_all_claims_are_judged():
    _, content = verdicts()
    json.dumps(content, allow_nan=False)
    verdict_of = {claim["claim"]: claim["verdict"] for claim in content["claims"]}
    assert list(verdict_of) == [claim.key for claim in CLAIMS]
    assert verdict_of["fails_at_32"] == "supported"
    assert verdict_of["half_text"] == "not supported"
    assert verdict_of["scratch_equal"] == "supported"
    assert verdict_of["scratch_cost"] == "supported"
    assert verdict_of["gru_for_lstm"] == "not measured"
    assert (content["rows"], content["epochs"], content["seeds"], content["threads"]) == (16, 1.0, [1, 2], [1])
    faster = next(claim for claim in content["claims"] if claim["claim"] == "batch_256")
    assert faster["measured"]["seconds"]["rnn_b256_p16"]["mean"] == pytest.approx(2.003)
    assert math.exp(faster["findings"][1]["difference"]["mean"]) == pytest.approx(0.25)


def test_accuracy_at_equal_time_stops_when_the_fastest_ends():
    _, content = verdicts()
    (claim,) = (claim for claim in content["claims"] if claim["claim"] == "batch_time")
    accuracies = claim["measured"]["dev_accuracy_at_time"]
    assert accuracies["rnn_b256_p16"]["values"] == pytest.approx([0.751, 0.752])
    assert "rnn_b64_p16" not in accuracies  # its first point is later


def test_the_page_has_each_verdict_with_numbers_plots_and_command():
    _, content = verdicts()
    page = render(content, ["fails_at_32-curve.svg", "fails_at_32.svg", "batch_128.svg"], "study", "make study")
    assert "16 rows of train, 1 epoch, 2 seeds" in page
    for claim in content["claims"]:
        assert f"[{claim['verdict']}](#{claim['claim']})" in page
        assert f"## {claim['claim']}\n" in page
        assert all(finding["words"] in page for finding in claim["findings"])
    section = page.split("## fails_at_32\n")[1].split("\n## ")[0]
    assert section.count("![fails_at_32](study/fails_at_32") == 2
    assert "| test accuracy | `rnn_b64_p32` | 30.15% [" in section
    assert "--glob 'study/dvc.yaml:study_run@rnn_b64_p16-*' 'study/dvc.yaml:study_run@rnn_b64_p32-*'`" in section
    assert "dvc repro -f -s study/dvc.yaml:study_cells" in page.split("## scratch_cost\n")[1]
    assert "| tutorial |" in page


def test_the_terminal_output_has_a_line_per_claim_and_comparison():
    _, content = verdicts()
    assert len(lines(content)) == len(CLAIMS) + sum(len(claim.comparisons) for claim in CLAIMS)
    assert lines(content)[0].startswith("supported      fails_at_32: With batches of 64")


def test_a_dot_is_drawn_at_its_value():
    estimate = {"mean": 0.5, "low": 0.4, "high": 0.6, "count": 2, "values": [0.4, 0.6]}
    root = ElementTree.fromstring(
        draw_measures({"test_accuracy": {"a": estimate, "b": estimate | {"low": None, "high": None}}})
    )
    dots = [float(dot.get("cx")) for dot in root.iter(f"{SVG}circle")]
    # the axis goes from half a spread below the least value to half a spread above the greatest
    assert dots == pytest.approx([190 + 500 * share for share in (0.25, 0.75, 0.5)] * 2)
    (interval,) = [line for line in root.iter(f"{SVG}line") if line.get("class") == "interval"]  # the one of `a`
    assert (float(interval.get("x1")), float(interval.get("x2"))) == pytest.approx((315, 565))
    assert next(text.text for text in root.iter(f"{SVG}text")) == "test accuracy, %"


def test_an_interval_much_wider_than_the_values_is_clipped_at_the_edge():
    estimate = {"mean": 0.5, "low": -9.0, "high": 9.0, "count": 2, "values": [0.4, 0.6]}
    root = ElementTree.fromstring(draw_measures({"roughness": {"a": estimate}}))
    (interval,) = [line for line in root.iter(f"{SVG}line") if line.get("class") == "interval"]
    assert (float(interval.get("x1")), float(interval.get("x2"))) == (190, 690)


def test_a_plot_of_nothing_is_still_one():
    assert ElementTree.fromstring(draw_measures({"roughness": {}})).tag == f"{SVG}svg"


def test_curves_are_means_over_seeds():
    assert mean_line([[(0, 1), (1, 2)], [(1, 4), (2, 5)]]) == [(1, 3)]
    assert mean_line([[], [(1, 4)]]) == [(1, 4)]  # one run diverged before its first point
    assert mean_line([[]]) == []
    runs, _ = verdicts()
    (_, near), (at, far) = gradient_lines(runs, "after")["rnn_b64_p32"]
    assert (near, at, far) == pytest.approx((1, 1, 0.03015))
    (at, first), (end, last) = accuracy_lines(runs, ("rnn_b64_p16", "gone"))["rnn_b64_p16"]
    assert (at, first, end, last) == pytest.approx((0.5, 40.075, 1.0, 80.15))
    drawn = draw_all(runs)
    assert {"fails_at_32-curve.svg", "gradient_by_cell-before.svg", "gradient_by_cell-after.svg"} <= drawn.keys()
    assert "norm_and_initialization-curve.svg" not in drawn  # none of its variants was run
    assert all(ElementTree.fromstring(each).tag == f"{SVG}svg" for each in drawn.values())
