"""The file formats: one module each, behind one interface."""

from __future__ import annotations

from textrnn.common.config.parse import Parse
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import bio, fasttext, headlines, names, table
from textrnn.preparation.parsing.formats.base import FileFormat

FORMATS: dict[str, FileFormat] = {  # the same names, in the same order, as textrnn.common.config.types.Format
    "headlines": headlines.FORMAT,
    "names": names.FORMAT,
    "bio": bio.FORMAT,
    "fasttext": fasttext.FORMAT,
    "table": table.FORMAT,
}


def find_format(name: str, where: str) -> FileFormat:
    """The format of that name. Raises UserError, naming the param `where`, if there is none."""
    if name not in FORMATS:
        raise UserError(where, f"must be one of {', '.join(FORMATS)}", got=repr(name))
    return FORMATS[name]


def format_of(settings: Parse) -> FileFormat:
    """The format of a corpus; a table is for classification or for tagging, as its columns say."""
    if settings.format == "table" and settings.table.tokens is not None:
        return table.TAGGING
    return find_format(settings.format, "parse.format")
