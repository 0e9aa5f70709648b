"""The study's JSON files: figures of six significant digits, whatever their size; the runs read back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.stage import output_file

Runs = dict[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]]  # facts and clock, by variant and seed


def run_name(variant: str, seed: int) -> str:
    """What the files of a run are called."""
    return f"{variant}-{seed}"


def write_figures(path: Path, values: Any) -> None:
    """Values as JSON; floats keep six significant digits, as gradients and errors are small, and nan becomes null."""
    with output_file(path) as made:
        text = json.dumps(_rounded(values), indent=1, ensure_ascii=False, allow_nan=False)
        made.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def read_figures(path: Path) -> Any:
    """What `write_figures` wrote; UserError where the file is missing or damaged."""
    if not path.is_file():
        raise UserError(path, "no such file", do="make study-small, or make study")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(path, "is damaged", got=error, do="remove it, then make study-small, or make study") from error


def read_runs(facts: Path, clocks: Path, variants: Iterable[str], seeds: Iterable[int]) -> Runs:
    """The runs of all variants with all seeds, from the folders of their facts and of their clocks."""
    names = {(variant, seed): f"{run_name(variant, seed)}.json" for variant in variants for seed in seeds}
    return {key: (read_figures(facts / name), read_figures(clocks / name)) for key, name in names.items()}
