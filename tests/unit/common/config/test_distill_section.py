"""Params of distillation: values from params.yaml, and values refused by name."""

import dataclasses
import math

import pytest

from factories.distillation import DISTILL, STUDENT
from factories.imports import ROOT
from textrnn.common.config.train import Distill, Train
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": ()}, r"^train\.distill\.seeds: must have one or more, each once; got \(\)"),
        ({"seeds": (2, 3, 2)}, r"^train\.distill\.seeds: must have one or more, each once; got \(2, 3, 2\)"),
        ({"seeds": (2, 1)}, r"^train\.distill\.seeds: must not have the seed of the recipe itself; got \(2, 1\)"),
        ({"seeds": (-2,)}, r"^train\.distill\.seeds: must lie in \[0, 2\^63\); got \(-2,\)"),
        ({"weight": 0.0}, r"^train\.distill\.weight: must lie in \(0, 1\]; got 0\.0"),
        ({"weight": 1.1}, r"^train\.distill\.weight: must lie in \(0, 1\]; got 1\.1"),
        ({"temperature": 0.0}, r"^train\.distill\.temperature: must be above 0 and finite; got 0\.0"),
        ({"temperature": math.inf}, r"^train\.distill\.temperature: must be above 0 and finite; got inf"),
        ({"temperature": math.nan}, r"^train\.distill\.temperature: must be above 0 and finite; got nan"),
    ],
)
def test_values_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, **changes)).check("train")
    STUDENT.check("train")
    dataclasses.replace(STUDENT, distill=Distill((0, 2**63 - 1), 1.0, 0.1)).check("train")


def merged(values):
    """The shipped defaults, overridden by a recipe's values."""
    params = read_params(ROOT / "params.yaml")
    return load_entry_section(
        Train, {"train": params["train"], "recipes": {"r": {"train": values}}}, "recipes", "r", "train"
    )


def test_params_of_distillation():
    values = {"seeds": [11, 12], "weight": 0.7, "temperature": 2}
    assert merged({}).distill is None
    assert merged({"distill": values}).distill == DISTILL
    for name, value, message in (
        ("seeds", 11, r"^recipes\.r\.train\.distill\.seeds: must be a list; got 11"),
        ("seed", 11, r"^recipes\.r\.train\.distill\.seed: unknown param; did you mean seeds\?"),
    ):
        with pytest.raises(UserError, match=message):
            merged({"distill": values | {name: value}})
