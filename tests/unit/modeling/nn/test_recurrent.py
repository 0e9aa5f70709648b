"""Compare Recurrent with torch's stacked modules, packed and padded: outputs, states and gradients."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import textrnn.modeling.nn.kernels
from textrnn.modeling.nn.dropout import dropout
from textrnn.modeling.nn.layer_input import LayerInput, reverse_steps, reversed_index
from textrnn.modeling.nn.recurrent import Recurrent

TORCH_MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "scratch_gru": nn.GRU}
TOLERANCE = {torch.float64: {"rtol": 1e-10, "atol": 1e-10}, torch.float32: {"rtol": 1e-5, "atol": 1e-6}}
FEATURES, HIDDEN, STEPS, ROWS = 3, 4, 6, 8
LENGTHS = torch.tensor([3, 6, 1, 4, 0])
BATCH = len(LENGTHS)

CELLS = pytest.mark.parametrize("cell", list(TORCH_MODULES))
DIRECTIONS = pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])
# What runs a layer: the kernels, except for an LSTM over dense input, or torch's modules.
WAYS = pytest.mark.parametrize(
    ("kernels", "table"), [(True, False), (True, True), (False, False)], ids=["kernels", "kernels, table", "modules"]
)
PADDING = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["padded", "lengths"])
# The depths check how layers are connected; float32 checks rounding, for which one depth is enough.
DEPTHS = pytest.mark.parametrize(
    ("layers", "dtype"), [(1, torch.float64), (2, torch.float64), (3, torch.float64), (2, torch.float32)], ids=str
)


def pair(cell, layers, bidirectional, dtype=torch.float64, kernels=True):
    """A Recurrent and torch's module with the same weights."""
    torch.manual_seed(0)
    stock = TORCH_MODULES[cell](FEATURES, HIDDEN, layers, bidirectional=bidirectional).to(dtype)
    model = Recurrent(cell, FEATURES, HIDDEN, layers, bidirectional, 0.0).to(dtype)
    model.load_torch_weights(stock)
    model.use_kernels = kernels
    return model, stock


def inputs(model, dtype=torch.float64, table=False):
    """A layer input, dense or rows of a table, and h0; both require gradients."""
    torch.manual_seed(1)
    features = torch.randn(ROWS if table else STEPS * BATCH, FEATURES, dtype=dtype, requires_grad=True)
    h0 = torch.randn(len(model.runs), BATCH, HIDDEN, dtype=dtype, requires_grad=True)
    index = torch.randint(ROWS, (STEPS, BATCH)) if table else None
    return LayerInput(features, index, (STEPS, BATCH)), h0


def run_stock(stock, x, h0, lengths):
    """The outputs and the last h of torch's module, which reads a PackedSequence if there are lengths."""
    dense = x.features.view(*x.shape, FEATURES) if x.index is None else x.features[x.index]
    state = (h0, torch.zeros_like(h0)) if isinstance(stock, nn.LSTM) else h0
    if lengths is None:
        out, last = stock(dense, state)
    else:
        packed = pack_padded_sequence(dense, lengths.clamp(min=1), enforce_sorted=False)
        out, last = stock(packed, state)
        out, _ = pad_packed_sequence(out, total_length=x.shape[0])
    return out, last[0] if isinstance(stock, nn.LSTM) else last


def gradients(results, leaves):
    """The gradients of a sum with a different weight for every number of the results."""
    generator = torch.Generator().manual_seed(2)
    total = sum((r * torch.randn(r.shape, generator=generator, dtype=r.dtype)).sum() for r in results)
    return torch.autograd.grad(total, leaves)


@CELLS
@DEPTHS
@DIRECTIONS
@WAYS
@PADDING
def test_it_equals_packed_sequence_with_lengths_and_the_padded_module_without(
    cell, layers, bidirectional, dtype, kernels, table, lengths
):
    model, stock = pair(cell, layers, bidirectional, dtype, kernels)
    x, h0 = inputs(model, dtype, table)
    ours, theirs = model(x, lengths, h0), run_stock(stock, x, h0, lengths)
    torch.testing.assert_close(ours, theirs, **TOLERANCE[dtype])
    own = gradients(ours, [x.features, h0, *model.parameters()])
    assert len(own) == 2 + 4 * len(model.runs)
    other = gradients(theirs, [x.features, h0, *stock.parameters()])
    torch.testing.assert_close(own, other, **TOLERANCE[dtype])


@CELLS
@DEPTHS
@DIRECTIONS
@WAYS
@PADDING
def test_final_states_are_the_last_h_with_lengths_and_the_last_output_without(
    cell, layers, bidirectional, dtype, kernels, table, lengths
):
    model, stock = pair(cell, layers, bidirectional, dtype, kernels)
    x, h0 = inputs(model, dtype, table)
    out, last = run_stock(stock, x, torch.zeros_like(h0), lengths)
    wanted = out[-1] if lengths is None else torch.cat(list(last[-model.directions :]), dim=1)
    final = model.final_states(x, lengths)
    torch.testing.assert_close(final, wanted, **TOLERANCE[dtype])
    own = gradients([final], [x.features, *model.parameters()])
    assert len(own) == 1 + 4 * len(model.runs)
    torch.testing.assert_close(own, gradients([wanted], [x.features, *stock.parameters()]), **TOLERANCE[dtype])


