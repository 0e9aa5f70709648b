"""Turns the arguments of an estimator into params, as a params.yaml with one corpus, encoding and recipe has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.common.config.types import Task
from textrnn.common.params.check import check_params
from textrnn.errors import UserError, show_value
from textrnn.estimator.recipes import StartingPoint, defaults
from textrnn.preparation.artifacts.learned_vectors import VECTORIZED

# where an argument of its own stands in params
ARGUMENTS: dict[str, tuple[str, str]] = {
    "min_count": ("encode", "min_count"),
    "max_tokens": ("encode", "max_tokens"),
    "tags": ("encode", "tags"),
    "embedding_size": ("embed", "width"),
    "max_length": ("pad", "max_length"),
    **{
        name: ("model", name)
        for name in (
            *("cell", "hidden_size", "layers", "bidirectional", "dropout", "embedding_dropout", "head_dropout"),
            *("readout", "wide", "crf"),
        )
    },
    **{
        name: ("train", name)
        for name in ("epochs", "min_steps", "batch_size", "learning_rate", "class_weights", "patience")
    },
}
# arguments that are a section of params, or a part of one
SECTIONS = ("segment", "encode", "vectorize", "embed", "pad", "model", "train", "baseline")
VALIDATION = ("validation_share", "validation_data")
SEEDED = ("parse", "segment", "vectorize", "embed", "train", "baseline")
FORMATS: dict[Task, str] = {"classify": "names", "tag": "bio"}


def build_params(
    name: str, arguments: Mapping[str, Any], start: StartingPoint, *, task: Task, seed: int
) -> dict[str, Any]:
    """The params of one corpus, one encoding and one recipe, all of this name, checked as params.yaml is.

    arguments: of the estimator, by name; None leaves the recipe's value. An argument of its own takes precedence over
    the starting point; what stands in both it and the dictionary of its section is refused. Where `epochs` is given
    and `min_steps` is not, the latter is null, so that there are so many epochs.
    Raises UserError, with the dotted name, for an unknown or invalid value.
    """
    parse = _parse_section(task, {key: arguments.get(key) for key in VALIDATION})
    arguments = {key: _plain(value) for key, value in arguments.items() if value is not None and key not in VALIDATION}
    params, sections = defaults(), start.sections()
    if "epochs" in arguments and "min_steps" not in arguments:
        sections["train"]["min_steps"] = None
    for section in SECTIONS:
        own = _own_values(section, arguments)
        if section == "baseline":
            params[section] = {**params[section], **own}
        else:
            sections[section] |= own
    if vectors := arguments.get("vectors"):
        params["data"]["vectors"], sections["embed"]["vectors"] = _split_path(vectors)
        sections["embed"]["width"] = _own_values("embed", arguments).get("width")  # else that of the vectors
    elif _own_values("embed", arguments).get("width") is not None:
        sections["embed"] = _without_learned_vectors(sections["embed"]) | _own_values("embed", arguments)
    for section in SEEDED:
        params[section]["seed"] = seed
    params["corpora"] = {name: {"parse": parse}}
    params["encodings"] = {name: {"corpus": name, **_take(sections, ("segment", "encode", "vectorize"))}}
    params["recipes"] = {name: {"encoding": name, **_take(sections, ("embed", "pad", "model", "train"))}}
    check_params(params)
    return params


def _without_learned_vectors(embed: Mapping[str, Any]) -> dict[str, Any]:
    """The section with random embeddings in place of learned vectors, which have a width of their own."""
    plain: dict[str, Any] = {name: None if value == VECTORIZED else value for name, value in embed.items()}
    lexicon = plain.get("lexicon")
    if lexicon is not None and lexicon.get("vectors") == VECTORIZED:
        plain["lexicon"] = {**lexicon, "vectors": None}
    return plain


def _own_values(section: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the arguments say of a section: the dictionary of its name, and the arguments that are a param of it."""
    values = arguments.get(section, {})
    if not isinstance(values, Mapping):
        raise UserError(section, "must be a dictionary of params", got=show_value(values))
    own = dict(values)
    for key, argument in (("seed", "random_state"), ("segmenter", "segmenter")):
        if key in own:
            raise UserError(f"{section}.{key}", f"is an argument of its own, {argument}", do="leave it out")
    for argument, (its_section, key) in ARGUMENTS.items():
        if its_section == section and argument in arguments:
            if key in own:
                raise UserError(argument, f"is also in the dictionary {section}", got=own[key], do="leave one out")
            own[key] = arguments[argument]
    return own


def _parse_section(task: Task, validation: Mapping[str, Any]) -> dict[str, Any]:
    """How a corpus of the same rows is parsed: dev has rows of its own, or is a share of train.

    The files are names only, as the rows are in memory.
    """
    files, share = {"train": "train", "test": "test"}, _plain(validation["validation_share"])
    if validation["validation_data"] is not None:
        return {"format": FORMATS[task], "files": {**files, "dev": "dev"}}
    if not isinstance(share, float) or not 0 < share < 1:
        raise UserError("validation_share", "must be a number in (0, 1)", got=show_value(share))
    return {"format": FORMATS[task], "files": files, "dev": {"from": "train", "share": share, "block": 1}}


def _split_path(vectors: object) -> tuple[str, str]:
    """The folder and the name of a file of vectors."""
    path = Path(str(vectors)).expanduser()
    return str(path.parent), path.name


def _take(sections: Mapping[str, dict[str, Any]], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {name: sections[name] for name in names}


def _plain(value: Any) -> Any:
    """The value as YAML would give it: lists for tuples, Python's numbers for numpy's, as searches have them."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
