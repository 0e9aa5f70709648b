"""The params of the study: its variants, seeds and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import get_param
from textrnn.errors import ErrorCollector, require
from textrnn.names import check_name


@dataclass(frozen=True)
class Variant:
    """A change of the recipe: the length of its rows, and values of `model` and `train` that override the recipe's."""

    max_length: int
    model: Mapping[str, Any]
    train: Mapping[str, Any]


@dataclass(frozen=True)
class CellComparison:
    """The sizes with which one layer of each GRU is compared; all are whole numbers >= 1."""

    steps: int
    batch_size: int
    input_size: int
    hidden_size: int
    repeats: int


@dataclass(frozen=True)
class Study:
    """The values of study/params.yaml; see there for their meanings and units."""

    recipe: str
    encoding: str
    seeds: tuple[int, ...]
    pads: tuple[int, ...]
    evaluate_rows: int
    gradient_rows: int
    train: Mapping[str, Any]
    cells: CellComparison
    runs: tuple[str, ...]
    variants: Mapping[str, Variant]

    def check(self) -> None:
        """Raise UserError, by dotted name, for wrong values that the types allow."""
        counts = {"evaluate_rows": self.evaluate_rows, "gradient_rows": self.gradient_rows}
        counts |= {f"cells.{name}": value for name, value in vars(self.cells).items()}
        counts |= {f"pads[{index}]": pad for index, pad in enumerate(self.pads)}
        with ErrorCollector() as errors:
            for name in ("seeds", "pads", "runs"):
                values = getattr(self, name)
                once = 0 < len(values) == len(set(values))
                errors.require(once, name, "must have one or more, each once", values)
            for name, value in counts.items():
                errors.require(value >= 1, name, "must be at least 1", value)
            for index, name in enumerate(self.runs):
                rule = f"must name an entry of variants: {', '.join(self.variants)}"
                errors.require(name in self.variants, f"runs[{index}]", rule, name)
            for where, name in (("recipe", self.recipe), ("encoding", self.encoding)):
                with errors.collect():
                    check_name(name, where)
            for name, variant in self.variants.items():
                with errors.collect():
                    check_name(name, "variants", "a variant")
                rule = f"must be one of pads: {', '.join(map(str, self.pads))}"
                known = variant.max_length in self.pads
                errors.require(known, f"variants.{name}.max_length", rule, variant.max_length)


def read_study(values: Mapping[str, Any]) -> Study:
    """Build the study from the values of study/params.yaml; raise UserError, by dotted name, for a wrong value."""
    study = build_dataclass(Study, values, "study")
    study.check()
    return study


def check_encoding(study: Study, params: Mapping[str, Any]) -> None:
    """Refuse an encoding other than the recipe's: its ids would not belong to the vocabulary of the embedding."""
    expected = get_param(params, "recipes", study.recipe, "encoding")
    rule = f"must be {expected}, as in recipes.{study.recipe}"
    require(expected == study.encoding, "study.encoding", rule, study.encoding)
