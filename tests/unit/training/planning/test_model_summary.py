"""The summary of a model: parameters compared with the network's, operations with torch's counter and by hand."""

import dataclasses
import itertools
import json
from contextlib import ExitStack

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from factories.networks import CELLS, DIRECTIONS, PLAIN
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.modeling.models.model_directory import ModelConfig, make_network
from textrnn.modeling.nn.pooling import AttentionPooling, readout_names
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.training.planning.model_summary import Cost, Part, describe, summarize


def config(
    widths=(6,), *, vocabulary_size=11, embedding=5, classes=4, bigram_count=0, sizes=None, ngrams=(), **changes
):
    model = dataclasses.replace(PLAIN, **changes)
    return ModelConfig(
        "tiny",
        "0",
        vocabulary_size,
        embedding,
        classes,
        tuple(widths),
        "right",
        True,
        bigram_count,
        sizes,
        ngrams,
        model,
    )


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


OPTIONS = [
    {"layers": 2},
    {"layers": 3, "layer_norm": True, "readout": "max"},
    {"head_size": 6, "readout": "every_step", "relu": True},
    {"loss": "bce", "classes": 2, "readout": "last_step"},
    {"layer_norm": True, "head_size": 2, "loss": "bce", "classes": 2, "readout": "mean"},
    {
        "readout": ("attention", "max"),
        "bigrams": BigramOptions(3, 1),
        "bigram_count": 7,
        "layer_norm": True,
        "layers": 2,
    },
    {
        "words": SoftLexiconOptions(3, 1),
        "sizes": LexiconSizes(9, 6, 4),
        "bigrams": BigramOptions(2, 1),
        "bigram_count": 7,
    },
]


@CELLS
@DIRECTIONS
@pytest.mark.parametrize("options", OPTIONS, ids=[" ".join(options) for options in OPTIONS])
def test_parameters_are_those_of_the_network(cell, bidirectional, options):
    model_config = config(cell=cell, bidirectional=bidirectional, **options)
    network, summary = make_network(model_config), summarize(model_config)
    assert summary.parameters == count(network)
    assert summary.bytes == sum(parameter.nbytes for parameter in network.parameters())
    counts = dict.fromkeys((*IN_BODY, "norm", "head.inner", "head.outer"), 0)
    for part in summary.parts:
        if part.name != "readout":
            counts[part.name.partition(",")[0]] += part.parameters
    assert counts == {
        name: 0 if (module := _submodule(network, name)) is None else count(module) for name in counts
    }  # also module by module


IN_BODY = ("embedding", "bigrams", "words", "recurrent", "attention")


def _submodule(network, name):
    for part in name.split("."):
        network = getattr(network, part)
    return network


@DIRECTIONS
@pytest.mark.parametrize("options", OPTIONS, ids=[" ".join(options) for options in OPTIONS])
def test_the_outputs_are_those_of_the_network(bidirectional, options):
    model_config = config(bidirectional=bidirectional, **options)
    network, seen = make_network(model_config), {}

    def note(name):
        def hook(_, __, out):
            seen[name] = out[0].shape

        return hook

    for name in ("norm", "head.inner", "head.outer"):
        if (module := _submodule(network, name)) is not None:
            module.register_forward_hook(note(name))
    with torch.no_grad():
        features = network.features(torch.ones(1, 6, dtype=torch.int64), torch.tensor([6]))
        network.head(features)
    # shapes of the recurrent part are not visible from outside; they are checked by hand below
    parts = {part.name: part.output for part in summarize(model_config).parts if not part.name.startswith(IN_BODY)}
    assert parts == {"readout": features[0].shape, **seen}


def operations(model_config, width):
    """Forward and backward operations of one row as torch counts them, with gradients for initial state and input."""
    model = model_config.model
    stock = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "scratch_gru": nn.GRU}[model.cell]
    directions = 2 if model.bidirectional else 1
    size = model_config.embedding_size + (model.bigrams.width if model.bigrams else 0)
    size += 3 * model.words.width if model.words else 0
    body = stock(size, model.hidden_size, model.layers, bidirectional=model.bidirectional)
    start = torch.zeros(model.layers * directions, 1, model.hidden_size, requires_grad=True)
    state = (start, torch.zeros_like(start)) if model.cell == "lstm" else start
    wide = directions * model.hidden_size
    sizes = [wide * len(readout_names(model.readout)), *([model.head_size] if model.head_size else [])]
    sizes.append(1 if model.loss == "bce" else model_config.classes)
    head = nn.Sequential(*(nn.Linear(*pair) for pair in itertools.pairwise(sizes)))
    x = torch.ones(width, 1, size, requires_grad=True)
    attention = AttentionPooling(wide) if "attention" in readout_names(model.readout) else None
    with ExitStack() as stack:
        stack.enter_context(
            torch.backends.mkldnn.flags(enabled=False)
        )  # the counter sees oneDNN's LSTM as one operation
        forward = stack.enter_context(FlopCounterMode(display=False))
        states = body(x, state)[0][:, 0]
        features = states if model.readout == "every_step" else states[-1:].repeat(1, len(readout_names(model.readout)))
        if attention is not None:
            read = attention(states[:, None], torch.zeros(width, 1, dtype=torch.bool))
            features = torch.cat((read, features[:, wide:]), dim=1)
        head(features).sum().backward()
    return forward.get_total_flops()


