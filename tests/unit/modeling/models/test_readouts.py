"""Test readouts: attention by hand, joined readouts, no influence of padding, and gradients."""

import dataclasses
import math

import pytest
import torch

from factories.networks import (
    CELLS,
    DIRECTIONS,
    EMPTY_TOO,
    LENGTHS,
    PLAIN,
    ROWS,
    close,
    padded,
    small,
    states_of,
    with_and_without_kernels,
)
from textrnn.common.config.model import Model
from textrnn.common.params.conversion import build_dataclass
from textrnn.errors import UserError
from textrnn.modeling.nn.pooling import AttentionPooling, pool, readout_names

POOLED = ("last_valid", "max", "mean", "attention")


def attention_by_hand(attention, states):
    """The states (T, F) of one row, summed with weights proportional to exp(u . q)."""
    inner, bias = attention.inner.weight.tolist(), attention.inner.bias.tolist()
    (query,) = attention.query.weight.tolist()
    scores = []
    for state in states.tolist():
        rows = zip(inner, bias, strict=True)
        hidden = [math.tanh(b + sum(w * x for w, x in zip(row, state, strict=True))) for row, b in rows]
        scores.append(math.exp(sum(u * q for u, q in zip(hidden, query, strict=True))))
    return [sum(s * x for s, x in zip(scores, column, strict=True)) / sum(scores) for column in states.T.tolist()]


@DIRECTIONS
def test_attention_by_hand(bidirectional):
    model = small(readout="attention", bidirectional=bidirectional)
    features = model.features(padded(), LENGTHS)
    for at, row in enumerate(ROWS):
        states, _ = states_of(model, torch.tensor([row]))  # the row alone, without padding
        assert features[at].tolist() == pytest.approx(attention_by_hand(model.attention, states[0]), abs=1e-12)


def test_attention_with_a_zero_query_is_the_mean():
    attention = AttentionPooling(3).double()
    with torch.no_grad():
        attention.query.weight.zero_()
    states = torch.randn(4, 1, 3, dtype=torch.float64)
    is_padding = torch.tensor([[False], [False], [False], [True]])
    close(attention(states, is_padding), states[:3].mean(dim=0))


@pytest.mark.parametrize(
    "names", [("max", "mean"), ("attention", "last_valid", "max"), POOLED[::-1], ("mean",)], ids=str
)
def test_a_list_of_readouts_is_joined_in_its_order(names):
    model = small(readout=names, bidirectional=True, layers=2)
    joined = model.features(padded(), LENGTHS)
    parts = []
    for name in names:
        alone = small(readout=name, bidirectional=True, layers=2)
        alone.load_state_dict({**model.state_dict(), **alone.head.state_dict(prefix="head.")}, strict=False)
        parts.append(alone.features(padded(), LENGTHS))
    close(joined, torch.cat(parts, dim=1))
    assert model.head.outer.in_features == 6 * len(names)


@CELLS
@pytest.mark.parametrize("readout", ["attention", POOLED])
def test_padding_side_width_and_batch_mates_change_no_logit(cell, readout):
    options = {"cell": cell, "bidirectional": True, "readout": readout, "layers": 2}
    model, left = small(**options), small(side="left", **options)
    logits, wide = model(padded(), LENGTHS), model(padded(width=9), LENGTHS)
    left_wide = left(padded(width=9, side="left"), LENGTHS)
    for at, row in enumerate(ROWS):
        close(logits[at], model(torch.tensor([row]), LENGTHS[at : at + 1])[0])
        close(wide[at], logits[at])
        assert torch.equal(left_wide[at], wide[at])


def test_an_empty_row_has_the_logits_of_one_step_of_padding():
    model = small(readout=POOLED, bidirectional=True)
    empty = model(torch.zeros(1, 4, dtype=torch.long), torch.tensor([0]))
    close(empty, model(torch.zeros(1, 1, dtype=torch.long), torch.tensor([1])))


@CELLS
def test_the_kernels_change_no_logit_and_no_gradient(cell):
    lengths = torch.tensor([len(row) for row in EMPTY_TOO])
    (logits, own), (wanted, other) = with_and_without_kernels(
        padded(EMPTY_TOO), lengths, cell=cell, readout=POOLED, bidirectional=True, layer_norm=True
    )
    close(logits, wanted)
    close(own, other)
    assert all(own[name].abs().sum() > 0 for name in ("attention.inner.weight", "attention.query.weight"))


def test_under_autocast_it_stays_near_float32():
    model = small(readout=POOLED, bidirectional=True).float()
    logits = model(padded(), LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coarse = model(padded(), LENGTHS)
    assert 0 < (coarse.float() - logits).abs().max() < 0.1


def test_only_a_model_with_attention_has_attention_weights():
    assert small(readout=("max", "mean")).attention is None
    assert pool(["mean"], torch.ones(2, 1, 3), torch.zeros(1, 3), torch.tensor([2]), None).tolist() == [[1, 1, 1]]


def options(**changes):
    return build_dataclass(Model, {**dataclasses.asdict(PLAIN), **changes}, "m")


def test_a_readout_is_one_name_or_a_list():
    assert readout_names(options(readout="max").readout) == ("max",)
    assert options(readout=["mean", "attention"]).readout == ("mean", "attention")


@pytest.mark.parametrize(
    ("readout", "message"),
    [
        ([], r"^m\.readout: must name one or more, each once; got \(\)"),
        (["max", "mean", "max"], r"^m\.readout: must name one or more, each once"),
        (["max", "last_step"], r"^m\.readout\[1\]: must be one of last_valid, max, mean, attention; got 'last_step'"),
        ("maxx", r"^m\.readout: must be one of last_step, .*; got 'maxx'"),
    ],
)
def test_other_readouts_are_rejected(readout, message):
    with pytest.raises(UserError, match=message):
        options(readout=readout).check("m")
