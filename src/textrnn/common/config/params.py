"""A section of params.yaml into its frozen dataclass, refusing what it does not know by dotted name."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from textrnn.errors import UserError

Section = TypeVar("Section")

PARAMS_FILE = Path("params.yaml")


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The whole file as plain values, read as YAML 1.2 so that `1e-05` is a number.

    Raises UserError when the file is missing, is no YAML mapping or has a key twice.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run from the folder that holds params.yaml")
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, ValueError) as error:  # ValueError: bytes that are not UTF-8, a date that is none
        raise UserError(path, "is not readable as YAML", got=_fault(error)) from error
    if not isinstance(values, dict):
        raise UserError(path, "must be a mapping of sections", got=type(values).__name__)
    return values


def _fault(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {getattr(error, 'problem', error)}"


def get_param(params: Mapping[str, Any], *keys: str) -> Any:
    """The value under the given keys; an unknown key is refused with the nearest known one."""
    value: Any = params
    for depth, key in enumerate(keys):
        dotted = ".".join(map(str, keys[: depth + 1]))  # a name may have come from the file, as something else
        if not isinstance(value, Mapping):
            raise UserError(dotted, "its parent must be a mapping", got=_shown(value))
        if key not in value:
            raise UserError(dotted, "no such entry", do=_suggest(str(key), value))
        value = value[key]
    return value


def load_section(cls: type[Section], params: Mapping[str, Any], *keys: str) -> Section:
    """The section under the given keys as an instance of its dataclass."""
    return build_dataclass(cls, get_param(params, *keys), ".".join(keys))


def load_stage_params(
    cls: type[Section], params: Mapping[str, Any], *keys: str, among: typing.Collection[str]
) -> Section:
    """The dataclass of one stage from an entry that several share; the entry has no keys but `among`.

    Every stage thereby refuses a misspelt key of the entry, also where the key is another stage's.
    """
    entry, where = get_param(params, *keys), ".".join(keys)
    if not isinstance(entry, Mapping):
        raise UserError(where, "must be a mapping", got=_shown(entry))
    for key in entry:
        if key not in among:
            raise UserError(f"{where}.{key}", "unknown param", do=_suggest(str(key), among))
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return build_dataclass(cls, {key: value for key, value in entry.items() if key in names}, where)


def build_dataclass(cls: type[Section], values: Any, where: str) -> Section:
    """An instance of the dataclass `cls` from a mapping with exactly its keys and types.

    Raises UserError, naming `where.key`, for an unknown, missing or mistyped key.
    """
    if not isinstance(values, Mapping):
        raise UserError(where, "must be a mapping", got=_shown(values))
    hints = typing.get_type_hints(cls)
    # a key that is a word of Python's has an underscore after it as a field: `from`, `from_`
    known = {field.name.removesuffix("_"): field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise UserError(f"{where}.{key}", "unknown param", do=_suggest(str(key), known))
    for key in known:
        if key not in values:
            raise UserError(f"{where}.{key}", "missing param", do="add it (null where it does not apply)")
    return cls(**{name: _convert(hints[name], values[key], f"{where}.{key}") for key, name in known.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(hint), value, where)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in get_args(hint)):
            return value
        raise UserError(where, f"must be one of {', '.join(map(str, get_args(hint)))}", got=_shown(value))
    if dataclasses.is_dataclass(hint):
        return build_dataclass(typing.cast(type, hint), value, where)
    if origin in (dict, Mapping):
        return _convert_mapping(get_args(hint)[1], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(where, "must be a list", got=_shown(value))
        return tuple(_convert(get_args(hint)[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    return _convert_scalar(hint, value, where)


def _convert_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in choices:
        return None
    others = [choice for choice in choices if choice is not type(None)]
    records = [choice for choice in others if dataclasses.is_dataclass(choice)]
    if len(records) > 1 and isinstance(value, Mapping):
        return build_dataclass(_of_kind(records, value, where), value, where)
    # by its form, so that what is told is the fault by the choice that was meant
    return _convert(next((choice for choice in others if _resembles(choice, value)), others[-1]), value, where)


def _resembles(choice: Any, value: Any) -> bool:
    """Whether a value has the form of a choice: a mapping for a dataclass, a list for a tuple, neither for the rest."""
    form = Mapping if dataclasses.is_dataclass(choice) else list if get_origin(choice) is tuple else (str, int, float)
    return isinstance(value, form)


def _of_kind(records: list[Any], value: Mapping[str, Any], where: str) -> type:
    """Of several dataclasses the one whose Literal `kind` the mapping has, so that faults are told of that one."""
    kinds = {kind: record for record in records for kind in get_args(typing.get_type_hints(record)["kind"])}
    if "kind" not in value:
        raise UserError(f"{where}.kind", "missing param", do=f"one of {', '.join(kinds)}")
    return typing.cast(type, kinds[_convert(Literal[tuple(kinds)], value["kind"], f"{where}.kind")])


def _convert_mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(where, "must be a mapping", got=_shown(value))
    converted = {str(key): _convert(hint, item, f"{where}.{key}") for key, item in value.items()}
    if len(converted) != len(value):
        raise UserError(where, "has a key twice, as a number and as text", got=", ".join(map(repr, value)))
    return converted


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, hint):
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise UserError(where, f"must be {names.get(hint, hint.__name__)}", got=_shown(value))
    return value


def require(ok: bool, where: str, wrong: str, got: object) -> None:
    """Refuse a value of the right type that is out of range."""
    if not ok:
        raise UserError(where, wrong, got=_shown(got))


def require_file_name(name: str, where: str, folder: str) -> None:
    """Refuse a file name that leads out of its folder: DVC watches that folder, and nothing else, for changes."""
    path = PurePath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    require(inside, where, f"must be the name of something inside {folder}", name)


def _shown(value: Any) -> str:
    return "null" if value is None else f"{value!r} ({type(value).__name__})"


def _suggest(key: str, known: typing.Iterable[Any]) -> str:
    names = [str(name) for name in known]
    near = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"
