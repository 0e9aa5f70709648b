"""The GRU from scratch against torch's cells: equality, gates at their extremes, parameters and times."""

import pytest
import torch

from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.study.cells.cell_comparison import differences, timings
from textrnn.study.cells.gates import extreme_gates, layer_parameters
from textrnn.study.plan.variants import CellComparison

SIZES = CellComparison(steps=4, batch_size=3, input_size=5, hidden_size=6, repeats=2, seeds=1)


def test_the_two_grus_agree_in_double_precision():
    results = differences(SIZES, 1)
    assert set(results) == {"equations", "kernels"}
    for result in results.values():
        assert 0 <= result["output_difference"] < 1e-14
        assert 0 <= result["gradient_difference"] < 1e-12


def test_a_wrong_gru_is_detected(monkeypatch):
    equations = ScratchGRU.equations
    monkeypatch.setattr(ScratchGRU, "equations", lambda self, x: tuple(1.01 * state for state in equations(self, x)))
    results = differences(SIZES, 1)
    assert results["equations"]["output_difference"] > 1e-4
    assert results["equations"]["gradient_difference"] > 1e-3
    assert results["kernels"]["gradient_difference"] < 1e-12


def test_each_gru_is_timed_as_often_as_requested():
    assert {name: len(seconds) for name, seconds in timings(SIZES, 1).items()} == {
        "nn_gru": 2,
        "equations": 2,
        "kernels": 2,
        "nn_lstm": 2,
    }


def test_extreme_gates_are_a_plain_rnn_and_a_kept_state():
    assert extreme_gates(SIZES, 1) == {
        "plain": {"state_difference": pytest.approx(0.0, abs=1e-15)},
        "kept": {"state_difference": 0.0},
    }


def test_a_gru_with_its_gates_the_other_way_is_neither(monkeypatch):
    equations = ScratchGRU.equations

    def swapped(self, x, h0=None):
        with torch.no_grad():
            r, z, _ = self.bias_ih.chunk(3)
            r.copy_(z)
            z.zero_()
        return equations(self, x, h0)

    monkeypatch.setattr(ScratchGRU, "equations", swapped)
    found = extreme_gates(SIZES, 1)
    assert found["plain"]["state_difference"] > 0.01
    assert found["kept"]["state_difference"] > 0.01


def test_parameters_of_a_layer_by_hand():
    # F = 5, H = 6: 5 * 6 + 6 * 6 + 2 * 6 for each gate
    assert layer_parameters(SIZES) == {"nn_rnn": 78, "nn_gru": 3 * 78, "nn_lstm": 4 * 78}
