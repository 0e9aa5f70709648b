"""Baselines for comparison with the recipes: the majority, linear models on n-grams, and each token's usual tag."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
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
    """One baseline: its metrics on dev and test, the hyperparameters selected on dev, and its training time.

    unseen: metrics on the rows of test whose text occurs neither in train nor in dev; None when there is no such row.
    """

    name: str
    dev: Metrics
    test: Metrics
    unseen: Metrics | None
    selected: dict[str, Any]
    seconds: float

    def metrics(self) -> dict[str, Any]:
        """Return everything that is the same in every run: all but the time."""
        # `rest` is the key of the unseen texts in data/baselines/*.json, which stays as it is
        return {"dev": self.dev, "test": self.test, "rest": self.unseen, **self.selected}


def cap_epochs(settings: Baseline, limit: int | None) -> Baseline:
    """The settings with no more epochs than the limit; None is no limit."""
    return settings if limit is None else replace(settings, epochs=min(settings.epochs, limit))


def train_baselines(
    encoded: EncodedRows, segmented: SegmentedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> Iterator[BaselineResult]:
    """Train the baselines of an encoding on the id shards of its train split, whose rows are not truncated.

    segmented: the shards from which the ids were made, to find the unseen texts of test; vocabulary_size: tokens of the
    vocabulary. The baselines for classification are the majority class, multinomial
    logistic regression and a bag of n-grams. Those for tagging are the majority tag, the most frequent tag of each
    token (it sees no context: a lower bound rather than a competitor), and multinomial logistic regression on the
    n-grams around a token. Raises UserError when a split is empty.
    """
    if labels.task == "tag":
        yield from _tagging_baselines(encoded, segmented, labels, vocabulary_size, settings)
        return
    train, dev, test = (read_encoded_texts(encoded, split) for split in ("train", "dev", "test"))
    unseen = _unseen_texts(encoded, segmented)
    result = partial(_classification_result, labels=labels, dev=dev, test=test, unseen=unseen)
    majority = int(np.bincount(train.labels).argmax())
    yield result("majority", np.full(len(dev), majority), np.full(len(test), majority), selected={}, seconds=0.0)
    started = time.monotonic()
    regression = fit_logistic(train, dev, test, settings)
    seconds, selected = time.monotonic() - started, regression.selected()
    yield result("logistic_regression", regression.dev, regression.test, selected=selected, seconds=seconds)
    started = time.monotonic()
    bag = fit_bag(train, dev, test, vocabulary_size=vocabulary_size, classes=len(labels.names), settings=settings)
    seconds, selected = time.monotonic() - started, {"best_epoch": bag.epoch}
    yield result("bag_of_ngrams", bag.dev, bag.test, selected=selected, seconds=seconds)


def _unseen_texts(encoded: EncodedRows, segmented: SegmentedRows) -> np.ndarray:
    """Return a mask (N,) of test's rows, in the order of the id shards: texts that neither train nor dev has."""
    batches = encoded.batches("test")
    row_numbers = np.concatenate([np.empty(0, np.int64), *(np.array(batch["row"]) for batch in batches)])
    test_rows = read_test_rows(segmented)
    unseen: np.ndarray = ~test_rows.seen[np.searchsorted(test_rows.row_numbers, row_numbers)]
    return unseen


def noise_ceiling(encoded: EncodedRows) -> dict[str, float]:
    """Return, for dev and test, the accuracy of giving each text its most frequent label in all three splits.

    Texts are rows of ids, not truncated. When one text has several labels, no function of the text can be right on all
    of its rows. This rule even knows how often each label occurs in test, so a model close to it has little left to
    learn.
    """
    counts: dict[bytes, Counter[int]] = {}
    splits = {split: read_encoded_texts(encoded, split) for split in ("train", "dev", "test")}
    for texts in splits.values():
        for text, label in _labelled_texts(texts):
            counts.setdefault(text, Counter())[label] += 1
    majority = {text: labels.most_common(1)[0][0] for text, labels in counts.items()}
    hits = {
        split: sum(majority[text] == label for text, label in _labelled_texts(splits[split]))
        for split in ("dev", "test")
    }
    return {split: count / len(splits[split]) for split, count in hits.items()}


def _labelled_texts(texts: EncodedTexts) -> Iterator[tuple[bytes, int]]:
    starts, ends, labels = texts.offsets[:-1].tolist(), texts.offsets[1:].tolist(), texts.labels.tolist()
    return ((texts.ids[start:end].tobytes(), label) for start, end, label in zip(starts, ends, labels, strict=True))


