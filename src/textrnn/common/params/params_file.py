"""Reads a file of params as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textrnn.common.params.entry_names import invalid_names
from textrnn.common.params.moved_keys import refuse_old_layout
from textrnn.errors import ErrorCollector, UserError

PARAMS_FILE = Path("params.yaml")
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
    key, or a value that is not what its tag says, and where ruamel.yaml is not installed.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run from the folder that holds params.yaml")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise UserError(path, f"must have at most {MAX_FILE_BYTES:,} bytes", got=f"{size:,}")
    try:
        from textrnn.common.params.plain_yaml import load_yaml
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ruamel":
            raise
        wrong = "cannot be read without the package ruamel.yaml"
        raise UserError(path, wrong, do="install the packages of requirements-gpu.txt") from error
    values = load_yaml(path)
    if not isinstance(values, dict):
        raise UserError(path, "must be a mapping of sections", got=type(values).__name__)
    return values
