"""Gives a corpus a folder of its own: a link in the folder of all corpora, which DVC follows.

A param would not do: the graph's dep on the raw files names one folder for all corpora, and has no conditions.
"""

from __future__ import annotations

import os
from pathlib import Path

from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param
from textrnn.errors import UserError
from textrnn.names import path_of


def check_link(params_file: Path, corpus: str, folder: Path) -> None:
    """Raise UserError if the folder is not there, or if the corpus has files or a link already."""
    if not folder.is_dir():
        raise UserError(folder, "no such folder")
    link = source_folder(params_file, corpus)
    if link.exists() or link.is_symlink():
        raise UserError(link, "is there already", do="remove it, or give the corpus another name")


def link_source(params_file: Path, corpus: str, folder: Path) -> Path:
    """Make the link and return its path. A folder of the project is linked by a relative path, so that it can move."""
    link, project, target = source_folder(params_file, corpus), params_file.absolute().parent, folder.absolute()
    link.parent.mkdir(parents=True, exist_ok=True)
    inside = target.is_relative_to(project)
    link.symlink_to(os.path.relpath(target, link.absolute().parent) if inside else target)
    return link


def source_folder(params_file: Path, corpus: str) -> Path:
    """The folder of the files of a corpus."""
    return path_of(Path(get_param(read_params(params_file), "data", "source")), corpus)
