"""Reads a file of params as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent
from ruamel.yaml.nodes import Node, ScalarNode

from textrnn.common.params.entry_names import invalid_names
from textrnn.common.params.moved_keys import refuse_old_layout
from textrnn.errors import ErrorCollector, UserError, shorten

PARAMS_FILE = Path("params.yaml")
MERGE_KEY = "<<"
MAX_FILE_BYTES = 4 * 1024 * 1024  # some thousand recipes; YAML is slow


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read params.yaml.

    Raises UserError as `read_values` does, for the layout of version 0.1, and for names that no entry may have.
    """
    params = read_values(path)
    with ErrorCollector() as errors:
        errors.errors += invalid_names(params)
        with errors.collect():
            refuse_old_layout(params, path)
    return params


def read_values(path: Path) -> dict[str, Any]:
    """Read a whole file as plain values. It is read as YAML 1.2, in which `1e-05` is a number.

    Raises UserError if the file is missing or huge, is not a YAML mapping, has a duplicate key, an anchor or a merge
    key, or a value that is not what its tag says.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run from the folder that holds params.yaml")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise UserError(path, f"must have at most {MAX_FILE_BYTES:,} bytes", got=f"{size:,}")
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor = _PlainComposer, _PlainConstructor
    try:
        values = yaml.load(path.read_text(encoding="utf-8"))
    except _SharedValueError as error:
        wrong = (
            "has a YAML anchor, alias or merge key; `-S` would change the value where it was first written, not here"
        )
        raise UserError(f"{path}, line {error.line}", wrong, got=error.text, do="write the value out") from error
    except RecursionError as error:
        raise UserError(path, "is nested too deeply", do="write it as in the documentation") from error
    except (YAMLError, ValueError) as error:  # ValueError: bytes that are not UTF-8, an invalid date
        raise UserError(path, "is not readable as YAML", got=_describe(error)) from error
    if not isinstance(values, dict):
        raise UserError(path, "must be a mapping of sections", got=type(values).__name__)
    return values


class _SharedValueError(Exception):
    """A value that stands in one place of the file and is used in another."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line, self.text = line, text


class _PlainComposer(Composer):
    """Composes a document without anchors, aliases and merge keys, and refuses one that has them."""

    def compose_node(self, parent: Any, index: Any) -> Node:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _SharedValueError(line, f"*{event.anchor}")
        if getattr(event, "anchor", None) is not None:
            raise _SharedValueError(line, f"&{event.anchor}")
        if isinstance(event, ScalarEvent) and event.value == MERGE_KEY and event.style is None:
            raise _SharedValueError(line, MERGE_KEY)
        return super().compose_node(parent, index)


class _PlainConstructor(SafeConstructor):
    """Constructs the values of a document, and names the line of one that cannot be what its tag says."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
            kind = str(node.tag).rpartition(":")[2]
            if kind == "int":  # of too many digits
                raise _invalid(node, "whole number of 64 bits") from error
            raise _invalid(node, f"{kind}: {error}") from error
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise _invalid(node, "whole number of 64 bits")
        return value


def _invalid(node: Node, what: str) -> ConstructorError:
    value = shorten(node.value) if isinstance(node, ScalarNode) else "this"
    return ConstructorError(None, None, f"{value} is no {what}", node.start_mark)


def _describe(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {getattr(error, 'problem', error)}"
