"""Writes a project of one's own: params.yaml, the graph, the scripts of its stages, and the data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from textrnn.common.params.check import check_params
from textrnn.common.params.entry_names import check_entry_name
from textrnn.errors import UserError, plural
from textrnn.names import path_of
from textrnn.project.creation.choices import Choice, choose, held_out
from textrnn.project.creation.graph import CODE, plot_templates, project_graph, project_stages
from textrnn.project.creation.new_paths import NewPaths
from textrnn.project.creation.params_text import SOURCE, Entry, params_text, shipped_recipe
from textrnn.project.creation.readme_text import readme_text
from textrnn.project.creation.version_control import (
    check_version_control,
    start_version_control,
    unstage,
    written_paths,
)
from textrnn.project.inspection.raw_file import RawFile
from textrnn.project.inspection.summary import FileSummary
from textrnn.project.shipped.project_files import DVCIGNORE

INPUT_FOLDERS = {
    "data/vectors": "Files of word vectors; `embed.vectors` in params.yaml names one of them.\n",
    "data/punkt": "Models of nltk's Punkt; `segment.punkt` in params.yaml names one of them.\n",
}
GITIGNORE = """\
.venv/
__pycache__/
.textrnn*/
# what stages write, and what DVC keeps
/data/*
!/data/raw/
!/data/vectors/
!/data/punkt/
/data/vectors/*
/data/punkt/*
!/data/*/README.md
/models/
/logs/
/reports/
/dvc_plots/
"""
SCRIPT = '''\
"""Runs the script `{name}` of the installed textrnn."""

from textrnn.project.shipped.stage_scripts import run_script

run_script("{name}")
'''
CHECK_SCRIPT = '''\
"""Stage `check`: checks params.yaml, and writes the hashes of the installed code that the other stages depend on."""

from pathlib import Path

from textrnn.project.shipped.fingerprints import write_fingerprints
from textrnn.project.shipped.stage_scripts import run_script

run_script("check")
write_fingerprints(Path("{folder}"))
'''
OTHER_SCRIPTS = ("table", "rates")  # no stages: they print the results, and a learning-rate range test


@dataclass(frozen=True)
class ProjectNames:
    """The names of the three entries of a project."""

    corpus: str
    encoding: str
    recipe: str


def create_project(folder: Path, file: RawFile, summary: FileSummary, name: str) -> ProjectNames:
    """Write a project around a copy of the file into a folder that has none yet; return the names of its entries.

    name: of the corpus. Raises UserError, before anything is written, if the folder has a file that the project would
    write, or git is missing or ignores the folder. After any other error all that was written is removed, and nothing
    else.
    """
    check_entry_name(name, "--name")
    choice = choose(summary)
    names = ProjectNames(name, f"{name}_{choice.suffixes[0]}", f"{name}_{choice.suffixes[1]}")
    files = _files(names, choice, file, summary)
    check_params(YAML(typ="safe", pure=True).load(files["params.yaml"]))
    raw = path_of(Path(SOURCE), name)
    for path in (*files, ".dvc", str(raw), f"{raw}.dvc"):
        if os.path.lexists(folder / path):
            raise UserError(folder, f"has a {path} already", do="name another folder, or one without a project")
    check_version_control(folder)
    paths: list[str | Path] = [*files, raw / file.path.name, *written_paths(raw)]
    new = NewPaths((folder / path).absolute() for path in paths)
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / raw).mkdir(parents=True)
        shutil.copyfile(file.path, folder / raw / file.path.name)
        start_version_control(folder, raw, list(files), plot_templates(files["dvc.yaml"]))
    except BaseException as error:
        new.remove()
        unstage(new.tops)
        if isinstance(error, OSError):
            raise UserError(folder, "cannot be written", got=error) from error
        raise
    return names


def _files(names: ProjectNames, choice: Choice, file: RawFile, summary: FileSummary) -> dict[str, str]:
    """The text of each file of the project, by its path."""
    corpus = Entry(names.corpus, plural(summary.rows, "row"), None, {"parse": _parse_section(file, summary)})
    sections = {"segment": choice.segment, "encode": choice.encode, "vectorize": choice.vectorize}
    sections = {name: values for name, values in sections.items() if values or name != "vectorize"}
    encoding = Entry(names.encoding, summary.language, ("corpus", names.corpus), sections)
    recipe = Entry(names.recipe, choice.reason, ("encoding", names.encoding), _recipe_sections(choice))
    task = "tagging" if summary.task == "tag" else "classification"
    scripts = {f"pipeline/{name}.py": SCRIPT.format(name=name) for name in (*project_stages(), *OTHER_SCRIPTS)}
    return {
        "params.yaml": params_text(corpus, encoding, recipe),
        "dvc.yaml": project_graph(names.recipe, f"{choice.reason}; of {names.corpus}", [task, names.corpus]),
        **scripts,
        "pipeline/check.py": CHECK_SCRIPT.format(folder=CODE),
        ".dvcignore": _dvcignore(),
        ".gitignore": GITIGNORE,
        "README.md": readme_text(names.corpus, names.recipe, file.path.name),
        **{f"{folder}/README.md": text for folder, text in INPUT_FOLDERS.items()},
    }


def _parse_section(file: RawFile, summary: FileSummary) -> dict[str, Any]:
    split = held_out(summary)
    if file.settings.format == "table" and file.settings.table.group is not None:
        split["block"] = 1  # the groups say what stays together
    section = {**file.section, "test": split, "dev": split}
    rejected = sum(summary.rejected.values())
    return section | ({"max_rejects": rejected} if rejected else {})


def _recipe_sections(choice: Choice) -> dict[str, dict[str, Any]]:
    """The template's sections with the values of the choice; one that is null there is left to the default."""
    sections: dict[str, dict[str, Any]] = {}
    for name, values in shipped_recipe(choice.template).items():
        own: Mapping[str, Any] = choice.recipe.get(name, {})
        sections[name] = {key: value for key, value in {**values, **own}.items() if key not in own or value is not None}
    return sections


def _dvcignore() -> str:
    """The repository's own patterns, without those of folders that a project has not."""
    paragraphs = DVCIGNORE.read_text(encoding="utf-8").split("\n\n")
    kept = [part for part in paragraphs if "/src/" not in part]
    return "\n\n".join(kept).replace("study/shown/README.md\n", "").rstrip("\n") + "\n"
