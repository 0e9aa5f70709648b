"""The params of the study, and the model and training settings of each variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import get_param, load_section, merge_values
from textrnn.common.settings.limits import apply_limits
from textrnn.errors import ErrorCollector, UserError, require


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
            for name, variant in self.variants.items():
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


def variant_settings(study: Study, params: Mapping[str, Any], name: str, seed: int) -> tuple[Model, Train]:
    """Return the model and training settings of a variant with a seed.

    params: the values of params.yaml, whose `limits` apply. Dev is evaluated every `evaluate_rows` rows, so that the
    curves of all batch sizes have equally many points. Raises UserError for an unknown variant, and by dotted name for
    wrong values.
    """
    if name not in study.variants:
        raise UserError(f"study.variants.{name}", "no such entry", do=f"known: {', '.join(study.variants)}")
    variant, where = study.variants[name], f"study.variants.{name}"
    model_values = merge_values(params, "recipes", study.recipe, "model") | dict(variant.model)
    model = build_dataclass(Model, model_values, f"{where}.model")
    train_values = merge_values(params, "recipes", study.recipe, "train") | dict(study.train) | dict(variant.train)
    train_values["seed"] = seed
    train_values["evaluate_every"] = max(1, study.evaluate_rows // train_values["batch_size"])
    settings = build_dataclass(Train, train_values, f"{where}.train")
    model, settings = apply_limits(model, settings, load_section(Limits, params, "limits"))
    model.check(f"{where}.model")
    settings.check(f"{where}.train")
    model.check_task(f"{where}.model", "classify", 3)
    unused = {f"train.{name}": getattr(settings, name) for name in ("batch_tokens", "class_weights", "distill")}
    unused |= {f"model.{name}": getattr(model, name) for name in ("bigrams", "words")}
    for option, value in unused.items():
        require(value is None, f"{where}.{option}", "must be null: no run of the study has it", value)
    return model, settings
