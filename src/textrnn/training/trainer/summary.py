"""What a model is made of and what one row costs, from its configuration alone: nothing is built, nothing is run.

Shapes: T the row's width in steps, E embedding, F what a layer reads, H hidden, D directions, C outputs, G gates.
"""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.model import Cell
from textrnn.modeling.models.model_directory import ModelConfig
from textrnn.modeling.models.text_rnn import joined_width
from textrnn.modeling.nn.bigrams import FIRST
from textrnn.modeling.nn.pooling import readout_names
from textrnn.modeling.nn.soft_lexicon import SETS

GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "gru": 3, "scratch_gru": 3}  # rows of a weight matrix, over H
WEIGHT_BYTES = 4  # weights are float32 whatever the precision of products
# a backward step takes two products for each of the forward one: the gradient of the weights and that of the input
TRAINING = 3


@dataclass(frozen=True)
class Part:
    """A module: its name in the network, what it is, the shape of what it makes of one row, its parameters."""

    name: str
    what: str
    output: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one row padded to `width`: of a forward run, and of forward and backward."""

    width: int
    forward: int
    training: int


@dataclass(frozen=True)
class Summary:
    """A model's parts at the widest width, all their parameters, the bytes of these, and the cost by width."""

    parts: tuple[Part, ...]
    parameters: int
    bytes: int
    costs: tuple[Cost, ...]


def summarize(config: ModelConfig) -> Summary:
    """What a model of this configuration has and costs; `dataclasses.asdict` makes a dict of it."""
    parts = _parts(config)
    parameters = sum(part.parameters for part in parts)
    return Summary(parts, parameters, parameters * WEIGHT_BYTES, tuple(_cost(config, width) for width in config.widths))


def describe(config: ModelConfig) -> str:
    """The summary as lines to print: a table of the modules, then the totals, then the cost of a row by width."""
    summary = summarize(config)
    cells = [("module", "what", "output", "parameters")]
    for part in summary.parts:
        cells.append((part.name, part.what, " x ".join(map(str, part.output)), f"{part.parameters:,}"))
    name, what, output, count = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = [f"{config.recipe}: one row of {config.widths[-1]} tokens through the model"]
    lines += [f"  {a:<{name}}  {b:<{what}}  {c:<{output}}  {d:>{count}}" for a, b, c, d in cells]
    lines.append(f"  parameters: {summary.parameters:,} ({summary.bytes / 1e6:.1f} MB)")
    for cost in summary.costs:
        forward, training = _short(cost.forward), _short(cost.training)
        lines.append(f"  a row of width {cost.width}: {forward} forward, {training} with backward")
    return "\n".join(lines)


def _layers(config: ModelConfig) -> list[tuple[int, int]]:
    """(F, D * H) of each recurrent layer."""
    wide, first = config.model.hidden_size * _directions(config), config.embedding_size + joined_width(config.model)
    return [(first if at == 0 else wide, wide) for at in range(config.model.layers)]


def _features(config: ModelConfig) -> int:
    """How wide all that is read out is."""
    return _layers(config)[-1][1] * len(readout_names(config.model.readout))


def _directions(config: ModelConfig) -> int:
    return 2 if config.model.bidirectional else 1


def _linears(config: ModelConfig) -> list[tuple[str, int, int]]:
    """Name, inputs and outputs of each linear layer of the head."""
    model = config.model
    features, outputs = _features(config), 1 if model.loss == "bce" else config.classes
    inner = [("head.inner", features, model.head_size)] if model.head_size else []
    return [*inner, ("head.outer", model.head_size or features, outputs)]


def _parts(config: ModelConfig) -> tuple[Part, ...]:
    """The modules in the order a row passes them, and the readout, which is none but changes the shape.

    Parameters: G*H x F, G*H x H and two biases of G*H for each direction of a recurrent layer, as torch.nn.RNN,
    torch.nn.LSTM and torch.nn.GRU document them; inputs x outputs and a bias for a linear layer; two for each feature
    of torch.nn.LayerNorm; F x F, a bias and a query of F for attention; C x C transitions and two ends of C for a CRF.
    """
    model, width = config.model, config.widths[-1]
    tokens, size, hidden = config.tokens, config.embedding_size, model.hidden_size
    parts = [Part("embedding", f"{tokens:,} tokens", (width, size), tokens * size)]
    if model.bigrams:
        beside = model.bigrams.width
        parts.append(Part("bigrams", f"{config.pairs:,} pairs", (width, beside), (FIRST + config.pairs) * beside))
    if model.words and config.words:
        beside, known = model.words.width, config.words
        what = f"{known.words:,} words in {known.rows:,} rows"
        parts.append(Part("words", what, (width, SETS * beside), known.rows * beside))
    for at, (inputs, wide) in enumerate(_layers(config), start=1):
        count = _directions(config) * GATES[model.cell] * hidden * (inputs + hidden + 2)
        what = f"{model.cell}, {inputs} to {hidden}" + (", both directions" if model.bidirectional else "")
        parts.append(Part(f"recurrent, layer {at}", what, (width, wide), count))
    steps = (width,) if model.readout == "every_step" else ()
    if "attention" in readout_names(model.readout):
        parts.append(Part("attention", f"additive, {wide} to {wide} to 1", (wide,), wide * (wide + 2)))
    features = _features(config)
    parts.append(Part("readout", ", ".join(readout_names(model.readout)), (*steps, features), 0))
    if model.layer_norm:
        parts.append(Part("norm", "LayerNorm", (*steps, features), 2 * features))
    for name, inputs, outputs in _linears(config):
        parts.append(Part(name, f"linear, {inputs} to {outputs}", (*steps, outputs), (inputs + 1) * outputs))
    if model.crf:
        parts.append(Part("crf", f"best of {config.classes} tags", steps, config.classes * (config.classes + 2)))
    return tuple(parts)


def _cost(config: ModelConfig, width: int) -> Cost:
    """Operations of one row: of the matrix products alone, each multiply-add counting 2, padding paid for like text.

    A direction of a recurrent layer takes 2 * G*H * (F + H) a step, attention over features F takes 2 * F * (F + 1),
    a linear layer 2 * inputs * outputs for each vector it reads; looking up an embedding is no product. Backward takes
    twice as much as forward (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). What works element by element is left
    out there and here. It is the cost of the equations: a batch may take less, where its rows share the products of a
    token they have in common.
    """
    hidden = config.model.hidden_size
    gates = _directions(config) * GATES[config.model.cell] * hidden
    step = sum(2 * gates * (inputs + hidden) for inputs, _ in _layers(config))
    head = sum(2 * inputs * outputs for _, inputs, outputs in _linears(config))
    wide = _features(config) // len(readout_names(config.model.readout))
    step += 2 * wide * (wide + 1) if "attention" in readout_names(config.model.readout) else 0
    forward = width * step + head * (width if config.model.readout == "every_step" else 1)
    return Cost(width, forward, TRAINING * forward)


def _short(operations: int) -> str:
    """Three or more digits with the unit that suits them."""
    for unit, size in (("GFLOP", 10**9), ("MFLOP", 10**6), ("kFLOP", 10**3)):
        if operations >= size:
            return f"{operations / size:.2f} {unit}"
    return f"{operations} FLOP"
