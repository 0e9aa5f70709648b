"""The claims: what they name exists, each has a text in both languages, and every variant of the study serves one."""

from collections import Counter

import pytest

from factories.imports import ROOT
from textrnn.common.params.params_file import read_values
from textrnn.study.claims.all_claims import ALL_CLAIMS, CELLS, runs_of
from textrnn.study.claims.claim import Claim, Comparison, Text
from textrnn.study.claims.explanations import EXPLANATIONS, explain
from textrnn.study.claims.tutorial_5 import CURVES
from textrnn.study.plan.variants import read_study
from textrnn.study.verdicts.measures import MEASURES

STUDY = read_study(read_values(ROOT / "study" / "params.yaml"))


def test_claims_use_existing_variants_and_measures():
    used = {name for claim in ALL_CLAIMS for name in (*runs_of(claim), *claim.drawn)}
    assert used == STUDY.variants.keys()
    assert {name for claim in ALL_CLAIMS for name in claim.variants()} - used == {
        *CURVES,
        *(CELLS - {"nn_rnn", "nn_lstm"}),
    }
    comparisons = [comparison for claim in ALL_CLAIMS for comparison in claim.comparisons]
    named = {each.measure for each in comparisons} | {each.otherwise for each in comparisons if each.otherwise}
    assert named == MEASURES.keys()


def test_each_claim_has_a_key_of_its_own_and_both_languages():
    assert [key for key, count in Counter(claim.key for claim in ALL_CLAIMS).items() if count > 1] == []
    assert {claim.tutorial for claim in ALL_CLAIMS} == {1, 2, 3, 4, 5}
    for claim in ALL_CLAIMS:
        assert claim.said.en, claim.key
        assert claim.said.zh, claim.key
        assert bool(claim.judged.en) == bool(claim.judged.zh), claim.key
        assert not any("一" <= letter <= "鿿" for letter in claim.said.en + claim.judged.en), claim.key


def test_an_explanation_is_shown_only_with_the_answers_that_it_explains():
    assert explain("forgets", ["no", "yes", "no", "open"]).en.startswith("Read at the last token, before the padding,")
    for other in (["no", "yes", "open", "open"], ["no", "yes", "no"], ["no", "yes", "no", None], []):
        assert explain("forgets", other) == Text("", "")
    assert explain("of another study", []) == Text("", "")
    comparisons = {claim.key: len(claim.comparisons) for claim in ALL_CLAIMS}
    for key, (answers, text) in EXPLANATIONS.items():
        assert len(answers.split()) == comparisons[key], key
        assert set(answers.split()) <= {"yes", "no", "open"}, key
        assert text.en.endswith(".")
        assert text.zh.endswith("。")
        assert not any("一" <= letter <= "鿿" for letter in text.en), key


def test_what_seconds_stand_for_is_no_measure_of_time():
    comparisons = [comparison for claim in ALL_CLAIMS for comparison in claim.comparisons]
    assert {each.otherwise for each in comparisons if each.otherwise} == {"steps", "flops"}
    assert not any(MEASURES[each.otherwise].timed for each in comparisons if each.otherwise)
    assert all(MEASURES[each.measure].timed for each in comparisons if each.otherwise)


@pytest.mark.parametrize(
    ("compared", "expected"),
    [
        ((("a", "b"), ("a", 0.5)), ("a", "b")),
        ((("a", "nn_gru"),), ("a",)),
        ((("films_curve", 0.9),), ("films_2500", "films_5000", "films_lstm", "films_20000")),
    ],
)
def test_the_runs_of_a_claim(compared, expected):
    comparisons = tuple(Comparison("test_score", first, second, "above", 0.0) for first, second in compared)
    assert runs_of(Claim("key", 1, Text("It is so.", "是这样。"), comparisons)) == expected
