"""Loads YAML as plain values: no anchors, aliases and merge keys, and no value that is not what its tag says.

Imported where a file is read, so that only what reads params needs ruamel.yaml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent
from ruamel.yaml.nodes import Node, ScalarNode

from textrnn.errors import UserError, shorten

MERGE_KEY = "<<"


def load_yaml(path: Path) -> Any:
    """The values of a file, read as YAML 1.2. Raises UserError if it is no YAML or has what is refused."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor = _PlainComposer, _PlainConstructor
    try:
        return yaml.load(path.read_text(encoding="utf-8"))
    except _SharedValueError as error:
        wrong = (
            "has a YAML anchor, alias or merge key; `-S` would change the value where it was first written, not here"
        )
        raise UserError(f"{path}, line {error.line}", wrong, got=error.text, do="write the value out") from error
    except RecursionError as error:
        raise UserError(path, "is nested too deeply", do="write it as in the documentation") from error
    except (YAMLError, ValueError) as error:  # ValueError: bytes that are not UTF-8, an invalid date
        raise UserError(path, "is not readable as YAML", got=_describe(error)) from error


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
