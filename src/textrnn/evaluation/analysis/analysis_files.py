"""The files of an analysis: metrics as JSON, tables as CSV, and examples of errors as JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from textrnn.evaluation.analysis.analyze import Analysis
from textrnn.evaluation.metrics.precision_recall import confusion_rows
from textrnn.preparation.artifacts.result_files import AnalyzedFiles
from textrnn.stage import output_file, write_json

CLASS_COLUMNS = ("kind", "name", "precision", "recall", "f1", "support")
BIN_COLUMNS = ("lower", "upper", "count", "confidence", "accuracy")
MAX_PLOT_ROWS = 2000  # of the confusion that DVC plots


def write_analysis(out: AnalyzedFiles, analysis: Analysis, names: Sequence[str]) -> None:
    """Write the five files of an analysis; names: those of the classes or tags.

    analysis: metrics by subset and calibration. classes: scores of each class, and of each entity type.
    confusion_counts: a row for each gold class. reliability: a row for each bin. errors: examples.
    """
    write_json(out.analysis, analysis.metrics)
    reports = [("class", row) for row in analysis.classes.report]
    reports += [("entity", row) for row in analysis.entities.report] if analysis.entities else []
    _write_csv(out.classes, CLASS_COLUMNS, [(kind, *astuple(row)) for kind, row in reports])
    counts = zip(names, analysis.classes.confusion.tolist(), strict=True)
    _write_csv(out.confusion_counts, ("actual", *names), [(name, *row) for name, row in counts])
    _write_csv(out.reliability, BIN_COLUMNS, map(astuple, analysis.bins))
    lines = (json.dumps(error, ensure_ascii=False) for error in analysis.errors)
    out.errors.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_confusion_plot(path: Path, analysis: Analysis, names: Sequence[str]) -> None:
    """Write the confusion as DVC plots it, a row for each prediction; above MAX_PLOT_ROWS, counts are scaled down."""
    _write_csv(path, ("actual", "predicted"), confusion_rows(analysis.classes.confusion, names, MAX_PLOT_ROWS))


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file; floats are rounded to 6 digits, as in JSON files of metrics."""
    with output_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([round(value, 6) if isinstance(value, float) else value for value in row] for row in rows)
