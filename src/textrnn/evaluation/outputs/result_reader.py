"""Reads files of results that may not exist, and records those that do not; the others must have their form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textrnn.common.integrity.checksums import named
from textrnn.common.integrity.json_files import read_csv, read_json, read_json_lines
from textrnn.common.integrity.json_forms import LARGEST, LARGEST_INT
from textrnn.evaluation.metrics.comparison import read_baselines
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.evaluation.metrics.result_forms import Analyzed
from textrnn.preparation.artifacts.model_files import ModelFiles

Row = dict[str, str]
Columns = Mapping[str, Callable[[str], Any]]  # what the cells of a column are converted with


def _number(cell: str) -> float:
    """A finite number that can be drawn."""
    value = float(cell)
    if not abs(value) <= LARGEST:
        raise ValueError(f"{cell[:60]!r} is no finite number")
    return value


def _count(cell: str) -> int:
    """A whole number, as of rows."""
    value = int(cell)
    if not 0 <= value <= LARGEST_INT:
        raise ValueError(f"{cell[:60]!r} does not count rows")
    return value


def _measured(cell: str) -> float:
    """A number, or one that is not finite, as the loss of a run that diverges; those are left out of plots."""
    return float(cell) if not math.isfinite(float(cell)) else _number(cell)


CURVES: Columns = {"step": _number, "split": str, "loss": _measured, "accuracy": _measured}
OPTIONAL: Columns = {"macro_f1": _measured, "entity_f1": _measured}  # empty where they were not counted
LENGTHS: Columns = {"length": _count, "rows": _count}
NUMBERS = ("precision", "recall", "f1")
CLASSES: Columns = {"kind": str, "name": str, **dict.fromkeys(NUMBERS, _number), "support": _count}
RELIABILITY: Columns = {**dict.fromkeys(("lower", "upper", "confidence", "accuracy"), _number), "count": _count}


class ResultReader:
    """Reads files that may not exist; `missing` lists those that do not, each with the stage that writes it."""

    def __init__(self) -> None:
        self.missing: list[tuple[str, str]] = []

    def json(self, path: Path, stage: str, form: Any) -> dict[str, Any] | None:
        return read_json(path, form) if self._exists(path, stage) else None

    def analysis(self, path: Path, stage: str, metric: str) -> dict[str, Any] | None:
        """The analysis, whose subsets have numbers of rows and the metric of the recipe's task."""
        values = self.json(path, stage, Analyzed)
        for subsets in (values or {}).values():
            for name, scores in subsets.items() if isinstance(subsets, dict) else ():
                if isinstance(scores, dict):
                    require_metric(path, metric, scores, name)
                    require_metric(path, "rows", scores, name)
        return values

    def baselines(self, path: Path, stage: str, metric: str) -> dict[str, Any] | None:
        """The baselines, which have the metric of the recipe's task."""
        values: dict[str, Any] | None = dict(read_baselines(path)) if self._exists(path, stage) else None
        for name, scores in (values or {"baselines": {}})["baselines"].items():
            for split in ("dev", "test"):
                require_metric(path, metric, scores[split], name)
        return values

    def rows(self, path: Path, stage: str) -> PredictedRows | None:
        return PredictedRows.read(path) if self._exists(path, stage) else None

    def lines(self, path: Path, stage: str, form: Any) -> list[dict[str, Any]]:
        return read_json_lines(path, form) if self._exists(path, stage) else []

    def table(self, path: Path, stage: str, columns: Columns) -> list[Row]:
        """The rows of a table that has these columns, with cells that can be converted."""
        if not self._exists(path, stage):
            return []
        header, *rows = read_csv(path) or [[]]
        with named(path):
            if missing := sorted(columns.keys() - set(header)):
                raise ValueError(f"it has no column {missing[0]}")
            table = [dict(zip(header, row, strict=True)) for row in rows]
            for row in table:
                for name, convert in columns.items():
                    convert(row[name])
                for name, convert in OPTIONAL.items():
                    convert(row.get(name) or "0")
        return table

    def counts(self, path: Path, stage: str) -> list[list[str]]:
        """A square table of counts, with names in its first row and column."""
        if not self._exists(path, stage):
            return []
        grid = read_csv(path)
        with named(path):
            if not grid or any(len(line) != len(grid) for line in grid):
                raise ValueError("it is no square table")
            for line in grid[1:]:
                for cell in line[1:]:
                    _count(cell)
        return grid

    def parameters(self, model: ModelFiles, stage: str) -> int | None:
        """Return the number of trained weights, from the header of their file alone."""
        return model.count_weights() if self._exists(model.weights, stage) else None

    def _exists(self, path: Path, stage: str) -> bool:
        if path.is_file():
            return True
        self.missing.append((path.as_posix(), stage))
        return False


def require_metric(path: Path, metric: str, scores: Mapping[str, Any], name: str = "dev") -> None:
    """Raise DamagedFileError, naming the file, for scores without the metric of the recipe's task."""
    with named(path):
        if metric not in scores:
            raise ValueError(f"{name} has no {metric}")
