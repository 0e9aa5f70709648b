"""A model's predictions of test with the probability of each class: what `evaluate` saves and `analyze` reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.shards import ROWS_PER_BATCH
from textrnn.errors import DamagedFileError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span
from textrnn.preparation.artifacts.tag_schemes import spans as spans_of_tags

DO = "run the stage that writes it"


@dataclass(frozen=True, eq=False)
class Predictions:
    """M predictions for N rows: the class of each row, or the tag of each token that padding kept.

    row_numbers: (N,), increasing; offsets: (N + 1,) where each row's predictions start and end; gold, predicted: (M,)
    class ids; probabilities: (M, C) of all classes, with a CRF the marginal probabilities of the tags.

    In the file each prediction is a record, and the tokens of a row are in order. A row without tokens is one record
    with nulls, so that no row is lost. Probabilities are float64, as softmax gives them: what is computed from the file
    has the same digits as what is computed from the model.
    """

    row_numbers: np.ndarray
    offsets: np.ndarray
    gold: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray

    @staticmethod
    def schema(classes: int) -> pa.Schema:
        """The columns of the file; `probabilities` has a value for each class, in the order of the labels."""
        probabilities = pa.list_(pa.float64(), classes)
        ids = [("gold", pa.int32()), ("predicted", pa.int32())]
        return pa.schema([("row", pa.int64()), *ids, ("probabilities", probabilities)])

    @property
    def confidence(self) -> np.ndarray:
        """The probability of each predicted class, (M,)."""
        confidence: np.ndarray = self.probabilities[np.arange(len(self.predicted)), self.predicted]
        return confidence

    def spans(self, labels: Labels) -> dict[int, set[Span]]:
        """The predicted entity spans of each row, by row number; start and end are token indices."""
        assert labels.scheme is not None  # every tagger has one
        tags = [labels.names[tag] for tag in self.predicted.tolist()]
        rows = zip(self.row_numbers.tolist(), pairwise(self.offsets.tolist()), strict=True)
        return {row: set(spans_of_tags(tags[start:end], labels.scheme)) for row, (start, end) in rows}

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        counts = np.diff(self.offsets)
        records = np.maximum(counts, 1)  # of each row
        empty = np.repeat(counts == 0, records)
        indices = pa.array(np.maximum(np.cumsum(~empty) - 1, 0), mask=empty)
        schema = self.schema(self.probabilities.shape[1])
        probabilities = pa.FixedSizeListArray.from_arrays(
            pa.array(self.probabilities.reshape(-1), pa.float64()), self.probabilities.shape[1]
        )
        predictions = [pa.array(self.gold, pa.int32()), pa.array(self.predicted, pa.int32()), probabilities]
        columns = [pa.array(np.repeat(self.row_numbers, records)), *(column.take(indices) for column in predictions)]
        with pa.ipc.new_file(str(path), schema) as file:
            file.write_table(pa.table(columns, schema=schema), max_chunksize=ROWS_PER_BATCH)

    @classmethod
    def read(cls, path: Path, classes: int) -> Predictions:
        """The predictions that `write` wrote, of a model with this number of classes.

        Raises UserError, naming the file, if it is missing, damaged or of another model.
        """
        nullable = ("gold", "predicted", "probabilities")  # in the record of a row without tokens
        table = open_arrow(path, cls.schema(classes), f"predictions of {classes} classes", nullable)
        valid = table.filter(pc.is_valid(table["gold"]))
        row_numbers, rows = np.unique(np.array(table["row"])), np.array(valid["row"])
        gold, predicted = (np.array(valid[name]).astype(np.int64) for name in ("gold", "predicted"))
        if not _in_order(np.array(table["row"])) or not _in_range(gold, classes) or not _in_range(predicted, classes):
            raise DamagedFileError(path, "is damaged", got="rows out of order, or an unknown class", do=DO)
        with named(path):
            _check_nulls(table)
        chunks = [chunk.flatten().to_numpy() for chunk in valid["probabilities"].chunks]
        return cls(
            row_numbers=row_numbers,
            offsets=np.append(np.searchsorted(rows, row_numbers), len(rows)),
            gold=gold,
            predicted=predicted,
            probabilities=np.concatenate([np.empty(0), *chunks]).reshape(-1, classes),
        )


def _check_nulls(table: pa.Table) -> None:
    """Raise ValueError for a record with only some nulls, and for probabilities that are not finite."""
    empty = pc.is_null(table["gold"])
    if not all(pc.is_null(table[name]).equals(empty) for name in ("predicted", "probabilities")):
        raise ValueError("a record has only some nulls")
    if not pc.all(pc.is_finite(pc.list_flatten(table["probabilities"])), min_count=0).as_py():
        raise ValueError("a probability is not finite")


def _in_order(row_numbers: np.ndarray) -> bool:
    return bool((np.diff(row_numbers) >= 0).all())


def _in_range(ids: np.ndarray, classes: int) -> bool:
    return bool(((ids >= 0) & (ids < classes)).all())
