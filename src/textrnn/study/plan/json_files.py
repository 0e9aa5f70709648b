"""The study's JSON files: floats with six significant digits, and the runs read back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.names import path_of
from textrnn.stage import output_file

Runs = dict[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]]  # facts and timings, by variant and seed


def run_file(folder: Path, variant: str, seed: int) -> Path:
    """The file of a run in a folder."""
    return path_of(folder, variant, f"-{seed}.json")


def write_results(path: Path, values: Any) -> None:
    """Write values as JSON; floats keep six significant digits, as gradients are small, and NaN becomes null."""
    with output_file(path) as temporary:
        text = json.dumps(_rounded(values), indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def read_results(path: Path) -> Any:
    """Read what `write_results` wrote; raise UserError when the file is missing or damaged."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run make study-small or make study")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            path, "is damaged", got=error, do="remove it, then run make study-small or make study"
        ) from error


def read_runs(facts_folder: Path, timings_folder: Path, variants: Iterable[str], seeds: Iterable[int]) -> Runs:
    """Read the runs of all variants with all seeds, from the folders of their facts and of their timings."""
    runs = [(variant, seed) for variant in variants for seed in seeds]
    folders = (facts_folder, timings_folder)
    files = {run: tuple(run_file(folder, *run) for folder in folders) for run in runs}
    return {run: (read_results(facts), read_results(timings)) for run, (facts, timings) in files.items()}
