"""Projects of a test's own: a copy of this checkout under git, with small params and a cache of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from factories.imports import ROOT
from factories.params import RECIPES
from textrnn.unfinished import PRIVATE

STUDY = "study/dvc.yaml"  # its stages would be read by each command of DVC, which takes most of a second
LEFT_OUT = ("tests/", "docs/", "benchmarks/", "metrics/", "dvc.lock", "study/records/", "study/dvc.lock")
WRITTEN = ("data", "models", "metrics", "reports")  # the folders of outputs; logs/ holds seconds, which always differ
WITH_TIMES = Path("reports/run.html")  # the report with seconds, which is no output
TAGGER = "ner_bilstm_crf"
RECIPE = "names_gru"  # the recipe that tests run where one is enough
GOAL = f"evaluate@{RECIPE}"
KEPT_MODEL = ".kept"  # how its folder ends
SMALL: dict[str, Any] = {
    "sample.rows": 300,
    "limits.epochs": 1,
    "limits.hidden_size": 8,
    "recipes.ner_gru.model.head_size": 8,
    **{f"recipes.{recipe}.embed.width": 8 for recipe in RECIPES if recipe != TAGGER},
    # the tagger's embeddings are as wide as the vectors that are learned for it
    **{f"encodings.msra_bioes.vectorize.{name}": 8 for name in ("width", "bigrams.width", "words.width")},
    **{f"recipes.{TAGGER}.model.{name}.width": 8 for name in ("bigrams", "words")},
}


def make_project(folder: Path, changes: Mapping[str, Any] = SMALL, *, study: bool = False) -> Path:
    """A fresh clone, as it were, into the new folder: what git has or would take, nothing that stages wrote.

    study: with the graph of the study too.
    """
    left_out = LEFT_OUT if study else (*LEFT_OUT, STUDY)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if not name.startswith(left_out) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    set_params(folder, changes)
    run(folder, "git", "init", "-q")
    run(folder, "git", "config", "user.name", "tests")
    run(folder, "git", "config", "user.email", "tests@localhost")
    commit(folder)
    return folder


def use_pools(project: Path) -> None:
    """Have shards go to a pool of processes, which so few rows are not worth."""
    module = project / "src" / "textrnn" / "common" / "executor" / "tasks.py"
    source = module.read_text(encoding="utf-8")
    assert source.count("MIN_ROWS_FOR_POOL = 50_000\n") == 1
    module.write_text(source.replace("MIN_ROWS_FOR_POOL = 50_000\n", "MIN_ROWS_FOR_POOL = 0\n"), encoding="utf-8")


def commit(project: Path) -> None:
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-q", "-m", "as it stands")


def set_params(project: Path, changes: Mapping[str, Any]) -> None:
    """Values by dotted name into params.yaml, the rest of it as it was; a new last name is added."""
    yaml, path = YAML(), project / "params.yaml"
    yaml.width = 1000
    params = yaml.load(path.read_text(encoding="utf-8"))
    for dotted, value in changes.items():
        *parents, leaf = dotted.split(".")
        at = params
        for key in parents:
            at = at[key]
        at[leaf] = value
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def environment(project: Path, **extra: str) -> dict[str, str]:
    """What commands see: this Python first on the path, nothing of the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTRNN_", "DVC_", "GIT_"))}
    own = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(project.with_name(f"{project.name}.site")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "OMP_NUM_THREADS": "1",  # the models are too small to gain by more
        "TEXTRNN_WORKERS": "1",
    }
    return {**kept, **own, **extra}


def run(project: Path, *command: str, code: int = 0, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, `extra` added to its environment; fails the test unless it exits with `code`."""
    done = subprocess.run(
        command, cwd=project, env=environment(project, **extra), capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def dvc(project: Path, *arguments: str, code: int = 0, **extra: str) -> str:
    """What a dvc command says."""
    done = run(project, "dvc", *arguments, code=code, **extra)
    return done.stdout + done.stderr


def stages_run(said: str) -> list[str]:
    """The stages that dvc ran, in order, from what it said; `check`, which every change of params runs, left out."""
    return [stage for stage in re.findall(r"^Running stage '(.+)':", said, flags=re.MULTILINE) if stage != "check"]


def read_json(project: Path, name: str) -> Any:
    """A JSON file of the project; for a folder its statistics."""
    path = project / name
    return json.loads((path / "statistics.json" if path.is_dir() else path).read_text(encoding="utf-8"))


def written(project: Path) -> dict[str, str]:
    """SHA-256 by path of all that stages have written, half-written folders of a dotted name included.

    The models that `train` keeps in its private folder and the report with seconds are no outputs, and are left out.
    """
    found = {}
    for path in (path for name in WRITTEN for path in (project / name).rglob("*")):
        if is_kept_model(path, project) or path == project / WITH_TIMES:
            continue
        if path.is_file():
            found[str(path.relative_to(project))] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name.startswith("."):
            found[str(path.relative_to(project))] = "a folder"
    return found


def is_kept_model(path: Path, project: Path) -> bool:
    """Whether a path is, or lies in, a trained model that is kept for renamed labels, or is a folder of such alone."""
    private = project / "models" / PRIVATE
    if path == private:
        return {each.suffix for each in private.iterdir()} == {KEPT_MODEL}
    return private in path.parents and path.relative_to(private).parts[0].endswith(KEPT_MODEL)
