"""Checks the whole of params.yaml before any other stage runs, and reports all of its errors at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Data, Limits, Sample
from textrnn.common.config.embed import Embed
from textrnn.common.config.encode import Encode
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.parse import Parse
from textrnn.common.config.segment import Segment
from textrnn.common.config.train import Train
from textrnn.common.config.vectorize import Vectorize
from textrnn.common.params.conversion import convert_values, field_names, missing_param, suggest
from textrnn.common.params.entry_names import ignored_keys, invalid_names
from textrnn.common.params.misspelt_sections import as_meant
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.errors import ErrorCollector, UserError, require, show, show_value

# sections that stand once
SECTIONS: dict[str, type[Any]] = {"data": Data, "limits": Limits, "sample": Sample, "baseline": Baseline}
# the sections of the entries of each table, whose defaults stand on top
ENTRY_SECTIONS: dict[str, dict[str, type[Any]]] = {
    "corpora": {"parse": Parse},
    "encodings": {"segment": Segment, "encode": Encode, "vectorize": Vectorize},
    "recipes": {"embed": Embed, "pad": Pad, "model": Model, "train": Train},
}
# the key of an entry that names an entry of another table
REFERENCES = {"encodings": ("corpus", "corpora"), "recipes": ("encoding", "encodings")}
STATED_BY_ENTRIES = {"parse": ("format", "files")}  # what has no default
# segmenters into characters; `tokens` keeps the tokens of the file, which are characters in published tagging files
CHARACTER_SEGMENTERS = ("chars", "tokens")


def check_params(params: Mapping[str, Any]) -> None:
    """Raise UserError, with the dotted name, for an unknown, missing or mistyped key or a value out of range.

    All errors are reported at once. DVC runs a stage again for the values that the stage reads; nothing else would
    notice a key that no stage reads.
    """
    defaults = {name: cls for sections in ENTRY_SECTIONS.values() for name, cls in sections.items()}
    known = (*SECTIONS, *defaults, *ENTRY_SECTIONS)
    entry_keys = {table: [*REFERENCES.get(table, ())[:1], *names] for table, names in ENTRY_SECTIONS.items()}
    with ErrorCollector() as errors:
        for name in params:
            with errors.collect():
                if name not in known:
                    raise UserError(str(name), "unknown section of params.yaml", do=suggest(str(name), known))
        errors.errors += ignored_keys(params)
        given, params = params, as_meant(params, known, entry_keys)
        for name, cls in SECTIONS.items():
            if name in params or _needs_section(name, params.get("data")):
                with errors.collect():
                    load_section(cls, params, name)
        of_defaults = ErrorCollector()
        for name, cls in defaults.items():
            with of_defaults.collect():
                _check_defaults(cls, params, name)
        errors.errors += of_defaults.errors
        reported = set(map(str, of_defaults.errors))
        for name, cls in defaults.items():  # entries miss what the defaults misspell
            misspelt = convert_values(cls, params.get(name), name, ErrorCollector()).misspelt
            reported |= {str(missing_param(name, key)) for key in misspelt}
        known_defaults = {name: _known_values(cls, params.get(name)) for name, cls in defaults.items()}
        errors.errors += invalid_names(params)
        for table in ENTRY_SECTIONS:
            with errors.collect():
                _check_table({**params, **known_defaults}, table, given.get(table, params.get(table)), reported)


def _needs_section(name: str, data: Any) -> bool:
    """Whether the section must be there: `sample` only where that stage fills the source of all corpora."""
    return name != "sample" or not isinstance(data, Mapping) or data.get("source") == "data/sample"


def _check_defaults(cls: type[Any], params: Mapping[str, Any], name: str) -> None:
    """Check the defaults of a section; what each entry must state itself may not stand there."""
    values = get_param(params, name)
    with ErrorCollector() as errors:
        for key in STATED_BY_ENTRIES.get(name, ()):
            if isinstance(values, Mapping) and key in values:
                errors.errors.append(UserError(f"{name}.{key}", "has no default", do="write it in each entry"))
        with errors.collect():
            load_section(cls, {name: _completed(name, values)}, name)


def _completed(name: str, values: Any) -> Any:
    """The defaults with what each entry must state, such that it fits any valid default."""
    if name not in STATED_BY_ENTRIES or not isinstance(values, Mapping):
        return values
    roles = ["train", *(role for role in ("dev", "test") if not values.get(role))]
    return {**values, "format": "names", "files": dict.fromkeys(roles, "a file")}


def _known_values(cls: type[Any], values: Any) -> Any:
    """The defaults without unknown keys, so that these hide no error of an entry."""
    known = field_names(cls)
    return {key: value for key, value in values.items() if key in known} if isinstance(values, Mapping) else values


def _check_table(params: Mapping[str, Any], table: str, entries: Any, reported: set[str]) -> None:
    """Check the entries of a table.

    params: with misspelt sections under the names that are meant; entries: the table as it is given. reported: messages
    of the errors of defaults, which entries would repeat.
    """
    get_param(params, table)
    if not isinstance(entries, Mapping):
        raise UserError(table, "must be a mapping of named entries", got=show_value(entries))
    with ErrorCollector() as errors:
        for key, entry in entries.items():
            if not isinstance(key, str):
                continue  # it is reported with the names
            of_entry = ErrorCollector()
            with of_entry.collect():
                _check_entry(params, table, key, entry)
            errors.errors += [
                error for error in of_entry.errors if not _repeats(str(error), f"{table}.{key}.", entry, reported)
            ]


def _repeats(error: str, prefix: str, entry: Any, reported: set[str]) -> bool:
    """Whether the error of an entry is that of a default, and the entry has no value of its own there."""
    message = error.removeprefix(prefix)
    section, _, rest = message.partition(".")
    own = entry.get(section) if isinstance(entry, Mapping) else None
    stated = isinstance(own, Mapping) and re.split(r"[.:\[]", rest, maxsplit=1)[0] in own
    return error in reported or (message in reported and not stated)


def _check_entry(params: Mapping[str, Any], table: str, key: str, entry: Any) -> None:
    where, sections = f"{table}.{key}", ENTRY_SECTIONS[table]
    reference, other_table = REFERENCES.get(table, (None, ""))
    known = [*([reference] if reference else []), *sections]
    loaded = {}
    with ErrorCollector() as errors:
        if not isinstance(entry, Mapping):
            errors.errors.append(UserError(where, "must be a mapping", got=show_value(entry)))
            return
        for name in entry:
            with errors.collect():
                if name not in known:
                    raise UserError(f"{where}.{name}", "unknown key", do=_suggest_section(str(name), known, sections))
        if reference:
            with errors.collect():
                _check_reference(params, (table, key, reference), other_table)
        for name, cls in sections.items():
            with errors.collect():
                loaded[name] = load_entry_section(cls, params, table, key, name)
        with errors.collect():
            if table == "recipes":
                _check_recipe(params, key, **loaded)
            elif table == "encodings":
                _check_encoding(key, loaded.get("segment"), loaded.get("vectorize"))


def _suggest_section(name: str, known: list[str], sections: Mapping[str, type[Any]]) -> str:
    """What to do about an unknown key of an entry: it may be a param that is missing the name of its section."""
    for section, cls in sections.items():
        if name in cls.__dataclass_fields__:
            return f"did you mean {section}.{name}?"
    return suggest(name, known)


def _check_encoding(key: str, segment: Segment | None, vectorize: Vectorize | None) -> None:
    """Refuse vectors of a dictionary's words if tokens are words; a section with errors of its own is None."""
    if segment and vectorize and vectorize.words is not None:
        wrong = f"must be null if tokens are not characters: segment has segmenter: {segment.segmenter}"
        characters = segment.segmenter in CHARACTER_SEGMENTERS
        require(characters, f"encodings.{key}.vectorize.words", wrong, asdict(vectorize.words))


