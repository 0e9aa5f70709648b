"""Compare the kernels with torch's modules and with finite differences: values, all gradients, and no side effects."""

import dataclasses
import random

import pytest
import torch
from torch import nn

from factories.networks import CountProducts
from textrnn.modeling.nn.kernels import run_layer
from textrnn.modeling.nn.layer_input import LayerInput

TORCH_MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
EXACT = {"rtol": 1e-12, "atol": 1e-12}
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}
FEATURES, HIDDEN, STEPS, BATCH, ROWS = 3, 4, 6, 5, 7

MODES = pytest.mark.parametrize("mode", list(TORCH_MODULES))
LAYOUTS = pytest.mark.parametrize("table", [False, True], ids=["dense", "table"])


class Case:
    """The inputs of a kernel, which require gradients, and torch's module with the same weights."""

    def __init__(self, mode, *, table, seed=0, dtype=torch.float64, sizes=(STEPS, BATCH, FEATURES, HIDDEN)):
        steps, batch, features, hidden = sizes
        torch.manual_seed(seed)
        self.mode, self.shape = mode, (steps, batch)
        self.stock = TORCH_MODULES[mode](features, hidden).to(dtype)
        # No step reads the last row of a table.
        rows = ROWS if table else steps * batch
        self.index = torch.randint(ROWS - 1, self.shape) if table else None
        self.features = torch.randn(rows, features, dtype=dtype, requires_grad=True)
        self.start = torch.randn(batch, hidden, dtype=dtype, requires_grad=True)

    def leaves(self):
        return [self.features, *self.stock.parameters(), self.start]

    def ours(self, start=True):
        weights = list(self.stock.parameters())
        return run_layer(
            self.mode, LayerInput(self.features, self.index, self.shape), weights, self.start if start else None
        )

    def theirs(self, start=True):
        x = self.features.view(*self.shape, -1) if self.index is None else self.features[self.index]
        state = self.start[None] if start else torch.zeros_like(self.start)[None]
        out, last = self.stock(x, (state, torch.zeros_like(state)) if self.mode == "lstm" else state)
        return out, (last[0] if self.mode == "lstm" else last)[0]


def weighted_sum(results):
    """A weighted sum with a different weight for every number; the gradients it gives are transposed and expanded."""
    generator = torch.Generator().manual_seed(2)
    return sum(
        (result.transpose(-2, -1) * torch.randn(result.mT.shape, generator=generator, dtype=result.dtype)).sum()
        + result.sum()
        for result in results
    )


def assert_same(case, tolerance, outputs=(0, 1)):
    ours, theirs = case.ours(), case.theirs()
    torch.testing.assert_close(ours, theirs, **tolerance)
    own = torch.autograd.grad(weighted_sum([ours[output] for output in outputs]), case.leaves())
    other = torch.autograd.grad(weighted_sum([theirs[output] for output in outputs]), case.leaves())
    assert len(own) == 6
    torch.testing.assert_close(own, other, **tolerance)
    return own


@MODES
@LAYOUTS
@pytest.mark.parametrize("outputs", [(0, 1), (0,), (1,)], ids=["both", "states", "last"])
def test_values_and_gradients_equal_those_of_torchs_module(mode, table, outputs):
    own = assert_same(Case(mode, table=table), EXACT, outputs)
    if table:
        assert not own[0][-1].any()  # the row that no step reads


@MODES
def test_any_sizes(mode):
    generator = random.Random(3)
    for seed in range(40):
        sizes = tuple(generator.randint(1, largest) for largest in (8, 6, 5, 7))
        assert_same(Case(mode, table=seed % 2 == 0, seed=seed, sizes=sizes), EXACT)


@MODES
@LAYOUTS
@pytest.mark.parametrize("sizes", [(1, BATCH, 3, 4), (STEPS, 1, 3, 4), (1, 1, 1, 1)], ids=["a step", "a row", "both"])
def test_one_step_and_one_row(mode, table, sizes):
    assert_same(Case(mode, table=table, sizes=sizes), EXACT)


