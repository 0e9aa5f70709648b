"""A model card in Markdown: the model, its training data, its scores, and how to load it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textrnn.common.storage.schemas import SPLITS
from textrnn.errors import plural
from textrnn.evaluation.analysis.card_example import CardExample
from textrnn.evaluation.analysis.card_facts import CardFacts
from textrnn.evaluation.analysis.markdown import code_span, escape

SCORES = {
    "macro_f1": "macro-F1",
    "entity_precision": "entity precision",
    "entity_recall": "entity recall",
    "entity_f1": "entity F1",
}
MAX_LABELS = 50  # label names that a card lists
TASKS = {"classify": "A classifier of texts", "tag": "A tagger that finds entities in texts"}
PIPELINE_TAGS = {"classify": "text-classification", "tag": "token-classification"}
NO_VALUE = "none"
NOT_OUTCOME = ("params", "capped", "auto", "notices")  # what training.json has besides the outcome


def render(facts: CardFacts, example: CardExample | None) -> str:
    """Return the card as Markdown; it depends on the facts and the example alone."""
    blocks = [
        _metadata(facts, example),
        f"# Model card: {escape(facts.config['recipe'])}",
        _summary(facts),
        "## Results",
        _score_table(facts),
        *([_part_table(facts)] if facts.parts else []),
        "## How to load",
        _loading(facts.folder, example),
        *(
            [f"The text is from test, and its prediction is correct: {code_span(example.prediction)}."]
            if example
            else []
        ),
        "The directory is all that is needed. It has weights, configuration, vocabulary, labels and segmentation.",
        "## Data",
        _bullets(facts.data.items()),
        _split_table(facts),
        "## Labels",
        _label_list(facts.labels.names),
        "## Model",
        _bullets([*_model_sizes(facts), *facts.config["model"].items()]),
        "## Training",
        "Outcome:",
        _bullets(_outcome(facts)),
        *_notices(facts),
        "Params:",
        _bullets(facts.trained["params"].items()),
        *_rule_values(facts),
        "## Versions",
        _bullets(facts.versions.items()),
    ]
    return "\n\n".join(blocks) + "\n"


def _metadata(facts: CardFacts, example: CardExample | None) -> str:
    """The head in YAML that model hubs read; the try page takes its example from there. JSON strings are YAML, too."""
    lines = ["---", "library_name: textrnn", f"pipeline_tag: {PIPELINE_TAGS[facts.labels.task]}"]
    if example is not None:
        lines += ["widget:", f"- text: {_quote(example.text)}", f"  example_title: {_quote(example.prediction)}"]
    return "\n".join([*lines, "---"])


def _loading(folder: str, example: CardExample | None) -> str:
    text = "a text" if example is None else example.text
    # as Python writes them, too
    predict = f"print(model.predict([{_quote(text)}]))"
    return f"```python\nimport textrnn\n\nmodel = textrnn.load({_quote(folder)})\n{predict}\n```"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _summary(facts: CardFacts) -> str:
    corpus, rows = facts.data["corpus"], facts.padded["train"]["rows"]
    labels = plural(len(facts.labels.names), "label" if facts.labels.task == "classify" else "tag")
    first = f"{TASKS[facts.labels.task]}, trained on {rows:,} rows of {code_span(corpus)}: {labels}."
    capped = [f"{code_span(cap['name'])} {cap['asked']:,} capped to {cap['used']:,}" for cap in facts.trained["capped"]]
    if not capped:
        return f"{first} `limits` changed neither the model nor its training: the params below are the recipe's."
    return f"{first} `limits` apply: {', '.join(capped)}. The scores of a capped run say little about the full recipe."


def _score_table(facts: CardFacts) -> str:
    names = list(dict.fromkeys(name for scores in facts.scores.values() for name in scores))
    lines = [f"| split | {' | '.join(SCORES.get(name, name) for name in names)} |", "|---" * (1 + len(names)) + "|"]
    for split, scores in facts.scores.items():
        intervals = facts.intervals.get(split, {})
        cells = [_format(scores.get(name)) + _bounds(intervals.get(name)) for name in names]
        lines.append(f"| {split} | {' | '.join(cells)} |")
    note = f"One run with seed {facts.trained['params']['seed']}. Dev selects the weights; test only measures them."
    if "refit" in facts.trained:
        note += " Then the model was trained on train and dev for as many steps, and those weights were saved."
        note += " The scores on dev are those of the first run, on train alone."
    note += " Brackets are 95% intervals over rows." if facts.intervals else ""
    return "\n".join(lines) + "\n\n" + note


def _part_table(facts: CardFacts) -> str:
    """The scores of the recurrent network alone, of the wide part alone, and of both."""
    metrics = ("accuracy", "macro_f1", "loss")
    heads = " | ".join(SCORES.get(name, name) for name in metrics)
    lines = [f"| split | part | {heads} |", "|---" * (2 + len(metrics)) + "|"]
    for split, parts in facts.parts.items():
        for name, scores in parts.items():
            lines.append(f"| {split} | {name} | {' | '.join(_format(scores[metric]) for metric in metrics)} |")
    note = "Deep is the recurrent part, wide the linear part on n-grams. The loss of a part is of its unscaled scores."
    return "\n".join(lines) + "\n\n" + note


def _bounds(interval: Sequence[float] | None) -> str:
    """An interval as it follows a score; nothing for None."""
    return "" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]"


def _split_table(facts: CardFacts) -> str:
    lines = ["| split | rows | longest row, tokens | truncated rows | unknown tokens |", "|---|---|---|---|---|"]
    for split in SPLITS:
        padded, unknown = facts.padded[split], facts.encoded["unknown_share"][split]
        counts = (padded["rows"], padded["longest"], padded["truncated_rows"])
        lines.append(f"| {split} | {' | '.join(f'{count:,}' for count in counts)} | {unknown:.2%} |")
    return "\n".join(lines)


def _model_sizes(facts: CardFacts) -> list[tuple[str, Any]]:
    config = facts.config
    file = [("parameters", facts.weights), ("size, bytes", facts.size), ("SHA-256", facts.sha256)]
    sizes = [(name, config[name]) for name in ("tokens", "embedding_size", "pairs")]
    padding = [(name, config[name]) for name in ("widths", "pad_side", "truncates")]
    # models saved before there was a wide part lack the key
    return [*file, *sizes, ("lexicon", config["words"]), ("n-grams", config.get("ngrams", [])), *padding]


def _outcome(facts: CardFacts) -> list[tuple[str, Any]]:
    """What training.json says of the run itself: steps, epochs, the best weights, why it stopped."""
    return [(name, value) for name, value in facts.trained.items() if name not in NOT_OUTCOME]


def _notices(facts: CardFacts) -> list[str]:
    """What of the settings the run was too short for; models of earlier versions have no such list."""
    notices = facts.trained.get("notices")
    if not notices:
        return []
    return ["The run was too short for these settings:", "\n".join(f"* {escape(notice)}" for notice in notices)]


def _rule_values(facts: CardFacts) -> list[str]:
    """The params that rules gave, and what they follow from."""
    values = facts.trained.get("auto")
    if not values:
        return []
    return ["Of these, set by rules:", _bullets((each["name"], _format_rule(each)) for each in values)]


def _format_rule(value: Mapping[str, Any]) -> str:
    return f"{_format(value['used'])} (asked: {_format(value['asked'])}; from {escape(value['follows'])})"


def _label_list(names: list[str]) -> str:
    shown = ", ".join(map(code_span, names[:MAX_LABELS]))
    return shown if len(names) <= MAX_LABELS else f"{shown} and {len(names) - MAX_LABELS:,} more"


def _bullets(pairs: Iterable[tuple[str, Any]]) -> str:
    return "\n".join(f"* {escape(name)}: {_format(value)}" for name, value in pairs)


def _format(value: Any) -> str:
    """Return a value as the card shows it, nested values on one line."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_format(item) for item in value) or NO_VALUE
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(str(name))} {_format(item)}" for name, item in value.items()) or NO_VALUE
    return escape(str(value))
