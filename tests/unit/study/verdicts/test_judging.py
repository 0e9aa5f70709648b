"""The rule for verdicts: p-values of comparisons, claims with missing, diverged or hurried runs, and all claims."""

import dataclasses
import json
import math

import numpy as np
import pytest

from factories.study_records import ROWS, cells, facts, measurements, timings, verdicts
from textrnn.study.claims.all_claims import ALL_CLAIMS
from textrnn.study.claims.claim import Claim, Comparison, Text
from textrnn.study.verdicts.differences import side_means
from textrnn.study.verdicts.judging import Measurements, find, judge_all, margins, p_values, rows_needed
from textrnn.study.verdicts.statistics import t_evidence


def comparison(expect="above", margin=0.1, measure="test_score", ratio=False, second="b", otherwise=None):
    return Comparison(measure, "a", second, expect, margin, ratio, otherwise)


def claim(*comparisons):
    return Claim("key", 1, Text("It is so.", "是这样。"), comparisons)


def verdict(measured, *comparisons):
    return judge_all(measured, [claim(*comparisons)])[0].verdict


@pytest.mark.parametrize(
    ("expect", "margin", "support", "against"),
    [
        ("above", 0.2, 0.02, 0.98),  # the mean 0.3 is t = 2 of 2 degrees of freedom above 0.2
        ("below", 0.2, 1.0, 0.0),
        ("same", 0.4, 0.02, 1.0),
        ("same", 0.2, 0.98, 0.04),
    ],
)
def test_the_p_values_of_each_expectation(expect, margin, support, against):
    evidence = t_evidence([0.3 - 0.02, 0.3, 0.3 + 0.02])
    found = p_values(comparison(expect, margin), evidence)
    # standard error 0.02 / sqrt 3: t = 8.66, whose tail with two degrees of freedom is 0.00653
    tail = 0.006537
    expected = {0.02: tail, 0.98: 1 - tail, 0.04: 2 * tail}
    assert found == pytest.approx([expected.get(value, value) for value in (support, against)], abs=2e-3)


def test_a_ratio_is_judged_by_its_logarithm():
    assert margins(comparison("below", 0.25, "seconds", ratio=True)) == pytest.approx((-math.log(1.25), math.log(1.25)))
    faster = comparison("below", 0.05, "seconds", ratio=True)
    measured = measurements({"a": 0.5, "b": 0.5}, 5, seconds={"a": 2.0})
    found = find(faster, measured)
    assert found.evidence.mean == pytest.approx(math.log(0.25))
    assert (found.p_support, found.not_alone) == (pytest.approx(0.0, abs=1e-6), False)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"a": 0.9, "b": 0.3}, "supported"),
        ({"a": 0.3, "b": 0.9}, "not supported"),
        ({"a": 0.6, "b": 0.5}, "undecided"),
    ],
)
def test_a_claim_by_its_scores(scores, expected):
    assert verdict(measurements(scores, 5), comparison()) == expected


def test_a_claim_needs_all_its_comparisons():
    measured = measurements({"a": 0.9, "b": 0.3, "c": 0.9, "d": 0.8}, 5)
    other = Comparison("test_score", "a", "c", "above", 0.1)
    assert verdict(measured, comparison()) == "supported"
    assert verdict(measured, comparison(), other) == "not supported"
    assert verdict(measured, comparison(), Comparison("test_score", "a", "d", "above", 0.1)) == "undecided"


def test_a_score_can_be_compared_with_a_number():
    measured = measurements({"a": 0.8}, 3)
    assert find(comparison("above", 0.0, second=0.5), measured).evidence.mean == pytest.approx(0.31)
    assert verdict(measured, comparison("above", 0.0, second=0.5)) == "supported"


