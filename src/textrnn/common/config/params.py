"""Reads params.yaml and converts its sections to frozen dataclasses; errors name the dotted key."""

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
    """Read the whole file as plain values. It is read as YAML 1.2, in which `1e-05` is a number.

    Raises UserError if the file is missing, is not a YAML mapping or has a duplicate key.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run from the folder that holds params.yaml")
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, ValueError) as error:  # ValueError: bytes that are not UTF-8, an invalid date
        raise UserError(path, "is not readable as YAML", got=_describe(error)) from error
    if not isinstance(values, dict):
        raise UserError(path, "must be a mapping of sections", got=type(values).__name__)
    return values


def _describe(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {getattr(error, 'problem', error)}"


def get_param(params: Mapping[str, Any], *keys: str) -> Any:
    """The value under the keys. Raises UserError for an unknown key and suggests the most similar known one."""
    value: Any = params
    for depth, key in enumerate(keys):
        dotted = ".".join(map(str, keys[: depth + 1]))  # a name from the file may be a number
        if not isinstance(value, Mapping):
            raise UserError(dotted, "its parent must be a mapping", got=_show(value))
        if key not in value:
            raise UserError(dotted, "no such entry", do=_suggest(str(key), value))
        value = value[key]
    return value


def load_section(cls: type[Section], params: Mapping[str, Any], *keys: str) -> Section:
    """The section under the keys as an instance of its dataclass. Raises UserError as build_dataclass does."""
    return build_dataclass(cls, get_param(params, *keys), ".".join(keys))


def load_stage_params(
    cls: type[Section], params: Mapping[str, Any], *keys: str, among: typing.Collection[str]
) -> Section:
    """The dataclass of one stage, from an entry whose keys (`among`) belong to several stages.

    Every stage thereby refuses a misspelt key of the entry, even if the key is another stage's. Raises UserError.
    """
    entry, where = get_param(params, *keys), ".".join(keys)
    if not isinstance(entry, Mapping):
        raise UserError(where, "must be a mapping", got=_show(entry))
    for key in entry:
        if key not in among:
            raise UserError(f"{where}.{key}", "unknown param", do=_suggest(str(key), among))
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return build_dataclass(cls, {key: value for key, value in entry.items() if key in names}, where)


def build_dataclass(cls: type[Section], values: Any, where: str) -> Section:
    """Build an instance of the dataclass `cls` from a mapping with exactly its keys and types.

    Raises UserError, with `where.key`, for an unknown, missing or mistyped key.
    """
    if not isinstance(values, Mapping):
        raise UserError(where, "must be a mapping", got=_show(values))
    hints = typing.get_type_hints(cls)
    # a key that is a Python keyword is a field with an underscore at the end: `from` is `from_`
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
        raise UserError(where, f"must be one of {', '.join(map(str, get_args(hint)))}", got=_show(value))
    if dataclasses.is_dataclass(hint):
        return build_dataclass(typing.cast(type, hint), value, where)
    if origin in (dict, Mapping):
        return _convert_mapping(get_args(hint)[1], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(where, "must be a list", got=_show(value))
        return tuple(_convert(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    return _convert_scalar(hint, value, where)


def _convert_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in choices:
        return None
    members = [choice for choice in choices if choice is not type(None)]
    classes = [member for member in members if dataclasses.is_dataclass(member)]
    if len(classes) > 1 and isinstance(value, Mapping):
        return build_dataclass(_select_by_kind(classes, value, where), value, where)
    # selected by the form of the value, so that an error message is about the member that was meant
    return _convert(next((member for member in members if _has_form(member, value)), members[-1]), value, where)


def _has_form(member: Any, value: Any) -> bool:
    """Whether a value has the form of a union member: a mapping for a dataclass, a list for a tuple, else a scalar."""
    form = Mapping if dataclasses.is_dataclass(member) else list if get_origin(member) is tuple else (str, int, float)
    return isinstance(value, form)


def _select_by_kind(classes: list[Any], value: Mapping[str, Any], where: str) -> type:
    """The dataclass whose Literal `kind` is the mapping's, so that error messages are about that class."""
    kinds = {kind: cls for cls in classes for kind in get_args(typing.get_type_hints(cls)["kind"])}
    if "kind" not in value:
        raise UserError(f"{where}.kind", "missing param", do=f"one of {', '.join(kinds)}")
    return typing.cast(type, kinds[_convert(Literal[tuple(kinds)], value["kind"], f"{where}.kind")])


def _convert_mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(where, "must be a mapping", got=_show(value))
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
        raise UserError(where, f"must be {names.get(hint, hint.__name__)}", got=_show(value))
    return value


def require(valid: bool, where: str, wrong: str, got: object) -> None:
    """Raise UserError for a value that is not valid, such as one out of range."""
    if not valid:
        raise UserError(where, wrong, got=_show(got))


def require_file_name(name: str, where: str, folder: str) -> None:
    """Raise UserError for a file name that leads out of its folder: DVC tracks changes in that folder alone."""
    path = PurePath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    require(inside, where, f"must be the name of something inside {folder}", name)


def _show(value: Any) -> str:
    return "null" if value is None else f"{value!r} ({type(value).__name__})"


def _suggest(key: str, known: typing.Iterable[Any]) -> str:
    names = [str(name) for name in known]
    similar = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {similar[0]}?" if similar else f"known: {', '.join(names) or 'none'}"
