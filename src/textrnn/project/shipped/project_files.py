"""The files of the repository that the package carries, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILES = Path(__file__).with_name("files")
GRAPH = FILES / "graph.yaml"  # dvc.yaml: under that name DVC would take it for one more part of the checkout's graph
PARAMS = FILES / "params.yaml"
DVCIGNORE = FILES / "dvcignore.txt"
SCRIPTS = FILES / "pipeline"
PLOT_TEMPLATES = FILES / "plots"  # those of plots that DVC has none for

LIBRARY_PREFIX = "src/textrnn/"  # of the library's packages in the deps of the graph


def read_stages() -> dict[str, Any]:
    """The stages of the repository's graph by name; those with an entry each are the value of their `do`."""
    stages = YAML(typ="safe").load(GRAPH.read_text(encoding="utf-8"))["stages"]
    return {name: definition.get("do", definition) for name, definition in stages.items()}
