"""Baselines for comparison with the recipes: the majority, linear models on n-grams, and what taggers have."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.baselines.bag_of_ngrams import fit_bag
from textrnn.evaluation.baselines.best_linear_model import fit_linear_models
from textrnn.evaluation.baselines.encoded_texts import EncodedTexts, check_known, read_encoded_texts
from textrnn.evaluation.baselines.linear_inputs import LinearInputs
from textrnn.evaluation.baselines.results import (
    BaselineResult,
    class_metrics,
    find_unseen_texts,
    read_test_row_numbers,
)
from textrnn.evaluation.baselines.tagging import train_tagging_baselines
from textrnn.evaluation.metrics.intervals import class_intervals
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.preparation.artifacts.labels import Labels


def cap_epochs(settings: Baseline, limit: int | None) -> Baseline:
    """The settings with no more epochs than the limit; None is no limit."""
    return settings if limit is None else replace(settings, epochs=min(settings.epochs, limit))


def train_baselines(
    encoded: EncodedRows, segmented: SegmentedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> Iterator[BaselineResult]:
    """Train the baselines of an encoding on the id shards of its train split, whose rows are not truncated.

    segmented: the shards from which the ids were made, to find the unseen texts of test; vocabulary_size: tokens of the
    vocabulary. The baselines for classification are the majority class, the linear models and a bag of n-grams, all on
    the same n-grams; the time of each has that of finding them. Those for tagging are the majority tag, the most
    frequent tag of each token (it sees no context: a lower bound rather than a competitor), and a CRF on the tokens
    around a token where CRFsuite is installed. Raises UserError when a split is empty.
    """
    if labels.task == "tag":
        yield from train_tagging_baselines(encoded, segmented, labels, vocabulary_size, settings)
        return
    train, dev, test = (read_encoded_texts(encoded, split) for split in ("train", "dev", "test"))
    row_numbers = read_test_row_numbers(encoded)
    unseen = find_unseen_texts(row_numbers, segmented)
    classes = len(labels.names)
    for texts in (train, dev, test):
        check_known(encoded.folder, texts.ids, texts.labels, vocabulary_size, classes)

    def result(name: str, on_dev: np.ndarray, on_test: np.ndarray, seconds: float) -> BaselineResult:
        splits = {"dev": (dev.labels, on_dev), "test": (test.labels, on_test)}
        splits |= {"rest": (test.labels[unseen], on_test[unseen])} if unseen.any() else {}
        scores = {split: class_metrics(gold, predicted, labels) for split, (gold, predicted) in splits.items()}
        return BaselineResult(
            name,
            scores["dev"],
            scores["test"],
            scores.get("rest"),
            {},
            seconds,
            intervals={split: class_intervals(gold, predicted, classes) for split, (gold, predicted) in splits.items()},
            rows=PredictedRows.of_classes(row_numbers, test.labels, {name: on_test}, labels.names),
        )

    majority = int(np.bincount(train.labels).argmax())
    yield result("majority", np.full(len(dev), majority), np.full(len(test), majority), 0.0)
    started = time.monotonic()
    inputs = LinearInputs.extract(
        (train, dev, test), vocabulary_size=vocabulary_size, classes=classes, settings=settings
    )
    shared_seconds = time.monotonic() - started
    if (longest := len(inputs.features.keys)) < settings.ngrams:
        reason = f"longer ones of {vocabulary_size:,} tokens have no keys of 63 bits"
        print(f"baseline.ngrams {settings.ngrams} lowered to {longest}: {reason}", flush=True)
    for fitted, seconds in fit_linear_models(inputs, settings):
        scored = result(fitted.model.name, fitted.dev, fitted.test, shared_seconds + seconds)
        yield replace(scored, selected=fitted.selected, model=fitted.model, dev_loss=fitted.dev_loss)
    started = time.monotonic()
    presence = (inputs.presence.train, inputs.presence.dev, inputs.presence.test)
    bag = fit_bag(presence, (inputs.train, inputs.dev), classes, settings)
    scored = result("bag_of_ngrams", bag.dev, bag.test, shared_seconds + time.monotonic() - started)
    yield replace(scored, selected={"best_epoch": bag.epoch})


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
