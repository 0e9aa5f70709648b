"""Which names entries of params.yaml may have: they are part of paths, of names of stages and of commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textrnn.errors import ErrorCollector, UserError, require, shorten
from textrnn.names import check_name
from textrnn.stage import TABLES

IGNORED_BY_DVC = ("size", "nfiles")  # DVC's run cache ignores keys of these names and restores old outputs (dvc 10296)
YAML_VERSIONS = ((1, 2), (1, 1))  # 1.2 has `1e5`, 1.1 has words such as `yes`


def check_entry_name(name: str, where: str) -> None:
    """Raise UserError for a new name that no entry can have, or that YAML or DVC would take for something else."""
    check_name(name, where)
    if not is_text_name(name):
        wrong = "the name of an entry must not be a number, a date or a word that YAML or DVC reads otherwise"
        raise UserError(where, wrong, got=shorten(name), do=f"name it corpus_{name}, for example")


def is_text_name(name: str) -> bool:
    """Whether the bare name is a text in YAML, and no key that DVC does not track."""
    from ruamel.yaml import YAML  # here, as what trains imports this module and may have no YAML
    from ruamel.yaml.error import YAMLError

    for version in YAML_VERSIONS:
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        try:
            if yaml.load(f"{name}\n") != name:
                return False
        except (YAMLError, ValueError):  # ValueError: an invalid date
            return False
    return name not in IGNORED_BY_DVC


def invalid_names(params: Mapping[str, Any]) -> Iterator[UserError]:
    """An error for each entry, of any table, whose name may not become part of a path or a command."""
    for table in TABLES.values():
        entries = params.get(table)
        for name in entries if isinstance(entries, Mapping) else ():
            with (errors := ErrorCollector()).collect():
                require(isinstance(name, str), table, "the name of an entry must be text", name)
                check_name(name, table)
            yield from errors.errors


def ignored_keys(values: Any, where: str = "") -> Iterator[UserError]:
    """An error for each key that DVC would not track."""
    for key, value in values.items() if isinstance(values, Mapping) else ():
        if key in IGNORED_BY_DVC:
            yield UserError(f"{where}{key}", "DVC's run cache ignores the value of a key of this name", do="rename it")
        yield from ignored_keys(value, f"{where}{key}.")
