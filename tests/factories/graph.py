"""The graph of stages: their names, dvc.yaml, and dvc.lock as the last run left it."""

from __future__ import annotations

import functools
from typing import Any

from ruamel.yaml import YAML

from factories.imports import ROOT
from factories.params import PARAMS

CHECKED = "data/checked.json"  # what check writes is the same for all valid params: nothing follows from it
STAGES = (
    *("sample", "parse", "segment", "encode", "vectorize", "baseline"),
    *("embed", "pad", "train", "evaluate", "analyze"),
)
CORPUS_STAGES = ("sample", "parse")
ENCODING_STAGES = ("segment", "encode", "vectorize", "baseline")  # the others are of recipes


def all_stages() -> list[str]:
    """Every stage of the shipped params but `check`, which all of them follow, in an order in which they can run."""
    tables = dict.fromkeys(STAGES, "recipes")
    tables |= dict.fromkeys(CORPUS_STAGES, "corpora") | dict.fromkeys(ENCODING_STAGES, "encodings")
    return [*(f"{stage}@{key}" for stage in STAGES for key in PARAMS[tables[stage]]), "report"]


def script_of(stage: str) -> list[str]:
    """The script of a stage and its argument."""
    name, _, key = stage.partition("@")
    return [f"pipeline/{name}.py", *filter(None, [key])]


@functools.cache
def lock_file() -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


@functools.cache
def dvc_yaml() -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return stages
