"""A model's card: what it is, what it was trained on, what it reached, and how it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from textrnn.common.config.types import SPLITS
from textrnn.preparation.artifacts.labels import Labels

NAMES_SHOWN = 50
TASKS = {"classify": "A classifier of whole texts", "tag": "A tagger of every token, scored by entities"}
UNSAID = "none"


@dataclass(frozen=True)
class CardFacts:
    """What a card is made of, as the stages have written it.

    config: the model's config.json. weights: their number; size: bytes of their file; sha256: that file's.
    data: what else to say of the corpus, in order. padded, encoded, trained: metrics of pad, encode and train.
    scores: metrics of evaluate by split. training, limits: those params. versions: of what it was made with.
    """

    folder: str
    config: Mapping[str, Any]
    labels: Labels
    weights: int
    size: int
    sha256: str
    data: Mapping[str, Any]
    padded: Mapping[str, Any]
    encoded: Mapping[str, Any]
    trained: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, float]]
    training: Mapping[str, Any]
    limits: Mapping[str, Any]
    versions: Mapping[str, str]


def render(facts: CardFacts) -> str:
    """The card as Markdown; it hangs on the facts alone."""
    parts = [
        f"# Model card: {facts.config['recipe']}",
        _summary(facts),
        "## Results",
        _results(facts),
        "## How to load",
        f'```python\nimport textrnn\n\nmodel = textrnn.load("{facts.folder}")\nprint(model.predict(["a text"]))\n```',
        "The directory is all that is needed: weights, configuration, vocabulary, labels and how to segment.",
        "## Data",
        _pairs(facts.data.items()),
        _splits(facts),
        "## Labels",
        _labels(facts.labels.names),
        "## Model",
        _pairs([*_sizes(facts), *facts.config["model"].items()]),
        "## Training",
        f"What came of it:\n\n{_pairs(facts.trained.items())}\n\nThe params:\n\n{_pairs(facts.training.items())}",
        "## Versions",
        _pairs(facts.versions.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(facts: CardFacts) -> str:
    corpus, rows = facts.data["corpus"], facts.padded["train"]["rows"]
    first = f"{TASKS[facts.labels.task]}, trained on {rows:,} rows of `{corpus}`: {len(facts.labels.names)} labels."
    caps = [f"`{name}` {value:,}" for name, value in facts.limits.items() if value is not None]
    if not caps:
        return f"{first} No limit was set: the params below are what was trained."
    return (
        f"{first} Params were capped by `limits`: {', '.join(caps)}. Figures of a capped run say little of the recipe."
    )


def _results(facts: CardFacts) -> str:
    names = list(dict.fromkeys(name for scores in facts.scores.values() for name in scores))
    lines = [f"| split | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for split, scores in facts.scores.items():
        lines.append(f"| {split} | {' | '.join(_cell(scores.get(name)) for name in names)} |")
    told = f"One run, seed {facts.training['seed']}. Dev chose the weights; test chose nothing."
    return "\n".join(lines) + "\n\n" + told


def _splits(facts: CardFacts) -> str:
    lines = ["| split | rows | longest, tokens | truncated rows | unknown tokens |", "|---|---|---|---|---|"]
    for split in SPLITS:
        padded, unknown = facts.padded[split], facts.encoded["unknown_share"][split]
        counts = (padded["rows"], padded["longest"], padded["truncated_rows"])
        lines.append(f"| {split} | {' | '.join(f'{count:,}' for count in counts)} | {unknown:.2%} |")
    return "\n".join(lines)


def _sizes(facts: CardFacts) -> list[tuple[str, Any]]:
    config = facts.config
    file = [("weights", facts.weights), ("file, bytes", facts.size), ("file, SHA-256", facts.sha256)]
    sizes = [(name, config[name]) for name in ("tokens", "embedding_size", "pairs")]
    padding = [(name, config[name]) for name in ("widths", "pad_side", "truncates")]
    return [*file, *sizes, ("lexicon", config["words"]), *padding]


def _labels(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN:,} more"


def _pairs(pairs: Iterable[tuple[str, Any]]) -> str:
    return "\n".join(f"* {name}: {_cell(value)}" for name, value in pairs)


def _cell(value: Any) -> str:
    if value is None:
        return UNSAID
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value) or UNSAID
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(item)}" for name, item in value.items()) or UNSAID
    return str(value)
