"""nltk's Punkt sentence model, learned from texts or read from a published folder, as plain tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textrnn.errors import UserError

# name and columns
PUNKT_FILES = {"abbrev_types.txt": 1, "collocations.tab": 2, "ortho_context.tab": 2, "sent_starters.txt": 1}


def learn_punkt(texts: Iterable[str]) -> dict[str, Any]:
    """A sentence model from texts, by nltk's PunktTrainer (Kiss and Strunk 2006), as its four tables."""
    from nltk.tokenize.punkt import PunktTrainer

    trainer = PunktTrainer("\n".join(texts))
    return _punkt_tables(trainer.get_params())


def load_punkt(folder: Path) -> dict[str, Any]:
    """A published sentence model (a `punkt_tab` language folder) as its four tables.

    The files are read here: some versions of nltk's own reader take no plain path.
    Raises UserError for a missing or damaged file.
    """
    abbreviations, collocations, contexts, starters = (_read_tab(folder / name, n) for name, n in PUNKT_FILES.items())
    try:
        flags = {word: int(value) for word, value in sorted(contexts)}
    except ValueError as error:
        raise UserError(folder / "ortho_context.tab", "holds something that is no number", got=error) from error
    return {
        "abbrev_types": sorted(row[0] for row in abbreviations),
        "collocations": sorted(collocations),
        "sent_starters": sorted(row[0] for row in starters),
        "ortho_context": flags,
    }


def _read_tab(path: Path, columns: int) -> list[list[str]]:
    if not path.is_file():
        raise UserError(path, "no such file of a Punkt model", do="give data.punkt and the model's name")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(path, "is not UTF-8", got=error) from error
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns:
            raise UserError(f"{path}, line {number}", f"must have {columns} columns, parted by tabs", got=len(row))
    return rows


def _punkt_tables(parameters: Any) -> dict[str, Any]:
    return {
        "abbrev_types": sorted(parameters.abbrev_types),
        "collocations": sorted([first, second] for first, second in parameters.collocations),
        "sent_starters": sorted(parameters.sent_starters),
        "ortho_context": dict(sorted(parameters.ortho_context.items())),
    }
