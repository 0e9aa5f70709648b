"""The study's JSON files: floats with six significant digits, a line for each value."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from textrnn.common.integrity.json_files import read_json
from textrnn.errors import DamagedFileError, UserError
from textrnn.names import path_of
from textrnn.stage import output_file
from textrnn.study.plan.result_forms import RunFacts, RunTimings

Form = TypeVar("Form")
FACTS, TIMINGS, RAW_LOSSES = Path("data/study/runs"), Path("logs/study"), Path("logs/study_losses")
CELLS, CELLS_FOLDER, CELLS_TIMINGS = "cells.json", Path("data/study/cells"), Path("logs/study_cells")
DO = "run make study-small or make study"


def run_name(variant: str, seed: int) -> str:
    """The name of a run, which its files and its stage have."""
    return f"{variant}-{seed}"


def run_file(folder: Path, variant: str, seed: int) -> Path:
    """The file of a run in a folder."""
    return path_of(folder, run_name(variant, seed), ".json")


def write_results(path: Path, values: Any) -> None:
    """Write a mapping as JSON; floats keep six significant digits, as gradients are small, and NaN becomes null.

    Each value of the mapping has a line, so that git shows what differs between two records.
    """
    rows = [f"{json.dumps(str(key))}: {_dump(value)}" for key, value in values.items()]
    with output_file(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def _dump(value: Any) -> str:
    return json.dumps(_rounded(value), ensure_ascii=False, allow_nan=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def read_results(path: Path, form: type[Form]) -> Form:
    """Read a JSON file; raise UserError when it is missing, damaged or of another form."""
    if not path.is_file():
        raise UserError(path, "no such file", do=DO)
    try:
        return read_json(path, form)
    except DamagedFileError as error:
        raise UserError(path, "is damaged", got=error.__cause__, do=f"remove it, then {DO}") from error


def read_run(facts_file: Path, timings_file: Path) -> tuple[RunFacts, RunTimings]:
    """The facts and the timings of a run. Raises UserError as `read_results` does, and if they are of two runs."""
    facts, timings = read_results(facts_file, RunFacts), read_results(timings_file, RunTimings)
    if len(facts["curve"]["step"]) != len(timings["seconds"]):
        raise UserError(timings_file, f"is not of the run in {facts_file}", got=len(timings["seconds"]), do=DO)
    return facts, timings
