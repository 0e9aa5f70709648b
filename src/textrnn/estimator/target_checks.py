"""Checks the labels and the tags that an estimator is given; tags of any scheme become BIO."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np

from textrnn.estimator.input_checks import InputError, check_unicode, list_rows, list_rows_of_strings, show
from textrnn.preparation.parsing.formats.bio import foreign_tag
from textrnn.preparation.parsing.formats.entity_tags import EDGE, find_converter

NUMBERS = {"int", "float"}  # numpy has one type for both


def check_tag_lists(values: Any, tokens: Sequence[Sequence[str]], where: str) -> list[list[str]]:
    """The tags in BIO, a list for each list of tokens and as long; their scheme is found as that of a file is.

    Raises InputError for anything else, and for a tag that is not of the scheme.
    """
    rows = list_rows_of_strings(values, where, "tag")
    check_same_length(tokens, rows, where)
    for index, (row, tagged) in enumerate(zip(rows, tokens, strict=True)):
        if len(row) != len(tagged):
            raise InputError(f"{where}[{index}]", f"must have a tag for each of {len(tagged)} tokens", got=len(row))
        check_unicode("".join(row), f"{where}[{index}]")
    converter = find_converter(Counter(pair for row in rows if row for pair in pairwise([EDGE, *row, EDGE])))
    for index, row in enumerate(rows):
        wrong = next((tag for tag in row if tag == EDGE or converter.parse(tag) is None), None)
        if wrong is not None:
            reject = foreign_tag(index, wrong, converter.scheme)
            raise InputError(f"{where}[{index}]", f"has {reject.reason}", got=reject.got)
    return [converter.to_bio(row)[0] for row in rows]


def check_labels(values: Any, texts: Sequence[object], where: str) -> np.ndarray:
    """The labels as an array (N,), one for each text; raises InputError for anything else."""
    from sklearn.utils.multiclass import type_of_target

    if values is None:
        raise InputError(where, "requires y to be passed, but the target y is None")
    rows = _list_labels(values, where)
    check_same_length(texts, rows, where)
    # before numpy makes one type of them, in which a missing label is the text `nan` and the number 1 the text `1`
    kinds = {_check_label(label, f"{where}[{index}]") for index, label in enumerate(rows)}
    if len(kinds) > 1 and kinds != NUMBERS:
        raise InputError(where, "must have labels of one type", got=", ".join(sorted(kinds)))
    labels = np.asarray(rows)
    if len(labels) and (kind := type_of_target(labels)) not in ("binary", "multiclass"):
        raise InputError(where, f"Unknown label type: {kind}; must be a list of classes")
    return labels


def check_same_length(rows: Sequence[object], targets: Sequence[object], where: str) -> None:
    """Raise InputError if there is not one target for each row."""
    if len(rows) != len(targets):
        raise InputError(where, f"must have one entry for each of the {len(rows)} rows of X", got=len(targets))


def _list_labels(values: Any, where: str) -> list[Any]:
    """The labels of any list, array, column or iterator; a table of one column is a list of its values."""
    if hasattr(values, "__array__") and not isinstance(values, np.ma.MaskedArray):
        values = np.asarray(values)  # the rows of a data frame, which itself lists its columns
    rows = list_rows(values, where, "labels")
    nested = [row for row in rows if isinstance(row, list | tuple) or getattr(row, "ndim", False)]
    if not nested:
        return rows
    if len(nested) == len(rows) and all(len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    raise InputError(where, "must be a list of labels", got=f"a list of {show(nested[0])}")


def _check_label(label: Any, where: str) -> str:
    """The kind of a label; raises InputError if it is missing or nothing that can be a class."""
    if isinstance(label, str):
        check_unicode(label, where)
        return "str"
    if isinstance(label, bool | np.bool_):
        return "bool"
    if isinstance(label, Integral):
        return "int"
    if isinstance(label, Real) and math.isfinite(label):
        return "float"
    if _is_missing(label):
        raise InputError(where, "has no label", got=str(label))
    raise InputError(where, "must be a text, a finite number or a bool", got=show(label))


def _is_missing(label: Any) -> bool:
    """Whether a label is None, NaN, or what numpy or pandas have for a missing value."""
    if label is None or label is np.ma.masked:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return type(label).__name__ == "NAType"  # pandas' NA is neither equal to itself nor not
