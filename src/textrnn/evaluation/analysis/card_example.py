"""The example of a model card: a text of test that the model predicts correctly, of usual length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.analysis.confusions import tokens_of_rows
from textrnn.evaluation.analysis.sentences import Sentence
from textrnn.evaluation.metrics.joined_text import join_tokens
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.metrics.subsets import TestRows

MAX_TRIED = 100  # rows, the best first
MAX_CHARACTERS = 300


@dataclass(frozen=True)
class CardExample:
    """A text, and what the model predicts for it: a label, or entities in words such as `PER 张三, LOC 北京`."""

    text: str
    prediction: str


def example_text(
    predictions: Predictions, rows: TestRows, segmented: SegmentedRows, names: Sequence[str], segmenter: str
) -> CardExample | None:
    """The example of a classifier; names: of its classes. None if no row is predicted correctly.

    Texts that train or dev has are taken only if there is no other, then those whose length is nearest to the median.
    """
    correct = predictions.gold == predictions.predicted
    ranked = _rank(rows, correct, np.zeros(len(correct), np.int64))
    tokens = tokens_of_rows(segmented, rows.row_numbers[ranked])
    for index in ranked.tolist():
        text = join_tokens(tokens[int(rows.row_numbers[index])], segmenter)
        if _is_presentable(text):
            return CardExample(text, names[predictions.predicted[index]])
    return None


def example_sentence(sentences: Sequence[Sentence], rows: TestRows, segmenter: str) -> CardExample | None:
    """The example of a tagger: a sentence of which all entities are found, of as many types as possible, then as above.

    None if there is no such sentence with an entity.
    """
    correct = np.array([sentence.gold == sentence.predicted and bool(sentence.gold) for sentence in sentences])
    types = np.array([len({kind for _, _, kind in sentence.gold}) for sentence in sentences])
    for index in _rank(rows, correct, types).tolist():
        sentence = sentences[index]
        text = join_tokens(sentence.tokens, segmenter)
        if _is_presentable(text):
            entities = [
                f"{kind} {join_tokens(sentence.tokens[start:end], segmenter)}"
                for start, end, kind in sorted(sentence.gold)
            ]
            return CardExample(text, ", ".join(entities))
    return None


def _rank(rows: TestRows, correct: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Indices of at most MAX_TRIED correct rows (N,), the best first."""
    candidates = np.flatnonzero(correct & (rows.lengths > 0))
    distance = np.abs(rows.lengths - np.median(rows.lengths))
    keys = (candidates, distance[candidates], rows.seen[candidates], -types[candidates])  # the last one comes first
    ranked: np.ndarray = candidates[np.lexsort(keys)][:MAX_TRIED]
    return ranked


def _is_presentable(text: str) -> bool:
    """Whether a text is short, has more than spaces, and no character that a page or YAML could not show."""
    return len(text) <= MAX_CHARACTERS and bool(text.strip()) and text.isprintable()
