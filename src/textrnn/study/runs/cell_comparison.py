"""The GRU from scratch against nn.GRU: how far outputs and gradients are apart, and what a step of each costs.

Shapes: B batch, T steps, F features, H hidden.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from textrnn.modeling.nn.recurrent import WEIGHTS
from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.study.plan.variants import CellComparison

Layer = Callable[[Tensor], tuple[Tensor, Tensor]]
COMPARED = ("equations", "kernels")  # ScratchGRU as it is read, and as it runs


def differences(settings: CellComparison, seed: int) -> dict[str, dict[str, float]]:
    """How far each of COMPARED is from nn.GRU with the same weights and input, in float64.

    `output_difference`: the largest of outputs and last states. `gradient_difference`: the largest of the gradients
    of the input and of each weight, each relative to the largest of its kind.
    """
    torch.manual_seed(seed)
    stock, scratch = _pair(settings, torch.float64)
    x = torch.randn(settings.steps, settings.batch_size, settings.input_size, dtype=torch.float64)
    weight = torch.randn(settings.steps, settings.batch_size, settings.hidden_size, dtype=torch.float64)
    expected, wanted = _backward(lambda x: stock(x), x, weight, stock)
    found = {}
    for name in COMPARED:
        outputs, gradients = _backward(_layer(scratch, name), x, weight, scratch)
        apart = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(gradients, wanted, strict=True)]
        found[name] = {
            "output_difference": max((a - b).abs().max().item() for a, b in zip(outputs, expected, strict=True)),
            "gradient_difference": max(apart),
        }
    return found


def seconds(settings: CellComparison, seed: int) -> dict[str, list[float]]:
    """Seconds of forward and backward in float32, of nn.GRU and each of COMPARED, `repeats` times in turn."""
    torch.manual_seed(seed)
    stock, scratch = _pair(settings, torch.float32)
    x = torch.randn(settings.steps, settings.batch_size, settings.input_size)
    weight = torch.randn(settings.steps, settings.batch_size, settings.hidden_size)
    layers: dict[str, tuple[Layer, nn.Module]] = {"nn_gru": (lambda x: stock(x), stock)}
    layers |= {name: (_layer(scratch, name), scratch) for name in COMPARED}
    taken: dict[str, list[float]] = {name: [] for name in layers}
    for repeat in range(settings.repeats + 1):
        for name, (layer, module) in layers.items():
            began = time.perf_counter()
            _backward(layer, x, weight, module)
            if repeat:  # the first of each warms up
                taken[name].append(time.perf_counter() - began)
    return taken


def _pair(settings: CellComparison, dtype: torch.dtype) -> tuple[nn.GRU, ScratchGRU]:
    """An nn.GRU, and a ScratchGRU with its weights."""
    stock = nn.GRU(settings.input_size, settings.hidden_size).to(dtype)
    scratch = ScratchGRU(settings.input_size, settings.hidden_size).to(dtype)
    with torch.no_grad():
        for name in WEIGHTS:
            getattr(scratch, name).copy_(getattr(stock, f"{name}_l0"))
    return stock, scratch


def _layer(scratch: ScratchGRU, name: str) -> Layer:
    return scratch.equations if name == "equations" else scratch


def _backward(layer: Layer, x: Tensor, weight: Tensor, module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs (T, B, H) and last state (B, H); the gradients of sum(weight * outputs) for input and parameters."""
    x = x.clone().requires_grad_()
    out, last = layer(x)
    gradients = torch.autograd.grad((out * weight).sum(), [x, *module.parameters()])
    return [out.detach(), last.detach().reshape(out.shape[1:])], list(gradients)