@CELLS
@WAYS
def test_the_kernels_run_except_where_torch_is_faster(cell, kernels, table, monkeypatch):
    model, _ = pair(cell, 3, False, kernels=kernels)
    calls = []
    run = textrnn.modeling.nn.kernels.run_layer
    monkeypatch.setattr("textrnn.modeling.nn.kernels.run_layer", lambda *args: calls.append(args[0]) or run(*args))
    model(inputs(model, table=table)[0], LENGTHS)
    kernel_layers = 3 if cell != "lstm" else int(table)  # only the first layer reads a table
    assert calls == ["gru" if cell == "scratch_gru" else cell] * (kernel_layers if kernels else 0)


@CELLS
@PADDING
def test_no_h0_is_a_zero_h0(cell, lengths):
    model, stock = pair(cell, 2, True)
    x, h0 = inputs(model)
    theirs = run_stock(stock, x, torch.zeros_like(h0), lengths)
    torch.testing.assert_close(model(x, lengths), theirs, **TOLERANCE[torch.float64])


@CELLS
@DIRECTIONS
def test_padding_and_batch_mates_change_nothing(cell, bidirectional):
    model, _ = pair(cell, 2, bidirectional)
    x, h0 = inputs(model)
    out, last = model(x, LENGTHS, h0)
    wider = torch.full((STEPS + 5, BATCH, FEATURES), 9.0, dtype=out.dtype)
    for row, length in enumerate(LENGTHS.clamp(min=1).tolist()):
        wider[:length, row] = x.to_dense()[:length, row].detach()
    out_wider, last_wider = model(LayerInput.from_dense(wider), LENGTHS, h0)
    torch.testing.assert_close(out_wider[:STEPS], out, rtol=0, atol=1e-12)
    torch.testing.assert_close(last_wider, last, rtol=0, atol=1e-12)
    final, final_wider = (model.final_states(steps, LENGTHS) for steps in (x, LayerInput.from_dense(wider)))
    torch.testing.assert_close(final_wider, final, rtol=0, atol=1e-12)
    assert not out_wider[STEPS:].any()
    for row, length in enumerate(LENGTHS.clamp(min=1).tolist()):
        short = LayerInput.from_dense(wider[:length, row : row + 1])
        alone, last_alone = model(short, LENGTHS[row : row + 1], h0[:, row : row + 1])
        torch.testing.assert_close(alone[:, 0], out[:length, row], rtol=0, atol=1e-12)
        torch.testing.assert_close(last_alone[:, 0], last[:, row], rtol=0, atol=1e-12)
        assert not out[length:, row].any()


@CELLS
def test_without_lengths_the_padding_is_read(cell):
    model, _ = pair(cell, 1, False)
    x, h0 = inputs(model)
    changed = x.to_dense().detach().clone()
    changed[-1] += 1
    assert not torch.allclose(model(x, None, h0)[1], model(LayerInput.from_dense(changed), None, h0)[1], atol=1e-3)


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "modules"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_padding_gets_no_gradient(cell, kernels):
    model, _ = pair(cell, 2, True, kernels=kernels)
    x, h0 = inputs(model)
    out, last = model(x, LENGTHS, h0)
    (grad,) = torch.autograd.grad(out.sum() + last.sum(), x.features)
    valid = torch.arange(STEPS)[:, None] < LENGTHS.clamp(min=1)
    assert torch.equal(grad.view(STEPS, BATCH, FEATURES).abs().sum(-1) > 0, valid)


