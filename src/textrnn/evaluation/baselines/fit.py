"""What a recipe is compared with: the majority, linear models on n-grams, and for tagging each token's usual tag."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.baselines.bag_of_ngrams import fit_bag
from textrnn.evaluation.baselines.context_windows import fit_context_windows, read_sentences
from textrnn.evaluation.baselines.logistic_regression import fit_logistic
from textrnn.evaluation.baselines.ngrams import EncodedTexts, read_encoded_texts
from textrnn.evaluation.metrics.precision_recall import score_classes, score_spans
from textrnn.evaluation.metrics.subsets import read_test_rows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span, spans

Metrics = dict[str, float]


@dataclass(frozen=True)
class BaselineResult:
    """One baseline: its figures on dev, test, and the rows of test whose text is new; what dev chose; its seconds.

    rest: None where train or dev has every text of test.
    """

    name: str
    dev: Metrics
    test: Metrics
    rest: Metrics | None
    chosen: dict[str, Any]
    seconds: float

    def metrics(self) -> dict[str, Any]:
        """All of it that is the same in every run."""
        return {"dev": self.dev, "test": self.test, "rest": self.rest, **self.chosen}


def train_baselines(
    encoded: ShardReader, segmented: ShardReader, labels: Labels, tokens: int, settings: Baseline, epochs: int
) -> Iterator[BaselineResult]:
    """The baselines of an encoding, trained on the id shards of its train split, whose rows are not truncated.

    segmented: the shards that the ids were made of, for which texts of test are new; tokens: the size of the
    vocabulary; epochs: of the bag of n-grams. For classification the majority class, multinomial logistic regression
    and a bag of n-grams; for tagging the majority tag, of each token its most frequent tag, which sees no context and
    is a floor, not a rival, and multinomial logistic regression on the n-grams around a token. Raises UserError when
    a split has no rows.
    """
    if labels.task == "tag":
        yield from _tag(encoded, segmented, labels, tokens, settings)
        return
    train, dev, test = (read_encoded_texts(encoded, split) for split in ("train", "dev", "test"))
    score = partial(_classified, labels, dev, test, _new(encoded, segmented))
    usual = int(np.bincount(train.labels).argmax())
    yield score("majority", [np.full(len(split), usual) for split in (dev, test)], {}, 0.0)
    started = time.monotonic()
    fitted = fit_logistic(train, dev, test, settings)
    yield score("logistic_regression", [fitted.dev, fitted.test], fitted.chosen(), time.monotonic() - started)
    started = time.monotonic()
    bagged = fit_bag(train, dev, test, tokens, len(labels.names), settings, epochs)
    chosen = {"best_epoch": bagged.epoch}
    yield score("bag_of_ngrams", [bagged.dev, bagged.test], chosen, time.monotonic() - started)


def _new(encoded: ShardReader, segmented: ShardReader) -> np.ndarray:
    """Which of test's rows, in the order of the id shards, have a text that neither train nor dev has; (N,) bool."""
    rows = np.concatenate([np.empty(0, np.int64), *(np.array(batch["row"]) for batch in encoded.batches("test"))])
    known = read_test_rows(segmented)
    found: np.ndarray = ~known.repeated[np.searchsorted(known.row, rows)]
    return found


def noise_ceiling(encoded: ShardReader) -> dict[str, float]:
    """By dev and test, the accuracy of the rule that gives each text its most frequent label in all three splits.

    Texts are rows of ids, none truncated. Where one text has several labels no function of the text is right on all of
    them; this one even knows how often test has each, so that a model that comes near it has learnt what there is.
    """
    counts: dict[bytes, Counter[int]] = {}
    splits = {split: read_encoded_texts(encoded, split) for split in ("train", "dev", "test")}
    for texts in splits.values():
        for text, label in _rows(texts):
            counts.setdefault(text, Counter())[label] += 1
    usual = {text: labels.most_common(1)[0][0] for text, labels in counts.items()}
    hits = {split: sum(usual[text] == label for text, label in _rows(splits[split])) for split in ("dev", "test")}
    return {split: count / len(splits[split]) for split, count in hits.items()}


