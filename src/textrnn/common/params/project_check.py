"""Checks params.yaml with the files that it names, so that a missing one is reported before any stage needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textrnn.common.params.check import check_params
from textrnn.common.params.conversion import suggest
from textrnn.common.params.entry_names import invalid_names
from textrnn.common.params.moved_keys import refuse_old_layout
from textrnn.common.params.params_file import PARAMS_FILE, read_values
from textrnn.common.params.sections import merge_values
from textrnn.errors import ErrorCollector, UserError, show
from textrnn.names import check_path

LEARNED = ("vectorized", "train")  # what these params may name in place of a file


def check_project_file(path: Path = PARAMS_FILE) -> None:
    """Raise UserError for all errors of a params.yaml, and for each file that it names and that is not there.

    In the layout of version 0.1 only the names of its entries are checked: nothing else is where it should be.
    """
    params = read_values(path)
    with ErrorCollector() as errors:
        with errors.collect():
            refuse_old_layout(params, path)
        if errors.errors:
            errors.errors += invalid_names(params)
    check_project(params, path.parent)


def check_project(params: Mapping[str, Any], project: Path = Path()) -> None:
    """Raise UserError for all errors of params.yaml, and for each file of vectors or Punkt model that is not there.

    project: the folder that holds params.yaml. Raw files are not looked for: a stage may generate them, and DVC names
    a missing one.
    """
    with ErrorCollector() as errors:
        with errors.collect():
            check_params(params)
        errors.errors += _missing_files(params, project)


def _missing_files(params: Mapping[str, Any], project: Path) -> Iterator[UserError]:
    data = params.get("data")
    for dotted, folder_name, name in _named_files(params):
        folder = data.get(folder_name) if isinstance(data, Mapping) else None
        if not isinstance(folder, str) or not isinstance(name, str) or name in LEARNED:
            continue  # an error of its own, or no file
        path = project / folder / name
        if not _can_be_a_file(folder) or not _can_be_a_file(name):
            continue  # likewise
        if not path.exists():
            present = [file.name for file in sorted(path.parent.glob("*"))] if path.parent.is_dir() else []
            do = suggest(path.name, present) if present else f"put it into {folder}"
            yield UserError(dotted, f"is not in data.{folder_name}, {folder}", got=show(name), do=do)


def _can_be_a_file(name: str) -> bool:
    with (errors := ErrorCollector()).collect():
        check_path(name, "")
    return not errors.errors


def _named_files(params: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The dotted name of each param that names a file, the folder of `data` that the file is in, and the value."""
    for recipe, embed in _sections(params, "recipes", "embed"):
        yield f"recipes.{recipe}.embed.vectors", "vectors", embed.get("vectors")
        lexicon = embed.get("lexicon")
        if isinstance(lexicon, Mapping):
            yield f"recipes.{recipe}.embed.lexicon.vectors", "vectors", lexicon.get("vectors")
    for encoding, segment in _sections(params, "encodings", "segment"):
        punkt = segment.get("punkt")
        if isinstance(punkt, Mapping):
            yield f"encodings.{encoding}.segment.punkt.model", "punkt", punkt.get("model")


def _sections(params: Mapping[str, Any], table: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A section of each entry of a table over the defaults; those that cannot be read have errors of their own."""
    entries = params.get(table)
    for entry in entries if isinstance(entries, Mapping) else ():
        try:
            values = merge_values(params, table, entry, name)
        except UserError:
            continue
        yield entry, values
