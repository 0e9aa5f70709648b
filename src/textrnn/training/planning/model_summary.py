"""Summarize a model: its parts, its parameters and the operations of one row, from the configuration alone.

No network is built and nothing is run.
Shapes: T the row's width in steps, E embedding, F features that a layer reads, H hidden, D directions, C outputs,
G gates.
"""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.model import Cell
from textrnn.modeling.models.model_directory import ModelConfig
from textrnn.modeling.models.text_rnn import joined_width
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW
from textrnn.modeling.nn.pooling import readout_names

GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "gru": 3, "scratch_gru": 3}  # rows of a weight matrix, divided by H
WEIGHT_BYTES = 4  # weights are float32, whatever the precision of matrix products
# The backward pass takes two products for each one of the forward pass: the gradients of the weights and of the input.
TRAINING_FACTOR = 3


@dataclass(frozen=True)
class Part:
    """A module: its name in the network, a description, the shape of its output for one row, its parameters."""

    name: str
    what: str
    output: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one row padded to `width`: forward alone, and forward plus backward."""

    width: int
    forward: int
    training: int


@dataclass(frozen=True)
class Summary:
    """A model's parts at the largest width, the number of all parameters, their bytes, and the cost at each width."""

    parts: tuple[Part, ...]
    parameters: int
    bytes: int
    costs: tuple[Cost, ...]


def summarize(config: ModelConfig) -> Summary:
    """The summary of a model of this configuration."""
    parts = _parts(config)
    parameters = sum(part.parameters for part in parts)
    return Summary(parts, parameters, parameters * WEIGHT_BYTES, tuple(_cost(config, width) for width in config.widths))