def _classification_result(
    name: str,
    dev_predicted: np.ndarray,
    test_predicted: np.ndarray,
    *,
    labels: Labels,
    dev: EncodedTexts,
    test: EncodedTexts,
    unseen: np.ndarray,
    selected: dict[str, Any],
    seconds: float,
) -> BaselineResult:
    """Score the predicted classes of dev and test."""
    on_dev = _class_metrics(dev.labels, dev_predicted, labels)
    on_test = _class_metrics(test.labels, test_predicted, labels)
    on_unseen = _class_metrics(test.labels[unseen], test_predicted[unseen], labels) if unseen.any() else None
    return BaselineResult(name, on_dev, on_test, on_unseen, selected, seconds)


def _class_metrics(gold: np.ndarray, predicted: np.ndarray, labels: Labels) -> Metrics:
    scores = score_classes(gold, predicted, labels.names)
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _tagging_baselines(
    encoded: EncodedRows, segmented: SegmentedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> Iterator[BaselineResult]:
    train, dev, test = (read_sentences(encoded, split) for split in ("train", "dev", "test"))
    for split, sentences in {"train": train, "dev": dev, "test": test}.items():
        if not len(sentences.ids):
            raise UserError(encoded.folder, f"the {split} split has no tokens")
    unseen = _unseen_texts(encoded, segmented)
    test_masks = [np.ones(len(test), bool)]
    if np.repeat(unseen, np.diff(test.offsets)).any():  # an unseen text without tokens has nothing to score
        test_masks.append(unseen)

    def result(
        name: str, dev_tags: np.ndarray, test_tags: np.ndarray, selected: dict[str, Any], started: float
    ) -> BaselineResult:
        on_dev = _tag_metrics(encoded, "dev", labels, dev_tags, [np.ones(len(dev), bool)])[0]
        on_test = _tag_metrics(encoded, "test", labels, test_tags, test_masks)
        on_unseen = on_test[1] if len(on_test) > 1 else None
        return BaselineResult(name, on_dev, on_test[0], on_unseen, selected, time.monotonic() - started)

    started = time.monotonic()
    counts = np.zeros((vocabulary_size, len(labels.names)), dtype=np.int64)
    np.add.at(counts, (train.ids, train.tags), 1)
    majority = int(counts.sum(axis=0).argmax())
    yield result("majority", np.full(len(dev.ids), majority), np.full(len(test.ids), majority), {}, started)
    # a token that is not in train, such as the unknown token, gets the majority tag
    tag_of_token = np.where(counts.any(axis=1), counts.argmax(axis=1), majority)
    yield result("most_frequent_tag", tag_of_token[dev.ids], tag_of_token[test.ids], {}, started)
    started = time.monotonic()
    regression = fit_context_windows(train, dev, test, settings)
    yield result("logistic_regression", regression.dev, regression.test, regression.selected(), started)


def _tag_metrics(
    encoded: EncodedRows, split: str, labels: Labels, tags: np.ndarray, masks: Sequence[np.ndarray]
) -> list[Metrics]:
    """Score the predicted tags of a split's tokens, in order, on the rows of each mask (N,).

    As in `evaluate`, accuracy and macro-F1 are over tokens.
    """
    gold, lengths = [], []
    gold_spans: list[set[Span]] = []
    predicted_spans: list[set[Span]] = []
    first = 0
    for batch in encoded.batches(split):
        gold.append(np.array(batch["tags"].flatten(), dtype=np.int64))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        batch_tags = tags[first : first + len(gold[-1])]
        first += len(batch_tags)
        gold_spans.extend(_gold_spans(batch, labels))
        predicted_spans.extend(_predicted_spans(batch, batch_tags, labels))
    metrics = []
    for mask in masks:
        tokens = np.repeat(mask, np.concatenate(lengths))
        classes = _class_metrics(np.concatenate(gold)[tokens], tags[tokens], labels)
        f1 = score_spans(list(compress(gold_spans, mask)), list(compress(predicted_spans, mask))).f1
        metrics.append({**classes, "entity_f1": f1})
    return metrics


def _gold_spans(batch: pa.RecordBatch, labels: Labels) -> list[set[Span]]:
    return [
        {(span["start"], span["end"], labels.types[span["type"]]) for span in row} for row in batch["spans"].to_pylist()
    ]


def _predicted_spans(batch: pa.RecordBatch, tags: np.ndarray, labels: Labels) -> list[set[Span]]:
    assert labels.scheme is not None
    names = [labels.names[tag] for tag in tags.tolist()]
    offsets = batch["ids"].offsets.to_numpy()
    offsets = (offsets - offsets[0]).tolist()
    return [set(spans(names[first:end], labels.scheme)) for first, end in pairwise(offsets)]
