"""The section `data`: where the files that people bring lie, and the seed that splits them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Data:
    """Folders, and the seed of what parse draws.

    source: a folder with a folder of raw files for each corpus; vectors: files of word vectors; punkt: Punkt models.
    """

    source: str
    vectors: str
    punkt: str
    seed: int