def describe(config: ModelConfig) -> str:
    """The summary as lines to print: a table of the modules, the totals, and the cost of a row at each width."""
    summary = summarize(config)
    cells = [("module", "what", "output", "parameters")]
    for part in summary.parts:
        cells.append((part.name, part.what, " x ".join(map(str, part.output)), f"{part.parameters:,}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [f"{config.recipe}: one row of {config.widths[-1]} tokens through the model"]
    for name, what, output, count in cells:
        left = f"{name:<{widths[0]}}  {what:<{widths[1]}}  {output:<{widths[2]}}"
        lines.append(f"  {left}  {count:>{widths[3]}}")
    lines.append(f"  parameters: {summary.parameters:,} ({summary.bytes / 1e6:.1f} MB)")
    for cost in summary.costs:
        forward, training = _format_operations(cost.forward), _format_operations(cost.training)
        lines.append(f"  a row of width {cost.width}: {forward} forward, {training} with backward")
    return "\n".join(lines)


def _layers(config: ModelConfig) -> list[tuple[int, int]]:
    """(F, D * H) of each recurrent layer."""
    outputs, first = config.model.hidden_size * _directions(config), config.embedding_size + joined_width(config.model)
    return [(first if layer == 0 else outputs, outputs) for layer in range(config.model.layers)]


def _readout_size(config: ModelConfig) -> int:
    """The number of features that the head reads: those of all readouts, joined."""
    return _layers(config)[-1][1] * len(readout_names(config.model.readout))


def _directions(config: ModelConfig) -> int:
    return 2 if config.model.bidirectional else 1


def _linears(config: ModelConfig) -> list[tuple[str, int, int]]:
    """Name, inputs and outputs of each linear layer of the head."""
    model = config.model
    features, outputs = _readout_size(config), 1 if model.loss == "bce" else config.classes
    inner = [("head.inner", features, model.head_size)] if model.head_size else []
    return [*inner, ("head.outer", model.head_size or features, outputs)]


def _parts(config: ModelConfig) -> tuple[Part, ...]:
    """The modules in the order in which a row passes them; and the readout, which is no module but changes the shape.

    Parameters: G*H x F, G*H x H and two biases of G*H for each direction of a recurrent layer, as torch.nn.RNN,
    torch.nn.LSTM and torch.nn.GRU document them; inputs x outputs and a bias for a linear layer; two per feature for
    torch.nn.LayerNorm; F x F, a bias and a query of F for attention; C x C transitions, C start and C end scores for a
    CRF; C weights and a square for each n-gram, C biases and two scales for the wide part.
    """
    model, width = config.model, config.widths[-1]
    vocabulary_size, size, hidden = config.tokens, config.embedding_size, model.hidden_size
    parts = [Part("embedding", f"{vocabulary_size:,} tokens", (width, size), vocabulary_size * size)]
    if model.bigrams:
        size = model.bigrams.width
        parts.append(
            Part("bigrams", f"{config.pairs:,} pairs", (width, size), (FIRST_BIGRAM_ROW + config.pairs) * size)
        )
    if model.words and config.words:
        size, lexicon = model.words.width, config.words
        what = f"{lexicon.words:,} words in {lexicon.rows:,} rows"
        parts.append(Part("words", what, (width, len(model.words.sets) * size), lexicon.rows * size))
    for layer, (inputs, outputs) in enumerate(_layers(config), start=1):
        count = _directions(config) * GATES[model.cell] * hidden * (inputs + hidden + 2)
        what = f"{model.cell}, {inputs} to {hidden}" + (", both directions" if model.bidirectional else "")
        parts.append(Part(f"recurrent, layer {layer}", what, (width, outputs), count))
    steps = (width,) if model.readout == "every_step" else ()
    if "attention" in readout_names(model.readout):
        what = f"additive, {outputs} to {outputs} to 1"
        parts.append(Part("attention", what, (outputs,), outputs * (outputs + 2)))
    features = _readout_size(config)
    parts.append(Part("readout", ", ".join(readout_names(model.readout)), (*steps, features), 0))
    if model.layer_norm:
        parts.append(Part("norm", "LayerNorm", (*steps, features), 2 * features))
    for name, inputs, outputs in _linears(config):
        parts.append(Part(name, f"linear, {inputs} to {outputs}", (*steps, outputs), (inputs + 1) * outputs))
    if model.crf:
        parts.append(Part("crf", f"best of {config.classes} tags", steps, config.classes * (config.classes + 2)))
    if config.ngrams:
        ngrams, classes = sum(config.ngrams), config.classes
        what = f"linear, {ngrams:,} n-grams up to order {len(config.ngrams)}"
        parts.append(Part("wide", what, (classes,), ngrams * (classes + 1) + classes + 2))
    return tuple(parts)


def _cost(config: ModelConfig, width: int) -> Cost:
    """The operations of one row: matrix products alone, each multiply-add counted as 2, with padding counted like text.

    Per step, a direction of a recurrent layer takes 2 * G*H * (F + H), and attention over F features 2 * F * (F + 1). A
    linear layer takes 2 * inputs * outputs for each vector it reads. An embedding lookup is no product. Backward takes
    twice as much as forward (Kaplan et al. 2020, arXiv:2001.08361, section 2.1); element-wise operations are left out
    there and here. This is the cost of the equations: a batch may take less if its rows share the products of a common
    token.
    """
    hidden = config.model.hidden_size
    gates = _directions(config) * GATES[config.model.cell] * hidden
    step = sum(2 * gates * (inputs + hidden) for inputs, _ in _layers(config))
    head = sum(2 * inputs * outputs for _, inputs, outputs in _linears(config))
    readouts = readout_names(config.model.readout)
    states = _readout_size(config) // len(readouts)
    step += 2 * states * (states + 1) if "attention" in readouts else 0
    forward = width * step + head * (width if config.model.readout == "every_step" else 1)
    return Cost(width, forward, TRAINING_FACTOR * forward)


def _format_operations(operations: int) -> str:
    """The number with a suitable unit and two decimals."""
    for unit, size in (("GFLOP", 10**9), ("MFLOP", 10**6), ("kFLOP", 10**3)):
        if operations >= size:
            return f"{operations / size:.2f} {unit}"
    return f"{operations} FLOP"
