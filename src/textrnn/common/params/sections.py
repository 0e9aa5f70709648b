"""Gets the sections of params.yaml as checked dataclasses; an entry's own values take precedence over the defaults.

No stage but `check` depends on this package: DVC tracks the values themselves, and nothing is computed from them here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Protocol, TypeVar

from textrnn.common.params.conversion import convert_values, suggest
from textrnn.common.params.partial_check import errors_whatever_is_meant
from textrnn.errors import ErrorCollector, UserError, show_value


class CheckedSection(Protocol):
    """A dataclass of a section, which refuses values that its types allow and that have no meaning."""

    def check(self, where: str) -> None:
        """Raise UserError; `where` is the dotted name of the section."""


Checked = TypeVar("Checked", bound=CheckedSection)


# An entry may leave these out. DVC cannot depend on a section that may be missing, so their stages depend on the entry.
OPTIONAL_SECTIONS = ("vectorize",)


def get_param(params: Mapping[str, Any], *keys: str) -> Any:
    """The value under the keys. Raises UserError for an unknown key and suggests the most similar known one."""
    value: Any = params
    for depth, key in enumerate(keys):
        dotted = ".".join(map(str, keys[: depth + 1]))  # a name from the file may be a number
        if not isinstance(value, Mapping):
            raise UserError(dotted, "its parent must be a mapping", got=show_value(value))
        if not isinstance(key, Hashable) or key not in value:
            raise UserError(dotted, "no such entry", do=suggest(str(key), value))
        value = value[key]
    return value


def load_section(cls: type[Checked], params: Mapping[str, Any], name: str) -> Checked:
    """The section of this name as an instance of its dataclass. Raises UserError for an invalid key or value."""
    with ErrorCollector() as errors:
        values = convert_values(cls, get_param(params, name), name, errors)
        section = values.build(cls, name, errors)
        if section is not None:
            with errors.collect():
                section.check(name)
        else:
            errors.errors += errors_whatever_is_meant(cls, values, {}, name)
    assert section is not None  # else there were errors
    return section


def load_entry_section(cls: type[Checked], params: Mapping[str, Any], table: str, entry: str, name: str) -> Checked:
    """The section `name` of an entry of a table, merged over the defaults, as an instance of its dataclass.

    A value of the entry takes the place of the default as a whole, also if both are mappings. Raises UserError for an
    invalid key or value; a default of the wrong type is named as such.
    """
    where = f"{table}.{entry}.{name}"
    own = get_entry_section(params, table, entry, name)
    hint = f"; `-S ++{where}.<name>=<value>` sets a param that the entry does not state"
    with ErrorCollector() as errors:
        defaults = convert_values(cls, get_param(params, name), name, errors)
        merged = convert_values(cls, own, where, errors, hint).merged_over(defaults)
        section = merged.build(cls, where, errors)
        if section is not None:
            with errors.collect():
                section.check(where)
        else:
            errors.errors += errors_whatever_is_meant(cls, merged, defaults.values, where)
    assert section is not None  # else there were errors
    return section


def get_entry_section(params: Mapping[str, Any], table: str, entry: str, name: str) -> Mapping[str, Any]:
    """The own values of an entry's section; none for one of OPTIONAL_SECTIONS that the entry leaves out.

    Raises UserError if the entry lacks any other section: DVC cannot depend on it then.
    """
    values = get_param(params, table, entry)
    if not isinstance(values, Mapping):
        raise UserError(f"{table}.{entry}", "must be a mapping", got=show_value(values))
    if name in OPTIONAL_SECTIONS and name not in values:
        return {}
    if not isinstance(values.get(name), Mapping):
        wrong = "must be a mapping" if name in values else "missing section"
        got = show_value(values[name]) if name in values else None
        do = f"write `{name}: {{}}` where nothing differs from the defaults"
        raise UserError(f"{table}.{entry}.{name}", wrong, got=got, do=do)
    section: Mapping[str, Any] = values[name]
    return section


def merge_values(params: Mapping[str, Any], table: str, entry: str, name: str) -> dict[str, Any]:
    """The plain values of an entry's section, merged over the defaults as `load_entry_section` does."""
    defaults = get_param(params, name)
    if not isinstance(defaults, Mapping):
        raise UserError(name, "must be a mapping", got=show_value(defaults))
    return {**defaults, **get_entry_section(params, table, entry, name)}
