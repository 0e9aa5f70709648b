"""Converts values of params.yaml to frozen dataclasses; errors name the dotted key, and all are reported at once."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from textrnn.errors import ErrorCollector, UserError, show_value

Section = TypeVar("Section")
MAX_FLOAT = 1e15  # the product of two is still a float32


@dataclass(frozen=True)
class Converted:
    """The values of a section by key, converted to the types of their fields.

    invalid: the keys whose values have another type. misspelt: the keys that unknown keys of the section resemble.
    """

    values: Mapping[str, Any]
    invalid: frozenset[str] = frozenset()
    misspelt: frozenset[str] = frozenset()

    def merged_over(self, defaults: Converted) -> Converted:
        """The section over its defaults: a value takes the place of the default as a whole."""
        invalid = self.invalid | (defaults.invalid - self.values.keys())
        return Converted({**defaults.values, **self.values}, invalid, self.misspelt | defaults.misspelt)

    def build(self, cls: type[Section], where: str, errors: ErrorCollector) -> Section | None:
        """An instance of the dataclass, or None if a value is missing or invalid; a missing one is an error.

        It is no error of its own if the key is misspelt.
        """
        names, optional = field_names(cls), _optional_keys(cls)
        missing = [key for key in names if key not in {*self.values, *self.invalid, *optional}]
        for key in missing:
            if key not in self.misspelt:
                errors.errors.append(missing_param(where, key))
        if missing or self.invalid:
            return None
        return cls(**{names[key]: value for key, value in self.values.items()})


def missing_param(where: str, key: str) -> UserError:
    """The error of a section that lacks a key."""
    return UserError(f"{where}.{key}", "missing param", do="add it (null if it does not apply)")


def build_dataclass(cls: type[Section], values: Any, where: str) -> Section:
    """Build an instance of the dataclass `cls` from a mapping with exactly its keys and types.

    Raises UserError, with `where.key`, for an unknown, missing or mistyped key.
    """
    with ErrorCollector() as errors:
        built = convert_values(cls, values, where, errors).build(cls, where, errors)
    assert built is not None  # else there were errors
    return built


def convert_values(cls: type[Any], values: Any, where: str, errors: ErrorCollector, hint: str = "") -> Converted:
    """Convert the values of a mapping to the types of the fields that they are for; not every field needs one.

    Adds an error, with `where.key`, for each unknown or mistyped key; what to do about an unknown one that resembles
    none ends with the hint.
    """
    known = field_names(cls)
    if not isinstance(values, Mapping):
        errors.errors.append(UserError(where, "must be a mapping", got=show_value(values)))
        return Converted({}, invalid=frozenset(known))
    hints, converted = typing.get_type_hints(cls), {}
    for key, value in values.items():
        with errors.collect():
            if key not in known:
                raise UserError(f"{where}.{key}", "unknown param", do=_suggest_param(str(key), known, hint))
            converted[key] = _convert(hints[known[key]], value, f"{where}.{key}")
    unknown = [str(key) for key in values if key not in known]
    similar = {most_similar(key, list(known)) for key in unknown} - {None}
    invalid = frozenset(key for key in values if key in known and key not in converted)
    return Converted(converted, invalid, frozenset(map(str, similar)))


def field_names(cls: type[Any]) -> dict[str, str]:
    """The field of a dataclass by its key in a file: a key that is a Python keyword, `from`, is the field `from_`."""
    return {field.name.removesuffix("_"): field.name for field in dataclasses.fields(cls)}


def _optional_keys(cls: type[Any]) -> set[str]:
    """The keys that a mapping may leave out: those of fields with a default, which means that they do not apply."""
    fields = dataclasses.fields(cls)
    return {field.name.removesuffix("_") for field in fields if field.default is not dataclasses.MISSING}


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
    if members == [Literal["auto"], int]:
        if isinstance(value, str) and value != "auto":
            raise UserError(where, "must be a whole number, or auto", got=show_value(value))
        return value if value == "auto" else _convert_scalar(int, value, where)
    if members == [int, float]:  # a whole number stays one
        return _convert_scalar(int if isinstance(value, int) else float, value, where)
    if value is None:
        raise UserError(where, "must not be null")
    # selected by the form of the value, so that an error message is about the member that was meant
    return _convert(next((member for member in members if _has_form(member, value)), members[-1]), value, where)


def _has_form(member: Any, value: Any) -> bool:
    """Whether a value has the form of a union member: a mapping, a list for a tuple, else a scalar."""
    if dataclasses.is_dataclass(member):
        return isinstance(value, Mapping)
    forms = {tuple: list, collections.abc.Mapping: Mapping}
    return isinstance(value, forms.get(get_origin(member), (str, int, float)))


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
        value = _to_float(value)
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, hint):
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise UserError(where, f"must be {names.get(hint, hint.__name__)}", got=show_value(value))
    if hint is float and not math.isfinite(value):
        raise UserError(where, "must be a finite number", got=value)
    if hint is float and abs(value) > MAX_FLOAT:
        raise UserError(where, f"must lie in [-{MAX_FLOAT:g}, {MAX_FLOAT:g}]", got=value)
    if hint is int and not -(2**63) <= value < 2**63:
        raise UserError(where, "must be a whole number of 64 bits", got=value)
    return value


def _to_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:  # above 1.8e308
        return math.inf


def suggest(key: str, known: Iterable[Any]) -> str:
    """What to do about an unknown key: the most similar known one, or all of them."""
    names = [str(name) for name in known]
    similar = most_similar(key, names)
    return f"did you mean {similar}?" if similar else f"known: {', '.join(names) or 'none'}"


def _suggest_param(key: str, known: Iterable[str], hint: str) -> str:
    names = list(known)
    return suggest(key, names) + ("" if most_similar(key, names) else hint)


def most_similar(key: str, names: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(key, names, n=1)), None)