@CELLS
@DIRECTIONS
@pytest.mark.parametrize("options", OPTIONS, ids=[" ".join(options) for options in OPTIONS])
@pytest.mark.filterwarnings("ignore:TF32")  # torch, as oneDNN is switched off
def test_a_training_row_costs_what_torch_counts(cell, bidirectional, options):
    model_config = config((1, 3, 6), cell=cell, bidirectional=bidirectional, **options)
    assert [(cost.width, cost.training) for cost in summarize(model_config).costs] == [
        (width, operations(model_config, width)) for width in (1, 3, 6)
    ]


def test_costs_by_hand():
    # a step: 3 gates of 3 numbers from 5 and from 3, twice 72; a head: 3 to 4, twice 12
    summary = summarize(config((2, 6)))
    assert summary.costs == (Cost(2, 2 * 144 + 24, 936), Cost(6, 6 * 144 + 24, 2664))
    # both directions of 4 gates: layer 1 reads 5, layer 2 reads 6; every step has a head of 6 to 2 and 2 to 4
    two = config((10,), cell="lstm", layers=2, bidirectional=True, head_size=2, readout="every_step")
    step = 2 * 2 * 4 * 3 * (5 + 3) + 2 * 2 * 4 * 3 * (6 + 3)
    assert summarize(two).costs == (Cost(10, 10 * (step + 24 + 16), 30 * (step + 24 + 16)),)


def test_the_parts_by_hand():
    summary = summarize(config((2, 6), layers=2, bidirectional=True, layer_norm=True, head_size=7))
    assert summary.parts == (
        Part("embedding", "11 tokens", (6, 5), 55),
        Part("recurrent, layer 1", "gru, 5 to 3, both directions", (6, 6), 2 * 9 * 10),
        Part("recurrent, layer 2", "gru, 6 to 3, both directions", (6, 6), 2 * 9 * 11),
        Part("readout", "last_valid", (6,), 0),
        Part("norm", "LayerNorm", (6,), 12),
        Part("head.inner", "linear, 6 to 7", (7,), 49),
        Part("head.outer", "linear, 7 to 4", (4,), 32),
    )
    assert (summary.parameters, summary.bytes) == (526, 2104)
    as_json = json.loads(json.dumps(dataclasses.asdict(summary)))
    assert as_json["parts"][0] == {"name": "embedding", "what": "11 tokens", "output": [6, 5], "parameters": 55}
    assert as_json["costs"][0]["width"] == 2


def test_a_crf_has_its_transitions_and_two_ends():
    plain, tagger = (config(readout="every_step", crf=crf) for crf in (False, True))
    assert summarize(tagger).parts == (*summarize(plain).parts, Part("crf", "best of 4 tags", (6,), 4 * 4 + 4 + 4))
    assert summarize(tagger).parameters == count(make_network(tagger))
    assert summarize(tagger).costs == summarize(plain).costs


def test_the_parts_of_pairs_and_attention_by_hand():
    model_config = config((6,), readout=("mean", "attention"), bigrams=BigramOptions(2, 1), bigram_count=1000)
    assert summarize(model_config).parts == (
        Part("embedding", "11 tokens", (6, 5), 55),
        Part("bigrams", "1,000 pairs", (6, 2), 2 * 1002),
        Part("recurrent, layer 1", "gru, 7 to 3", (6, 3), 9 * 12),
        Part("attention", "additive, 3 to 3 to 1", (3,), 9 + 3 + 3),
        Part("readout", "mean, attention", (6,), 0),
        Part("head.outer", "linear, 6 to 4", (4,), 28),
    )
    assert summarize(model_config).costs[0].forward == 6 * (2 * 9 * 10 + 2 * 3 * 4) + 2 * 6 * 4


def test_the_parts_of_words_by_hand():
    model_config = config((6,), words=SoftLexiconOptions(2, 1), sizes=LexiconSizes(1000, 30, 4))
    assert summarize(model_config).parts[1:3] == (
        Part("words", "1,000 words in 30 rows", (6, 6), 60),
        Part("recurrent, layer 1", "gru, 11 to 3", (6, 3), 9 * 16),
    )


def test_the_text_by_hand():
    assert describe(config((2, 600), vocabulary_size=2000)).splitlines() == [
        "tiny: one row of 600 tokens through the model",
        "  module              what            output   parameters",
        "  embedding           2,000 tokens    600 x 5      10,000",
        "  recurrent, layer 1  gru, 5 to 3     600 x 3          90",
        "  readout             last_valid      3                 0",
        "  head.outer          linear, 3 to 4  4                16",
        "  parameters: 10,106 (0.0 MB)",
        "  a row of width 2: 312 FLOP forward, 936 FLOP with backward",
        "  a row of width 600: 86.42 kFLOP forward, 259.27 kFLOP with backward",
    ]


@pytest.mark.parametrize(
    ("hidden", "text"),
    [(100, "6.30 MFLOP forward, 18.90 MFLOP with backward"), (2000, "2.41 GFLOP forward, 7.22 GFLOP with backward")],
)
def test_units_suit_the_size(hidden, text):
    # 100 steps of 2 * 3 * hidden * (5 + hidden), and 2 * hidden * 4
    assert describe(config((100,), hidden_size=hidden)).endswith(text)


def test_the_wide_part_is_listed_with_all_its_numbers():
    summary = summarize(config(classes=4, ngrams=(5, 0, 7), wide=True))
    assert summary.parts[-1] == Part("wide", "linear, 12 n-grams up to order 3", (4,), 12 * (4 + 1) + 4 + 2)
    network = make_network(config(classes=4, ngrams=(5, 0, 7), wide=True))
    stored = sum(value.numel() for value in network.state_dict().values() if value.dtype == torch.float32)
    assert summary.parameters == stored
    assert summary.costs == summarize(config(classes=4)).costs  # it has no matrix products
