"""Verdicts by rule, the claims and what they name, the whole of verdicts.json, plots and page."""

import json
import math
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from imports import ROOT
from textrnn.common.config.params import read_params
from textrnn.study.verdicts.claims import CLAIMS, Claim, Comparison
from textrnn.study.verdicts.curves import ACCURACIES, GRADIENTS, accuracy_lines, draw_all, gradient_lines, mean_line
from textrnn.study.verdicts.judging import judge_all
from textrnn.study.verdicts.measure_plots import draw_lines, draw_measures, ticks
from textrnn.study.verdicts.measures import MEASURES
from textrnn.study.verdicts.rules import decide, judge
from textrnn.study.verdicts.statistics import Interval
from textrnn.study.verdicts.study_page import CELLS, lines, render

SVG = "{http://www.w3.org/2000/svg}"


def comparison(expect="above", margin=0.1, measure="test_accuracy", ratio=False, second="b"):
    return Comparison(measure, "a", second, expect, margin, ratio)


def between(low, high):
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
    assert decide(comparison(expect), between(low, high)) == verdict


def test_a_ratio_is_judged_by_its_logarithm():
    faster = comparison("below", 0.25, "seconds", ratio=True)
    assert decide(faster, between(math.log(0.7), math.log(0.79))) == "supported"  # 1 / 1.25 is 0.8
    assert decide(faster, between(math.log(0.7), math.log(0.81))) == "undecided"
    assert decide(faster, between(math.log(0.81), math.log(2))) == "not supported"


def values(measure="test_accuracy", **variants):
    found = {name: {} for name in MEASURES}
    found[measure] = {name: dict(enumerate(each)) for name, each in variants.items()}
    return found


def claim(*comparisons):
    return Claim("key", 1, "It is so.", comparisons)


def test_words_have_the_numbers():
    judged = judge(claim(comparison(margin=0.01)), values(a=[0.9, 0.92], b=[0.8, 0.81]))
    (finding,) = judged.findings
    # differences 0.1 and 0.11: s / sqrt 2 = 0.005, t(1) = 12.7062
    assert finding.difference.mean == pytest.approx(0.105)
    assert finding.difference.high - finding.difference.low == pytest.approx(2 * 12.7062 * 0.005, rel=1e-4)
    found = "+10.50 points [+4.15 points, +16.85 points], expected above +1.00 points"
    assert finding.words == f"test accuracy, a against b: {found}: supported"


def test_a_ratio_in_words():
    judged = judge(
        claim(comparison("below", 0.05, "seconds", ratio=True)), values("seconds", a=[1.0, 2.0], b=[4.0, 8.0])
    )
    assert judged.verdict == "supported"
    assert judged.findings[0].words == (
        "seconds of training, a against b: x0.25 [x0.25, x0.25], expected below x0.952: supported"
    )


def test_a_plain_number_is_compared_with_too():
    judged = judge(claim(comparison("same", 0.05, second=0.5)), values(a=[0.81, 0.81]))
    assert judged.verdict == "not supported"
    assert judged.findings[0].difference.mean == pytest.approx(0.31)


def test_one_seed_decides_nothing():
    judged = judge(claim(comparison()), values(a=[0.9], b=[0.1]))
    assert judged.verdict == "undecided"
    assert "(one seed)" in judged.findings[0].words


@pytest.mark.parametrize(("missing", "verdict"), [((), "supported"), (("a",), "undecided"), (("a", "b"), "undecided")])
def test_seeds_that_one_side_lacks_leave_it_undecided(missing, verdict):
    given = values(a=[0.9, 0.9, 0.9], b=[0.1, 0.1, 0.1], c=[0.5, 0.5, 0.5])
    for name in missing:
        del given["test_accuracy"][name][1]
    judged = judge(claim(comparison()), given)
    assert judged.verdict == verdict
    assert ("(2 of 3 seeds)" in judged.findings[0].words) == bool(missing)


def of_claims(measure, **variants):
    given = values(measure, **variants)
    return {each.key: [finding.verdict for finding in judge(each, given).findings] for each in CLAIMS}


def test_a_worse_result_is_no_failure_to_converge():
    found = of_claims(
        "test_accuracy", rnn_b64_p16=[0.86, 0.87], rnn_b64_p32=[0.8, 0.81], rnn_valid_b64_p32=[0.81, 0.82]
    )
    assert found["fails_at_32"] == ["supported", "not supported", "supported"]
    assert found["forgets"][:3] == ["not supported", "supported", "supported"]
    assert found["lstm_cures"][0] == "not supported"  # there is nothing to be cured
    found = of_claims("test_accuracy", rnn_b64_p16=[0.2, 0.21], rnn_b64_p32=[0.1, 0.11], bilstm_b64=[0.3, 0.31])
    assert found["fails_at_32"] == ["supported", "supported", "not supported"]
    assert found["lstm_cures"][:3] == ["supported", "supported", "not supported"]
    assert found["forgets"][:2] == ["supported", "not supported"]  # rows of 16 fail as well