def _rows(texts: EncodedTexts) -> Iterator[tuple[bytes, int]]:
    bounds, labels = texts.offsets.tolist(), texts.labels.tolist()
    return ((texts.ids[a:b].tobytes(), label) for (a, b), label in zip(pairwise(bounds), labels, strict=True))


def _classified(
    labels: Labels,
    dev: EncodedTexts,
    test: EncodedTexts,
    new: np.ndarray,
    name: str,
    guesses: list[np.ndarray],
    chosen: dict[str, Any],
    seconds: float,
) -> BaselineResult:
    on_dev, on_test = (_score(each.labels, guess, labels) for each, guess in zip((dev, test), guesses, strict=True))
    on_rest = _score(test.labels[new], guesses[1][new], labels) if new.any() else None
    return BaselineResult(name, on_dev, on_test, on_rest, chosen, seconds)


def _score(gold: np.ndarray, guess: np.ndarray, labels: Labels) -> Metrics:
    scores = score_classes(gold, guess, labels.names)
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _tag(
    encoded: ShardReader, segmented: ShardReader, labels: Labels, tokens: int, settings: Baseline
) -> Iterator[BaselineResult]:
    train, dev, test = (read_sentences(encoded, split) for split in ("train", "dev", "test"))
    for split, its in (("train", train), ("dev", dev), ("test", test)):
        if not len(its.ids):
            raise UserError(encoded.folder, f"the {split} split has no tokens")
    new = _new(encoded, segmented)
    told = np.repeat(new, np.diff(test.offsets)).any()
    masks = [np.ones(len(test), bool), *([new] if told else [])]

    def score(name: str, guesses: Sequence[np.ndarray], chosen: dict[str, Any], started: float) -> BaselineResult:
        (on_dev,) = _score_tags(encoded, "dev", labels, guesses[0], [np.ones(len(dev), bool)])
        on_test, *on_rest = _score_tags(encoded, "test", labels, guesses[1], masks)
        return BaselineResult(name, on_dev, on_test, next(iter(on_rest), None), chosen, time.monotonic() - started)

    started = time.monotonic()
    counts = np.zeros((tokens, len(labels.names)), dtype=np.int64)
    np.add.at(counts, (train.ids, train.tags), 1)
    usual = int(counts.sum(axis=0).argmax())
    yield score("majority", [np.full(len(each.ids), usual) for each in (dev, test)], {}, started)
    # a token that train has not, as the unknown one may be, has the majority's tag
    frequent = np.where(counts.any(axis=1), counts.argmax(axis=1), usual)
    yield score("most_frequent_tag", [frequent[each.ids] for each in (dev, test)], {}, started)
    started = time.monotonic()
    fitted = fit_context_windows(train, dev, test, settings)
    yield score("logistic_regression", [fitted.dev, fitted.test], fitted.chosen(), started)


def _score_tags(
    encoded: ShardReader, split: str, labels: Labels, tags: np.ndarray, masks: Sequence[np.ndarray]
) -> list[Metrics]:
    """Figures of the tags of a split's tokens, in their order, over the rows of each mask (N,).

    As in `evaluate`, accuracy and macro-F1 are over tokens.
    """
    gold, lengths = [], []
    entities: tuple[list[set[Span]], list[set[Span]]] = ([], [])
    token = 0
    for batch in encoded.batches(split):
        gold.append(np.array(batch["tags"].flatten(), dtype=np.int64))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        own = tags[token : token + len(gold[-1])]
        token += len(own)
        entities[0].extend(_gold_spans(batch, labels))
        entities[1].extend(_found_spans(batch, own, labels))
    figures = []
    for kept in masks:
        of_tokens = np.repeat(kept, np.concatenate(lengths))
        classes = _score(np.concatenate(gold)[of_tokens], tags[of_tokens], labels)
        f1 = score_spans(*(list(compress(each, kept)) for each in entities)).f1
        figures.append({**classes, "entity_f1": f1})
    return figures


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
