"""Error analysis of a model on the test split: metrics by subset, confused classes, calibration, and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.metrics.calibration import ReliabilityBin, calibration_error, reliability
from textrnn.evaluation.metrics.precision_recall import score_spans
from textrnn.evaluation.metrics.subsets import TestRows, by_length, by_rarest, by_seen, read_test_rows
from textrnn.evaluation.scoring.predictions import Predictions
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span, bio_spans, spans

MAX_PAIRS = 10  # pairs of classes, the most frequently confused
MAX_EXAMPLES = 20  # examples of each pair, the most confident first
MAX_SENTENCES = 200  # example sentences of a tagger, those with the most wrong entities first

SubsetMetrics = Callable[[np.ndarray], dict[str, float]]  # from a mask (N,) of rows to their metrics


@dataclass(frozen=True)
class Analysis:
    """Metrics for comparison, the bins of the reliability plot, and examples of errors, which hold corpus text."""

    metrics: dict[str, Any]
    bins: list[ReliabilityBin]
    errors: list[dict[str, Any]]


def analyze(predictions: Predictions, labels: Labels, segmented: ShardReader) -> Analysis:
    """Analyse predictions of a test split; the texts come from the encoding's segmented shards.

    The metric of a subset is accuracy for classification and entity F1 for tagging. Subsets are by length before
    truncation, by how often train has the rarest token that the model read, and by whether train or dev has the text.
    For tagging there are two more: the row with the most entities (a list in one row may hold a tenth of all entities)
    against all others, and entities that occur in train against all others. Confusion and calibration are over classes,
    or over the tags of tokens. Raises UserError when the shards have other rows than the predictions.
    """
    rows = read_test_rows(segmented)
    if not np.array_equal(rows.row_numbers, predictions.row_numbers):
        got = f"{len(rows.row_numbers)} and {len(predictions.row_numbers)} rows"
        raise UserError(segmented.folder, "its test rows are not those padded for the model", got=got, do="train again")
    correct = predictions.gold == predictions.predicted
    bins = reliability(predictions.confidence, correct)
    pairs = confused(predictions.gold, predictions.predicted, labels.names)
    calibration = {
        "ece": calibration_error(bins),
        "confidence": _mean(predictions.confidence),
        "accuracy": _mean(correct),
    }
    if labels.task == "classify":
        metrics = _subset_metrics(
            predictions, rows, lambda mask: {"rows": int(mask.sum()), "accuracy": _mean(correct[mask])}
        )
        errors = _confused_texts(predictions, labels, rows, segmented, pairs)
    else:
        sentences = _read_sentences(predictions, labels, segmented)
        metrics = _subset_metrics(predictions, rows, lambda mask: _entity_metrics(_select(sentences, mask)))
        metrics |= _tagging_metrics(sentences, _train_entities(segmented))
        errors = _wrong_sentences(sentences, rows)
    return Analysis({"calibration": calibration, **metrics, "confused": pairs}, bins, errors)


def _subset_metrics(predictions: Predictions, rows: TestRows, score_subset: SubsetMetrics) -> dict[str, Any]:
    subsets = {
        "by_length": by_length(rows.lengths),
        "by_rarest": by_rarest(predictions.rarest_count),
        "by_text": by_seen(rows.seen),
    }
    return {key: {name: score_subset(mask) for name, mask in groups} for key, groups in subsets.items()}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def confused(gold: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the MAX_PAIRS pairs of classes confused most often, from ids (M,).

    Each pair has its count and its share of the gold class. Ties go to the lower gold class, then to the lower
    predicted class.
    """
    cells = gold * len(names) + predicted
    counts = np.bincount(cells[gold != predicted], minlength=len(names) ** 2)
    support = np.bincount(gold, minlength=len(names))
    most_frequent = np.argsort(-counts, kind="stable")[:MAX_PAIRS]
    pairs = [(*divmod(cell, len(names)), int(counts[cell])) for cell in most_frequent.tolist() if counts[cell]]
    return [
        {"gold": names[a], "predicted": names[b], "count": count, "share": count / int(support[a])}
        for a, b, count in pairs
    ]


