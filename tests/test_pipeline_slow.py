"""The whole graph: run twice alike, in sweeps, on another corpus, on the real ones; and the plots of it all."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from project import PARAMS, RECIPES, commit, dvc, make_project, read_json, run, set_params, stages_run
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow

CORPORA, ENCODINGS = tuple(PARAMS["corpora"]), tuple(PARAMS["encodings"])
STAGES = {
    *(f"{stage}@{corpus}" for stage in ("sample", "parse") for corpus in CORPORA),
    *(f"{stage}@{encoding}" for stage in ("segment", "encode", "baseline") for encoding in ENCODINGS),
    *(f"{stage}@{recipe}" for stage in ("embed", "pad", "train", "evaluate", "analyze") for recipe in RECIPES),
    "report",
}
PLOTS = ("curves", "confusion")


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two fresh projects with the whole graph run in each, and what that said: with one worker, and with three.

    The second one's shards go to a pool of processes, which so few rows are not worth.
    """
    folder = tmp_path_factory.mktemp("whole")
    one, three = make_project(folder / "one"), make_project(folder / "three")
    module = three / "src" / "textrnn" / "common" / "executor" / "tasks.py"
    source = module.read_text(encoding="utf-8")
    assert source.count("MIN_ROWS_FOR_POOL = 50_000\n") == 1
    module.write_text(source.replace("MIN_ROWS_FOR_POOL = 50_000\n", "MIN_ROWS_FOR_POOL = 0\n"), encoding="utf-8")
    with ThreadPoolExecutor() as pool:
        said = pool.map(lambda each: dvc(each[0], "repro", TEXTRNN_WORKERS=each[1]), ((one, "1"), (three, "3")))
        first, second = said
    commit(one)
    return (one, first), (three, second)


@pytest.fixture
def project(twins, tmp_path):
    """A copy of the first project after its run, for one test to change."""
    return shutil.copytree(twins[0][0], tmp_path / "project")


def lock(project: Path) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


def digests(project: Path) -> dict[str, str]:
    """MD5 by path of every out."""
    return {out["path"]: out["md5"] for stage in lock(project).values() for out in stage["outs"]}


def leaves(values: Any) -> int:
    return sum(map(leaves, values.values())) if isinstance(values, dict) else 1


def drawn(page: Path) -> dict[str, Any]:
    """The plots of a page by id, as Vega specifications; those without data left out."""
    plots = re.findall(r"var spec = (.*);\s*vegaEmbed\('#(\w+)', spec\);", page.read_text(encoding="utf-8"))
    return {name: json.loads(spec) for spec, name in plots if spec != "{}"}


def test_the_whole_graph_runs_once_and_then_has_nothing_to_do(twins):
    project, said = twins[0]
    assert sorted(stages_run(said)) == sorted(STAGES)
    assert len(STAGES) + 1 == 93  # with `check`
    again = dvc(project, "repro")
    assert stages_run(again) == []
    assert "Data and pipelines are up to date." in again
    assert run(project, "git", "status", "--porcelain").stdout == ""


def test_two_runs_with_other_numbers_of_workers_are_the_same_to_the_byte(twins):
    (one, _), (three, said) = twins
    assert sorted(stages_run(said)) == sorted(STAGES)
    assert digests(three) == digests(one)
    files = sorted(path.relative_to(one) for path in (one / "metrics").rglob("*.*"))
    assert len([path for path in files if path.suffix == ".json"]) == len(ENCODINGS) + len(RECIPES)
    assert [str(path) for path in files if (one / path).read_bytes() != (three / path).read_bytes()] == []


def test_the_metrics_are_few_and_of_fixed_names(project):
    shown = json.loads(run(project, "dvc", "metrics", "show", "--json").stdout)[""]["data"]
    values = {name: file["data"] for name, file in shown.items()}
    assert sum(map(leaves, values.values())) == 4 * len(RECIPES) + len(ENCODINGS) <= 60
    for recipe in RECIPES:
        scores = values[f"metrics/{recipe}/scores.json"]
        assert set(scores) == {recipe}
        assert {(split, name) for split, each in scores[recipe].items() for name in each} == set(
            itertools.product(("dev", "test"), ("score", "loss"))
        )
    for encoding in ENCODINGS:
        assert set(values[f"metrics/{encoding}/baseline.json"][encoding]) == {"baseline"}


def test_every_recipe_has_its_plots(project):
    dvc(project, "plots", "show")
    plots = drawn(project / "dvc_plots" / "index.html")
    assert plots.keys() == {f"metrics_{recipe}_{plot}_csv" for recipe in RECIPES for plot in PLOTS}
    for recipe in RECIPES:
        curves = plots[f"metrics_{recipe}_curves_csv"]["data"]["values"]
        assert {point["split"] for point in curves} == {"train", "dev"}
        assert all(float(point["loss"]) > 0 for point in curves)
        confusion = plots[f"metrics_{recipe}_confusion_csv"]["data"]["values"]
        assert confusion
        assert all({"actual", "predicted"} <= row.keys() for row in confusion)


