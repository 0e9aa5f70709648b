"""The params of the study: its variants, their seeds, and the inputs that they are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import get_param
from textrnn.errors import ErrorCollector
from textrnn.names import check_name, is_name

MAX_SEEDS = 99


@dataclass(frozen=True)
class Variant:
    """A change of a recipe: values that take the place of the recipe's own in its sections.

    encoding: None for the recipe's own. max_length: the width of all rows; None for the recipe's own padding. seeds:
    how many, from 1 on. rows: the rows of train that are used, the same ones with all seeds, and those of a smaller
    number among them; None for all.
    vectorize: vectors are first learned from the texts of train, with these values of the section `vectorize`.
    gradient_norms: the norm of the gradient is taken at each step. test_curve: test is scored at each evaluation too.
    """

    recipe: str
    model: Mapping[str, Any]
    train: Mapping[str, Any]
    encoding: str | None = None
    max_length: int | None = None
    embed: Mapping[str, Any] | None = None
    vectorize: Mapping[str, Any] | None = None
    seeds: int = 5
    rows: int | None = None
    gradient_norms: bool = False
    test_curve: bool = False


@dataclass(frozen=True)
class CellComparison:
    """The sizes with which one layer of each cell is compared; all are whole numbers >= 1."""

    steps: int
    batch_size: int
    input_size: int
    hidden_size: int
    repeats: int
    seeds: int


@dataclass(frozen=True)
class SmallStudy:
    """The part of the study that `make study-small` runs: these variants, with so many seeds."""

    variants: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class Study:
    """The values of study/params.yaml; see there for their meanings and units."""

    evaluate_rows: int
    gradient_rows: int
    cells: CellComparison
    small: SmallStudy
    variants: Mapping[str, Variant]

    def check(self) -> None:
        """Raise UserError, by dotted name, for wrong values that the types allow."""
        counts = {"evaluate_rows": self.evaluate_rows, "gradient_rows": self.gradient_rows}
        counts |= {"small.seeds": self.small.seeds}
        counts |= {f"cells.{name}": value for name, value in vars(self.cells).items()}
        with ErrorCollector() as errors:
            for name, value in counts.items():
                errors.require(value >= 1, name, "must be at least 1", value)
            for index, name in enumerate(self.small.variants):
                rule = f"must name an entry of variants: {', '.join(self.variants)}"
                errors.require(name in self.variants, f"small.variants[{index}]", rule, name)
            for name, variant in self.variants.items():
                with errors.collect():
                    check_name(name, "variants", "a variant")
                where = f"variants.{name}" if is_name(name) else "variants"
                with errors.collect():
                    check_name(variant.recipe, f"{where}.recipe")
                with errors.collect():
                    check_name(variant.encoding or variant.recipe, f"{where}.encoding")
                rule = f"must lie in [1, {MAX_SEEDS}]"
                errors.require(1 <= variant.seeds <= MAX_SEEDS, f"{where}.seeds", rule, variant.seeds)
                for option in ("max_length", "rows"):
                    value = getattr(variant, option)
                    errors.require(value is None or value >= 1, f"{where}.{option}", "must be at least 1", value)

    def runs(self) -> list[tuple[str, int]]:
        """All runs of the study: variants and seeds."""
        return [(name, seed) for name, variant in self.variants.items() for seed in range(1, variant.seeds + 1)]


def read_study(values: Mapping[str, Any]) -> Study:
    """Build the study from the values of study/params.yaml; raise UserError, by dotted name, for a wrong value."""
    study = build_dataclass(Study, values, "study")
    study.check()
    return study


def encoding_of(variant: Variant, params: Mapping[str, Any]) -> str:
    """The encoding of a variant's rows; params: the values of params.yaml. Raises UserError if it is no entry."""
    name: str = variant.encoding or get_param(params, "recipes", variant.recipe, "encoding")
    get_param(params, "encodings", name)
    return name


def inputs_name(name: str, variant: Variant) -> str:
    """The name of what a variant reads: padded rows and an embedding, which variants share where these are the same."""
    parts: list[object] = [variant.recipe, variant.encoding, variant.max_length]
    embed = variant.embed or {}
    if variant.vectorize is not None or embed.keys() - {"width"}:
        parts.append(name)
    elif embed:
        parts.append(f"w{embed['width']}")
    return "-".join(str(part) for part in parts if part is not None)