def _check_recipe(
    params: Mapping[str, Any],
    key: str,
    *,
    embed: Embed | None = None,
    pad: Pad | None = None,
    model: Model | None = None,
    train: Train | None = None,
) -> None:
    """Refuse sections of a recipe that do not fit each other; one with errors of its own is None."""
    where = f"recipes.{key}"
    with ErrorCollector() as errors:
        if pad and model:
            with errors.collect():
                _check_padding(pad, model, where)
        if model and train:
            with errors.collect():
                train.check_task(f"{where}.train", "tag" if model.readout == "every_step" else "classify")
            with errors.collect():
                model.check_loss(f"{where}.train", train.class_weights, train.label_smoothing)
        if model and embed:
            with errors.collect():
                model.check_lexicon(f"{where}.model", embed.lexicon is not None)
        if embed:
            with errors.collect():
                _check_lexicon(params, key, embed)
        if embed and model:
            with errors.collect():
                _check_vectorized(params, key, embed, model)


def _check_padding(pad: Pad, model: Model, where: str) -> None:
    if pad.buckets is not None and model.readout == "last_step":
        wrong = "must be null if model.readout is last_step: it reads padding, so results would depend on the widths"
        do = f"set {where}.model.readout: last_valid, or {where}.pad: {{max_length: 32, buckets: null}}"
        raise UserError(f"{where}.pad.buckets", wrong, got=pad.buckets, do=do)