def _confused_texts(
    predictions: Predictions,
    labels: Labels,
    rows: TestRows,
    segmented: ShardReader,
    pairs: Iterable[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return examples of each pair with their tokens, the most confident first."""
    chosen: list[int] = []
    for pair in pairs:
        a, b = labels.names.index(pair["gold"]), labels.names.index(pair["predicted"])
        indices = np.flatnonzero((predictions.gold == a) & (predictions.predicted == b))
        by_confidence = np.argsort(-predictions.confidence[indices], kind="stable")
        chosen += indices[by_confidence[:MAX_EXAMPLES]].tolist()
    tokens = _tokens_of_rows(segmented, predictions.row_numbers[chosen])
    return [
        {
            "row": int(predictions.row_numbers[index]),
            "gold": labels.names[predictions.gold[index]],
            "predicted": labels.names[predictions.predicted[index]],
            "confidence": round(float(predictions.confidence[index]), 6),
            "text_known": bool(rows.seen[index]),  # the key in errors.jsonl stays as it is
            "tokens": tokens[int(predictions.row_numbers[index])],
        }
        for index in chosen
    ]


def _tokens_of_rows(segmented: ShardReader, row_numbers: np.ndarray) -> dict[int, list[str]]:
    """Return the tokens of these rows of the test split, by row number."""
    tokens: dict[int, list[str]] = {}
    for batch in segmented.batches("test"):
        selected = batch.take(np.flatnonzero(np.isin(np.array(batch["row"]), row_numbers)))
        tokens.update(zip(selected["row"].to_pylist(), selected["tokens"].to_pylist(), strict=True))
    return tokens


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


def _read_sentences(predictions: Predictions, labels: Labels, segmented: ShardReader) -> list[Sentence]:
    """Return the test split's sentences in order of row number; gold entities include those cut off by truncation."""
    assert labels.scheme is not None
    index_of_row = {row: index for index, row in enumerate(predictions.row_numbers.tolist())}
    sentences = []
    for row, tokens, gold in _tagged_rows(segmented, "test"):
        first, end = predictions.offsets[index_of_row[row]], predictions.offsets[index_of_row[row] + 1]
        tags = [labels.names[tag] for tag in predictions.predicted[first:end].tolist()]
        sentences.append(Sentence(row, tokens, gold, set(spans(tags, labels.scheme))))
    return sorted(sentences, key=lambda sentence: sentence.row)


def _train_entities(segmented: ShardReader) -> set[tuple[str, ...]]:
    sentences = (Sentence(row, tokens, gold, set()) for row, tokens, gold in _tagged_rows(segmented, "train"))
    return {sentence.entity(span) for sentence in sentences for span in sentence.gold}


def _tagged_rows(segmented: ShardReader, split: str) -> Iterator[tuple[int, list[str], set[Span]]]:
    names = segmented.facts["labels"]
    for batch in segmented.batches(split):
        columns = (batch[name].to_pylist() for name in ("row", "tokens", "tags"))
        for row, tokens, tags in zip(*columns, strict=True):
            yield row, tokens, set(bio_spans([names[tag] for tag in tags]))


def _tagging_metrics(sentences: Sequence[Sentence], train_entities: set[tuple[str, ...]]) -> dict[str, Any]:
    """Return `by_row`: the row with the most gold entities, then all others; `entities`: those in train, the others."""
    counts = np.array([len(sentence.gold) for sentence in sentences])
    most_entities = np.arange(len(counts)) == counts.argmax()  # the first one if several have equally many
    return {
        "by_row": {
            "fullest": _entity_metrics(_select(sentences, most_entities)),
            "rest": _entity_metrics(_select(sentences, ~most_entities)),
        },
        "entities": {
            "in_train": _entity_metrics(_keep_entities(sentences, train_entities, in_train=True)),
            "rest": _entity_metrics(_keep_entities(sentences, train_entities, in_train=False)),
        },
    }


def _select(sentences: Sequence[Sentence], mask: np.ndarray) -> list[Sentence]:
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


def _entity_metrics(sentences: Sequence[Sentence]) -> dict[str, float]:
    scores = score_spans([sentence.gold for sentence in sentences], [sentence.predicted for sentence in sentences])
    entities = sum(len(sentence.gold) for sentence in sentences)
    return {"rows": len(sentences), "entities": entities, "entity_recall": scores.recall, "entity_f1": scores.f1}


def _wrong_sentences(sentences: Sequence[Sentence], rows: TestRows) -> list[dict[str, Any]]:
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
