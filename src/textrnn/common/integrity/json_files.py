"""Reads JSON files, JSON lines and CSV files that the product has written, with the form that their values have."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from textrnn.common.integrity.checksums import named, read_content
from textrnn.common.integrity.json_forms import check_form

Form = TypeVar("Form")


def read_json(path: Path, form: type[Form]) -> Form:
    """The values in a JSON file, which have the form; see `check_form`.

    Raises UserError if it is missing, DamagedFileError if it is not JSON or has another form.
    """
    content = read_content(path)
    with named(path, RecursionError):
        values: Form = _parse(content.decode("utf-8"))
        check_form(form, values)
    return values


def read_json_lines(path: Path, form: type[Form]) -> list[Form]:
    """The values of a file with JSON on each line, all of the form. Raises as `read_json` does."""
    content = read_content(path)
    with named(path, RecursionError):
        # not splitlines(): a token may hold a character that only Python treats as a line break
        values: list[Form] = [_parse(line) for line in content.decode("utf-8").removesuffix("\n").split("\n") if line]
        for number, value in enumerate(values, start=1):
            check_form(form, value, f"line {number}")
    return values


def read_csv(path: Path) -> list[list[str]]:
    """The rows of a CSV file, its head among them. Raises UserError if it is missing, DamagedFileError."""
    content = read_content(path)
    with named(path, csv.Error):
        return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


def _parse(text: str) -> Any:
    return json.loads(text, parse_float=_finite, parse_constant=_refuse)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits[:60])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a finite number")
