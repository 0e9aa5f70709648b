"""Checks what an estimator is given: texts or lists of tokens, and rows to validate on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textrnn.errors import UserError, shorten


class InputError(UserError, ValueError):
    """Data that an estimator cannot use; a ValueError too, which scikit-learn and its callers expect."""


def check_texts(values: Any, where: str) -> list[str]:
    """The texts as a list; raises InputError for what is no list of texts, and for half of a surrogate pair."""
    rows = list_rows(values, where, "texts")
    for index, text in enumerate(rows):
        if not isinstance(text, str):
            raise InputError(f"{where}[{index}]", "must be a text", got=show(text))
        check_unicode(text, f"{where}[{index}]")
    return [str(text) for text in rows]  # numpy's own class of texts too


def check_token_lists(values: Any, where: str) -> list[list[str]]:
    """The token lists as a list of lists; raises InputError for anything else, and for half of a surrogate pair."""
    rows = list_rows_of_strings(values, where, "token")
    for index, row in enumerate(rows):
        check_unicode("".join(row), f"{where}[{index}]")
    return rows


def check_not_empty(rows: Sequence[Sequence[str]], where: str) -> None:
    """Raise InputError if there is no row, or a row without any text or tokens, which nothing can be learnt from."""
    if not rows:
        raise InputError(where, "has no rows")
    for index, row in enumerate(rows):
        if not (row.strip() if isinstance(row, str) else row and all(row)):
            what = "is an empty text" if isinstance(row, str) else "has no tokens, or an empty one"
            raise InputError(f"{where}[{index}]", what, do="leave the row out")


def split_validation_data(value: Any) -> tuple[Any, Any]:
    """The rows and the targets of `validation_data`; raises InputError if it is no pair."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InputError("validation_data", "must be a pair (X, y)", got=show(value))
    return value[0], value[1]


def list_rows(values: Any, where: str, what: str) -> list[Any]:
    """The rows of any list, array, column or iterator; raises InputError for anything else."""
    shape = getattr(values, "shape", None)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or shape == ():
        raise InputError(where, f"must be a list of {what}", got=show(values))
    if what == "texts" and shape is not None and len(shape) != 1:
        do = "select the column of texts"
        raise InputError(where, f"must be a list of {what}", got=f"an array of shape {tuple(shape)}", do=do)
    return list(values)


def list_rows_of_strings(values: Any, where: str, what: str) -> list[list[str]]:
    """The lists of tokens or tags as lists; raises InputError for anything else."""
    rows = list_rows(values, where, f"{what} lists")
    return [_list_strings(row, f"{where}[{index}]", f"{what}s") for index, row in enumerate(rows)]


def check_unicode(text: str, where: str) -> None:
    """Raise InputError for a text with half of a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = "has half of a surrogate pair, which is not valid text"
        raise InputError(where, wrong, got=ascii(text)[:80]) from error


def show(value: object) -> str:
    """A value as messages show it, with its type."""
    return f"{shorten(str(value))} ({type(value).__name__})"


def _list_strings(row: Any, where: str, what: str) -> list[str]:
    texts = list(row) if isinstance(row, Iterable) and not isinstance(row, str | bytes) else None
    if texts is None or not all(isinstance(each, str) for each in texts):
        raise InputError(where, f"must be a list of {what}", got=show(row))
    return [str(each) for each in texts]
