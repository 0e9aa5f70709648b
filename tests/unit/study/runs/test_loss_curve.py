"""What is measured of the losses of all batches, by hand."""

import math

import numpy as np
import pytest

from textrnn.study.runs.loss_curve import MOST_BINS, BatchRecords, largest_rise, loss_bins, roughness

RNG = np.random.default_rng(3)


def test_roughness_by_hand():
    # two epochs of six; the differences of their second halves are 1, -1 and 2, -2; none spans two epochs
    losses = [9, 8, 7, 5, 6, 5, 90, 80, 70, 1, 3, 1]
    assert roughness(losses, 6) == pytest.approx(np.std([1, -1, 2, -2]))


def test_roughness_over_windows_averages_complete_windows_only():
    losses = [0, 0, 0, 0, 0, 1, 3, 5, 3, 9]  # the second half is 1 3 5 3 9: windows (1, 3), (5, 3); 9 is left out
    assert roughness([*losses, *losses], 10, window=2) == 0.0  # one difference of 2 in each
    assert roughness([*losses, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9], 10, window=2) == pytest.approx(np.std([2, 4]))


def test_short_batches_are_left_out_of_a_curve():
    losses = [9, 5, 1, 2, 7, 4]
    assert roughness(losses, 6) == pytest.approx(np.std([5, -3]))
    assert roughness(losses, 6, short={4}) == pytest.approx(np.std([1, 2]))  # the second half of 9 5 1 2 4


def test_roughness_needs_two_points():
    assert math.isnan(roughness([1, 2], 2))
    assert math.isnan(roughness([], 5))


def test_noise_becomes_smoother_only_by_averaging():
    noise = np.random.default_rng(7).normal(size=640_000)
    small, large = roughness(noise, 640_000), roughness(noise.reshape(-1, 16).mean(1), 40_000)
    assert small / large == pytest.approx(4, rel=0.05)  # sqrt(16), as for independent rows
    assert roughness(noise, 640_000, 16) == pytest.approx(large, rel=1e-9)


def test_the_largest_rise_is_after_the_first_epoch():
    losses = [1, 9, 2, 2.5, 2, 3.5, 1, 1]
    assert largest_rise(losses, 2) == pytest.approx(1.5)
    assert largest_rise(losses, 2, short={5}) == pytest.approx(0.5)
    assert math.isnan(largest_rise([1, 2], 2))


def test_bins_have_equally_many_batches():
    losses = np.arange(1000.0)
    bins = loss_bins(losses)
    assert bins["batches"] == 5
    assert len(bins["mean"]) == MOST_BINS
    assert (bins["mean"][1], bins["low"][1], bins["high"][1]) == (7.0, 5.0, 9.0)
    assert loss_bins(losses[:201])["batches"] == 2
    assert loss_bins(losses[:201])["mean"][-1] == 200.0  # alone in its bin
    assert loss_bins([1.23456]) == {"batches": 1, "mean": [1.235], "low": [1.235], "high": [1.235]}
    assert loss_bins([]) == {"batches": 1, "mean": [], "low": [], "high": []}


def test_measures_of_batches():
    losses = RNG.normal(size=64).tolist()
    rows = [512] * 63 + [3]
    records = BatchRecords(losses, rows, 32, 512, [0.5] * 62 + [1.0, 6.0])
    assert records.measures() == {
        "roughness": roughness(losses, 32, short={63}),
        "roughness_at_rows": roughness(losses, 32, 2, {63}),
        "largest_rise": largest_rise(losses, 32, {63}),
        "gradient_norm_median": 0.5,
        "gradient_norm_p99": pytest.approx(np.quantile(records.gradient_norms, 0.99)),
        "gradient_norm_largest": 6.0,
        "share_above_clip_norm": 1 / 64,
    }
