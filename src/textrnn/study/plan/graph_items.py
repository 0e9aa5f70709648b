"""The items of the stages of study/dvc.yaml, in study/runs.yaml: DVC makes a stage of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.params.params_file import read_params, read_values
from textrnn.errors import UserError
from textrnn.study.plan.json_files import run_name
from textrnn.study.plan.variants import Study, encoding_of, inputs_name, read_study

STUDY_PARAMS, RUNS_FILE = Path("study/params.yaml"), Path("study/runs.yaml")
HEAD = """\
# The stages of dvc.yaml, one for each entry: `python pipeline/study_plan.py --write` makes this file of params.yaml.
# inputs: padded rows with an embedding, made as the named variant says; runs: a variant with a seed.
"""


def graph_items(study: Study, params: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The items by table and key: `inputs` with their encoding and a variant that has them; `runs`.

    Variants without an embedding of their own share the inputs of their recipe and width.
    """
    inputs: dict[str, dict[str, Any]] = {}
    runs: dict[str, dict[str, Any]] = {}
    for name, variant in study.variants.items():
        encoding, read = encoding_of(variant, params), inputs_name(name, variant)
        inputs.setdefault(read, {"variant": name, "encoding": encoding})
        for seed in range(1, variant.seeds + 1):
            item = {"variant": name, "seed": seed, "inputs": read, "encoding": encoding}
            runs[run_name(name, seed)] = item
    return {"inputs": inputs, "runs": runs}


def items_text(items: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The items as YAML, one a line."""
    lines = []
    for table, entries in items.items():
        lines.append(f"{table}:")
        for key, values in entries.items():
            lines.append(f"  {key}: {{{', '.join(f'{name}: {value}' for name, value in values.items())}}}")
    return HEAD + "\n".join(lines) + "\n"


def read_project_study() -> tuple[Study, dict[str, Any]]:
    """The study and the values of params.yaml. Raises UserError for wrong values and for names that are none."""
    params = read_params()
    study = read_study(read_values(STUDY_PARAMS))
    return study, params


def check_items(study: Study, params: Mapping[str, Any]) -> None:
    """Refuse a study/runs.yaml of other variants or seeds: DVC would run what nobody has asked for."""
    expected = graph_items(study, params)
    if read_values(RUNS_FILE) != expected:
        raise UserError(RUNS_FILE, "is not that of study/params.yaml", do="run python pipeline/study_plan.py --write")