def test_sides_with_other_numbers_of_seeds_are_not_paired():
    """Of the larger one, no seed is left out, neither of the difference nor of the mean that is shown."""
    measured = measurements({"a": 0.9, "b": 0.3}, 5)
    runs = {key: run for key, run in measured.runs.items() if key[0] == "b" or key[1] <= 3}
    measured = Measurements.of_runs(runs, {"a": 3, "b": 5}, None)
    found = find(comparison(), measured)
    means = side_means(found.comparison, measured.values["test_score"], measured.planned)
    assert means == pytest.approx({"a": 0.91, "b": 0.315})
    assert found.evidence.mean == pytest.approx(means["a"] - means["b"])
    assert [each.freedom for each in found.evidence.seed_errors] == [2, 4]
    assert found.answer == "yes"
    scores = measured.values["test_score"]
    fewer = {"a": scores["a"], "b": {seed: value for seed, value in scores["b"].items() if seed < 5}}
    lacking = find(comparison(), dataclasses.replace(measured, values=measured.values | {"test_score": fewer}))
    assert (lacking.evidence.count, lacking.seeds, lacking.answer) == (2, 3, "open")


def test_the_means_of_a_ratio_are_geometric():
    rough = Comparison("roughness", "a", "b", "below", 0.05, ratio=True)
    values = {"a": {1: 1.0, 2: 4.0}, "b": {1: 1.0, 2: 1.0, 3: 8.0}}
    assert side_means(rough, values, {"a": 2, "b": 3}) == pytest.approx({"a": 2.0, "b": 2.0})


def test_other_claims_make_a_verdict_less_sure():
    measured = measurements({"a": 0.70, "b": 0.60}, 5)
    alone, *_ = judge_all(measured, [claim(comparison(margin=0.08))])
    among, *_ = judge_all(measured, [claim(comparison(margin=0.08)), *[claim(comparison(second="gone"))] * 39])
    assert alone.verdict == "supported"
    assert among.p_support == pytest.approx(40 * alone.p_support)
    assert among.verdict == "undecided"


def test_missing_runs_are_named_and_leave_a_claim_unjudged():
    measured = measurements({"a": 0.9, "b": 0.3}, 2)
    measured = dataclasses.replace(measured, planned={"a": 2, "b": 3})
    (judged,) = judge_all(measured, [claim(comparison())])
    assert (judged.verdict, judged.missing, judged.p_support) == ("not run yet", (("b", 3),), 1.0)
    (judged,) = judge_all(measured, [claim(comparison(second="never"))])
    assert (judged.verdict, judged.missing) == ("not run yet", (("never", 1),))
    (judged,) = judge_all(measured, [claim(Comparison("step_seconds", "equations", "nn_gru", "above", 0.05))])
    assert (judged.verdict, judged.missing) == ("not run yet", (("study_cells", 1),))


def test_a_seed_whose_training_diverged_leaves_a_curve_undecided_but_not_a_score():
    measured = measurements({"a": 0.9, "b": 0.3}, 3)
    runs = dict(measured.runs)
    runs["a", 2] = runs["a", 2][0] | {"diverged": True}, runs["a", 2][1]
    measured = Measurements.of_runs(runs, measured.planned, None)
    found = find(comparison(measure="dev_accuracy"), measured)
    assert (found.evidence.count, found.seeds, found.p_support, found.p_against) == (2, 3, 1.0, 1.0)
    assert verdict(measured, comparison()) == "supported"


def test_seconds_count_only_of_runs_that_were_alone():
    measured = measurements({"a": 0.5, "b": 0.5}, 3, seconds={"a": 2.0})
    runs = {key: (run, timings(seconds["seconds"][-1], load=2.0)) for key, (run, seconds) in measured.runs.items()}
    for seed in (1, 2, 3):
        runs["a", seed][0]["steps"] = 1
    measured = Measurements.of_runs(runs, measured.planned, None)
    faster = comparison("below", 0.05, "seconds", ratio=True)
    assert find(faster, measured).evidence is None
    assert verdict(measured, faster) == "undecided"
    found = find(dataclasses.replace(faster, otherwise="steps"), measured)
    assert (found.comparison.measure, found.not_alone) == ("steps", True)
    assert found.evidence.mean == pytest.approx(math.log(1 / 4))
    assert found.p_support == 0.0


