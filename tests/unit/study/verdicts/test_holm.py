"""Holm's correction and the p-values of a claim, by hand."""

import pytest

from textrnn.study.verdicts.holm import holm, p_of_refutation, p_of_support


def test_holm_by_hand():
    # sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04, and the last is raised to 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_and_keeps_ties():
    assert holm([0.6, 0.6]) == [1.0, 1.0]
    assert holm([0.01, 0.01]) == pytest.approx([0.02, 0.02])
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_claims_that_are_not_run_make_the_others_no_surer():
    assert holm([0.01, 1.0, 1.0])[0] == pytest.approx(0.03)


def test_a_claim_is_as_sure_as_its_weakest_part():
    assert p_of_support([0.001, 0.2, 0.03]) == 0.2
    assert p_of_refutation([0.001, 0.2, 0.03]) == pytest.approx(0.003)
    assert p_of_refutation([0.5, 0.6]) == 1.0
