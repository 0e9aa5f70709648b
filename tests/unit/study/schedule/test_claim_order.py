"""The order of claims: cheapest first, and those at once whose runs are then there."""

from textrnn.study.claims.claim import Claim, Comparison, Text
from textrnn.study.plan.variants import CellComparison, SmallStudy, Study, Variant
from textrnn.study.schedule.claim_order import describe, order_claims

VARIANTS = {name: Variant("news_rnn", {}, {}, seeds=2) for name in "abcd"}
STUDY = Study(1, 1, CellComparison(1, 1, 1, 1, 1, 1), SmallStudy((), 1), VARIANTS)
COSTS = {"a": 1800.0, "b": 360.0, "c": 36.0}


def claim(key, *pairs):
    comparisons = tuple(Comparison("test_score", first, second, "above", 0.0) for first, second in pairs)
    return Claim(key, 1, Text("It is so.", "是这样。"), comparisons)


def test_claims_come_by_the_seconds_that_they_add():
    claims = [
        claim("dear", ("a", "b")),
        claim("cheap", ("b", "c")),
        claim("shared", ("c", 0.5)),
        claim("cells", ("nn_gru", 1)),
    ]
    steps = order_claims(claims, STUDY, COSTS)
    assert [step.claim.key for step in steps] == ["cells", "shared", "cheap", "dear"]
    assert [step.runs for step in steps] == [(), (("c", 1), ("c", 2)), (("b", 1), ("b", 2)), (("a", 1), ("a", 2))]
    assert [step.seconds for step in steps] == [0, 72, 720, 3600]
    assert describe(steps)[-1] == "  1.22 h  dear: 2 runs, 1.00 h"
    assert describe(steps)[0] == "  0.00 h  cells: no runs of its own"


def test_a_claim_whose_runs_are_there_follows_at_once():
    claims = [claim("small", ("c", 0.5)), claim("large", ("a", "b")), claim("part", ("a", 0.5))]
    done = [("a", 1), ("a", 2), ("b", 1)]
    assert [step.claim.key for step in order_claims(claims, STUDY, COSTS, done)] == ["part", "small", "large"]


def test_what_was_not_measured_is_taken_for_the_longest_and_what_is_no_variant_for_nothing():
    claims = [claim("unknown", ("d", 0.5)), claim("gone", ("e", 0.5)), claim("dear", ("a", "b"))]
    steps = order_claims(claims, STUDY, COSTS)
    assert [(step.claim.key, step.seconds) for step in steps] == [("unknown", 3600), ("dear", 4320)]
