"""The baselines of taggers: the majority tag, each token's usual tag, and a CRF on windows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.baselines import window_crf
from textrnn.evaluation.baselines.encoded_texts import check_known
from textrnn.evaluation.baselines.results import (
    BaselineResult,
    Metrics,
    class_metrics,
    find_unseen_texts,
    read_test_row_numbers,
)
from textrnn.evaluation.baselines.sentences import EncodedSentences, read_sentences
from textrnn.evaluation.metrics.intervals import Intervals, entity_intervals, token_intervals
from textrnn.evaluation.metrics.precision_recall import score_spans
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE, Span, bioes_tags, spans

CRF = "window_crf"


@dataclass(frozen=True, eq=False)
class Tagged:
    """Predictions for a split: tags (M,) int64 of its tokens, and the spans of each row."""

    tags: np.ndarray
    spans: list[list[Span]]


def train_tagging_baselines(
    encoded: EncodedRows, segmented: SegmentedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> Iterator[BaselineResult]:
    """Train the baselines of an encoding for tagging; see `train_baselines`."""
    train, dev, test = (read_sentences(encoded, split, labels) for split in ("train", "dev", "test"))
    for split in (train, dev, test):
        check_known(encoded.folder, split.ids, split.tags, vocabulary_size, len(labels.names))
    row_numbers = read_test_row_numbers(encoded)
    unseen = find_unseen_texts(row_numbers, segmented)
    every_dev, every_test = (np.ones(len(split), bool) for split in (dev, test))

    def result(name: str, on_dev: Tagged, on_test: Tagged, selected: dict[str, Any], seconds: float) -> BaselineResult:
        # an unseen text without tokens has nothing to score
        has_unseen = np.repeat(unseen, np.diff(test.offsets)).any()
        intervals = {
            "dev": _intervals(dev, on_dev, labels, every_dev),
            "test": _intervals(test, on_test, labels, every_test),
        }
        intervals |= {"rest": _intervals(test, on_test, labels, unseen)} if has_unseen else {}
        return BaselineResult(
            name,
            _score(dev, on_dev, labels, every_dev),
            _score(test, on_test, labels, every_test),
            _score(test, on_test, labels, unseen) if has_unseen else None,
            selected,
            seconds,
            intervals=intervals,
            rows=PredictedRows.of_entities(row_numbers, test.spans, {name: on_test.spans}),
        )

    counts = np.zeros((vocabulary_size, len(labels.names)), dtype=np.int64)
    np.add.at(counts, (train.ids, train.tags), 1)
    majority = int(counts.sum(axis=0).argmax())
    # a token that is not in train, such as the unknown token, gets the majority tag
    tag_of_token = np.where(counts.any(axis=1), counts.argmax(axis=1), majority)
    for name, table in {"majority": np.full(vocabulary_size, majority), "most_frequent_tag": tag_of_token}.items():
        started = time.monotonic()
        on_dev, on_test = (_from_tags(split, table[split.ids], labels) for split in (dev, test))
        yield result(name, on_dev, on_test, {}, time.monotonic() - started)
    if window_crf.is_installed():
        started = time.monotonic()
        found = window_crf.fit_window_crf(train, (dev, test), settings)
        seconds = time.monotonic() - started
        on_dev, on_test = (_from_spans(split, of, labels) for split, of in zip((dev, test), found, strict=True))
        yield result(CRF, on_dev, on_test, {}, seconds)


def _from_tags(sentences: EncodedSentences, tags: np.ndarray, labels: Labels) -> Tagged:
    """Predicted tags, with their spans as the encoding's scheme reads them."""
    assert labels.scheme is not None
    names = [labels.names[tag] for tag in tags.tolist()]
    bounds = pairwise(sentences.offsets.tolist())
    return Tagged(tags, [spans(names[first:end], labels.scheme) for first, end in bounds])


def _from_spans(sentences: EncodedSentences, found: list[list[Span]], labels: Labels) -> Tagged:
    """Predicted spans, with their tags in the encoding's scheme."""
    ids = {name: index for index, name in enumerate(labels.names)}
    lengths = np.diff(sentences.offsets).tolist()
    names = (_tag_names(row, length, labels) for row, length in zip(found, lengths, strict=True))
    return Tagged(np.array([ids[name] for row in names for name in row], dtype=np.int64), found)


def _tag_names(entities: list[Span], length: int, labels: Labels) -> list[str]:
    tags = bioes_tags(entities, length)
    if labels.scheme == "bioes":
        return tags
    if labels.scheme == "bio":
        prefixes = {"S": "B", "E": "I"}
        return [tag if tag == OUTSIDE else prefixes.get(tag[0], tag[0]) + tag[1:] for tag in tags]
    return [tag if tag == OUTSIDE else tag[2:] for tag in tags]


def _score(sentences: EncodedSentences, predicted: Tagged, labels: Labels, rows: np.ndarray) -> Metrics:
    """Score predictions on the rows of a mask (N,). As in `evaluate`, accuracy and macro-F1 are over tokens."""
    tokens = np.repeat(rows, np.diff(sentences.offsets))
    gold, found = ([set(row) for row in compress(part, rows)] for part in (sentences.spans, predicted.spans))
    return {
        **class_metrics(sentences.tags[tokens], predicted.tags[tokens], labels),
        "entity_f1": score_spans(gold, found).f1,
    }


def _intervals(sentences: EncodedSentences, predicted: Tagged, labels: Labels, rows: np.ndarray) -> Intervals:
    """The intervals of those metrics, over the sentences of a mask (N,)."""
    lengths = np.diff(sentences.offsets)
    tokens, offsets = np.repeat(rows, lengths), np.concatenate(([0], lengths[rows].cumsum()))
    of_tokens = token_intervals(sentences.tags[tokens], predicted.tags[tokens], offsets, len(labels.names))
    gold, found = (list(compress(part, rows)) for part in (sentences.spans, predicted.spans))
    return of_tokens | {"entity_f1": entity_intervals(gold, found)["entity_f1"]}
