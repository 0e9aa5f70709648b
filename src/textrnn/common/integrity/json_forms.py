"""Compares JSON values with a form, which is a Python type: an error names a wrong value and its place."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

# what numbers of results can be, as readers multiply and draw them
LARGEST = 1e39  # just above those of float32
LARGEST_INT = 2**64
NAMES = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


_SURROGATE = re.compile("[\ud800-\udfff]")


def check_form(form: Any, value: Any, where: str = "") -> None:
    """Raise ValueError, with the place of the value, if it does not have the form.

    form: Any, None, bool, int, float, str, Literal, `list[X]`, `tuple[X, Y]` for a list of as many values,
    `dict[str, X]`, a TypedDict, whose further keys are not looked at, or a union of these. A number must be finite
    and at most LARGEST; a whole number is also one for float.
    """
    origin, inner = get_origin(form), get_args(form)
    if form is Any:
        return
    if origin in (Union, types.UnionType):
        _check_union(inner, value, where)
    elif origin is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in inner):
            raise _wrong(where, f"one of {', '.join(map(str, inner))}", value)
    elif is_typeddict(form):
        _check_keys(form, value, where)
    elif origin is dict:
        for key, item in _expect(dict, value, where).items():
            _check_scalar(str, key, f"a key of {where or 'it'}")
            check_form(inner[1], item, _at(where, key))
    elif origin is list:
        for index, item in enumerate(_expect(list, value, where)):
            check_form(inner[0], item, f"{where}[{index}]")
    elif origin is tuple:
        if len(_expect(list, value, where)) != len(inner):
            raise ValueError(f"{where or 'it'} must have {len(inner)} values, not {len(value)}")
        for index, (part, item) in enumerate(zip(inner, value, strict=True)):
            check_form(part, item, f"{where}[{index}]")
    elif form in (None, types.NoneType):
        if value is not None:
            raise _wrong(where, "null", value)
    else:
        _check_scalar(form, value, where)


def _check_union(choices: tuple[Any, ...], value: Any, where: str) -> None:
    """The choice that the value's type has is compared; without one, the first gives the message."""
    for choice in choices:
        outer = dict if is_typeddict(choice) else get_origin(choice) or choice
        outer = list if outer is tuple else outer
        if outer is Literal:
            fits = value in get_args(choice)
        elif outer in (None, types.NoneType):
            fits = value is None
        else:
            fits = isinstance(value, outer) or (outer is float and isinstance(value, int))
        if fits:
            check_form(choice, value, where)
            return
    check_form(choices[0], value, where)


def _check_keys(form: Any, value: Any, where: str) -> None:
    mapping = _expect(dict, value, where)
    for key, hint in get_type_hints(form, include_extras=True).items():
        optional = get_origin(hint) is NotRequired
        if key in mapping:
            check_form(get_args(hint)[0] if optional else hint, mapping[key], _at(where, key))
        elif not optional:
            raise ValueError(f"{_at(where, key)} is missing")


def _check_scalar(form: Any, value: Any, where: str) -> None:
    number = form is float and isinstance(value, int)
    if isinstance(value, bool) != (form is bool) or not (isinstance(value, form) or number):
        raise _wrong(where, NAMES.get(form, str(form)), value)
    if isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
        raise ValueError(f"{where or 'it'} has half of a surrogate pair, which is not valid text")
    if isinstance(value, float) and not abs(value) <= LARGEST:
        raise _wrong(where, "a finite number", value)
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        raise ValueError(f"{where or 'it'} must be at most 2^64")


def _expect(kind: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        raise _wrong(where, NAMES[kind], value)
    return value


def _wrong(where: str, expected: str, value: Any) -> ValueError:
    found = NAMES[type(value)] if isinstance(value, (Mapping, list)) else repr(value)[:60]
    return ValueError(f"{where or 'it'} must be {expected}, not {found}")


def _at(where: str, key: object) -> str:
    return f"{where}.{key}"[:200] if where else str(key)[:200]
