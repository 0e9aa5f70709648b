"""Where the inputs of runs lie: padded rows, the embedding, and what is said of them."""

from __future__ import annotations

from pathlib import Path

from textrnn.names import path_of

PADDED, EMBEDDED, INPUT_FACTS = "padded", "embedded", "inputs.json"  # in the folder of inputs


def inputs_folder(name: str) -> Path:
    """The folder of the inputs of this name."""
    return path_of(Path("data/study/inputs"), name)
