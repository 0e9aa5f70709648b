"""Copies an entry of params.yaml under another name; every other byte of the file stays, comments too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from textrnn.common.params.conversion import suggest
from textrnn.common.params.entry_names import check_entry_name
from textrnn.common.params.params_file import read_params
from textrnn.common.params.project_check import check_project
from textrnn.errors import UserError, show_value
from textrnn.stage import TABLES, output_file

# the key of an entry that names an entry of another table, by the kind of both
REFERENCES = {"recipe": ("encoding", "encoding"), "encoding": ("corpus", "corpus")}

LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029]|$)")


def copy_entry(path: Path, kind: str, name: str, source: str, reference: str | None) -> None:
    """Write a copy of the entry `source` behind it, and check the file that results, which is written if it is valid.

    kind: `corpus`, `encoding` or `recipe`. reference: the encoding of the new recipe, or the corpus of the new
    encoding; None keeps that of the source. Raises UserError for a name that is taken or unknown, and for what
    `textrnn check` refuses.
    """
    table = TABLES[kind]
    check_entry_name(name, table)
    params = read_params(path)
    entries = params.get(table)
    if not isinstance(entries, dict):
        raise UserError(table, "must be a mapping of named entries", do="see `textrnn check`")
    if name in entries:
        raise UserError(f"{table}.{name}", "is there already", do="give another name")
    if source not in entries:
        raise UserError(f"{table}.{source}", "no such entry", do=suggest(source, entries))
    if not isinstance(entries[source], dict):
        raise UserError(f"{table}.{source}", "must be a mapping", got=show_value(entries[source]))
    text = path.read_bytes().decode()  # line ends as they are
    new = _insert_copy(text, table, name, source)
    if reference is not None:
        key, other = REFERENCES[kind]
        known = params.get(TABLES[other])
        if isinstance(known, dict) and reference not in known:
            raise UserError(f"{TABLES[other]}.{reference}", "no such entry", do=suggest(reference, known))
        if key not in entries[source]:
            raise UserError(f"{table}.{source}", f"has no {key}", do="see `textrnn check`")
        new = _set_value(new, (table, name, key), reference)
    with output_file(path) as temporary:
        temporary.write_bytes(new.encode())
        check_project(read_params(temporary), path.parent)


def _insert_copy(text: str, table: str, name: str, source: str) -> str:
    """The text with the lines of an entry twice, the second time under the new name."""
    lines, entries = _lines(text), _load(text)[table]
    if entries.fa.flow_style():
        raise UserError(table, "is written in braces", do="write each entry of it on lines of its own")
    first, indent = entries.lc.key(source)
    end = first + 1
    while end < len(lines) and _is_inside(lines[end], indent):
        end += 1
    while _is_between(lines[end - 1], indent):
        end -= 1
    block = lines[first:end]
    block[-1] = block[-1].rstrip("\r\n") + ("\r\n" if "\r\n" in text else "\n")
    return "".join([*lines[:first], *block, _rename(block[0], source, name), *block[1:], *lines[end:]])


def _rename(line: str, old: str, new: str) -> str:
    """The first line of an entry with another name; its comment keeps its column where there is room."""
    before, sign, comment = line.replace(old, new, 1).partition("#")
    if not sign:
        return before
    column = max(line.index("#"), len(before.rstrip()) + 2)
    return f"{before.rstrip():<{column}}#{comment}"


def _is_inside(line: str, indent: int) -> bool:
    """Whether a line may be of an entry whose name is indented so far: it has no value, or is indented further."""
    return line.strip()[:1] in ("", "#") or _indent(line) > indent


def _is_between(line: str, indent: int) -> bool:
    """Whether a last line parts the entry from the next: it is blank, or a comment that is indented no further."""
    return not line.strip() or (line.lstrip().startswith("#") and _indent(line) <= indent)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines(text: str) -> list[str]:
    """The lines with their ends, as YAML counts them."""
    return [match[0] for match in LINE.finditer(text) if match[0]]


def _set_value(text: str, keys: tuple[str, str, str], value: str) -> str:
    """The text with another plain value under the keys."""
    table, entry, key = keys
    values = _load(text)[table][entry]
    line, column = values.lc.value(key)
    lines = _lines(text)
    before, after = lines[line][:column], lines[line][column:]
    lines[line] = before + re.sub(r"^[^\s,}#]+", lambda _: value, after)
    return "".join(lines)


def _load(text: str) -> Any:
    return YAML().load(text)
