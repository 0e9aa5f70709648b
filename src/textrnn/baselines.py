"""What a recipe is compared with: the majority, linear models on n-grams, and for tagging each token's usual tag."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.bag import fit_bag
from textrnn.errors import UserError
from textrnn.labels import Labels
from textrnn.logistic import fit_logistic
from textrnn.ngrams import Baseline, Texts, read_texts
from textrnn.scoring import score_classes, score_spans
from textrnn.shards import ShardReader
from textrnn.spans import Span, spans

Figures = dict[str, float]


@dataclass(frozen=True)
class Result:
    """One baseline: its figures on dev and test, what dev chose of it, and the seconds that it took."""

    name: str
    dev: Figures
    test: Figures
    chosen: dict[str, Any]
    seconds: float

    def metrics(self) -> dict[str, Any]:
        """All of it that is the same in every run."""
        return {"dev": self.dev, "test": self.test, **self.chosen}


def train_baselines(
    encoded: ShardReader, labels: Labels, tokens: int, settings: Baseline, epochs: int
) -> Iterator[Result]:
    """The baselines of an encoding, trained on the id shards of its train split, whose rows are not truncated.

    tokens: the size of the vocabulary; epochs: of the bag of n-grams. For classification the majority class,
    multinomial logistic regression and a bag of n-grams; for tagging the majority tag, and of each token its most
    frequent tag, which sees no context and is a floor, not a rival. Raises UserError when a split has no rows.
    """
    if labels.task == "tag":
        yield from _tag(encoded, labels, tokens)
        return
    train, dev, test = (read_texts(encoded, split) for split in ("train", "dev", "test"))
    usual = int(np.bincount(train.labels).argmax())
    yield _classified("majority", labels, dev, test, [np.full(len(split), usual) for split in (dev, test)], 0.0)
    started = time.monotonic()
    fitted = fit_logistic(train, dev, test, settings)
    chosen: dict[str, Any] = {"features": fitted.features, "regularization": fitted.regularization}
    took = time.monotonic() - started
    yield _classified("logistic_regression", labels, dev, test, [fitted.dev, fitted.test], took, chosen)
    started = time.monotonic()
    bagged = fit_bag(train, dev, test, tokens, len(labels.names), settings, epochs)
    chosen = {"best_epoch": bagged.epoch}
    took = time.monotonic() - started
    yield _classified("bag_of_ngrams", labels, dev, test, [bagged.dev, bagged.test], took, chosen)


def noise_ceiling(encoded: ShardReader) -> dict[str, float]:
    """By dev and test, the accuracy of the rule that gives each text its most frequent label in all three splits.

    Texts are rows of ids, none truncated. Where one text has several labels no function of the text is right on all of
    them; this one even knows how often test has each, so that a model that comes near it has learnt what there is.
    """
    counts: dict[bytes, Counter[int]] = {}
    splits = {split: read_texts(encoded, split) for split in ("train", "dev", "test")}
    for texts in splits.values():
        for text, label in _rows(texts):
            counts.setdefault(text, Counter())[label] += 1
    usual = {text: labels.most_common(1)[0][0] for text, labels in counts.items()}
    hits = {split: sum(usual[text] == label for text, label in _rows(splits[split])) for split in ("dev", "test")}
    return {split: count / len(splits[split]) for split, count in hits.items()}


def _rows(texts: Texts) -> Iterator[tuple[bytes, int]]:
    bounds, labels = texts.offsets.tolist(), texts.labels.tolist()
    return ((texts.ids[a:b].tobytes(), label) for (a, b), label in zip(pairwise(bounds), labels, strict=True))


def _classified(
    name: str,
    labels: Labels,
    dev: Texts,
    test: Texts,
    guesses: list[np.ndarray],
    seconds: float,
    chosen: dict[str, Any] | None = None,
) -> Result:
    scores = [
        score_classes(texts.labels, guess, labels.names) for texts, guess in zip((dev, test), guesses, strict=True)
    ]
    on_dev, on_test = ({"accuracy": each.accuracy, "macro_f1": each.macro_f1} for each in scores)
    return Result(name, on_dev, on_test, chosen or {}, seconds)


def _tag(encoded: ShardReader, labels: Labels, tokens: int) -> Iterator[Result]:
    started = time.monotonic()
    counts = np.zeros((tokens, len(labels.names)), dtype=np.int64)
    for batch in encoded.batches("train"):
        np.add.at(counts, (np.array(batch["ids"].flatten()), np.array(batch["tags"].flatten())), 1)
    if not counts.any():
        raise UserError(encoded.folder, "the train split has no tokens")
    usual = int(counts.sum(axis=0).argmax())
    always = np.full(tokens, usual)
    # a token that train has not, as the unknown one may be, has the majority's tag
    frequent = np.where(counts.any(axis=1), counts.argmax(axis=1), usual)
    for name, table in (("majority", always), ("most_frequent_tag", frequent)):
        dev, test = (_score_tags(encoded, split, labels, table) for split in ("dev", "test"))
        yield Result(name, dev, test, {}, time.monotonic() - started)


def _score_tags(encoded: ShardReader, split: str, labels: Labels, table: np.ndarray) -> Figures:
    """Figures of the tags that a table (tokens,) gives; as in `evaluate`, accuracy and macro-F1 are over tokens."""
    gold, guess = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    entities: tuple[list[set[Span]], list[set[Span]]] = ([], [])
    for batch in encoded.batches(split):
        tags = table[np.array(batch["ids"].flatten())]
        gold.append(np.array(batch["tags"].flatten(), dtype=np.int64))
        guess.append(tags)
        entities[0].extend(_gold_spans(batch, labels))
        entities[1].extend(_found_spans(batch, tags, labels))
    classes = score_classes(np.concatenate(gold), np.concatenate(guess), labels.names)
    return {"accuracy": classes.accuracy, "macro_f1": classes.macro_f1, "entity_f1": score_spans(*entities).f1}


def _gold_spans(batch: pa.RecordBatch, labels: Labels) -> list[set[Span]]:
    return [
        {(each["start"], each["end"], labels.types[each["type"]]) for each in row} for row in batch["spans"].to_pylist()
    ]


def _found_spans(batch: pa.RecordBatch, tags: np.ndarray, labels: Labels) -> list[set[Span]]:
    assert labels.scheme is not None
    names = [labels.names[tag] for tag in tags.tolist()]
    offsets = batch["ids"].offsets.to_numpy()
    offsets = (offsets - offsets[0]).tolist()
    return [set(spans(names[first:end], labels.scheme)) for first, end in pairwise(offsets)]
