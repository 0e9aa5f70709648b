"""Makes the dvc.yaml of a project from the repository's own, so that the two cannot differ in a stage."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from textrnn.names import check_name
from textrnn.project.shipped.project_files import GRAPH, LIBRARY_PREFIX, PLOT_TEMPLATES

CODE = "data/code"  # the folder of fingerprints
LEFT_OUT = "sample"  # the stage that generates corpora: a project has its own
CHECKED, STUDY = "data/checked.json", "study/"
ARTIFACTS = "# What the models are, for a registry: `dvc artifacts get`.\n"
HEAD = """\
# The stages of textrnn, one for each entry of params.yaml's tables; `textrnn init` wrote this file.
# `check` runs each time: it checks params.yaml and writes, for each stage, the hashes of the installed code that the
# stage runs. A stage depends on that file, so a new version of textrnn runs again what it changes, and nothing else.
"""


def project_stages() -> list[str]:
    """The names of a project's stages, in the order of the graph."""
    return list(_read_graph()["stages"])


def project_graph(artifact: str, description: str, labels: Sequence[str]) -> str:
    """The text of dvc.yaml: the repository's stages, whose deps on packages are deps on their fingerprints.

    artifact: the recipe whose model is listed for a registry, with its description and labels.
    Raises UserError for a name that no recipe may have.
    """
    check_name(artifact, "artifacts", "an artifact")
    graph = _read_graph()
    stages = graph["stages"]
    for name, definition in stages.items():
        body = definition.get("do", definition)
        deps = [dep for dep in body["deps"] if not dep.startswith((LIBRARY_PREFIX, CHECKED, STUDY))]
        if name == "check":
            body.insert(1, "always_changed", True)
            body["outs"].insert(0, CODE)
        else:
            deps.insert(deps.index(f"pipeline/{name}.py") + 1, f"{CODE}/{name}.json")
        del body["deps"][:]
        body["deps"].extend(deps)
    graph["artifacts"] = {
        artifact: {"path": f"models/{artifact}", "type": "model", "desc": description, "labels": list(labels)}
    }
    return HEAD + _dump(graph).replace("\nartifacts:", f"\n{ARTIFACTS}artifacts:")


def plot_templates(graph: str) -> dict[str, str]:
    """The plot templates of the repository that a graph names, by file name; without one, `dvc plots` fails."""
    paths = (path for path in sorted(PLOT_TEMPLATES.glob("*.json")) if f"template: {path.stem}," in graph)
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def _read_graph() -> Any:
    text = GRAPH.read_text(encoding="utf-8")
    body = "stages:\n" + text.partition("\nstages:\n")[2].partition("\n# What the models are")[0]
    graph = _yaml().load(body)
    del graph["stages"][LEFT_OUT]
    return graph


def _dump(graph: Mapping[str, Any]) -> str:
    out = io.StringIO()
    _yaml().dump(graph, out)
    return out.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
