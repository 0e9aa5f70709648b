"""The settings of a variant: those of its recipe with its own in their place, as study_check writes them for its runs.

A run depends on this file and on no params, so that an edit of a param makes the runs out of date that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from textrnn.common.config.data import Limits
from textrnn.common.config.embed import Embed
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.train import Train
from textrnn.common.config.vectorize import Vectorize
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import load_section, merge_values
from textrnn.errors import ErrorCollector, UserError, require
from textrnn.names import path_of
from textrnn.stage import write_json
from textrnn.study.plan.json_files import read_results
from textrnn.study.plan.variants import Study, encoding_of, inputs_name

SETTINGS = Path("data/study/settings")
UNUSED_TRAIN = ("batch_tokens", "distill", "adversarial", "time_limit_seconds")
UNUSED_MODEL = ("bigrams", "words")


@dataclass(frozen=True)
class RunSettings:
    """What the runs of a variant are made by, apart from the seed.

    inputs: the name of the folder of its rows and its embedding. model, train: before `limits`; the seed of `train` is
    that of the run, and all epochs are taken. The other values are those of `Variant` and of study/params.yaml.
    """

    recipe: str
    encoding: str
    inputs: str
    model: Model
    train: Train
    limits: Limits
    rows: int | None
    gradient_rows: int
    gradient_norms: bool
    test_curve: bool


@dataclass(frozen=True)
class InputSettings:
    """How the rows of an encoding are padded, and how their embedding is made."""

    encoding: str
    pad: Pad
    embed: Embed
    vectorize: Vectorize


def run_settings(study: Study, params: Mapping[str, Any], name: str) -> RunSettings:
    """The settings of a variant; params: the values of params.yaml.

    Dev is evaluated every `evaluate_rows` rows, so that the curves of all batch sizes have equally many points. Raises
    UserError for an unknown variant, and by dotted name for wrong values.
    """
    if name not in study.variants:
        raise UserError(f"study.variants.{name}", "no such entry", do=f"known: {', '.join(study.variants)}")
    variant, where = study.variants[name], f"study.variants.{name}"
    model_values = merge_values(params, "recipes", variant.recipe, "model") | dict(variant.model)
    train_values = merge_values(params, "recipes", variant.recipe, "train") | dict(variant.train)
    train_values |= {"seed": 1, "min_steps": None, "patience": None}
    model = build_dataclass(Model, model_values, f"{where}.model")
    train = build_dataclass(Train, train_values, f"{where}.train")
    model.check(f"{where}.model")
    train.check(f"{where}.train")
    _refuse_unused(model, train, where)
    assert train.batch_size != "auto"
    train = replace(train, evaluate_every=max(1, study.evaluate_rows // train.batch_size))
    return RunSettings(
        recipe=variant.recipe,
        encoding=encoding_of(variant, params),
        inputs=inputs_name(name, variant),
        model=model,
        train=train,
        limits=load_section(Limits, params, "limits"),
        rows=variant.rows,
        gradient_rows=study.gradient_rows,
        gradient_norms=variant.gradient_norms,
        test_curve=variant.test_curve,
    )


def _refuse_unused(model: Model, train: Train, where: str) -> None:
    """Refuse what no run of the study has, and a batch size that follows the corpus: the study compares batch sizes."""
    values = {f"train.{name}": getattr(train, name) for name in UNUSED_TRAIN}
    values |= {f"model.{name}": getattr(model, name) for name in UNUSED_MODEL}
    with ErrorCollector() as errors:
        for option, value in values.items():
            errors.require(value is None, f"{where}.{option}", "must be null: no run of the study has it", value)
        errors.require(not model.wide, f"{where}.model.wide", "must be false: no run of the study has it", model.wide)
        known = train.batch_size != "auto"
        rule = "must be a number: the study compares batch sizes"
        errors.require(known, f"{where}.train.batch_size", rule, train.batch_size)


def input_settings(study: Study, params: Mapping[str, Any], name: str) -> InputSettings:
    """How the inputs of a variant are made; raises UserError, by dotted name, for wrong values."""
    variant, where = study.variants[name], f"study.variants.{name}"
    encoding = encoding_of(variant, params)
    pad_values = merge_values(params, "recipes", variant.recipe, "pad")
    if variant.max_length is not None:
        pad_values |= {"max_length": variant.max_length, "buckets": None}
    embed_values = merge_values(params, "recipes", variant.recipe, "embed") | dict(variant.embed or {})
    vectorize_values = merge_values(params, "encodings", encoding, "vectorize") | dict(variant.vectorize or {})
    pad = build_dataclass(Pad, pad_values, f"{where}.pad")
    embed = build_dataclass(Embed, embed_values, f"{where}.embed")
    vectorize = build_dataclass(Vectorize, vectorize_values, f"{where}.vectorize")
    pad.check(f"{where}.pad")
    embed.check(f"{where}.embed")
    vectorize.check(f"{where}.vectorize")
    require(embed.lexicon is None, f"{where}.embed.lexicon", "must be null: no run of the study has it", embed.lexicon)
    return InputSettings(encoding, pad, embed, vectorize)


def settings_file(kind: type[RunSettings] | type[InputSettings], name: str) -> Path:
    """The file of the settings of a variant, or of inputs."""
    return path_of(SETTINGS / ("runs" if kind is RunSettings else "inputs"), name, ".json")


def write_settings(folder: Path, name: str, settings: RunSettings | InputSettings) -> None:
    """Write settings into a folder that becomes SETTINGS."""
    path = settings_file(type(settings), name)
    target = folder / path.relative_to(SETTINGS)
    target.parent.mkdir(exist_ok=True)
    write_json(target, asdict(settings))


def read_run_settings(name: str) -> RunSettings:
    """The settings of a variant's runs. Raises UserError if there are none, or those of another version."""
    path = settings_file(RunSettings, name)
    return build_dataclass(RunSettings, read_results(path, dict), str(path))


def read_input_settings(name: str) -> InputSettings:
    """The settings of inputs. Raises UserError if there are none, or those of another version."""
    path = settings_file(InputSettings, name)
    return build_dataclass(InputSettings, read_results(path, dict), str(path))
