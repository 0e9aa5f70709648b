"""Recurrent against torch's stacked modules: packed and padded, outputs, last states and gradients."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textrnn.recurrent import Recurrent, flip_by_length

STOCK = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "scratch_gru": nn.GRU}
TOLERANCE = {torch.float64: {"rtol": 1e-10, "atol": 1e-10}, torch.float32: {"rtol": 1e-5, "atol": 1e-6}}
FEATURES, HIDDEN, STEPS = 3, 4, 6
LENGTHS = torch.tensor([3, 6, 1, 4, 0])

CELLS = pytest.mark.parametrize("cell", list(STOCK))
DIRECTIONS = pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])
# The depths check the wiring, float32 the rounding: one depth is enough for it.
DEPTHS = pytest.mark.parametrize(
    ("layers", "dtype"), [(1, torch.float64), (2, torch.float64), (3, torch.float64), (2, torch.float32)], ids=str
)


def pair(cell, layers, bidirectional, dtype=torch.float64):
    """A Recurrent and the stock module whose weights it was given."""
    torch.manual_seed(0)
    stock = STOCK[cell](FEATURES, HIDDEN, layers, batch_first=True, bidirectional=bidirectional).to(dtype)
    model = Recurrent(cell, FEATURES, HIDDEN, layers, bidirectional, 0.0).to(dtype)
    model.copy_from_stock(stock)
    return model, stock


def inputs(model, dtype=torch.float64):
    batch = len(LENGTHS)
    torch.manual_seed(1)
    x = torch.randn(batch, STEPS, FEATURES, dtype=dtype, requires_grad=True)
    h0 = torch.randn(len(model.runs), batch, HIDDEN, dtype=dtype, requires_grad=True)
    return x, h0


def run_stock(stock, x, h0, lengths):
    """The stock module's outputs and last h, over a PackedSequence where there are lengths."""
    state = (h0, torch.zeros_like(h0)) if isinstance(stock, nn.LSTM) else h0
    if lengths is None:
        out, last = stock(x, state)
    else:
        packed = pack_padded_sequence(x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False)
        out, last = stock(packed, state)
        out, _ = pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    return out, last[0] if isinstance(stock, nn.LSTM) else last


def gradients(results, x, h0, module):
    """Gradients by x, h0 and all weights of a sum that weighs every number of the results differently."""
    generator = torch.Generator().manual_seed(2)
    total = sum((r * torch.randn(r.shape, generator=generator, dtype=r.dtype)).sum() for r in results)
    return torch.autograd.grad(total, [x, h0, *module.parameters()])


def assert_same(model, stock, x, h0, lengths, tolerance):
    ours, theirs = model(x, lengths, h0), run_stock(stock, x, h0, lengths)
    torch.testing.assert_close(ours, theirs, **tolerance)
    own, other = gradients(ours, x, h0, model), gradients(theirs, x, h0, stock)
    assert len(own) == 2 + 4 * len(model.runs)
    torch.testing.assert_close(own, other, **tolerance)


@CELLS
@DEPTHS
@DIRECTIONS
def test_with_lengths_it_is_packed_sequence(cell, layers, bidirectional, dtype):
    model, stock = pair(cell, layers, bidirectional, dtype)
    assert_same(model, stock, *inputs(model, dtype), LENGTHS, TOLERANCE[dtype])


@CELLS
@DEPTHS
@DIRECTIONS
def test_without_lengths_it_is_the_stock_module_on_padded_rows(cell, layers, bidirectional, dtype):
    model, stock = pair(cell, layers, bidirectional, dtype)
    assert_same(model, stock, *inputs(model, dtype), None, TOLERANCE[dtype])


@CELLS
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["padded", "lengths"])
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
    wider = torch.cat([x, torch.full((len(LENGTHS), 5, FEATURES), 9.0, dtype=x.dtype)], dim=1)
    for row, length in enumerate(LENGTHS.clamp(min=1).tolist()):
        wider.data[row, length:] = 9.0
    out_wider, last_wider = model(wider, LENGTHS, h0)
    torch.testing.assert_close(out_wider[:, :STEPS], out, rtol=0, atol=1e-12)
    torch.testing.assert_close(last_wider, last, rtol=0, atol=1e-12)
    assert not out_wider[:, STEPS:].any()
    for row, length in enumerate(LENGTHS.clamp(min=1).tolist()):
        alone, last_alone = model(x[row : row + 1, :length], LENGTHS[row : row + 1], h0[:, row : row + 1])
        torch.testing.assert_close(alone[0], out[row, :length], rtol=0, atol=1e-12)
        torch.testing.assert_close(last_alone[:, 0], last[:, row], rtol=0, atol=1e-12)
        assert not out[row, length:].any()