@MODES
@LAYOUTS
def test_in_float32_they_differ_by_rounding(mode, table):
    assert_same(Case(mode, table=table, dtype=torch.float32, sizes=(16, 8, 12, 24)), ROUNDING)


@MODES
def test_large_numbers_saturate_as_in_torch(mode):
    case = Case(mode, table=False)
    with torch.no_grad():
        case.features.mul_(1e3)
        case.features.view(STEPS, BATCH, FEATURES)[:, 0] = 1e-9
    own = assert_same(case, EXACT)
    assert all(gradient.isfinite().all() for gradient in own)


@MODES
def test_no_start_is_a_start_of_zero(mode):
    case = Case(mode, table=True)
    torch.testing.assert_close(case.ours(start=False), case.theirs(start=False), **EXACT)


@MODES
@LAYOUTS
def test_gradients_agree_with_finite_differences(mode, table):
    case = Case(mode, table=table, sizes=(3, 2, 2, 3))

    def kernel(features, *rest):
        return run_layer(mode, LayerInput(features, case.index, case.shape), rest[:4], rest[4])

    assert torch.autograd.gradcheck(kernel, case.leaves())


@MODES
@LAYOUTS
def test_features_without_a_gradient_change_no_other_gradient(mode, table):
    case = Case(mode, table=table)
    _, *wanted = torch.autograd.grad(weighted_sum(case.ours()), case.leaves())
    case.features.requires_grad_(False)
    result = weighted_sum(case.ours())
    with CountProducts() as products:
        found = torch.autograd.grad(result, case.leaves()[1:])
    torch.testing.assert_close(found, tuple(wanted), rtol=0, atol=0)
    weight = case.stock.weight_ih_l0
    assert (len(case.features), *weight.shape) not in products.shapes  # their gradient was not computed
    assert (len(weight), *case.features.shape) in products.shapes
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(weighted_sum(case.ours()), case.features)


@MODES
def test_without_gradients_the_values_are_the_same(mode):
    case = Case(mode, table=True)
    with torch.no_grad():
        no_grad = case.ours()
    assert not any(result.requires_grad for result in no_grad)
    torch.testing.assert_close(no_grad, tuple(result.detach() for result in case.ours()), rtol=0, atol=0)


@MODES
@LAYOUTS
def test_inputs_are_not_overwritten_and_backward_can_run_again(mode, table):
    case = Case(mode, table=table)
    states, last = case.ours()
    output_gradients = [torch.randn_like(states), torch.randn_like(last)]
    tensors = [*case.leaves(), states, last, *output_gradients]
    before = [value.detach().clone() for value in tensors]
    first = torch.autograd.grad((states, last), case.leaves(), output_gradients, retain_graph=True)
    second = torch.autograd.grad((states, last), case.leaves(), output_gradients)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert all(torch.equal(value, old) for value, old in zip(tensors, before, strict=True))


def test_a_second_derivative_is_refused():
    case = Case("gru", table=False)
    with pytest.raises(RuntimeError, match="differentiation"):
        torch.autograd.grad(weighted_sum(case.ours()), case.leaves(), create_graph=True)


