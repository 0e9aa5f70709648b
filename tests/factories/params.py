"""The shipped params.yaml: its values, and the names of its recipes."""

from __future__ import annotations

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params

PARAMS = read_params(ROOT / "params.yaml")
RECIPES = tuple(PARAMS["recipes"])