def _check_lexicon(params: Mapping[str, Any], key: str, embed: Embed) -> None:
    """Refuse a lexicon if tokens are words: lexicon words are matched in sequences of characters."""
    if embed.lexicon is None:
        return
    encoding = get_param(params, "recipes", key, "encoding")
    try:
        segmenter = load_entry_section(Segment, params, "encodings", encoding, "segment").segmenter
    except UserError:
        return  # it is reported with the encoding
    wrong = f"must be null if tokens are not characters: encodings.{encoding}.segment has segmenter: {segmenter}"
    require(segmenter in CHARACTER_SEGMENTERS, f"recipes.{key}.embed.lexicon", wrong, embed.lexicon)


def _check_vectorized(params: Mapping[str, Any], key: str, embed: Embed, model: Model) -> None:
    """Refuse vectors that the encoding's `vectorize` does not learn, or learns with another width."""
    encoding = get_param(params, "recipes", key, "encoding")
    try:
        learned = load_entry_section(Vectorize, params, "encodings", encoding, "vectorize")
    except UserError:
        return  # it is reported with the encoding
    bigrams, words = learned.bigrams and learned.bigrams.width, learned.words and learned.words.width
    lexicon = embed.lexicon and embed.lexicon.vectors
    # the param that names vectors, its value, what vectorize has of them, and the width that they must have
    uses = (
        ("embed.vectors", embed.vectors, "width", learned.width, "embed", embed.width),
        ("embed.bigrams", embed.bigrams, "bigrams", bigrams, "model.bigrams", model.bigrams and model.bigrams.width),
        ("embed.lexicon.vectors", lexicon, "words", words, "model.words", model.words and model.words.width),
    )
    with ErrorCollector() as errors:
        for name, value, section, width, table, own_width in uses:
            if value == "vectorized":
                wrong = f"needs encodings.{encoding}.vectorize.{section}, which is null"
                errors.require(width is not None, f"recipes.{key}.{name}", wrong, value)
                wrong = f"must be {width}, as wide as the vectors that vectorize learns, or null"
                fits = width is None or own_width in (None, width)
                errors.require(fits, f"recipes.{key}.{table}.width", wrong, own_width)


def _check_reference(params: Mapping[str, Any], keys: tuple[str, ...], table: str) -> None:
    name, entries = get_param(params, *keys), params.get(table)
    if isinstance(entries, Mapping) and not (isinstance(name, str) and name in entries):
        wrong, do = f"must name an entry of {table}", f"known: {', '.join(map(str, entries))}"
        raise UserError(".".join(keys), wrong, got=show(name), do=do)
