"""The rows of an encoding as the stage `segment` writes them: tokens, the counts of train's, and how texts were cut."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.types import Task
from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows, check_targets
from textrnn.common.storage.schemas import COUNTS
from textrnn.common.storage.shards import Shard
from textrnn.common.storage.stored_rows import StoredRows, check_range

COUNTS_FILE = "counts.arrow"
SEGMENTATION_FILE = "segmentation.json"

_SCHEMAS: dict[Task, pa.Schema] = {
    "classify": pa.schema([("row", pa.int64()), ("tokens", pa.list_(pa.string())), ("label", pa.int32())]),
    "tag": ParsedRows.schema("tag"),
}


class SegmentedRows(StoredRows[ParsedFacts]):
    """A folder of segmented rows, `data/segmented/<encoding>`, numbered as the parsed ones and with their facts."""

    kind = "segmented"
    place = Path("data/segmented")
    facts_class = ParsedFacts

    @staticmethod
    def schema(task: Task) -> pa.Schema:
        """The schema of the shards."""
        return _SCHEMAS[task]

    @property
    def labels(self) -> tuple[str, ...]:
        return self.facts.labels

    @property
    def segmentation_file(self) -> Path:
        """The state of the segmenter, which segments other texts in the same way."""
        return self.folder / SEGMENTATION_FILE

    def read_counts(self) -> pa.Table:
        """The tokens of train with their counts, a table of the schema COUNTS. Raises UserError as `open_arrow`."""
        return open_counts(self.folder / COUNTS_FILE)

    def _shard_schema(self, shard: Shard) -> pa.Schema:
        return self.schema(self.task)

    def _check_rows(self, batch: pa.RecordBatch, shard: Shard) -> None:
        check_targets(batch, self.labels)


def open_counts(path: Path) -> pa.Table:
    """Distinct tokens with their counts, a table of the schema COUNTS. Raises UserError as `open_arrow`."""
    table = open_arrow(path, COUNTS, "tokens and counts")
    with named(path):
        check_range(table["count"], "count", 0)
        if pc.count_distinct(table["token"]).as_py() != len(table):
            raise ValueError("a token occurs twice")
    return table
