"""The model and training settings of each variant of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import load_section, merge_values
from textrnn.errors import UserError, require
from textrnn.study.plan.variants import Study
from textrnn.training.planning.limits import apply_limits, find_caps
from textrnn.training.trainer.recipe import PreparedFiles, Recipe


def variant_settings(study: Study, params: Mapping[str, Any], name: str, seed: int) -> tuple[Model, Train]:
    """Return the model and training settings of a variant with a seed.

    params: the values of params.yaml, whose `limits` apply. Dev is evaluated every `evaluate_rows` rows, so that the
    curves of all batch sizes have equally many points. Raises UserError for an unknown variant, and by dotted name for
    wrong values.
    """
    model, settings = _settings_before_limits(study, params, name, seed)
    return apply_limits(model, settings, load_section(Limits, params, "limits"))


def load_variant(study: Study, params: Mapping[str, Any], name: str, seed: int, padded: Path) -> Recipe:
    """A variant with a seed as a recipe to train; its rows are those of its width in the folder `padded`.

    Raises UserError as `variant_settings` does, and for files that are missing or damaged.
    """
    limits = load_section(Limits, params, "limits")
    model, settings = _settings_before_limits(study, params, name, seed)
    files = PreparedFiles.of_recipe(study.recipe, params)
    data = replace(files, padded=padded / str(study.variants[name].max_length)).load()
    caps = tuple(find_caps(model, settings, limits, data.padded))
    model, settings = apply_limits(model, settings, limits)
    return Recipe(name, f"study.variants.{name}", model, settings, data, caps)


def _settings_before_limits(study: Study, params: Mapping[str, Any], name: str, seed: int) -> tuple[Model, Train]:
    """The settings that a variant asks for, checked; all batch sizes take the same epochs, whatever their steps."""
    if name not in study.variants:
        raise UserError(f"study.variants.{name}", "no such entry", do=f"known: {', '.join(study.variants)}")
    variant, where = study.variants[name], f"study.variants.{name}"
    model_values = merge_values(params, "recipes", study.recipe, "model") | dict(variant.model)
    model = build_dataclass(Model, model_values, f"{where}.model")
    train_values = merge_values(params, "recipes", study.recipe, "train") | dict(study.train) | dict(variant.train)
    settings = build_dataclass(Train, train_values | {"seed": seed, "min_steps": None}, f"{where}.train")
    model.check(f"{where}.model")
    settings.check(f"{where}.train")
    model.check_task(f"{where}.model", "classify", 3)
    names = ("batch_tokens", "class_weights", "distill", "adversarial")
    unused = {f"train.{name}": getattr(settings, name) for name in names}
    unused |= {f"model.{name}": getattr(model, name) for name in ("bigrams", "words")}
    for option, value in unused.items():
        require(value is None, f"{where}.{option}", "must be null: no run of the study has it", value)
    if settings.batch_size == "auto":
        raise UserError(f"{where}.train.batch_size", "must be a number: the study compares batch sizes", got="auto")
    require(not model.wide, f"{where}.model.wide", "must be false: no run of the study has it", model.wide)
    return model, replace(settings, evaluate_every=max(1, study.evaluate_rows // settings.batch_size))
