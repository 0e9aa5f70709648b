"""A look at a model's errors: where it is right and where not, what it confuses, and whether its confidence holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.metrics.calibration import Bin, calibration_error, reliability
from textrnn.evaluation.metrics.precision_recall import score_spans
from textrnn.evaluation.metrics.subsets import TestRows, by_duplicate, by_length, by_rarest, read_test_rows
from textrnn.evaluation.scoring.predictions import Predictions
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span, bio_spans, spans

PAIRS = 10  # of classes, those confused most often
EXAMPLES = 20  # of each pair, the surest first
TAGGED_EXAMPLES = 200  # sentences, those of the most wrong entities first

SubsetMetrics = Callable[[np.ndarray], dict[str, float]]  # of a mask (N,) of rows, their figures


@dataclass(frozen=True)
class Analysis:
    """Figures to be compared, the bins of the reliability plot, and examples of errors, which hold corpus text."""

    metrics: dict[str, Any]
    bins: list[Bin]
    errors: list[dict[str, Any]]


def analyze(found: Predictions, labels: Labels, segmented: ShardReader) -> Analysis:
    """Analyse predictions of a test split, whose texts and train's stand in the encoding's segmented shards.

    Figures are accuracy for classification and entity F1 for tagging: by whole length, by how often train has the
    rarest token that the model read, and of rows whose text train or dev has against the rest; for tagging also of the
    row that has the most entities against the rest, as a list in one row may hold a tenth of all. Confusion and
    calibration are of classes, or of tokens' tags. Raises UserError when the shards have other rows than those.
    """
    rows = read_test_rows(segmented)
    if not np.array_equal(rows.row, found.row):
        got = f"{len(rows.row)} and {len(found.row)} rows"
        raise UserError(segmented.folder, "its test rows are not those padded for the model", got=got, do="train again")
    right = found.gold == found.guess
    bins = reliability(found.confidence, right)
    pairs = confused(found.gold, found.guess, labels.names)
    calibration = {"ece": calibration_error(bins), "confidence": _mean(found.confidence), "accuracy": _mean(right)}
    if labels.task == "classify":
        metrics = _by_group(found, rows, lambda mask: {"rows": int(mask.sum()), "accuracy": _mean(right[mask])})
        errors = _texts_confused(found, labels, rows, segmented, pairs)
    else:
        sentences = _read_sentences(found, labels, segmented)
        known = _train_entities(segmented)
        metrics = _by_group(found, rows, lambda mask: _entity_figures(_masked(sentences, mask)))
        fullest = _fullest(sentences)
        metrics["by_row"] = {
            "fullest": _entity_figures(_masked(sentences, fullest)),
            "rest": _entity_figures(_masked(sentences, ~fullest)),
        }
        metrics["entities"] = {
            name: _entity_figures(_restricted(sentences, known, seen))
            for name, seen in (("in_train", True), ("rest", False))
        }
        errors = _sentences_wrong(sentences, rows)
    return Analysis({"calibration": calibration, **metrics, "confused": pairs}, bins, errors)


def _by_group(found: Predictions, rows: TestRows, score: SubsetMetrics) -> dict[str, Any]:
    groups = {"length": by_length(rows.length), "rarest": by_rarest(found.rarest), "text": by_duplicate(rows.repeated)}
    return {f"by_{what}": {name: score(mask) for name, mask in each} for what, each in groups.items()}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def confused(gold: np.ndarray, guess: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """The PAIRS of classes confused most often, of ids (M,): how often, and what share of the gold class that is.

    Ties go to the lower gold class, then to the lower guess.
    """
    cells = gold * len(names) + guess
    counts = np.bincount(cells[gold != guess], minlength=len(names) ** 2)
    support = np.bincount(gold, minlength=len(names))
    most = np.argsort(-counts, kind="stable")[:PAIRS]
    named = [(*divmod(cell, len(names)), int(counts[cell])) for cell in most.tolist() if counts[cell]]
    return [
        {"gold": names[a], "predicted": names[b], "count": count, "share": count / int(support[a])}
        for a, b, count in named
    ]


def _texts_confused(
    found: Predictions, labels: Labels, rows: TestRows, segmented: ShardReader, pairs: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Examples of each pair, the surest first, with their tokens as the encoding cut them."""
    chosen: list[int] = []
    for pair in pairs:
        a, b = labels.names.index(pair["gold"]), labels.names.index(pair["predicted"])
        at = np.flatnonzero((found.gold == a) & (found.guess == b))
        chosen += at[np.argsort(-found.confidence[at], kind="stable")[:EXAMPLES]].tolist()
    wanted = found.row[chosen]
    tokens: dict[int, list[str]] = {}
    for batch in segmented.batches("test"):
        at = np.flatnonzero(np.isin(np.array(batch["row"]), wanted))
        picked = batch.take(at)
        tokens.update(zip(picked["row"].to_pylist(), picked["tokens"].to_pylist(), strict=True))
    return [
        {
            "row": int(found.row[at]),
            "gold": labels.names[found.gold[at]],
            "predicted": labels.names[found.guess[at]],
            "confidence": round(float(found.confidence[at]), 6),
            "text_known": bool(rows.repeated[at]),
            "tokens": tokens[int(found.row[at])],
        }
        for at in chosen
    ]


