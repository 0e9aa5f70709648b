"""Test TextRNN: readouts by hand, padding invariance, torch's modules, initialization, options."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from factories.networks import (
    CELLS,
    CLASSES,
    DIRECTIONS,
    EMBEDDING,
    EMPTY_TOO,
    LENGTHS,
    PLAIN,
    ROWS,
    TOKENS,
    close,
    padded,
    small,
    states_of,
    with_and_without_kernels,
)
from textrnn.errors import UserError
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.dropout import dropout
from textrnn.modeling.nn.embedding_lookup import distinct_ids
from textrnn.modeling.nn.layer_input import LayerInput


def read_by_hand(readout, states, hidden):
    """The readout of one row's states, a list of T lists of D*H numbers."""
    forward, backward = [state[:hidden] for state in states], [state[hidden:] for state in states]
    return {
        "last_step": states[-1],
        "last_valid": forward[-1] + backward[0],
        "max": [max(column) for column in zip(*states, strict=True)],
        "mean": [sum(column) / len(states) for column in zip(*states, strict=True)],
    }[readout]


@DIRECTIONS
@pytest.mark.parametrize("readout", ["last_step", "last_valid", "max", "mean"])
def test_logits_by_hand(readout, bidirectional):
    model = small(readout=readout, bidirectional=bidirectional)
    logits = model(padded(), LENGTHS)
    outer = model.head.outer
    for at, row in enumerate(ROWS):
        # last_step reads padding, the others only the row
        ids = padded()[at].tolist() if readout == "last_step" else row
        states = states_of(model, torch.tensor([ids]))[0][0].tolist()
        features = read_by_hand(readout, states, PLAIN.hidden_size)
        for kind, (weights, bias) in enumerate(zip(outer.weight.tolist(), outer.bias.tolist(), strict=True)):
            wanted = bias + sum(weight * feature for weight, feature in zip(weights, features, strict=True))
            assert logits[at, kind].item() == pytest.approx(wanted, abs=1e-12)


def test_every_step_returns_logits_for_each_token():
    model = small(readout="every_step")
    logits = model(padded(), LENGTHS)
    assert logits.shape == (4, 5, CLASSES)
    for at, row in enumerate(ROWS):
        states, _ = states_of(model, torch.tensor([row]))
        close(logits[at, : len(row)], F.linear(states[0], model.head.outer.weight, model.head.outer.bias))


@CELLS
@DIRECTIONS
@pytest.mark.parametrize("readout", ["last_valid", "max", "mean", "every_step"])
def test_padding_side_width_and_batch_mates_change_no_logit(cell, bidirectional, readout):
    options = {"cell": cell, "bidirectional": bidirectional, "readout": readout, "layers": 2, "relu": True}
    model, left = small(**options), small(side="left", **options)
    logits, wide = model(padded(), LENGTHS), model(padded(width=9), LENGTHS)
    left_wide = left(padded(width=9, side="left"), LENGTHS)
    for at, row in enumerate(ROWS):
        alone = model(torch.tensor([row]), LENGTHS[at : at + 1])[0]
        if readout == "every_step":
            close(logits[at, : len(row)], alone)
            close(wide[at, : len(row)], alone)
            assert torch.equal(left_wide[at, 9 - len(row) :], wide[at, : len(row)])
        else:
            close(logits[at], alone)
            close(wide[at], alone)
            assert torch.equal(left_wide[at], wide[at])


@CELLS
def test_an_empty_row_has_the_logits_of_one_step_of_padding(cell):
    for readout in ("last_valid", "max", "mean"):
        for side in ("right", "left"):
            model = small(cell=cell, readout=readout, bidirectional=True, side=side)
            empty = model(torch.zeros(1, 4, dtype=torch.long), torch.tensor([0]))
            close(empty, model(torch.zeros(1, 1, dtype=torch.long), torch.tensor([1])))


def test_last_step_reads_padding_on_the_right_and_the_last_token_with_padding_on_the_left():
    right, left = small(readout="last_step"), small(readout="last_step", side="left")
    short = padded()[1:2]
    assert not torch.allclose(right(short, LENGTHS[1:2]), right(short[:, :2], LENGTHS[1:2]), atol=1e-3)
    ids = padded(side="left")
    states, _ = states_of(left, ids)
    close(left(ids, LENGTHS), left.head(states[:, -1]))


