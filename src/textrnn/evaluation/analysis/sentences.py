"""The sentences of a tagger: their gold and predicted entities, the scores of subsets of them, and the wrong ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.metrics.precision_recall import SpanScores, score_spans
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.metrics.subsets import TestRows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span, bio_spans

MAX_SENTENCES = 200  # example sentences, those with the most wrong entities first


@dataclass(frozen=True)
class Sentence:
    """A tagged row: its number, its tokens, and its gold and predicted entities."""

    row: int
    tokens: list[str]
    gold: set[Span]
    predicted: set[Span]

    def entity(self, span: Span) -> tuple[str, ...]:
        """Return a span's type followed by its tokens; two mentions are the same entity when these are equal."""
        start, end, kind = span
        return (kind, *self.tokens[start:end])


def read_sentences(predictions: Predictions, labels: Labels, segmented: SegmentedRows) -> list[Sentence]:
    """Return the test split's sentences in order of row number; gold entities include those cut off by truncation."""
    predicted = predictions.spans(labels)
    sentences = [Sentence(row, tokens, gold, predicted[row]) for row, tokens, gold in _tagged_rows(segmented, "test")]
    return sorted(sentences, key=lambda sentence: sentence.row)


def read_train_entities(segmented: SegmentedRows) -> set[tuple[str, ...]]:
    """Return the entities of the training split, as `Sentence.entity` gives them."""
    sentences = (Sentence(row, tokens, gold, set()) for row, tokens, gold in _tagged_rows(segmented, "train"))
    return {sentence.entity(span) for sentence in sentences for span in sentence.gold}


def _tagged_rows(segmented: SegmentedRows, split: str) -> Iterator[tuple[int, list[str], set[Span]]]:
    names = segmented.facts.labels
    for batch in segmented.batches(split):
        columns = (batch[name].to_pylist() for name in ("row", "tokens", "tags"))
        for row, tokens, tags in zip(*columns, strict=True):
            yield row, tokens, set(bio_spans([names[tag] for tag in tags]))


def tagging_metrics(sentences: Sequence[Sentence], train_entities: set[tuple[str, ...]]) -> dict[str, Any]:
    """Return `by_row`: the row with the most gold entities, then all others; `entities`: those in train, the others."""
    counts = np.array([len(sentence.gold) for sentence in sentences])
    most_entities = np.arange(len(counts)) == counts.argmax()  # the first one if several have equally many
    return {
        "by_row": {
            "fullest": entity_metrics(select(sentences, most_entities)),
            "rest": entity_metrics(select(sentences, ~most_entities)),
        },
        "entities": {
            "in_train": entity_metrics(_keep_entities(sentences, train_entities, in_train=True)),
            "rest": entity_metrics(_keep_entities(sentences, train_entities, in_train=False)),
        },
    }


def select(sentences: Sequence[Sentence], mask: np.ndarray) -> list[Sentence]:
    """Return the sentences at which the mask (N,) is true."""
    return [sentences[index] for index in np.flatnonzero(mask).tolist()]


def _keep_entities(
    sentences: Iterable[Sentence], train_entities: set[tuple[str, ...]], *, in_train: bool
) -> list[Sentence]:
    """Return the sentences with only those gold and predicted entities that are in train, or only the others."""

    def keep(sentence: Sentence, entities: set[Span]) -> set[Span]:
        return {span for span in entities if (sentence.entity(span) in train_entities) == in_train}

    return [
        Sentence(sentence.row, sentence.tokens, keep(sentence, sentence.gold), keep(sentence, sentence.predicted))
        for sentence in sentences
    ]


def entity_scores(sentences: Sequence[Sentence]) -> SpanScores:
    """The scores of all entities, also those that truncation cut off."""
    return score_spans([sentence.gold for sentence in sentences], [sentence.predicted for sentence in sentences])


def entity_metrics(sentences: Sequence[Sentence]) -> dict[str, float]:
    """Return how many sentences and gold entities these are, and the recall and F1 of the entities."""
    scores = entity_scores(sentences)
    entities = sum(len(sentence.gold) for sentence in sentences)
    return {"rows": len(sentences), "entities": entities, "entity_recall": scores.recall, "entity_f1": scores.f1}


def wrong_sentences(sentences: Sequence[Sentence], rows: TestRows) -> list[dict[str, Any]]:
    """Return the sentences with the most missed or wrongly predicted entities; ties go to the lower row number."""
    wrong = [
        (len(sentence.gold ^ sentence.predicted), index)
        for index, sentence in enumerate(sentences)
        if sentence.gold != sentence.predicted
    ]
    chosen = sorted(wrong, key=lambda pair: (-pair[0], pair[1]))[:MAX_SENTENCES]
    return [
        {
            "row": sentence.row,
            "missed": _entity_records(sentence, sentence.gold - sentence.predicted),
            "made_up": _entity_records(sentence, sentence.predicted - sentence.gold),
            "right": _entity_records(sentence, sentence.gold & sentence.predicted),
            "text_known": bool(rows.seen[index]),  # the key in errors.jsonl stays as it is
            "tokens": sentence.tokens,
        }
        for sentence, index in ((sentences[index], index) for _, index in chosen)
    ]


def _entity_records(sentence: Sentence, entities: set[Span]) -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "type": kind, "tokens": sentence.tokens[start:end]}
        for start, end, kind in sorted(entities)
    ]
