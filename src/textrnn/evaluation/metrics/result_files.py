"""The small files of results: JSON that other stages wrote, and CSV tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.stage import output_file


def read_json(path: Path) -> Any:
    """The values of a JSON file that a stage wrote. Raises UserError, naming the file, if it is missing or damaged."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(path, "is damaged", got=error, do="run the stage that writes it") from error


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header; floats are rounded to 6 digits, as in JSON files of metrics."""
    with output_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([round(value, 6) if isinstance(value, float) else value for value in row] for row in rows)