def test_a_queued_sweep_shows_each_run_with_its_params_and_metrics(project, tmp_path):
    dvc(project, "exp", "run", "--queue", "-S", "train.batch_size=64,32", "evaluate@names_gru")
    said = dvc(project, "exp", "run", "--run-all")
    assert stages_run(said) == ["train@names_gru", "evaluate@names_gru"] * 2
    _, head = json.loads(run(project, "dvc", "exp", "show", "--json").stdout)
    shown = {experiment["name"]: experiment["revs"][0]["data"] for experiment in head["experiments"]}
    sizes = {name: data["params"]["params.yaml"]["data"]["train"]["batch_size"] for name, data in shown.items()}
    assert sorted(sizes.values()) == [32, 64]
    scores = "metrics/names_gru/scores.json"
    losses = {data["metrics"][scores]["data"]["names_gru"]["test"]["loss"] for data in shown.values()}
    assert len(losses - {read_json(project, scores)["names_gru"]["test"]["loss"]}) == 2
    dvc(project, "plots", "diff", *shown, "-o", str(tmp_path / "compared"))
    curves = drawn(tmp_path / "compared" / "index.html")["metrics_names_gru_curves_csv"]["data"]["values"]
    last = {point["rev"]: int(point["step"]) for point in curves}
    steps = {sizes[name]: step for name, step in last.items()}
    assert read_json(project, "models/names_gru/training.json")["steps"] < steps[64] < steps[32]


def own_corpus(folder: Path) -> None:
    """Headlines of two classes, told by their first character, in a new folder."""
    folder.mkdir(parents=True)
    files = {"classes.txt": ["red", "blue"], "train.txt": range(60), "test.txt": range(12)}
    for name, lines in files.items():
        rows = lines if name == "classes.txt" else [f"{'ab'[row % 2]}{'xyz' * (row % 5)}\t{row % 2}" for row in lines]
        (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def test_another_corpus_takes_params_alone(project, tmp_path):
    own_corpus(tmp_path / "raw" / "own")
    params = read_params(project / "params.yaml")
    parse = {
        "format": "headlines",
        "files": {"train": "train.txt", "test": "test.txt", "classes": "classes.txt"},
        "dev": {"from": "train", "share": 0.2, "block": 1},
    }
    entries = {
        "corpora.own": {"parse": parse},
        "encodings.own_chars": {**params["encodings"]["thucnews_chars"], "corpus": "own"},
        "recipes.own_rnn": {**params["recipes"]["names_gru"], "encoding": "own_chars"},
    }
    set_params(project, {**entries, "data.source": str(tmp_path / "raw")})
    said = dvc(project, "repro", "sample@own", "baseline@own_chars", "evaluate@own_rnn", "analyze@own_rnn")
    assert len(stages_run(said)) == 10
    for own, known in (("own_chars", "thucnews_chars"), ("own_rnn", "news_rnn")):
        names = {path.name for path in (project / "metrics" / known).iterdir()}
        assert {path.name for path in (project / "metrics" / own).iterdir()} == names
    assert read_json(project, "data/parsed/own")["rows"] == {"train": 48, "dev": 12, "test": 12}
    own, known = (read_json(project, f"data/evaluated/{recipe}/metrics.json") for recipe in ("own_rnn", "news_rnn"))
    assert own["test"].keys() == known["test"].keys()
    dvc(project, "plots", "show")
    plots = drawn(project / "dvc_plots" / "index.html")
    assert {f"metrics_own_rnn_{plot}_csv" for plot in PLOTS} <= plots.keys()
    rows = plots["metrics_own_rnn_confusion_csv"]["data"]["values"]
    assert sorted(row["actual"] for row in rows) == ["blue"] * 6 + ["red"] * 6


def test_a_run_elsewhere_names_a_relative_source_that_is_not_there(project):
    shutil.copytree(project / "data" / "sample", project.with_name("raw"), copy_function=shutil.copyfile)
    said = dvc(project, "exp", "run", "--temp", "-S", "data.source=../raw", "parse@names", code=255)
    assert "failed to reproduce 'parse@names'" in said
    assert re.search(r"No such file or directory: '\S+/raw/names'", said)
    assert "Traceback" not in said
    source = project.with_name("raw")
    said = dvc(project, "exp", "run", "--temp", "-S", f"data.source={source}", "parse@names")
    assert stages_run(said) == ["parse@names"]


@pytest.mark.real
def test_the_whole_graph_runs_on_the_real_corpora(project, real_data):
    said = dvc(project, "exp", "run", "-S", f"data.source={real_data}", "-S", "limits.rows=300")
    assert sorted(stages_run(said)) == sorted(stage for stage in STAGES if not stage.startswith("sample@"))
    for corpus in CORPORA:
        parsed = read_json(project, f"data/parsed/{corpus}")
        assert parsed["rows"] == {"train": 300, "dev": 300, "test": 300}
        assert {str(file["rejected"]) for file in parsed["files"].values()} == {"{}"}
        assert min(file["read"] for file in parsed["files"].values()) > 300
    for recipe in RECIPES:
        test = read_json(project, f"data/evaluated/{recipe}/metrics.json")["test"]
        assert math.isfinite(test["loss"])
        assert 0 < test["accuracy"] <= 1
        assert ("entity_f1" in test) == recipe.startswith("ner_")
