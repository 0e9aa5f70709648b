"""Writes the single files of a stage's output folder: Arrow tables, and the stage's statistics.

They are read back through textrnn.common.integrity.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.stage import write_json

STATISTICS = "statistics.json"


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write a table, for `open_arrow`; equal tables in equal chunks give the same bytes."""
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def write_statistics(folder: Path, statistics: Mapping[str, Any]) -> None:
    """Write what a stage reports about its output into the output's folder; floats are rounded to 6 digits."""
    write_json(folder / STATISTICS, dict(statistics))
