"""ONNX graphs return the logits of their networks: every model option, with any batch size, steps and lengths."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest
import torch

from factories.linear_models import random_linear
from factories.networks import PLAIN, padded
from factories.params import PARAMS, RECIPES
from textrnn.common.config.model import BigramOptions, Model, SoftLexiconOptions
from textrnn.common.config.pad import Pad
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.schemas import PAD_ID
from textrnn.inference.onnx.graph import make_model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.soft_lexicon import LexiconSizes

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TOKENS, EMBEDDING, CLASSES = 9, 4, 3
POOLED = (("last_valid",), ("max",), ("mean",), ("attention",), ("mean", "attention", "max", "last_valid"))
READOUTS = ("last_step", "every_step", *POOLED)
BIGRAM_KEYS = [10, 11, 28, 37, 45, 54, 80]
LEXICON = [(2, 3), (3, 4), (4, 4), (5, 2), (8, 8), (2, 3, 4), (4, 4, 4), (5, 2, 3), (2, 3, 4, 4), (4, 4, 4, 4)]


def number(word):
    return sum(token * TOKENS**place for place, token in enumerate(reversed(word)))


def make_network(*, side="right", classes=CLASSES, known_bigrams=BIGRAM_KEYS, lexicon=LEXICON, **changes):
    torch.manual_seed(5)
    sizes = LexiconSizes(len(lexicon), len(lexicon), max(map(len, lexicon)))
    model = TextRNN(
        dataclasses.replace(PLAIN, **changes),
        TOKENS,
        EMBEDDING,
        classes,
        side,
        len(known_bigrams) if "bigrams" in changes else 0,
        sizes if "words" in changes else None,
    )
    if model.bigrams is not None:
        model.bigrams.pairs.copy_(torch.tensor(known_bigrams))
    if model.words is not None:
        model.words.keys.copy_(torch.tensor(sorted(map(number, lexicon))))
        model.words.rows.copy_(torch.arange(len(lexicon)).clamp(min=1))  # the first two words share a row
        if model.words.frequencies is not None:
            model.words.frequencies.copy_(1 + torch.arange(len(lexicon)) ** 3)
    for table in (model.bigrams, model.words):
        if table is not None:
            torch.nn.init.normal_(table.weight)  # including the row of padding, which is never read
    if model.norm is not None:
        torch.nn.init.uniform_(model.norm.weight)
        torch.nn.init.uniform_(model.norm.bias)
    return model.eval()


def texts(lengths, width, side="right"):
    ids = np.random.default_rng(width).integers(1, TOKENS, (len(lengths), width))
    steps = np.arange(width)[None]
    lengths = np.array(lengths)[:, None]
    ids[(steps >= lengths) if side == "right" else (steps < width - lengths)] = 0
    return ids, lengths[:, 0]


BATCHES = (([5, 2, 0, 1, 4], 5), ([1], 1), ([7, 3], 11))


def max_difference(model, batches=BATCHES):
    """The largest difference of a logit from the network in float64, over batches of different shapes."""
    proto, exact = make_model(model), copy.deepcopy(model).double()
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    worst = 0.0
    for lengths, width in batches:
        ids, lengths = texts(lengths, width, model.pad_side)
        (found,) = session.run(None, {"ids": ids, "lengths": lengths})
        with torch.no_grad():
            expected = exact(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()
        assert found.shape == expected.shape
        assert np.ptp(expected) > 0.01
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst


@pytest.mark.parametrize("readout", READOUTS, ids=lambda names: names if isinstance(names, str) else "+".join(names))
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "scratch_gru"])
def test_cells_directions_readouts_and_sides(cell, bidirectional, side, readout):
    readout = readout if isinstance(readout, str) else readout[0] if len(readout) == 1 else readout
    model = make_network(cell=cell, bidirectional=bidirectional, side=side, readout=readout, layers=2)
    assert max_difference(model) < 1e-6


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "scratch_gru"])
@pytest.mark.parametrize("layers", [1, 3])
def test_layers(cell, layers):
    for readout in ("last_valid", "last_step"):
        assert max_difference(make_network(cell=cell, layers=layers, bidirectional=True, readout=readout)) < 1e-6


EMBEDDINGS = (
    {},
    {"bigrams": BigramOptions(3, 1)},
    {"words": SoftLexiconOptions(3, 1)},
    {"bigrams": BigramOptions(2, 1), "words": SoftLexiconOptions(3, 1)},
    {"words": SoftLexiconOptions(3, 1, "bmes", "frequency")},
)
OPTIONS = list(itertools.product(EMBEDDINGS, (False, True), (False, True), (None, 6)))


@pytest.mark.parametrize(("embeddings", "relu", "layer_norm", "head_size"), OPTIONS)
def test_options_before_and_after_the_layers(embeddings, relu, layer_norm, head_size):
    options = {"relu": relu, "layer_norm": layer_norm, "head_size": head_size, **embeddings}
    for readout, side in (("last_step", "left"), ("every_step", "left"), ("max", "right")):
        assert max_difference(make_network(readout=readout, side=side, **options)) < 2e-6


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("readout", [("attention",), ("max", "mean"), ("attention", "max", "last_valid")], ids="+".join)
def test_bigrams_with_readouts_of_all_states(readout, side):
    changes = {"cell": "lstm", "bidirectional": True, "layer_norm": True}
    joined = readout if len(readout) > 1 else readout[0]
    assert max_difference(make_network(bigrams=BigramOptions(3, 1), readout=joined, side=side, **changes)) < 1e-6


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_model_of_every_recipe(recipe):
    options = dataclasses.asdict(load_entry_section(Model, PARAMS, "recipes", recipe, "model"))
    options |= {"hidden_size": 4, "head_size": options["head_size"] and 6}
    bigrams, words = options.pop("bigrams"), options.pop("words")
    options |= {"bigrams": BigramOptions(3, 1)} if bigrams else {}
    options |= {"words": SoftLexiconOptions(3, 1)} if words else {}
    classes = 2 if options["loss"] == "bce" else CLASSES
    assert (
        max_difference(
            make_network(
                side=load_entry_section(Pad, PARAMS, "recipes", recipe, "pad").side, classes=classes, **options
            )
        )
        < 2e-6
    )


def test_a_binary_output_becomes_two_logits():
    assert max_difference(make_network(loss="bce", classes=2, readout="mean")) < 1e-6


def test_a_crf_is_not_part_of_the_graph():
    model = make_network(readout="every_step", crf=True)
    torch.nn.init.normal_(model.crf.transitions)
    assert max_difference(model) < 1e-6
    assert not any("crf" in constant.name for constant in make_model(model).graph.initializer)


@pytest.mark.parametrize("known", [[9 * 4 + 4], [0, 80], list(range(81)), [k * 2 for k in range(32)]])
def test_every_bigram_is_found_as_in_the_network(known):
    model = make_network(bigrams=BigramOptions(3, 1), readout="every_step", known_bigrams=known)
    ids = np.array([(a, b) for a in range(1, 9) for b in range(9)])
    session = onnxruntime.InferenceSession(make_model(model).SerializeToString())
    lengths = np.array([2 if b else 1 for _, b in ids])
    (found,) = session.run(None, {"ids": ids, "lengths": lengths})
    expected = model(torch.from_numpy(ids), torch.from_numpy(lengths)).detach().numpy()
    assert np.abs(found - expected).max() < 1e-6


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("longest", [2, 3, 4])
@pytest.mark.parametrize(("sets", "weights"), [("bme", "equal"), ("bmes", "equal"), ("bmes", "frequency")])
def test_every_word_is_found_as_in_the_network(longest, side, sets, weights):
    lexicon = [word for word in LEXICON if len(word) <= longest] + [(2,), (5,)] * (sets == "bmes")
    model = make_network(
        words=SoftLexiconOptions(3, 1, sets, weights), readout="every_step", lexicon=lexicon, side=side
    )
    assert max_difference(model) < 1e-6
    rng = np.random.default_rng(longest)
    ids = rng.choice([1, 2, 3, 4, 5, 8], (4000, 6))
    lengths = rng.integers(0, 7, 4000)
    steps = np.arange(6)
    ids[steps >= lengths[:, None] if side == "right" else steps < 6 - lengths[:, None]] = PAD_ID
    rows = model.words.find_words(torch.from_numpy(ids).t()).rows
    assert set(rows.unique().tolist()) == set(range(len(lexicon)))
    session = onnxruntime.InferenceSession(make_model(model).SerializeToString())
    (found,) = session.run(None, {"ids": ids, "lengths": lengths})
    expected = model(torch.from_numpy(ids), torch.from_numpy(lengths)).detach().numpy()
    assert np.abs(found - expected).max() < 1e-6
    model.words.weight.data[PAD_ID] += 1
    assert torch.equal(model(torch.from_numpy(ids), torch.from_numpy(lengths)).detach(), torch.from_numpy(expected))
    model.words.weight.data[1] += 1
    assert np.abs(model(torch.from_numpy(ids), torch.from_numpy(lengths)).detach().numpy() - found).max() > 0.01


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("orders", "squares", "loss"), [(1, True, "bce"), (3, False, "bce"), (4, True, "cross_entropy")]
)
def test_the_wide_part_is_exact(side, orders, squares, loss):
    rng = np.random.default_rng(orders)
    rows = [rng.integers(1, 9, length).tolist() for length in rng.integers(0, 7, 300)]
    classes = 2 if loss == "bce" else 3
    model = make_network(loss=loss, classes=classes, side=side, readout="mean")
    linear = random_linear(rows[:40], classes=classes, orders=orders, squares=squares)
    model.wide = WidePart.from_linear(linear, side)
    model.wide.scales.copy_(torch.tensor([0.5, 2.0]))
    session = onnxruntime.InferenceSession(make_model(model).SerializeToString())
    for width, chosen in ((6, rows), (8, rows[:3]), (1, [row[:1] for row in rows[:30]])):
        ids, lengths = padded(chosen, width, side), torch.tensor([len(row) for row in chosen])
        (found,) = session.run(None, {"ids": ids.numpy(), "lengths": lengths.numpy()})
        expected = model(ids, lengths).detach().numpy()
        assert np.abs(found - expected).max() < 1e-5
        assert np.abs(found - model.deep_logits(ids, lengths).detach().numpy()).max() > 0.1


def test_a_wrong_weight_is_detected():
    model = make_network(cell="gru")
    session = onnxruntime.InferenceSession(make_model(model).SerializeToString())
    ids, lengths = texts([3, 5], 5)
    with torch.no_grad():
        model.recurrent.runs[0].weight_hh_l0[0, 0] += 1
        expected = model(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()
    assert np.abs(session.run(None, {"ids": ids, "lengths": lengths})[0] - expected).max() > 1e-3
