"""The gold and predicted labels of the rows of test, by name: what two models are compared by, row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.common.config.types import Task
from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.encoded_rows import check_spans
from textrnn.common.storage.stored_files import write_arrow
from textrnn.errors import UserError
from textrnn.preparation.artifacts.tag_schemes import Span

CLASS = pa.dictionary(pa.int32(), pa.string())
ENTITIES = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", pa.string())]))
ROW, GOLD = "row", "gold"
PREDICTED = "predicted"  # the name of the model where a file has the predictions of a single one


@dataclass(frozen=True, eq=False)
class PredictedRows:
    """The rows of test with their gold labels, and with the predictions of each model, by its name.

    row_numbers: (N,), increasing; gold, predicted: (N,) of type CLASS, whose dictionaries are the names of all classes,
    or of type ENTITIES, sorted. It holds names and no ids, so that models of different encodings can be compared.
    """

    row_numbers: np.ndarray
    gold: pa.Array
    predicted: Mapping[str, pa.Array]

    @property
    def task(self) -> Task:
        """Whether the rows have classes or entities."""
        return "tag" if self.gold.type == ENTITIES else "classify"

    @classmethod
    def of_classes(
        cls, row_numbers: np.ndarray, gold: np.ndarray, predicted: Mapping[str, np.ndarray], names: Sequence[str]
    ) -> PredictedRows:
        """Rows in any order with one class each, by ids (N,) of the names."""
        order = np.argsort(row_numbers, kind="stable")

        def labels(ids: np.ndarray) -> pa.Array:
            return pa.DictionaryArray.from_arrays(pa.array(ids[order], pa.int32()), pa.array(names, pa.string()))

        return cls(row_numbers[order], labels(gold), {name: labels(ids) for name, ids in predicted.items()})

    @classmethod
    def of_entities(
        cls,
        row_numbers: np.ndarray,
        gold: Sequence[Collection[Span]],
        predicted: Mapping[str, Sequence[Collection[Span]]],
    ) -> PredictedRows:
        """Rows in any order with a set of entities each, in the order of the row numbers."""
        order = np.argsort(row_numbers, kind="stable")

        def labels(spans: Sequence[Collection[Span]]) -> pa.Array:
            rows = [[dict(zip(("start", "end", "type"), span, strict=True)) for span in sorted(row)] for row in spans]
            return pa.array([rows[index] for index in order.tolist()], ENTITIES)

        return cls(row_numbers[order], labels(gold), {name: labels(spans) for name, spans in predicted.items()})

    @classmethod
    def joined(cls, parts: Sequence[PredictedRows]) -> PredictedRows:
        """The predictions of several models on the same rows; no name occurs twice."""
        predicted = {name: column for part in parts for name, column in part.predicted.items()}
        return cls(parts[0].row_numbers, parts[0].gold, predicted)

    def entities(self, name: str | None = None) -> list[set[Span]]:
        """The entities of each row that the model of this name predicted; the gold ones without a name."""
        rows = (self.gold if name is None else self.predicted[name]).to_pylist()
        return [{(span["start"], span["end"], span["type"]) for span in row} for row in rows]

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        columns = {ROW: pa.array(self.row_numbers, pa.int64()), GOLD: self.gold, **self.predicted}
        write_arrow(path, pa.table(columns))

    @classmethod
    def read(cls, path: Path) -> PredictedRows:
        """The rows that `write` wrote; raise UserError, naming the file, if it is missing or has other contents."""
        table = open_arrow(path, None, "")
        labels = [field.type for field in table.schema if field.name != ROW]
        if table.schema.names[:2] != [ROW, GOLD] or len(labels) < 2 or set(labels) not in ({CLASS}, {ENTITIES}):
            raise UserError(path, "does not contain the labels and predictions of rows", got=table.schema.names)
        table = table.combine_chunks()
        columns = {
            name: column.chunk(0) if column.num_chunks else pa.array([], column.type)
            for name, column in zip(table.schema.names, table.columns, strict=True)
        }
        with named(path):
            _check(columns)
        return cls(columns.pop(ROW).to_numpy(), columns.pop(GOLD), columns)


def _check(columns: Mapping[str, pa.Array]) -> None:
    """Raise ValueError for rows out of order, other types, classes of one column alone, and spans of no tokens."""
    row, gold = columns[ROW], columns[GOLD]
    if row.type != pa.int64() or (np.diff(row.to_numpy()) < 0).any():
        raise ValueError("the rows are out of order")
    for name, column in columns.items():
        if name == ROW:
            continue
        if column.type == ENTITIES:
            check_spans(column)
            continue
        names = column.dictionary.to_pylist()
        if len(set(names)) != len(names) or set(names) != set(gold.dictionary.to_pylist()):
            raise ValueError(f"{name!r:.60} has other classes than {GOLD}")