def test_a_gradient_that_is_less_than_others_need_not_fade():
    cells = {"gru_valid_p32": [1.5, 1.51], "lstm_valid_p32": [1.6, 1.61]}
    assert of_claims("far_gradient", rnn_valid_p32=[1.1, 1.11], **cells)["gradient_by_cell"][:3] == [
        *["supported"] * 2,
        "not supported",
    ]
    assert of_claims("far_gradient", rnn_valid_p32=[0.2, 0.21], **cells)["gradient_by_cell"][:3] == ["supported"] * 3


def test_what_gains_costs_nothing():
    sizes = {f"rnn_b{rows}_p16": [0.9, 0.91] for rows in (128, 256, 1024)}
    assert of_claims("dev_accuracy", rnn_b64_p16=[0.8, 0.81], **sizes)["batch_free"] == ["supported"] * 3
    assert of_claims("dev_accuracy", rnn_b64_p16=[0.92, 0.93], **sizes)["batch_free"] == ["not supported"] * 3
    found = of_claims("test_accuracy", bigru_b256=[0.9, 0.91], bilstm_b256=[0.85, 0.86])
    assert found["gru_for_lstm"] == ["supported", "not measured"]


@pytest.mark.parametrize(
    ("second", "verdict"),
    [([0.1, 0.1], "supported"), ([0.9, 0.9], "not supported"), ([0.1, 0.9], "undecided"), ([], "not measured")],
)
def test_a_claim_needs_all_its_comparisons(second, verdict):
    sure = comparison()
    other = Comparison("test_accuracy", "a", "c", "above", 0.1)
    judged = judge(claim(sure, other), values(a=[0.9, 0.9], b=[0.1, 0.1], c=second))
    assert judged.findings[0].verdict == "supported"
    assert judged.verdict == verdict


def test_what_is_refuted_is_so_whatever_was_not_measured():
    other = Comparison("test_accuracy", "a", "gone", "above", 0.1)
    assert judge(claim(comparison(), other), values(a=[0.1, 0.1], b=[0.1, 0.1])).verdict == "not supported"


def test_claims_name_what_there_is():
    study = read_params(ROOT / "study" / "params.yaml")
    keys = [each.key for each in CLAIMS]
    assert len(keys) == len(set(keys))
    named = {name for each in CLAIMS for name in each.variants()}
    assert named - CELLS <= set(study["runs"])
    assert set(study["runs"]) == set(study["variants"])
    # nothing is trained that nobody looks at
    assert set(study["runs"]) <= named | set(GRADIENTS) | {name for each in ACCURACIES.values() for name in each}
    assert {each.measure for claim in CLAIMS for each in claim.comparisons} <= MEASURES.keys()
    assert ACCURACIES.keys() <= set(keys)


def facts(accuracy):
    gradients = {"before": [1.0, 0.5, None], "after": [1.0, 0.1 * accuracy, None]}
    points = [[2, 0.5, 1.0, 1.1, accuracy / 2], [4, 1.0, 0.8, 0.9, accuracy]]
    made = {
        "batch_size": 4,
        "rows": 16,
        "points": points,
        "losses": [4.0, 3.0, 1.0, 2.0],
        "short": [],
        "diverged": False,
    }
    return made | {"gradients": gradients, "test_accuracy": accuracy, "kept_share": 0.8}


def verdicts():
    runs = {}
    for seed in (1, 2):
        for name, accuracy in (("rnn_b64_p16", 0.8), ("rnn_b64_p32", 0.3), ("rnn_b256_p16", 0.75)):
            seconds = 2.0 if name == "rnn_b256_p16" else 8.0
            clock = {"seconds": [seconds / 2, seconds * (1 + seed / 1000)], "threads": 1}
            runs[name, seed] = (facts(accuracy + seed / 1000), clock)
    found = {"output_difference": 1e-16, "gradient_difference": 1e-15}
    cells = {str(seed): {"equations": found, "kernels": found} for seed in (1, 2)}
    timed = {"nn_gru": [1.0, 1.01, 0.99], "equations": [3.0, 3.01, 2.99], "kernels": [0.9, 0.91, 0.9]}
    return runs, judge_all(runs, cells, timed)


def test_all_claims_are_judged():
    _, found = verdicts()
    json.dumps(found, allow_nan=False)
    said = {each["claim"]: each["verdict"] for each in found["claims"]}
    assert list(said) == [each.key for each in CLAIMS]
    assert said["fails_at_32"] == "supported"
    assert said["half_text"] == "not supported"
    assert said["scratch_equal"] == "supported"
    assert said["scratch_cost"] == "supported"
    assert said["gru_for_lstm"] == "not measured"
    assert (found["rows"], found["epochs"], found["seeds"], found["threads"]) == (16, 1.0, [1, 2], [1])
    faster = next(each for each in found["claims"] if each["claim"] == "batch_256")
    assert faster["measured"]["seconds"]["rnn_b256_p16"]["mean"] == pytest.approx(2.003)
    assert math.exp(faster["findings"][1]["difference"]["mean"]) == pytest.approx(0.25)