@MODES
@LAYOUTS
def test_under_autocast_they_compute_in_bfloat16_and_stay_near_float32(mode, table):
    case = Case(mode, table=table, dtype=torch.float32, sizes=(8, 6, 5, 7))
    wanted = case.ours()
    gradients = torch.autograd.grad(weighted_sum(wanted), case.leaves())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = case.ours()
    assert [result.dtype for result in found] == [torch.bfloat16] * 2
    for result, exact in zip(found, wanted, strict=True):
        assert 0 < (result.float() - exact).abs().max() < 0.03
    own = torch.autograd.grad(weighted_sum([result.float() for result in found]), case.leaves())
    for gradient, exact in zip(own, gradients, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize(("mode", "blocks"), [("rnn", [1]), ("lstm", [4]), ("gru", [2, 1])])
@pytest.mark.parametrize(("table", "rows"), [(False, STEPS * BATCH), (True, ROWS)], ids=["dense", "table"])
def test_one_product_projects_all_steps_or_the_distinct_rows(mode, blocks, table, rows):
    case = Case(mode, table=table)
    with CountProducts() as products, torch.no_grad():
        case.ours()
    every_step = [(BATCH, HIDDEN, block * HIDDEN) for block in blocks]
    assert products.shapes == [(rows, FEATURES, sum(blocks) * HIDDEN), *every_step * STEPS]


def test_dense_features_and_table_rows_by_hand():
    x = torch.arange(24.0).view(3, 4, 2)
    steps = LayerInput.from_dense(x)
    assert steps.shape == (3, 4)
    assert torch.equal(steps.to_dense(), x)
    index = torch.tensor([[1, 0], [1, 2]])
    rows = LayerInput(torch.tensor([[5.0], [6.0], [7.0]]), index, (2, 2))
    assert rows.to_dense().tolist() == [[[6.0], [5.0]], [[6.0], [7.0]]]


def test_steps_that_read_the_zero_row_are_skipped():
    steps = LayerInput(torch.tensor([[0.0], [6.0], [7.0]]), torch.tensor([[0, 2], [1, 0]]), (2, 2), skip_zero_row=True)
    assert [indices.tolist() for indices in steps.row_indices()] == [[2, 1], [1, 2]]
    assert [indices.tolist() for indices in steps.gather(torch.tensor([[1, 0]])).row_indices()] == [[1, 2], [0, 1]]
    assert [indices.tolist() for indices in steps.gather(torch.tensor([[0, 1]])).row_indices()] == [[], []]
    assert steps.to_dense().flatten().tolist() == [0, 7, 6, 0]
    assert [indices is None for indices in dataclasses.replace(steps, skip_zero_row=False).row_indices()] == [
        False,
        True,
    ]
    assert LayerInput.from_dense(torch.ones(2, 2, 1)).row_indices() == (None, None)


@LAYOUTS
def test_steps_are_gathered_for_each_row(table):
    case = Case("rnn", table=table)
    steps = LayerInput(case.features, case.index, case.shape)
    order = torch.randint(STEPS, (2, BATCH))
    gathered = steps.gather(order)
    assert gathered.shape == (2, BATCH)
    dense, selected = steps.to_dense(), gathered.to_dense()
    for step in range(2):
        for row in range(BATCH):
            assert torch.equal(selected[step, row], dense[order[step, row], row])
    assert (gathered.features is steps.features) == table  # the rows of a table are not copied


@MODES
@pytest.mark.parametrize("tables", ["both", "first"])
def test_joined_features_are_concatenated(mode, tables):
    torch.manual_seed(2)
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[mode]
    shapes = ((gates * 3, 7), (gates * 3, 3), (gates * 3,), (gates * 3,))
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    first = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    second = torch.randn(6 if tables == "both" else 8, 3, dtype=torch.float64, requires_grad=True)
    index, other = torch.tensor([[0, 4], [4, 2], [1, 1], [0, 0]]), torch.tensor([[5, 5], [0, 3], [2, 2], [1, 5]])
    joined = LayerInput(second, other if tables == "both" else None, (4, 2))
    x = LayerInput(first, index, (4, 2), joined)
    dense = torch.cat((first[index], second[other] if tables == "both" else second.view(4, 2, 3)), dim=-1)
    assert torch.equal(x.to_dense(), dense)
    order = torch.tensor([[3, 0], [2, 1], [1, 2], [0, 3]])
    assert torch.equal(x.gather(order).to_dense(), dense.gather(0, order[:, :, None].expand(-1, -1, 7)))
    leaves = [*weights, first, second]
    results = []
    for layer_input in (x, LayerInput.from_dense(dense)):
        states, last = run_layer(mode, layer_input, weights, None)
        results.append((states, torch.autograd.grad(states.square().sum() + last.sum(), leaves)))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)