def test_the_lstm_equals_the_tutorials_module_on_padded_rows():
    options = {"cell": "lstm", "layers": 2, "bidirectional": True, "dropout": 0.3, "readout": "last_step"}
    model = small(**options)
    torch.manual_seed(1)
    stock = nn.LSTM(EMBEDDING, 3, 2, batch_first=True, bidirectional=True, dropout=0.3).double().eval()
    model.recurrent.load_torch_weights(stock)
    ids = padded(width=7)
    out, _ = stock(F.embedding(ids, model.embedding.weight))
    close(model(ids, LENGTHS), F.linear(out[:, -1], model.head.outer.weight, model.head.outer.bias))


def test_the_gru_equals_the_tutorials_packed_sequence_in_value_and_gradient():
    model = small(layers=2, bidirectional=True)
    torch.manual_seed(1)
    stock = nn.GRU(EMBEDDING, 3, 2, batch_first=True, bidirectional=True).double()
    model.recurrent.load_torch_weights(stock)
    table = nn.Embedding.from_pretrained(model.embedding.weight.detach().clone(), freeze=False, padding_idx=0)
    linear = nn.Linear(6, CLASSES).double()
    linear.load_state_dict(model.head.outer.state_dict())

    ids, targets = padded(width=6), torch.tensor([4, 0, 2, 1])
    packed = pack_padded_sequence(table(ids), LENGTHS, batch_first=True, enforce_sorted=False)
    _, last = stock(packed)  # (L*D, B, H)
    theirs, ours = linear(torch.cat((last[-2], last[-1]), dim=1)), model(ids, LENGTHS)
    close(ours, theirs)

    reference = [*table.parameters(), *stock.parameters(), *linear.parameters()]
    parameters = [*model.embedding.parameters(), *model.recurrent.parameters(), *model.head.parameters()]
    own = torch.autograd.grad(F.cross_entropy(ours, targets), parameters)
    assert len(own) == 1 + 16 + 2
    close(own, torch.autograd.grad(F.cross_entropy(theirs, targets), reference))


READOUTS = ["last_step", "last_valid", "max", "mean", "every_step"]


@CELLS
@DIRECTIONS
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("readout", READOUTS)
def test_the_kernels_change_no_logit_and_no_gradient(cell, bidirectional, readout, side):
    options = {"cell": cell, "bidirectional": bidirectional, "readout": readout, "layers": 2}
    lengths = torch.tensor([len(row) for row in EMPTY_TOO])
    ids = padded(EMPTY_TOO, side=side)
    (logits, own), (wanted, other) = with_and_without_kernels(ids, lengths, side=side, **options)
    close(logits, wanted)
    assert len(own) == 1 + 8 * (2 if bidirectional else 1) + 2
    close(own, other)
    table = own["embedding.weight"].abs().sum(dim=1)
    assert table[0] == 0  # padding, as with nn.Embedding(padding_idx)
    assert readout == "max" or (table[1:] > 0).all()  # a token may contribute no maximum


@CELLS
@pytest.mark.parametrize("relu", [False, True])
def test_the_kernels_agree_when_most_of_the_vocabulary_is_absent(cell, relu):
    ids, lengths = torch.tensor([[8, 3, 8, 3], [3, 3, 0, 0]]), torch.tensor([4, 2])
    options = {"cell": cell, "hidden_size": 16, "relu": relu, "readout": "max"}
    (logits, own), (wanted, other) = with_and_without_kernels(ids, lengths, **options)
    close(logits, wanted)
    close(own, other)
    assert (own["embedding.weight"].abs().sum(dim=1) > 0).nonzero().flatten().tolist() == [3, 8]


