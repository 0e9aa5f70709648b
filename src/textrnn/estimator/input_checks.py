"""Checks what an estimator is given: texts or lists of tokens, labels or tags, and rows to validate on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from textrnn.errors import UserError, shorten

TAG = re.compile(r"O|[BI]-\S+")


class InputError(UserError, ValueError):
    """Data that an estimator cannot use; a ValueError too, which scikit-learn and its callers expect."""


def check_texts(values: Any, where: str) -> list[str]:
    """The texts as a list; raises InputError for what is no list of texts, and for half of a surrogate pair."""
    rows = _rows(values, where, "texts")
    for index, text in enumerate(rows):
        if not isinstance(text, str):
            raise InputError(f"{where}[{index}]", "must be a text", got=_shown(text))
        _check_unicode(text, f"{where}[{index}]")
    return [str(text) for text in rows]  # numpy's own class of texts too


def check_token_lists(values: Any, where: str) -> list[list[str]]:
    """The token lists as a list of lists; raises InputError for anything else, and for half of a surrogate pair."""
    rows = [
        _strings(row, f"{where}[{index}]", "tokens") for index, row in enumerate(_rows(values, where, "token lists"))
    ]
    for index, row in enumerate(rows):
        _check_unicode("".join(row), f"{where}[{index}]")
    return rows


def check_tag_lists(values: Any, tokens: Sequence[Sequence[str]], where: str) -> list[list[str]]:
    """The BIO tags, a list for each list of tokens and as long; raises InputError for anything else."""
    rows = [_strings(row, f"{where}[{index}]", "tags") for index, row in enumerate(_rows(values, where, "tag lists"))]
    check_same_length(tokens, rows, where)
    for index, (row, tagged) in enumerate(zip(rows, tokens, strict=True)):
        if len(row) != len(tagged):
            raise InputError(f"{where}[{index}]", f"must have a tag for each of {len(tagged)} tokens", got=len(row))
        wrong = next((tag for tag in row if not TAG.fullmatch(tag)), None)
        if wrong is not None:
            raise InputError(f"{where}[{index}]", "must have tags O, B-TYPE and I-TYPE alone", got=shorten(wrong))
    return rows


def check_labels(values: Any, texts: Sequence[object], where: str) -> np.ndarray:
    """The labels as an array (N,), one for each text; raises InputError for anything else."""
    from sklearn.utils.multiclass import type_of_target

    if values is None:
        raise InputError(where, "requires y to be passed, but the target y is None")
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
    if labels.ndim != 1:
        raise InputError(where, "must be a list of labels", got=f"an array of shape {labels.shape}")
    check_same_length(texts, labels, where)
    # before type_of_target, which says nothing of what is missing
    missing = [index for index, label in enumerate(labels.tolist()) if label is None or label != label]
    if missing:
        raise InputError(f"{where}[{missing[0]}]", "has no label", got=str(labels[missing[0]]))
    kinds = {type(label).__name__ for label in labels.tolist()}
    if labels.dtype == object and len(kinds) > 1:
        raise InputError(where, "must have labels of one type", got=", ".join(sorted(kinds)))
    if len(labels) and (kind := type_of_target(labels)) not in ("binary", "multiclass"):
        raise InputError(where, f"Unknown label type: {kind}; must be a list of classes")
    return labels


def check_same_length(rows: Sequence[object], targets: Sequence[object] | np.ndarray, where: str) -> None:
    """Raise InputError if there is not one target for each row."""
    if len(rows) != len(targets):
        raise InputError(where, f"must have one entry for each of the {len(rows)} rows of X", got=len(targets))


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
        raise InputError("validation_data", "must be a pair (X, y)", got=_shown(value))
    return value[0], value[1]


def _rows(values: Any, where: str, what: str) -> list[Any]:
    if values is None or isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InputError(where, f"must be a list of {what}", got=_shown(values))
    shape = getattr(values, "shape", None)
    if what == "texts" and shape is not None and len(shape) != 1:
        do = "select the column of texts"
        raise InputError(where, f"must be a list of {what}", got=f"an array of shape {tuple(shape)}", do=do)
    return list(values)


def _strings(row: Any, where: str, what: str) -> list[str]:
    texts = list(row) if isinstance(row, Iterable) and not isinstance(row, str | bytes) else None
    if texts is None or not all(isinstance(each, str) for each in texts):
        raise InputError(where, f"must be a list of {what}", got=_shown(row))
    return [str(each) for each in texts]


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = "has half of a surrogate pair, which is not valid text"
        raise InputError(where, wrong, got=ascii(text)[:80]) from error


def _shown(value: object) -> str:
    return f"{shorten(str(value))} ({type(value).__name__})"