@CELLS
def test_without_lengths_the_padding_is_read(cell):
    model, _ = pair(cell, 1, False)
    x, h0 = inputs(model)
    changed = x.detach().clone()
    changed[:, -1] += 1
    assert not torch.allclose(model(x, None, h0)[1], model(changed, None, h0)[1], atol=1e-3)


def test_padding_gets_no_gradient():
    model, _ = pair("lstm", 2, True)
    x, h0 = inputs(model)
    out, last = model(x, LENGTHS, h0)
    (grad,) = torch.autograd.grad(out.sum() + last.sum(), x)
    valid = torch.arange(STEPS) < LENGTHS.clamp(min=1)[:, None]
    assert torch.equal(grad.abs().sum(-1) > 0, valid)


def test_flip_by_length_by_hand():
    x = torch.arange(1, 17).reshape(4, 4, 1)
    flipped = flip_by_length(x, torch.tensor([4, 2, 1, 0]))
    assert flipped[:, :, 0].tolist() == [[4, 3, 2, 1], [6, 5, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
    assert torch.equal(flip_by_length(flipped, torch.tensor([4, 2, 1, 0])), x)


def test_a_length_over_the_width_is_refused():
    model, _ = pair("gru", 1, False)
    x, h0 = inputs(model)
    with pytest.raises(RuntimeError, match="out of bounds"):
        model(x, LENGTHS + 1, h0)


@CELLS
def test_dropout_follows_the_seed_and_stops_in_eval(cell):
    torch.manual_seed(0)
    model = Recurrent(cell, FEATURES, HIDDEN, 2, True, 0.5)
    x, _ = inputs(model, torch.float32)

    def seeded(seed):
        torch.manual_seed(seed)
        return model(x, LENGTHS)[0]

    assert torch.equal(seeded(3), seeded(3))
    assert not torch.equal(seeded(3), seeded(4))
    model.eval()
    dry = seeded(3)
    assert torch.equal(dry, seeded(4))
    model.dropout = 0.0
    assert torch.equal(model.train()(x, LENGTHS)[0], dry)


def test_dropout_acts_on_the_input_of_every_layer_but_the_first():
    torch.manual_seed(0)
    model = Recurrent("gru", FEATURES, HIDDEN, 3, False, 0.5)
    first, second, third = model.runs
    x, _ = inputs(model, torch.float32)
    torch.manual_seed(5)
    out, last = model(x, None)
    torch.manual_seed(5)
    # Which numbers are dropped follows the memory layout too, so it is fixed here as there.
    below = first(x)[0].contiguous()
    middle = second(nn.functional.dropout(below, 0.5))[0].contiguous()
    wanted, _ = third(nn.functional.dropout(middle, 0.5))
    assert torch.equal(out, wanted)
    assert torch.equal(last, torch.stack([below[:, -1], middle[:, -1], wanted[:, -1]]))


@CELLS
def test_one_layer_has_nothing_to_drop(cell):
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
def test_weights_of_another_kind_are_refused(stock):
    with pytest.raises(ValueError, match="does not fit"):
        Recurrent("gru", FEATURES, HIDDEN, 2, False, 0.0).copy_from_stock(stock)


@pytest.mark.parametrize("shape", [(5, 2, HIDDEN), (3, 5, HIDDEN), (2, 1, HIDDEN), (2, 5, HIDDEN + 1)], ids=str)
@pytest.mark.parametrize("cell", ["gru", "scratch_gru"])
def test_an_h0_of_another_shape_is_refused(cell, shape):
    model, _ = pair(cell, 2, False)
    with pytest.raises(ValueError, match=r"h0 must be \(L\*D, B, H\) = \(2, 5, 4\)"):
        model(inputs(model)[0], LENGTHS, torch.zeros(shape, dtype=torch.float64))
