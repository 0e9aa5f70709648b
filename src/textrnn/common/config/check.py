"""Checks the whole of params.yaml before any other stage runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.common.config.baseline import Baseline
from textrnn.common.config.corpus import Corpus
from textrnn.common.config.data import Data, Limits, Sample
from textrnn.common.config.embed import Embed, Embedding
from textrnn.common.config.encode import Encode
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.params import Section, build_dataclass, get_param, load_section, load_stage_params, require
from textrnn.common.config.segment import Segment, Segmentation
from textrnn.common.config.train import Train
from textrnn.common.config.types import ENCODING_KEYS, RECIPE_KEYS
from textrnn.errors import UserError

SECTIONS = (
    "data",
    "limits",
    "sample",
    "corpora",
    "encodings",
    "segment",
    "embed",
    "model",
    "train",
    "baseline",
    "recipes",
)
# segmentations into characters; `tokens` keeps the tokens of the file, which are characters in published tagging files
CHARACTER_SEGMENTATIONS = ("chars", "tokens")
IGNORED_BY_DVC = ("size", "nfiles")  # DVC's run cache ignores keys of these names and restores old outputs (dvc 10296)


def check_params(params: Mapping[str, Any]) -> None:
    """Raise UserError, with the dotted name, for an unknown, missing or mistyped key or a value out of range.

    DVC runs a stage again for the values that the stage reads. Nothing else would notice a key that no stage reads.
    """
    for name in params:
        if name not in SECTIONS:
            raise UserError(name, "unknown section of params.yaml", do=f"known: {', '.join(SECTIONS)}")
    _check_names(params, "")
    load_section(Data, params, "data")
    load_section(Limits, params, "limits").check()
    load_section(Sample, params, "sample").check()
    load_section(Segment, params, "segment").check()
    load_section(Embed, params, "embed").check()
    load_section(Baseline, params, "baseline").check()
    load_section(Model, params, "model").check("model")
    load_section(Train, params, "train").check("train")
    for key in _entries(params, "corpora"):
        load_section(Corpus, params, "corpora", key).check(f"corpora.{key}")
    for key in _entries(params, "encodings"):
        load_stage_params(Segmentation, params, "encodings", key, among=ENCODING_KEYS).check(f"encodings.{key}")
        load_stage_params(Encode, params, "encodings", key, among=ENCODING_KEYS).check(f"encodings.{key}")
        _check_entry(params, ("encodings", key, "corpus"), "corpora")
    for key in _entries(params, "recipes"):
        _check_recipe(params, key)


def _check_recipe(params: Mapping[str, Any], key: str) -> None:
    where = f"recipes.{key}"
    embedding = load_stage_params(Embedding, params, "recipes", key, among=RECIPE_KEYS)
    embedding.check(where)
    padding = load_stage_params(Pad, params, "recipes", key, among=RECIPE_KEYS)
    padding.check(where)
    model = _merge_section(Model, params, "model", key)
    model.check(f"{where}.model")
    if padding.buckets is not None and model.readout == "last_step":
        wrong = "must be null where model.readout is last_step: it reads padding, so results would depend on the widths"
        do = f"set {where}.model.readout: last_valid, or {where}.buckets: null"
        raise UserError(f"{where}.buckets", wrong, got=padding.buckets, do=do)
    settings = _merge_section(Train, params, "train", key)
    settings.check(f"{where}.train")
    settings.check_task(f"{where}.train", "tag" if model.readout == "every_step" else "classify")
    model.check_loss(f"{where}.train", settings.class_weights, settings.label_smoothing)
    _check_entry(params, ("recipes", key, "encoding"), "encodings")
    _check_lexicon(params, key, embedding.lexicon is not None)
    model.check_lexicon(f"{where}.model", embedding.lexicon is not None)


def _merge_section(cls: type[Section], params: Mapping[str, Any], name: str, recipe: str) -> Section:
    """Merge a recipe's section over the defaults, as `common/settings` does for the stages that use the result.

    It is repeated here so that the stage `check` depends on `common/config` alone.
    """
    overrides = get_param(params, "recipes", recipe, name)
    require(isinstance(overrides, Mapping), f"recipes.{recipe}.{name}", "must be a mapping", overrides)
    return build_dataclass(cls, {**get_param(params, name), **overrides}, f"recipes.{recipe}.{name}")


def _check_lexicon(params: Mapping[str, Any], key: str, has_lexicon: bool) -> None:
    """Refuse a lexicon if tokens are words: lexicon words are matched in sequences of characters."""
    encoding = get_param(params, "recipes", key, "encoding")
    segmentation = get_param(params, "encodings", encoding, "segment")
    wrong = f"must be null where tokens are not characters: encodings.{encoding}.segment is {segmentation}"
    valid = not has_lexicon or segmentation in CHARACTER_SEGMENTATIONS
    require(valid, f"recipes.{key}.lexicon", wrong, get_param(params, "recipes", key, "lexicon"))


def _entries(params: Mapping[str, Any], table: str) -> list[str]:
    entries = get_param(params, table)
    if not isinstance(entries, Mapping) or not all(isinstance(key, str) for key in entries):
        raise UserError(table, "must be a mapping of named entries", got=repr(entries)[:60])
    return list(entries)


def _check_entry(params: Mapping[str, Any], keys: tuple[str, ...], table: str) -> None:
    name = get_param(params, *keys)
    if name not in _entries(params, table):
        known = ", ".join(_entries(params, table))
        raise UserError(".".join(keys), f"must name an entry of {table}", got=repr(name), do=f"known: {known}")


def _check_names(values: Any, where: str) -> None:
    if isinstance(values, Mapping):
        for key, value in values.items():
            if key in IGNORED_BY_DVC:
                wrong = "DVC's run cache ignores the value of a key with this name"
                raise UserError(f"{where}{key}", wrong, do="rename it")
            _check_names(value, f"{where}{key}.")
