"""Compare each cell with its equations in NumPy, and the three forms of the scratch GRU with nn.GRU."""

import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn

from factories.networks import CountProducts
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.recurrent import Recurrent
from textrnn.modeling.nn.scratch_gru import ScratchGRU, gru_cell

TOLERANCE = {torch.float64: {"rtol": 1e-10, "atol": 1e-10}, torch.float32: {"rtol": 1e-5, "atol": 1e-6}}
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
KERNELS = pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "modules"])
FORMS = pytest.mark.parametrize("form", [ScratchGRU.forward, ScratchGRU.equations, ScratchGRU.step_by_step])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return np.tanh(w_ih @ x + b_ih + w_hh @ h + b_hh), c


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = np.split(w_ih @ x + b_ih, 3)
    hr, hz, hn = np.split(w_hh @ h + b_hh, 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return z * h + (1 - z) * np.tanh(xn + r * hn), c


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step, "scratch_gru": gru_step}


@DTYPES
@KERNELS
@pytest.mark.parametrize("cell", list(STEPS))
def test_every_cell_computes_its_equations(cell, kernels, dtype):
    torch.manual_seed(0)
    model = Recurrent(cell, 3, 4, 1, False, 0.0).to(dtype)
    model.use_kernels = kernels
    x, h0 = torch.randn(5, 2, 3, dtype=dtype), torch.randn(1, 2, 4, dtype=dtype)
    out, last = model(LayerInput.from_dense(x), None, h0)
    weights = [weight.detach().double().numpy() for weight in model.parameters()]
    expected = np.empty((5, 2, 4))
    for row in range(2):
        h, c = h0[0, row].double().numpy(), np.zeros(4)
        for step in range(5):
            h, c = STEPS[cell](x[step, row].double().numpy(), h, c, *weights)
            expected[step, row] = h
    wanted = torch.from_numpy(expected).to(dtype)
    torch.testing.assert_close(out, wanted, **TOLERANCE[dtype])
    torch.testing.assert_close(last[0], wanted[-1], **TOLERANCE[dtype])


@FORMS
def test_one_step_with_plain_numbers(form):
    gru = ScratchGRU(1, 1).double()
    with torch.no_grad():
        gru.weight_ih.copy_(torch.tensor([[0.5], [-1.0], [2.0]]))
        gru.weight_hh.copy_(torch.tensor([[1.0], [0.25], [-0.5]]))
        gru.bias_ih.copy_(torch.tensor([0.1, 0.2, 0.3]))
        gru.bias_hh.copy_(torch.tensor([-0.1, 0.4, 0.7]))
    out, last = form(gru, torch.tensor([[[2.0]]]).double(), torch.tensor([[3.0]]).double())
    r = 1 / (1 + math.exp(-(0.5 * 2 + 0.1 + 1.0 * 3 - 0.1)))
    z = 1 / (1 + math.exp(-(-1.0 * 2 + 0.2 + 0.25 * 3 + 0.4)))
    n = math.tanh(2.0 * 2 + 0.3 + r * (-0.5 * 3 + 0.7))
    # The weights above were rounded to float32.
    assert out.item() == pytest.approx(z * 3 + (1 - z) * n, abs=1e-6)
    assert last.item() == out.item()


@FORMS
@DTYPES
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (3, 1), (1, 6), (4, 7)])
def test_scratch_gru_equals_nn_gru_in_value_and_gradient(batch, steps, dtype, form):
    torch.manual_seed(1)
    stock = nn.GRU(3, 5).to(dtype)
    scratch = ScratchGRU(3, 5).to(dtype)
    for own, other in zip(scratch.parameters(), stock.parameters(), strict=True):
        own.data.copy_(other)
    x = torch.randn(steps, batch, 3, dtype=dtype, requires_grad=True)
    h0 = torch.randn(batch, 5, dtype=dtype, requires_grad=True)
    weights, last_weights = torch.randn(steps, batch, 5, dtype=dtype), torch.randn(batch, 5, dtype=dtype)

    def gradients(out, last, *leaves):
        return torch.autograd.grad((out * weights).sum() + (last * last_weights).sum(), leaves)

    for start in (None, h0):
        out, last = form(scratch, x, start)
        wanted, wanted_last = stock(x, None if start is None else start[None])
        torch.testing.assert_close(out, wanted, **TOLERANCE[dtype])
        torch.testing.assert_close(last, wanted_last[0], **TOLERANCE[dtype])
        leaves = [x] if start is None else [x, h0]
        own = gradients(out, last, *leaves, *scratch.parameters())
        other = gradients(wanted, wanted_last[0], *leaves, *stock.parameters())
        torch.testing.assert_close(own, other, **TOLERANCE[dtype])


def test_the_same_seed_draws_the_weights_of_nn_gru():
    torch.manual_seed(7)
    scratch = ScratchGRU(6, 9)
    torch.manual_seed(7)
    stock = nn.GRU(6, 9)
    for (name, own), (other_name, other) in zip(scratch.named_parameters(), stock.named_parameters(), strict=True):
        assert other_name == f"{name}_l0"
        assert torch.equal(own, other)
    assert all(weight.abs().max() <= 1 / 3 for weight in scratch.parameters())


@FORMS
def test_gradients_agree_with_finite_differences(form):
    torch.manual_seed(2)
    gru = ScratchGRU(2, 3).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *args: form(gru, args[0], args[1]), (x, h0, *gru.parameters()))


@pytest.mark.parametrize(
    ("form", "each_step"),
    [(ScratchGRU.forward, [(2, 4, 8), (2, 4, 4)]), (ScratchGRU.equations, [(2, 4, 12)])],  # r and z, n; all at once
)
def test_one_product_projects_the_input_of_all_steps(form, each_step):
    gru, x = ScratchGRU(3, 4), torch.randn(6, 2, 3)
    with CountProducts() as products, torch.no_grad():
        form(gru, x)
    assert products.shapes == [(6 * 2, 3, 12)] + each_step * 6


def test_the_fused_kernel_of_a_gpu_takes_the_arguments_of_the_cell():
    schema = torch.ops.aten._thnn_fused_gru_cell.default._schema
    names = [argument.name for argument in schema.arguments]
    assert names == ["input_gates", "hidden_gates", "hx", "input_bias", "hidden_bias"]
    assert list(inspect.signature(gru_cell).parameters) == ["from_input", "from_state", "h", "bias_ih", "bias_hh"]


@DTYPES
def test_the_cell_is_that_of_torch(dtype):
    torch.manual_seed(0)
    module = ScratchGRU(3, 4).to(dtype)
    x, h = torch.randn(5, 3, dtype=dtype), torch.randn(5, 4, dtype=dtype)
    weights = module.weight_ih, module.weight_hh, module.bias_ih, module.bias_hh
    own = gru_cell(x @ module.weight_ih.t(), h @ module.weight_hh.t(), h, module.bias_ih, module.bias_hh)
    torch.testing.assert_close(own, torch.gru_cell(x, h, *weights), **TOLERANCE[dtype])