def test_accuracy_at_equal_time_stops_when_the_fastest_ends():
    _, found = verdicts()
    timed = next(each for each in found["claims"] if each["claim"] == "batch_time")["measured"]["dev_accuracy_at_time"]
    assert timed["rnn_b256_p16"]["values"] == pytest.approx([0.751, 0.752])
    assert "rnn_b64_p16" not in timed  # its first point comes after that


def test_the_page_has_each_verdict_with_numbers_plots_and_command():
    _, found = verdicts()
    page = render(found, ["fails_at_32-curve.svg", "fails_at_32.svg", "batch_128.svg"], "study", "make study")
    assert "16 rows of train, 1 epochs, 2 seeds" in page
    for each in found["claims"]:
        assert f"[{each['verdict']}](#{each['claim']})" in page
        assert f"## {each['claim']}\n" in page
        assert all(finding["words"] in page for finding in each["findings"])
    part = page.split("## fails_at_32\n")[1].split("\n## ")[0]
    assert part.count("![fails_at_32](study/fails_at_32") == 2
    assert "| test accuracy | `rnn_b64_p32` | 30.15% [" in part
    assert "--glob 'study/dvc.yaml:study_run@rnn_b64_p16-*' 'study/dvc.yaml:study_run@rnn_b64_p32-*'`" in part
    assert "dvc repro -f -s study/dvc.yaml:study_cells" in page.split("## scratch_cost\n")[1]
    assert "| tutorial |" in page


def test_a_terminal_has_a_line_for_each_claim_and_comparison():
    _, found = verdicts()
    assert len(lines(found)) == len(CLAIMS) + sum(len(each.comparisons) for each in CLAIMS)
    assert lines(found)[0].startswith("supported      fails_at_32: With batches of 64")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.3, 0.52, [0.3, 0.35, 0.4, 0.45, 0.5]),
        (-3, 4, [-2, 0, 2, 4]),
        (0, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        (0, 3e-16, [0, 1e-16, 2e-16, 3e-16]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected, abs=0)


def test_a_dot_stands_where_its_value_is():
    each = {"mean": 0.5, "low": 0.4, "high": 0.6, "count": 2, "values": [0.4, 0.6]}
    root = ElementTree.fromstring(
        draw_measures({"test_accuracy": {"a": each, "b": each | {"low": None, "high": None}}})
    )
    dots = [float(dot.get("cx")) for dot in root.iter(f"{SVG}circle")]
    # the axis goes from half a spread below the least value to half a spread above the greatest
    assert dots == pytest.approx([190 + 500 * share for share in (0.25, 0.75, 0.5)] * 2)
    (drawn,) = [line for line in root.iter(f"{SVG}line") if line.get("class") == "i"]  # one seed has no interval
    assert (float(drawn.get("x1")), float(drawn.get("x2"))) == pytest.approx((315, 565))
    assert next(text.text for text in root.iter(f"{SVG}text")) == "test accuracy, %"


def test_an_interval_wider_than_all_that_was_seen_is_cut_at_the_edge():
    each = {"mean": 0.5, "low": -9.0, "high": 9.0, "count": 2, "values": [0.4, 0.6]}
    root = ElementTree.fromstring(draw_measures({"roughness": {"a": each}}))
    (drawn,) = [line for line in root.iter(f"{SVG}line") if line.get("class") == "i"]
    assert (float(drawn.get("x1")), float(drawn.get("x2"))) == (190, 690)


def test_lines_of_a_logarithmic_plot_are_straight_where_values_halve():
    halves = [(float(at), 0.5**at) for at in range(5)]
    root = ElementTree.fromstring(draw_lines("t <&>", "x", {"a": halves, "b": [(0.0, 1.0), (4.0, 0.0)]}, log=True))
    first, second = root.iter(f"{SVG}polyline")
    places = [tuple(map(float, place.split(","))) for place in first.get("points").split()]
    assert [b[1] - a[1] for a, b in pairwise(places)] == pytest.approx([57.5] * 4, abs=0.11)
    assert len(second.get("points").split()) == 1  # zero has no logarithm
    assert next(text.text for text in root.iter(f"{SVG}text")) == "t <&>"


def test_a_plot_of_nothing_is_still_one():
    for drawn in (draw_measures({"roughness": {}}), draw_lines("t", "x", {}, log=True)):
        assert ElementTree.fromstring(drawn).tag == f"{SVG}svg"


def test_curves_are_means_over_seeds():
    assert mean_line([[(0, 1), (1, 2)], [(1, 4), (2, 5)]]) == [(1, 3)]
    assert mean_line([[], [(1, 4)]]) == [(1, 4)]  # a run that diverged before its first point
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