def test_reversed_index_by_hand():
    index = reversed_index(4, torch.tensor([4, 2, 1, 0]))
    assert index.T.tolist() == [[3, 2, 1, 0], [1, 0, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert torch.equal(index.gather(0, index), torch.arange(4)[:, None].expand(4, 4))
    x = torch.arange(6.0).reshape(3, 2, 1)
    table = LayerInput(x.flatten(0, 1), torch.tensor([[0, 1], [2, 3], [4, 5]]), (3, 2))
    joined = LayerInput(table.features, table.index, table.shape, table)
    for steps, wanted in ((LayerInput.from_dense(x), x), (table, x), (joined, torch.cat((x, x), dim=-1))):
        assert torch.equal(reverse_steps(steps, None).to_dense(), wanted.flip(0))


def test_a_length_above_the_width_is_rejected():
    model, _ = pair("gru", 1, False)
    x, h0 = inputs(model)
    with pytest.raises(RuntimeError, match="out of bounds"):
        model(x, LENGTHS + 1, h0)
    with pytest.raises(RuntimeError, match="out of bounds"):
        model.final_states(x, LENGTHS + 1)


@CELLS
def test_dropout_depends_on_the_seed_and_is_off_in_evaluation(cell):
    torch.manual_seed(0)
    model = Recurrent(cell, FEATURES, HIDDEN, 2, True, 0.5)
    x, _ = inputs(model, torch.float32)

    def seeded(seed):
        torch.manual_seed(seed)
        return model(x, LENGTHS)[0]

    assert torch.equal(seeded(3), seeded(3))
    assert not torch.equal(seeded(3), seeded(4))
    model.eval()
    without_dropout = seeded(3)
    assert torch.equal(without_dropout, seeded(4))
    model.dropout = 0.0
    assert torch.equal(model.train()(x, LENGTHS)[0], without_dropout)


def test_dropout_is_applied_to_the_input_of_every_layer_except_the_first():
    torch.manual_seed(0)
    model = Recurrent("gru", FEATURES, HIDDEN, 3, False, 0.5)
    first, second, third = model.runs
    x, _ = inputs(model, torch.float32)
    torch.manual_seed(5)
    out, last = model(x, None)
    torch.manual_seed(5)
    below, _ = first(x.to_dense())
    middle, _ = second(dropout(below, 0.5, True))
    wanted, _ = third(dropout(middle, 0.5, True))
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(last, torch.stack([below[-1], middle[-1], wanted[-1]]), rtol=0, atol=1e-6)
    torch.manual_seed(5)
    assert torch.equal(model.final_states(x, None), out[-1])


@CELLS
def test_one_layer_has_no_dropout(cell):
    torch.manual_seed(0)
    model = Recurrent(cell, FEATURES, HIDDEN, 1, True, 0.9)
    x, _ = inputs(model, torch.float32)
    assert torch.equal(model(x, LENGTHS)[0], model.eval()(x, LENGTHS)[0])


@pytest.mark.parametrize(
    "stock",
    [
        nn.LSTM(FEATURES, HIDDEN, 2),
        nn.RNN(FEATURES, HIDDEN, 2, nonlinearity="relu"),
        nn.GRU(FEATURES + 1, HIDDEN, 2),
        nn.GRU(FEATURES, HIDDEN + 1, 2),
        nn.GRU(FEATURES, HIDDEN, 3),
        nn.GRU(FEATURES, HIDDEN, 2, bidirectional=True),
        nn.GRU(FEATURES, HIDDEN, 2, bias=False),
    ],
    ids=str,
)
def test_weights_of_another_module_are_rejected(stock):
    with pytest.raises(ValueError, match="does not fit"):
        Recurrent("gru", FEATURES, HIDDEN, 2, False, 0.0).load_torch_weights(stock)


@pytest.mark.parametrize("shape", [(5, 2, HIDDEN), (3, 5, HIDDEN), (2, 1, HIDDEN), (2, 5, HIDDEN + 1)], ids=str)
@pytest.mark.parametrize("cell", ["gru", "scratch_gru"])
def test_an_h0_of_another_shape_is_rejected(cell, shape):
    model, _ = pair(cell, 2, False)
    with pytest.raises(ValueError, match=r"h0 must be \(L\*D, B, H\) = \(2, 5, 4\)"):
        model(inputs(model)[0], LENGTHS, torch.zeros(shape, dtype=torch.float64))


@CELLS
@DIRECTIONS
@pytest.mark.parametrize("lengths", [None, LENGTHS, torch.full((BATCH,), STEPS)], ids=["padded", "lengths", "full"])
@pytest.mark.parametrize("table", [False, True], ids=["dense", "table"])
def test_a_prediction_of_few_rows_has_the_same_result(cell, bidirectional, lengths, table):
    model, _ = pair(cell, 2, bidirectional, torch.float32)
    x, h0 = inputs(model, torch.float32, table)
    with torch.no_grad():
        expected = (*model(x, lengths, h0), model.final_states(x, lengths))
    assert model.uses_kernels(BATCH, torch.device("cpu"))
    with torch.inference_mode():
        assert model.uses_kernels(BATCH, torch.device("cpu")) == (cell == "scratch_gru")
        assert model.uses_kernels(33, torch.device("cpu"))
        actual = (*model(x, lengths, h0), model.final_states(x, lengths))
        model.prepack()
        prepacked = (*model(x, lengths, h0), model.final_states(x, lengths))
    for one, other, wanted in zip(actual, prepacked, expected, strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, wanted, **TOLERANCE[torch.float32])


def test_predictions_of_few_rows_use_the_prepacked_weights():
    model, _ = pair("lstm", 1, False, torch.float32)
    x, _ = inputs(model, torch.float32)
    model.prepack()
    with torch.no_grad():
        model.runs[0].weight_hh_l0.zero_()
    with torch.inference_mode():
        assert not torch.equal(model(x, None)[0], model.runs[0](x.to_dense())[0])
    with torch.no_grad():
        torch.testing.assert_close(model(x, None)[0], model.runs[0](x.to_dense())[0])
