"""Training where nothing is installed but what requirements-gpu.txt names, as on a machine that was made for it."""

from __future__ import annotations

import json
import shutil
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from factories.bare_python import link_distributions, run_bare, with_required
from factories.docker import copy_as_image
from factories.imports import ROOT, SOURCE
from factories.recipes import SPLITS, TEXTS, prepare, run_script
from factories.requirements import read_requirements

YAML = "ruamel.yaml"
LISTED = list(read_requirements())
WITHOUT_YAML = [name for name in LISTED if name != YAML]
MODEL_FILES = ("model.safetensors", "config.json", "labels.json")
# `train` and `evaluate` without their scripts, which read params.yaml; then what was imported
LIBRARY = f"""
import json, sys
from pathlib import Path

sys.path.insert(0, {str(SOURCE)!r})
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.devices.device import pick_device
from textrnn.training.trainer.recipe import PreparedFiles, load_recipe
from textrnn.training.trainer.train_recipe import train_recipe

params = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
files, model = PreparedFiles.of_recipe("tiny", params), Path("model")
model.mkdir()
train_recipe(load_recipe("tiny", params, files), curves_file=Path("curves.csv")).save(model, files)
scores = metrics(evaluate(load_model(model, pick_device()), PaddedRows.read(files.padded), "test"))
Path("scores.json").write_text(json.dumps(scores))
"""
SCRIPT = """
import json, os, runpy, sys

sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
TELL = "\nprint(json.dumps(sorted(sys.modules)))\n"


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """The packages of the list."""
    return link_distributions(tmp_path_factory.mktemp("listed") / "packages", LISTED)


@pytest.fixture(scope="module")
def without_yaml(tmp_path_factory):
    """The packages of the list but the reader of params.yaml."""
    return link_distributions(tmp_path_factory.mktemp("without yaml") / "packages", WITHOUT_YAML)


def make_project(folder):
    """A folder with the params and the prepared data of the recipe `tiny`."""
    prepare(folder, {**SPLITS, "test": TEXTS[::2]})
    shutil.rmtree(folder / "encoded")  # which it was padded from
    return folder


def run(packages, *arguments, folder):
    """What a run has printed, which was to succeed without a word on stderr."""
    done = run_bare(packages, *arguments, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def script(stage):
    return str(ROOT / "pipeline" / f"{stage}.py")


def imported(output):
    """The names in the last line of a run, and the top-level ones of these."""
    names = set(json.loads(output.splitlines()[-1]))
    return names | {name.split(".")[0] for name in names}


def result(project):
    """The bytes of the model and the scores of test, from the scripts."""
    scores = json.loads((project / "data" / "evaluated" / "tiny" / "metrics.json").read_text())["test"]
    return [(project / "models" / "tiny" / name).read_bytes() for name in MODEL_FILES], scores


@pytest.fixture(scope="module")
def by_scripts(listed, without_yaml, tmp_path_factory):
    """What the two scripts have imported and made, `evaluate` without the reader of params.yaml."""
    project = make_project(tmp_path_factory.mktemp("scripts"))
    names = imported(run(listed, "-c", SCRIPT + TELL, script("train"), "tiny", folder=project))
    names_of_evaluate = imported(run(without_yaml, "-c", SCRIPT + TELL, script("evaluate"), "tiny", folder=project))
    return names, names_of_evaluate, result(project)


def test_nothing_else_is_there(listed, tmp_path):
    code = "import importlib.metadata as m, json; print(json.dumps([d.metadata['Name'] for d in m.distributions()]))"
    found = {canonicalize_name(name) for name in json.loads(run(listed, "-c", code, folder=tmp_path))}
    assert found == set(with_required(LISTED))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    # torch requires jinja2, and jinja2 markupsafe
    assert names & found == set(map(canonicalize_name, LISTED)) | {"jinja2", "markupsafe"}
    missing = ["polars", "scipy", "sklearn", "dvc", "jieba", "nltk", "pooch", "tqdm", "requests", "charset_normalizer"]
    code = f"from importlib.util import find_spec; print([name for name in {missing} if find_spec(name)])"
    assert run(listed, "-c", code, folder=tmp_path) == "[]\n"


def test_the_scripts_import_all_of_the_list_and_no_template(by_scripts):
    of_train, of_evaluate, _ = by_scripts
    assert of_train >= set(LISTED)
    assert of_evaluate >= set(WITHOUT_YAML) - {"filelock"}
    assert {"jinja2", "markupsafe"} & (of_train | of_evaluate) == set()


def test_the_result_is_that_of_an_environment_with_everything(by_scripts, tmp_path, monkeypatch):
    project = make_project(tmp_path)
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    for stage in ("train", "evaluate"):
        run_script(monkeypatch, project, f"{stage}.py", "tiny")
    assert result(project) == by_scripts[2]


def test_the_library_trains_and_scores_without_yaml(without_yaml, by_scripts, tmp_path):
    project = make_project(tmp_path)
    output = run(without_yaml, "-c", LIBRARY + TELL, folder=project)
    assert "tiny: batch 5/5, epoch 1.00" in output
    assert imported(output) >= set(WITHOUT_YAML)
    assert "ruamel" not in imported(output)
    model, scores = by_scripts[2]
    assert [(project / "model" / name).read_bytes() for name in MODEL_FILES] == model
    assert json.loads((project / "scores.json").read_text()) == pytest.approx(scores, abs=1e-6)


def test_without_yaml_the_script_says_what_it_lacks(without_yaml, tmp_path):
    done = run_bare(without_yaml, script("train"), "tiny", folder=make_project(tmp_path))
    do = "install the packages of requirements-gpu.txt"
    wrong = f"error: params.yaml: cannot be read without the package ruamel.yaml; {do}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", wrong)


def test_the_benchmark_is_imported_without_yaml(without_yaml):
    names = [path.stem for path in sorted((ROOT / "benchmarks").glob("gpu*.py"))]
    assert {"gpu", "gpu_sides"} <= set(names)
    run(without_yaml, "-c", f"import {', '.join(names)}", folder=ROOT / "benchmarks")


@pytest.mark.slow
def test_what_the_image_copies_trains(listed, by_scripts, tmp_path, tmp_path_factory):
    root, project = tmp_path_factory.mktemp("image"), make_project(tmp_path)
    copy_as_image(root)
    for stage in ("train", "evaluate"):
        run(listed, str(root / "textrnn" / "pipeline" / f"{stage}.py"), "tiny", folder=project)
    assert result(project) == by_scripts[2]
