"""A classification report as text: precision, recall and F1 of each class or entity type, and the confusion matrix.

The table has the layout of scikit-learn's `classification_report`, which is that of seqeval too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.errors import as_line
from textrnn.evaluation.metrics.precision_recall import ReportRow, score_classes, score_spans
from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows

HEAD = ("precision", "recall", "f1-score", "support")
CELL = 10  # columns of the terminal, the blank before a number among them


def report_lines(rows: PredictedRows) -> Iterator[str]:
    """The report of a model's predictions; a tagger has one of exact entities, and no confusion matrix.

    Raises UserError if there is no row with a class.
    """
    if rows.task == "tag":
        report = score_spans(rows.entities(), rows.entities(PREDICTED)).report
        yield from _table(report[:-3], report[-3:])
        return
    names = rows.gold.dictionary
    gold, predicted = (_ids(labels, names) for labels in (rows.gold, rows.predicted[PREDICTED]))
    scores = score_classes(gold, predicted, names.to_pylist())
    yield from _table(scores.report[:-2], scores.report[-2:], scores.accuracy)
    yield from ("", "confusion matrix: a row for each gold class, columns for the predicted ones in the same order", "")
    yield from _matrix(names.to_pylist(), scores.confusion)


def _ids(labels: pa.DictionaryArray, names: pa.Array) -> np.ndarray:
    """The place of each label among the names, (N,)."""
    ids: np.ndarray = pc.index_in(labels.dictionary_decode(), value_set=names).to_numpy()
    return ids


def _table(rows: Sequence[ReportRow], averages: Sequence[ReportRow], accuracy: float | None = None) -> Iterator[str]:
    """The rows, and below them the averages; between the two the accuracy, if there is one."""
    width = max(_width(as_line(row.name)) for row in (*rows, *averages))
    yield f"{'':{width}} {''.join(f'{title:>{CELL}}' for title in HEAD)}"
    yield ""
    yield from (_line(row, width) for row in rows)
    yield ""
    if accuracy is not None:
        yield f"{'accuracy':>{width}} {'':{2 * CELL}}{accuracy:{CELL}.4f}{averages[0].support:{CELL}}"
    yield from (_line(row, width) for row in averages)


def _line(row: ReportRow, width: int) -> str:
    scores = "".join(f"{score:{CELL}.4f}" for score in (row.precision, row.recall, row.f1))
    return f"{_right(row.name, width)} {scores}{row.support:{CELL}}"


def _matrix(names: Sequence[str], counts: np.ndarray) -> Iterator[str]:
    """A line for each row of counts (C, C), with its name."""
    width, cell = max(_width(as_line(name)) for name in names), len(str(counts.max())) + 1
    for name, row in zip(names, counts.tolist(), strict=True):
        yield f"{_right(name, width)} {''.join(f'{count:{cell}}' for count in row)}"


def _right(name: str, width: int) -> str:
    """The name on one line, with blanks before it."""
    line = as_line(name)
    return " " * (width - _width(line)) + line


def _width(text: str) -> int:
    """The columns that a text takes on a terminal, where Chinese characters take two and combining ones none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