@CELLS
def test_under_autocast_logits_and_gradients_stay_near_float32(cell):
    model = small(cell=cell, layers=2, bidirectional=True, readout="mean", layer_norm=True).float()
    logits = model(padded(), LENGTHS)
    targets = torch.tensor([4, 0, 2, 1])
    exact = torch.autograd.grad(F.cross_entropy(logits, targets), model.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coarse = model(padded(), LENGTHS)
    assert 0 < (coarse.float() - logits).abs().max() < 0.1
    found = torch.autograd.grad(F.cross_entropy(coarse.float(), targets), model.parameters())
    assert all(gradient.dtype == torch.float32 for gradient in found)
    found, exact = (torch.cat([gradient.flatten() for gradient in gradients]) for gradients in (found, exact))
    assert (found - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
def test_distinct_ids_equal_unique(dtype):
    generator = torch.Generator().manual_seed(6)
    for num_embeddings, shape in [(1, (3, 2)), (7, (1, 1)), (7, (5, 4)), (300, (9, 8)), (300, (40, 30)), (5, (0, 3))]:
        ids = torch.randint(num_embeddings, shape, generator=generator).to(dtype)
        used, index = distinct_ids(ids, num_embeddings)
        wanted, inverse = torch.unique(ids.long(), return_inverse=True)
        assert torch.equal(used, wanted)
        assert torch.equal(index, inverse)
        assert torch.equal(used[index], ids.long())


def test_two_logits_with_bce_give_binary_cross_entropy_in_value_and_gradient():
    model = small(loss="bce", classes=2)
    targets = torch.tensor([1, 0, 0, 1])
    logits = model(padded(), LENGTHS)
    z = model.head(model.features(padded(), LENGTHS))[:, 0]
    assert model.head.outer.out_features == 1
    close(logits, torch.stack((torch.zeros(4, dtype=torch.float64), z), dim=1))
    ours, theirs = F.cross_entropy(logits, targets), F.binary_cross_entropy_with_logits(z, targets.double())
    close(ours, theirs)
    close(torch.autograd.grad(ours, model.parameters()), torch.autograd.grad(theirs, model.parameters()))


def test_layer_norm_is_between_readout_and_head():
    model = small(layer_norm=True, bidirectional=True, head_size=2)
    with torch.no_grad():
        model.norm.weight.copy_(torch.arange(1, 7))
        model.norm.bias.copy_(torch.arange(6) / 10)
    _, last = states_of(model, padded(), LENGTHS)
    pooled = torch.cat((last[0], last[1]), dim=1)
    mean, variance = pooled.mean(dim=1, keepdim=True), pooled.var(dim=1, correction=0, keepdim=True)
    normed = (pooled - mean) / torch.sqrt(variance + 1e-5) * torch.arange(1, 7) + torch.arange(6) / 10
    close(model(padded(), LENGTHS), model.head(normed))
    assert small().norm is None


def test_relu_follows_the_embedding_and_the_states_and_a_head_size_adds_a_layer():
    model = small(relu=True, readout="every_step", head_size=7)
    states, _ = model.recurrent(LayerInput.from_dense(model.embedding(padded().T).clamp(min=0)), LENGTHS)
    inner, outer = model.head.inner, model.head.outer
    assert (inner.in_features, inner.out_features, outer.in_features) == (3, 7, 7)
    hidden = (states.transpose(0, 1).clamp(min=0) @ inner.weight.T + inner.bias).clamp(min=0)
    close(model(padded(), LENGTHS), hidden @ outer.weight.T + outer.bias)


def test_head_dropout_is_applied_to_the_features_and_only_in_training():
    model, without_dropout = small(head_dropout=0.5, head_size=2), small(head_size=2)
    close(model(padded(), LENGTHS), without_dropout(padded(), LENGTHS))
    model.train()
    torch.manual_seed(3)
    logits = model(padded(), LENGTHS)
    torch.manual_seed(3)
    features = without_dropout.features(padded(), LENGTHS)
    close(logits, without_dropout.head(dropout(features, 0.5, True)))
    assert not torch.allclose(logits, without_dropout(padded(), LENGTHS))


def test_the_head_of_a_tagger_locks_its_mask_if_configured():
    for locked in (True, False):
        model = small(readout="every_step", head_dropout=0.5, locked_dropout=locked).train()
        model.head.outer = nn.Identity()
        torch.manual_seed(3)
        mask = model(padded(), LENGTHS)[0] != 0  # the one row without padding
        assert (mask == mask[0]).all().item() == locked


@pytest.mark.parametrize("readout", ["last_step", "last_valid", "mean"])
def test_padding_has_no_gradient_and_the_unknown_token_has(readout):
    model = small(readout=readout)
    model(padded(), LENGTHS).square().sum().backward()
    gradient = model.embedding.weight.grad.abs().sum(dim=1)
    assert gradient[0] == 0
    assert (gradient[1:] > 0).all()  # 1, the unknown token, and 2 to 8 all occur in ROWS


def test_no_state_is_kept_between_batches():
    model = small(cell="lstm", layers=2, bidirectional=True, dropout=0.5, head_dropout=0.5)
    first = model(padded(), LENGTHS)
    model(padded([[8, 8, 8], [1]], width=3), torch.tensor([3, 1]))
    assert torch.equal(model(padded(), LENGTHS), first)


def large(cell, method):
    """A model with matrices large enough for statistics, initialized by `method`, and its weights before that."""
    torch.manual_seed(5)
    options = dataclasses.replace(
        PLAIN, cell=cell, hidden_size=96, layers=2, bidirectional=True, layer_norm=True, head_size=80
    )
    model = TextRNN(options, TOKENS, 64, 50, "right")
    with torch.no_grad():
        model.norm.weight.fill_(3)
        model.norm.bias.fill_(4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    initialize_weights(model, method)
    return model, before


STD = {
    "xavier": lambda rows, columns: math.sqrt(2 / (rows + columns)),
    "kaiming": lambda rows, columns: math.sqrt(2 / columns),
    "normal": lambda rows, columns: 1.0,
}


@pytest.mark.parametrize("cell", ["lstm", "scratch_gru"])
@pytest.mark.parametrize("method", ["xavier", "kaiming", "normal", "orthogonal"])
def test_initialization_fills_matrices_and_zeroes_biases(method, cell):
    model, before = large(cell, method)
    for name, weight in model.named_parameters():
        if name.startswith(("embedding.", "norm.")):
            assert torch.equal(weight, before[name])
        elif "bias" in name:
            assert not weight.any()
            assert before[name].any()
        elif method == "orthogonal":
            product = weight.T @ weight if weight.shape[0] > weight.shape[1] else weight @ weight.T
            torch.testing.assert_close(product, torch.eye(len(product)), rtol=0, atol=1e-5)
        else:
            wanted = STD[method](*weight.shape)
            assert weight.std().item() == pytest.approx(wanted, rel=0.05)
            assert abs(weight.mean().item()) < 0.05 * wanted
            kurtosis = (weight / weight.std()).pow(4).mean().item()
            assert kurtosis == pytest.approx(3, abs=0.3)  # normal, not uniform, which has 1.8


def test_stock_initialization_changes_nothing():
    model, before = large("gru", "stock")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def check_all(model, where, task, classes):
    model.check(where)
    model.check_task(where, task, classes)


@pytest.mark.parametrize(
    ("changes", "task", "classes", "message"),
    [
        ({"hidden_size": 0}, "classify", 5, r"^recipes\.r\.model\.hidden_size: must be at least 1; got 0"),
        ({"layers": -1}, "classify", 5, r"^recipes\.r\.model\.layers: must be at least 1; got -1"),
        ({"head_size": 0}, "classify", 5, r"^recipes\.r\.model\.head_size: must be at least 1; got 0"),
        ({"dropout": 1.0}, "classify", 5, r"^recipes\.r\.model\.dropout: must lie in \[0, 1\); got 1\.0"),
        ({"dropout": math.nan}, "classify", 5, r"^recipes\.r\.model\.dropout: .*; got nan"),
        ({"head_dropout": -0.1}, "classify", 5, r"^recipes\.r\.model\.head_dropout: must lie in"),
        ({"word_dropout": 1.0}, "classify", 5, r"^recipes\.r\.model\.word_dropout: must lie in"),
        ({"embedding_dropout": 1.5}, "classify", 5, r"^recipes\.r\.model\.embedding_dropout: must lie in"),
        ({"readout": ("max", "mean")}, "tag", 5, r"^recipes\.r\.model\.readout: must be every_step for tagging"),
        ({}, "tag", 5, r"\.model\.readout: must be every_step for tagging, and only for tagging; got 'last_valid'"),
        ({"readout": "every_step"}, "classify", 5, r"^recipes\.r\.model\.readout: .*; got 'every_step'"),
        ({"loss": "bce"}, "classify", 3, r"^recipes\.r\.model\.loss: bce needs two classes, not 3; got 'bce'"),
        ({"loss": "bce", "readout": "every_step"}, "tag", 2, r"^recipes\.r\.model\.loss: bce needs two classes"),
    ],
)
def test_options_out_of_range_are_errors_that_name_the_param(changes, task, classes, message):
    with pytest.raises(UserError, match=message):
        check_all(dataclasses.replace(PLAIN, **changes), "recipes.r.model", task, classes)


def test_options_in_range_pass():
    check_all(PLAIN, "m", "classify", 2)
    check_all(dataclasses.replace(PLAIN, readout="every_step", head_size=1, dropout=0.99), "m", "tag", 2)
    check_all(dataclasses.replace(PLAIN, loss="bce", readout="last_step"), "m", "classify", 2)
