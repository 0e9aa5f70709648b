"""Converts values of params.yaml to frozen dataclasses; errors name the dotted key, and all are reported at once."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from textrnn.errors import ErrorCollector, UserError, show_value

Section = TypeVar("Section")


def build_dataclass(cls: type[Section], values: Any, where: str) -> Section:
    """Build an instance of the dataclass `cls` from a mapping with exactly its keys and types.

    Raises UserError, with `where.key`, for an unknown, missing or mistyped key.
    """
    with ErrorCollector() as errors:
        with errors.collect():
            converted = convert_values(cls, values, where)
        if isinstance(values, Mapping):
            with errors.collect():
                require_keys(cls, values, where)
    return cls(**converted)


def convert_values(cls: type[Any], values: Any, where: str, hint: str = "") -> dict[str, Any]:
    """The values of a mapping, converted to the types of the fields that they are for, by name of the field.

    Not every field needs a value. Raises UserError, with `where.key`, for an unknown or mistyped key; what to do about
    an unknown one ends with the hint.
    """
    if not isinstance(values, Mapping):
        raise UserError(where, "must be a mapping", got=show_value(values))
    hints, known, converted = typing.get_type_hints(cls), field_names(cls), {}
    with ErrorCollector() as errors:
        for key, value in values.items():
            with errors.collect():
                if key not in known:
                    raise UserError(f"{where}.{key}", "unknown param", do=suggest(str(key), known) + hint)
                converted[known[key]] = _convert(hints[known[key]], value, f"{where}.{key}")
    return converted


def require_keys(cls: type[Any], values: Iterable[Any], where: str) -> None:
    """Raise UserError for each key of the dataclass that has no value, unless a similar key has one: it is misspelt."""
    given, known = set(map(str, values)), list(field_names(cls))
    misspelt = {_most_similar(key, known) for key in given.difference(known)}
    with ErrorCollector() as errors:
        for key in known:
            with errors.collect():
                if key not in given | misspelt:
                    raise UserError(f"{where}.{key}", "missing param", do="add it (null where it does not apply)")


def field_names(cls: type[Any]) -> dict[str, str]:
    """The field of a dataclass by its key in a file: a key that is a Python keyword, `from`, is the field `from_`."""
    return {field.name.removesuffix("_"): field.name for field in dataclasses.fields(cls)}


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(hint), value, where)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in get_args(hint)):
            return value
        raise UserError(where, f"must be one of {', '.join(map(str, get_args(hint)))}", got=show_value(value))
    if dataclasses.is_dataclass(hint):
        return build_dataclass(typing.cast(type, hint), value, where)
    if origin in (dict, Mapping):
        return _convert_mapping(get_args(hint)[1], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(where, "must be a list", got=show_value(value))
        with ErrorCollector() as errors:
            items = []
            for index, item in enumerate(value):
                with errors.collect():
                    items.append(_convert(get_args(hint)[0], item, f"{where}[{index}]"))
        return tuple(items)
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
        raise UserError(where, "must be a mapping", got=show_value(value))
    converted = {}
    with ErrorCollector() as errors:
        for key, item in value.items():
            with errors.collect():
                converted[str(key)] = _convert(hint, item, f"{where}.{key}")
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
        raise UserError(where, f"must be {names.get(hint, hint.__name__)}", got=show_value(value))
    return value


def suggest(key: str, known: Iterable[Any]) -> str:
    """What to do about an unknown key: the most similar known one, or all of them."""
    names = [str(name) for name in known]
    similar = _most_similar(key, names)
    return f"did you mean {similar}?" if similar else f"known: {', '.join(names) or 'none'}"


def _most_similar(key: str, names: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(key, names, n=1)), None)
