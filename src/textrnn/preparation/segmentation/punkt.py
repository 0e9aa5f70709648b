"""Learn nltk's Punkt sentence model from texts, or read a published one, as plain tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textrnn.errors import UserError, plural

# number of columns by file name
PUNKT_FILES = {"abbrev_types.txt": 1, "collocations.tab": 2, "ortho_context.tab": 2, "sent_starters.txt": 1}


def learn_punkt(texts: Iterable[str]) -> dict[str, Any]:
    """Learn a sentence model from texts with nltk's PunktTrainer (Kiss and Strunk 2006); return its four tables."""
    from nltk.tokenize.punkt import PunktTrainer

    trainer = PunktTrainer("\n".join(texts))
    return _punkt_tables(trainer.get_params())


def load_punkt(folder: Path) -> dict[str, Any]:
    """Read a published sentence model (a `punkt_tab` language folder); return its four tables.

    The files are read here because some versions of nltk's own reader do not accept a plain path.
    Raises UserError for a missing or damaged file.
    """
    abbreviations, collocations, contexts, starters = (_read_tab(folder / name, n) for name, n in PUNKT_FILES.items())
    try:
        flags = {word: int(value) for word, value in sorted(contexts)}
    except ValueError as error:
        raise UserError(folder / "ortho_context.tab", "contains a value that is not a number", got=error) from error
    return {
        "abbrev_types": sorted(row[0] for row in abbreviations),
        "collocations": sorted(collocations),
        "sent_starters": sorted(row[0] for row in starters),
        "ortho_context": flags,
    }


def _read_tab(path: Path, columns: int) -> list[list[str]]:
    """Read a file of lines with this many columns, separated by tabs."""
    if not path.is_file():
        raise UserError(path, "no such file of a Punkt model", do="check data.punkt and the name of the model")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(path, "is not UTF-8", got=error) from error
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns:
            raise UserError(
                f"{path}, line {number}", f"must have {plural(columns, 'column')}, separated by tabs", got=len(row)
            )
    return rows


def _punkt_tables(parameters: Any) -> dict[str, Any]:
    return {
        "abbrev_types": sorted(parameters.abbrev_types),
        "collocations": sorted([first, second] for first, second in parameters.collocations),
        "sent_starters": sorted(parameters.sent_starters),
        "ortho_context": dict(sorted(parameters.ortho_context.items())),
    }
