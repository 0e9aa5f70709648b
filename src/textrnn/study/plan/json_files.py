"""The study's JSON files: floats with six significant digits, and the runs read back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from textrnn.common.integrity.json_files import read_json
from textrnn.errors import DamagedFileError, UserError
from textrnn.names import path_of
from textrnn.stage import output_file
from textrnn.study.plan.result_forms import KeptShares, RunFacts, RunTimings

Form = TypeVar("Form")
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


def read_results(path: Path, form: type[Form]) -> Form:
    """Read what `write_results` wrote; raise UserError when the file is missing, damaged or of another form."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run make study-small or make study")
    try:
        return read_json(path, form)
    except DamagedFileError as error:
        do = "remove it, then run make study-small or make study"
        raise UserError(path, "is damaged", got=error.__cause__, do=do) from error


def read_kept_share(path: Path, width: int) -> float:
    """The fraction of tokens that rows of this width keep, from what `study_pad` wrote."""
    kept = read_results(path, KeptShares)
    if str(width) not in kept:
        raise UserError(path, f"does not have the width {width}", do="run make study-small or make study")
    return kept[str(width)]


def read_runs(facts_folder: Path, timings_folder: Path, variants: Iterable[str], seeds: Iterable[int]) -> Runs:
    """Read the runs of all variants with all seeds, from the folders of their facts and of their timings."""
    runs = [(variant, seed) for variant in variants for seed in seeds]
    return {run: _read_run(run_file(facts_folder, *run), run_file(timings_folder, *run)) for run in runs}


def _read_run(facts_file: Path, timings_file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    facts, timings = read_results(facts_file, RunFacts), read_results(timings_file, RunTimings)
    if len(facts["points"]) != len(timings["seconds"]) or facts["batch_size"] < 1:
        do = "run make study-small or make study"
        raise UserError(timings_file, f"is not of the run in {facts_file}", got=len(timings["seconds"]), do=do)
    return dict(facts), dict(timings)