def test_one_seed_is_undecided():
    assert verdict(measurements({"a": 0.9, "b": 0.1}, 1), comparison()) == "undecided"


def curve_measurements(errors):
    """Learning curves of 2,500 to 20,000 rows and of 1,250 to 5,000."""
    points = {"films_2500": 2500, "films_5000": 5000, "films_lstm": 10000, "films_20000": 20000}
    points |= {"reviews_1250": 1250, "reviews_2500": 2500, "reviews_5000": 5000}
    runs = {}
    for name, rows in points.items():
        for seed in (1, 2, 3):
            runs[name, seed] = facts(name, seed, 1 - errors(rows), rows=rows), timings()
    return Measurements.of_runs(runs, dict.fromkeys(points, 3), None)


def test_a_learning_curve_is_extrapolated():
    measured = curve_measurements(lambda rows: 0.4 * (rows / 2500) ** -0.325)
    found = find(Comparison("accuracy_at_800000", "films_curve", 0.93906, "same", 0.01), measured)
    # 0.4 * 320^-0.325 = 0.0613
    assert found.evidence.mean == pytest.approx(1 - 0.0613 - 0.93906, abs=0.005)
    assert found.evidence.low < found.evidence.mean < found.evidence.high
    mean, low, high = rows_needed("films_curve", measured)
    assert mean == pytest.approx(2500 * (0.4 / 0.06094) ** (1 / 0.325), rel=0.15)
    assert low < mean < high
    partial = {key: run for key, run in measured.runs.items() if key[0] != "films_5000"}
    measured = Measurements.of_runs(partial, measured.planned, None)
    assert rows_needed("films_curve", measured) is None
    assert find(Comparison("accuracy_at_800000", "films_curve", 0.93906, "same", 0.01), measured).evidence is None


def test_all_claims_are_judged():
    _, _, content = verdicts()
    json.dumps(content, allow_nan=False)
    found = {each["claim"]: each["verdict"] for each in content["claims"]}
    assert list(found) == [each.key for each in ALL_CLAIMS]
    assert found["fails_at_32"] == "supported"
    assert found["half_text"] == "not supported"
    assert found["scratch_equal"] == found["gates"] == found["fewer_parameters"] == "supported"
    assert found["batch_256_time"] == "supported"
    assert found["gru_for_lstm"] == "not run yet"
    (missing,) = (each["missing"] for each in content["claims"] if each["claim"] == "gru_for_lstm")
    assert missing == ["bigru_b256-1", "bilstm_b256-1"]
    assert (content["runs"], content["planned_runs"], content["threads"]) == (20, 20, [1])
    assert content["scale"] == [{"recipe": "news_rnn", "rows": 16, "epochs": 1.0}]
    (faster,) = (each for each in content["claims"] if each["claim"] == "batch_256")
    assert faster["measured"]["seconds"]["rnn_b256_p16"]["mean"] == pytest.approx(2.006)
    assert math.exp(faster["findings"][1]["difference"]["mean"]) == pytest.approx(0.25)


def test_accuracy_at_equal_time_stops_when_the_fastest_ends():
    measured, judged, _ = verdicts()
    (found,) = (row for row in judged if row.claim.key == "batch_time")
    accuracies = found.values["dev_accuracy_at_time"]
    assert accuracies["rnn_b1024_p16"][1] == pytest.approx(0.7 + 1 / ROWS)
    assert "rnn_b64_p16" not in accuracies  # its first point is later
    assert np.isfinite(list(accuracies["rnn_b256_p16"].values())).all()
    assert measured.values["dev_accuracy_at_time"] == {}


def test_the_small_study_counts_its_own_seeds():
    measured = dataclasses.replace(measurements({"a": 0.9, "b": 0.3}, 5, cells()), planned={"a": 2, "b": 2})
    found = find(comparison(), measured)
    assert (found.evidence.count, found.seeds) == (2, 2)
