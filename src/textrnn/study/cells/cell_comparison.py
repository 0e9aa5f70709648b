"""Comparison of the GRU from scratch with nn.GRU: differences of outputs and gradients, and time of a layer.

Shapes: B batch, T steps, F features, H hidden.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from textrnn.modeling.nn.recurrent import WEIGHT_NAMES
from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.study.plan.variants import CellComparison

Layer = Callable[[Tensor], tuple[Tensor, Tensor]]
IMPLEMENTATIONS = ("equations", "kernels")  # of ScratchGRU: the readable one, and the fast one


def differences(settings: CellComparison, seed: int) -> dict[str, dict[str, float]]:
    """Compare each of IMPLEMENTATIONS with nn.GRU for the same weights and input, in float64.

    `output_difference` is the largest absolute difference of outputs and last states. `gradient_difference` is that of
    the gradients of the input and of each weight, each relative to its largest absolute value.
    """
    torch.manual_seed(seed)
    reference, scratch = _equal_layers(settings, torch.float64)
    x = torch.randn(settings.steps, settings.batch_size, settings.input_size, dtype=torch.float64)
    weight = torch.randn(settings.steps, settings.batch_size, settings.hidden_size, dtype=torch.float64)
    expected_outputs, expected_gradients = _backward(lambda x: reference(x), x, weight, reference)
    results = {}
    for name in IMPLEMENTATIONS:
        outputs, gradients = _backward(_implementation(scratch, name), x, weight, scratch)
        absolute = [(a - b).abs().max().item() for a, b in zip(outputs, expected_outputs, strict=True)]
        relative = [
            ((a - b).abs().max() / b.abs().max()).item() for a, b in zip(gradients, expected_gradients, strict=True)
        ]
        results[name] = {"output_difference": max(absolute), "gradient_difference": max(relative)}
    return results


def timings(settings: CellComparison, seed: int) -> dict[str, list[float]]:
    """Time forward and backward in float32, `repeats` times in turn: nn.GRU, IMPLEMENTATIONS and nn.LSTM; seconds."""
    torch.manual_seed(seed)
    reference, scratch = _equal_layers(settings, torch.float32)
    x = torch.randn(settings.steps, settings.batch_size, settings.input_size)
    weight = torch.randn(settings.steps, settings.batch_size, settings.hidden_size)
    layers: dict[str, tuple[Layer, nn.Module]] = {"nn_gru": (lambda x: reference(x), reference)}
    layers |= {name: (_implementation(scratch, name), scratch) for name in IMPLEMENTATIONS}
    lstm = nn.LSTM(settings.input_size, settings.hidden_size)
    layers["nn_lstm"] = (lambda x: _without_cell(lstm(x)), lstm)
    seconds: dict[str, list[float]] = {name: [] for name in layers}
    for repeat in range(settings.repeats + 1):
        for name, (layer, module) in layers.items():
            started = time.perf_counter()
            _backward(layer, x, weight, module)
            if repeat:  # the first one warms up
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _equal_layers(settings: CellComparison, dtype: torch.dtype) -> tuple[nn.GRU, ScratchGRU]:
    """Return an nn.GRU, and a ScratchGRU with the same weights."""
    reference = nn.GRU(settings.input_size, settings.hidden_size).to(dtype)
    scratch = ScratchGRU(settings.input_size, settings.hidden_size).to(dtype)
    with torch.no_grad():
        for name in WEIGHT_NAMES:
            getattr(scratch, name).copy_(getattr(reference, f"{name}_l0"))
    return reference, scratch


def _implementation(scratch: ScratchGRU, name: str) -> Layer:
    return scratch.equations if name == "equations" else scratch


def _without_cell(result: tuple[Tensor, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    outputs, (last, _) = result
    return outputs, last


def _backward(layer: Layer, x: Tensor, weight: Tensor, module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Return outputs (T, B, H) and last state (B, H), and the gradients of sum(weight * outputs).

    The gradients are with respect to the input and to the parameters of the module.
    """
    x = x.clone().requires_grad_()
    outputs, last = layer(x)
    gradients = torch.autograd.grad((outputs * weight).sum(), [x, *module.parameters()])
    return [outputs.detach(), last.detach().reshape(outputs.shape[1:])], list(gradients)
