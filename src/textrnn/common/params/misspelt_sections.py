"""Reads misspelt sections of params.yaml as what they resemble, so that a misspelling is one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.common.params.conversion import most_similar


def as_meant(
    params: Mapping[str, Any], known: Sequence[str], entry_keys: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The params with each misspelt section under the name that it resembles, so that it is not missing as well.

    known: the names of sections and tables. entry_keys: by table, the keys of its entries.
    """
    meant: dict[str, Any] = _renamed(params, known)
    for table, names in entry_keys.items():
        if isinstance(entries := meant.get(table), Mapping):
            meant[table] = {key: _renamed(entry, names) for key, entry in entries.items()}
    return meant


def _renamed(values: Any, known: Sequence[str]) -> Any:
    """The values with the known keys that their unknown keys resemble, where these are not there; others as is."""
    if not isinstance(values, Mapping):
        return values
    similar = {key: most_similar(str(key), list(known)) for key in values if key not in known}
    return {similar.get(key) if similar.get(key) not in (None, *values) else key: values[key] for key in values}
