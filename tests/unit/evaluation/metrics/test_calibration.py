"""Reliability bins and the expected calibration error, by hand and by brute force."""

import numpy as np
import pytest

from textrnn.evaluation.metrics.calibration import ReliabilityBin, calibration_error, reliability


def test_two_bins_by_hand():
    confidence = np.array([0.9, 0.8, 1.0, 0.3, 0.5])
    bins = reliability(confidence, np.array([True, True, False, False, True]), 2)
    assert bins == [
        ReliabilityBin(0.0, 0.5, 2, pytest.approx(0.4), 0.5),
        ReliabilityBin(0.5, 1.0, 3, pytest.approx(0.9), pytest.approx(2 / 3)),
    ]
    assert calibration_error(bins) == pytest.approx((2 * 0.1 + 3 * (0.9 - 2 / 3)) / 5)


def test_a_bin_includes_its_upper_edge_and_empty_bins_are_left_out():
    bins = reliability(np.array([0.0, 0.25, 0.2500001, 1.0]), np.ones(4, dtype=bool), 4)
    assert [(row.lower, row.upper, row.count) for row in bins] == [(0, 0.25, 2), (0.25, 0.5, 1), (0.75, 1, 1)]


def test_fifteen_bins_by_brute_force():
    generator = np.random.default_rng(1)
    confidence = generator.random(2_000)
    correct = generator.random(2_000) < confidence**2
    expected = 0.0
    for index in range(15):
        inside = [(p, hit) for p, hit in zip(confidence, correct, strict=True) if index / 15 < p <= (index + 1) / 15]
        expected += abs(sum(hit for _, hit in inside) - sum(p for p, _ in inside)) / 2_000
    bins = reliability(confidence, correct)
    assert len(bins) == 15
    assert calibration_error(bins) == pytest.approx(expected)
    assert 0.1 < expected < 0.25  # the mean of p - p^2 is 1/6


def test_confidence_equal_to_accuracy_has_no_error():
    bins = reliability(np.full(4, 0.75), np.array([True, True, True, False]))
    assert calibration_error(bins) == 0
    assert calibration_error([]) == 0
