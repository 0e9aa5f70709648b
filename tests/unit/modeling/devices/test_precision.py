"""Test mixed precision: what is computed in it, what stays float32, what is rejected, and GPU determinism."""

import os

import pytest
import torch
from torch import nn

from textrnn.errors import UserError
from textrnn.modeling.devices.precision import check_precision, forward_in_precision, make_deterministic, make_scaler

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class Product(nn.Module):
    """One matrix product of the embedded ids; it records the type of the product."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.embedding = nn.Parameter(torch.randn(5, 8, generator=generator))
        self.weight = nn.Parameter(torch.randn(3, 8, generator=generator))
        self.dtypes = []

    def forward(self, ids, lengths):
        product = nn.functional.linear(self.embedding[ids].sum(1) / lengths[:, None], self.weight)
        self.dtypes.append(product.dtype)
        return product


def run(precision):
    network = Product()
    logits = forward_in_precision(network, torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1]), precision)
    logits.square().sum().backward()
    return network, logits


def test_products_are_rounded_and_logits_weights_and_gradients_are_float32():
    full, logits = run("float32")
    half, rounded = run("bfloat16")
    assert (full.dtypes, half.dtypes) == ([torch.float32], [torch.bfloat16])
    assert {tensor.dtype for tensor in (logits, rounded, half.weight, half.weight.grad)} == {torch.float32}
    assert torch.equal(rounded, rounded.bfloat16().float())  # representable in bfloat16
    assert not torch.equal(rounded, logits)
    assert torch.allclose(rounded, logits, rtol=2e-2, atol=2e-2)
    assert torch.allclose(half.weight.grad, full.weight.grad, rtol=3e-2, atol=3e-1)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "scratch_gru"])
def test_a_device_has_some_precisions_and_the_others_are_refused(cell):
    for precision, device in (("float32", CPU), ("bfloat16", CPU), ("float32", GPU), ("tf32", GPU), ("float16", GPU)):
        check_precision(precision, cell, device, "train.precision")
    for precision in ("float16", "tf32"):
        match = rf"^train\.precision: {precision} needs a GPU; got device cpu; use bfloat16 or float32$"
        with pytest.raises(UserError, match=match):
            check_precision(precision, cell, CPU, "train.precision")


def test_bfloat16_is_refused_where_cudnn_would_compute_in_float16():
    check_precision("bfloat16", "scratch_gru", GPU, "train.precision")
    match = r"^p: a GPU has no bfloat16 for the cell lstm; got device cuda; use tf32, float16 or float32$"
    with pytest.raises(UserError, match=match):
        check_precision("bfloat16", "lstm", GPU, "p")


def test_the_scaler_does_nothing_except_for_float16():
    for precision in ("float32", "tf32", "bfloat16"):
        scaler = make_scaler(precision, CPU)
        weight = nn.Parameter(torch.tensor([2.0]))
        optimizer = torch.optim.SGD([weight], 0.5)
        scaler.scale(weight * 3).sum().backward()
        scaler.unscale_(optimizer)
        assert weight.grad.tolist() == [3.0]
        scaler.step(optimizer)
        scaler.update()
        assert weight.tolist() == [0.5]
        assert scaler.state_dict() == {}


def test_an_overflow_is_skipped_and_halves_the_scale():
    # float16 needs a GPU, but the scaler's arithmetic runs anywhere
    scaler = make_scaler("float16", CPU)
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = torch.optim.Adam([weight], 0.5, fused=True)
    weight.grad = torch.tensor([torch.inf])  # as if summed over processes: no loss was scaled here
    scaler.step(optimizer)
    scaler.update()
    assert (weight.tolist(), scaler.state_dict()["scale"]) == ([2.0], 2.0**15)
    optimizer.zero_grad()
    scaler.scale(weight * 3).sum().backward()
    assert weight.grad.tolist() == [3 * 2.0**15]
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == pytest.approx(1.5)  # Adam's first step is as large as the learning rate
    again = make_scaler("float16", CPU)
    again.load_state_dict(scaler.state_dict())
    assert again.scale(torch.ones(1)).tolist() == [2.0**15]


def test_a_gpu_is_made_deterministic(monkeypatch):
    flags = ("deterministic", "benchmark", "allow_tf32")
    before = [getattr(torch.backends.cudnn, flag) for flag in flags], torch.backends.cuda.matmul.allow_tf32
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    try:
        torch.backends.cudnn.benchmark = True
        make_deterministic(CPU)
        assert torch.backends.cudnn.benchmark
        make_deterministic(GPU)
        assert [getattr(torch.backends.cudnn, flag) for flag in flags] == [True, False, False]
        assert not torch.backends.cuda.matmul.allow_tf32
        make_deterministic(GPU, "tf32")
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (True, True)
        make_deterministic(GPU, "float16")
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (False, False)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        for flag, value in zip(flags, before[0], strict=True):
            setattr(torch.backends.cudnn, flag, value)
        torch.backends.cuda.matmul.allow_tf32 = before[1]
