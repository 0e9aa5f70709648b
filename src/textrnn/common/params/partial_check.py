"""Finds the errors of a section that has values of the wrong type, so that no error waits until these are corrected."""

from __future__ import annotations

import itertools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from textrnn.common.params.conversion import Converted, field_names
from textrnn.errors import ErrorCollector, UserError

MAX_REPLACEMENTS = 64  # sets of values that are tried; above, the section waits until its types are right


def errors_whatever_is_meant(
    cls: type[Any], merged: Converted, defaults: Mapping[str, Any], where: str
) -> list[UserError]:
    """The errors of a section that are there whatever its invalid values are replaced with.

    An invalid value may be meant as its default, as any of its choices, or as null: an error that only some of these
    cause is none yet, and so is one of the invalid value itself. Empty if a value is missing as well.
    """
    names = field_names(cls)
    hints = typing.get_type_hints(cls)
    if not merged.invalid or any(key not in merged.values and key not in merged.invalid for key in names):
        return []
    keys = sorted(merged.invalid)
    choices = [list(_replacements(hints[names[key]], key, defaults)) for key in keys]
    found: dict[str, UserError] | None = None
    for values in itertools.islice(itertools.product(*choices), MAX_REPLACEMENTS + 1):
        complete = {**merged.values, **dict(zip(keys, values, strict=True))}
        section = cls(**{names[key]: value for key, value in complete.items()})
        with_these = {str(error): error for error in _errors(section, where) if not _is_of(error, where, keys)}
        found = with_these if found is None else {text: found[text] for text in found.keys() & with_these.keys()}
        if not found:
            return []
    return [found[text] for text in sorted(found)] if found else []


def _replacements(hint: Any, key: str, defaults: Mapping[str, Any]) -> Iterator[Any]:
    if key in defaults:
        yield defaults[key]
    yield from _choices(hint)


def _choices(hint: Any) -> Iterator[Any]:
    """The values that a type lists: those of a Literal, true and false, null."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        for member in get_args(hint):
            yield from _choices(member)
    elif origin is Literal:
        yield from get_args(hint)
    elif hint is bool:
        yield from (False, True)
    elif hint is type(None):
        yield None


def _is_of(error: UserError, where: str, keys: list[str]) -> bool:
    """Whether the error is of one of the keys, or of something inside its value."""
    place = str(error).partition(": ")[0]
    return any(place == f"{where}.{key}" or place.startswith((f"{where}.{key}.", f"{where}.{key}[")) for key in keys)


def _errors(section: Any, where: str) -> list[UserError]:
    with (errors := ErrorCollector()).collect():
        section.check(where)
    return errors.errors