@dataclass(frozen=True)
class Sentence:
    """A tagged row: its number, its tokens, and its entities, gold and found."""

    row: int
    tokens: list[str]
    gold: set[Span]
    found: set[Span]

    def entity(self, span: Span) -> tuple[str, ...]:
        """A span's tokens behind its type: two mentions are of one entity where these are equal."""
        start, end, kind = span
        return (kind, *self.tokens[start:end])


def _read_sentences(found: Predictions, labels: Labels, segmented: ShardReader) -> list[Sentence]:
    """The test split's sentences in the order of `found`; gold entities are the whole row's, cut off ones included."""
    assert labels.scheme is not None
    index = {row: at for at, row in enumerate(found.row.tolist())}
    sentences = []
    for row, tokens, gold in _tagged(segmented, "test"):
        first, end = found.offsets[index[row]], found.offsets[index[row] + 1]
        tags = [labels.names[tag] for tag in found.guess[first:end].tolist()]
        sentences.append(Sentence(row, tokens, gold, set(spans(tags, labels.scheme))))
    return sorted(sentences, key=lambda sentence: sentence.row)


def _train_entities(segmented: ShardReader) -> set[tuple[str, ...]]:
    sentences = (Sentence(row, tokens, gold, set()) for row, tokens, gold in _tagged(segmented, "train"))
    return {sentence.entity(span) for sentence in sentences for span in sentence.gold}


def _tagged(segmented: ShardReader, split: str) -> Iterator[tuple[int, list[str], set[Span]]]:
    names = segmented.facts["labels"]
    for batch in segmented.batches(split):
        columns = (batch[name].to_pylist() for name in ("row", "tokens", "tags"))
        for row, tokens, tags in zip(*columns, strict=True):
            yield row, tokens, set(bio_spans([names[tag] for tag in tags]))


def _fullest(sentences: Sequence[Sentence]) -> np.ndarray:
    """A mask (N,) of the sentence that has the most gold entities; of several the first."""
    counts = np.array([len(each.gold) for each in sentences])
    return np.arange(len(counts)) == counts.argmax()


def _masked(sentences: Sequence[Sentence], mask: np.ndarray) -> list[Sentence]:
    return [sentences[at] for at in np.flatnonzero(mask).tolist()]


def _restricted(sentences: Iterable[Sentence], known: set[tuple[str, ...]], seen: bool) -> list[Sentence]:
    """The sentences with those entities alone, gold and found, that are among the known ones, or are not."""

    def keep(sentence: Sentence, found: set[Span]) -> set[Span]:
        return {span for span in found if (sentence.entity(span) in known) == seen}

    return [Sentence(each.row, each.tokens, keep(each, each.gold), keep(each, each.found)) for each in sentences]


def _entity_figures(sentences: Sequence[Sentence]) -> dict[str, float]:
    scores = score_spans([each.gold for each in sentences], [each.found for each in sentences])
    entities = sum(len(each.gold) for each in sentences)
    return {"rows": len(sentences), "entities": entities, "entity_recall": scores.recall, "entity_f1": scores.f1}


def _sentences_wrong(sentences: Sequence[Sentence], rows: TestRows) -> list[dict[str, Any]]:
    """The sentences of the most entities missed or made up, with these and those found; ties by row number."""
    wrong = [(len(each.gold ^ each.found), at) for at, each in enumerate(sentences) if each.gold != each.found]
    chosen = sorted(wrong, key=lambda pair: (-pair[0], pair[1]))[:TAGGED_EXAMPLES]

    def told(sentence: Sentence, found: set[Span]) -> list[dict[str, Any]]:
        return [
            {"start": start, "end": end, "type": kind, "tokens": sentence.tokens[start:end]}
            for start, end, kind in sorted(found)
        ]

    return [
        {
            "row": sentence.row,
            "missed": told(sentence, sentence.gold - sentence.found),
            "made_up": told(sentence, sentence.found - sentence.gold),
            "right": told(sentence, sentence.gold & sentence.found),
            "text_known": bool(rows.repeated[at]),
            "tokens": sentence.tokens,
        }
        for sentence, at in ((sentences[at], at) for _, at in chosen)
    ]
