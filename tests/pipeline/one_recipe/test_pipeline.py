"""One recipe through all of its stages as a user runs them: its outputs, what runs again, and an interrupt."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from safetensors.numpy import load_file

from factories.projects import (
    GOAL,
    KEPT_MODEL,
    RECIPE,
    dvc,
    environment,
    read_json,
    run,
    set_params,
    stages_run,
    written,
)
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.unfinished import PRIVATE

STAGES = [
    "sample@names",
    "parse@names",
    "segment@names_chars",
    "encode@names_chars",
    "vectorize@names_chars",
    "embed@names_gru",
    "pad@names_gru",
    "baseline@names_chars",
    "train@names_gru",
    "evaluate@names_gru",
]
RETRAINED = ["train@names_gru", "evaluate@names_gru"]
ROWS = {"train": 270, "dev": 30, "test": 60}  # of 300 sample rows a tenth is held out; the test file has a fifth


def table(project: Path, name: str) -> list[list[str]]:
    with (project / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_recipe_runs_from_scratch_and_leaves_every_out(first_run):
    project, said = first_run
    assert sorted(stages_run(said)) == sorted(STAGES)
    lock = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert sorted(lock) == sorted(["check", *STAGES])
    outs = [out["path"] for stage in lock.values() for out in stage["outs"]]
    assert sorted(outs) == [
        "data/baselines/names_chars.arrow",
        "data/baselines/names_chars.checksums.json",
        "data/baselines/names_chars.json",
        "data/checked.json",
        "data/embedded/names_gru",
        "data/encoded/names_chars/ids",
        "data/encoded/names_chars/preparation",
        "data/evaluated/names_gru",
        "data/linear/names_chars",
        "data/padded/names_gru",
        "data/parsed/names",
        "data/sample/names",
        "data/segmented/names_chars",
        "data/vectorized/names_chars",
        "metrics/names_chars/baseline.json",
        "metrics/names_gru/curves.csv",
        "metrics/names_gru/scores.json",
        "models/names_gru",
    ]
    assert [out for out in outs if not (project / out).exists()] == []
    left = [path for path in written(project) if Path(path).name.startswith(".")]
    assert left == []


def test_the_preparation_counts_every_row(first_run):
    project, _ = first_run
    parsed = read_json(project, "data/parsed/names")
    assert parsed["rows"] == ROWS
    assert parsed["files"] == {
        "train": {"read": 300, "kept": 300, "rejected": {}},
        "test": {"read": 60, "kept": 60, "rejected": {}},
    }
    padded = read_json(project, f"data/padded/{RECIPE}")
    assert {split: padded[split]["rows"] for split in ROWS} == ROWS
    assert {padded[split]["truncated_tokens"] for split in ROWS} == {0}
    header, *lengths = table(project, f"data/padded/{RECIPE}/lengths.csv")
    assert header == ["length", "rows"]
    assert sum(int(rows) for _, rows in lengths) == ROWS["train"]
    tokens = sum(int(length) * int(rows) for length, rows in lengths)
    assert tokens == read_json(project, "data/segmented/names_chars")["tokens"]["train"]
    unknown = read_json(project, "data/encoded/names_chars/ids")["unknown_share"]
    assert unknown["train"] == 0
    assert 0 <= unknown["test"] < 0.2
    assert read_json(project, f"data/embedded/{RECIPE}") == {
        "width": 8,
        "covered_tokens": 0.0,
        "covered_text": 0.0,
        "vectors": None,
        "lexicon": None,
        "bigrams": None,
        "bigram_vectors": 0,
        "vectorized_texts": None,
    }
    assert read_json(project, "data/vectorized/names_chars") == {"width": None, "text": None, "vectors": {}}


def test_the_scores_agree_with_each_other(first_run):
    project, _ = first_run
    evaluated, scores = read_json(project, f"data/evaluated/{RECIPE}/metrics.json"), scores_of(project)
    trained = read_json(project, f"models/{RECIPE}/training.json")
    test = evaluated["test"]
    assert test.keys() == {"loss", "accuracy", "macro_f1"}
    assert scores == {
        split: {"score": evaluated[split]["accuracy"], "loss": evaluated[split]["loss"]} for split in ("dev", "test")
    }
    predictions = Predictions.read(RecipeFiles(RECIPE, project).evaluated.predictions, 18)
    assert len(predictions.gold) == ROWS["test"]
    assert test["accuracy"] == round(float((predictions.gold == predictions.predicted).mean()), 6)
    assert predictions.probabilities.shape == (ROWS["test"], 18)
    assert abs(test["loss"] - math.log(18)) < 0.7  # an epoch of a narrow model is little more than a guess
    assert 0 <= test["macro_f1"] <= 1
    curves = table(project, f"metrics/{RECIPE}/curves.csv")
    assert curves[0] == ["step", "split", "loss", "accuracy"]
    _, train_point, dev_point = curves
    assert train_point[:2] == [str(trained["steps"]), "train"]
    assert dev_point[1] == "dev"
    assert [float(value) for value in dev_point[2:]] == [trained["dev_loss"], trained["dev_accuracy"]]
    assert (trained["epochs"], trained["best_step"], trained["stopped_by"]) == (1, trained["steps"], None)
    assert trained["params"]["epochs"] == 1
    assert {cap["name"]: (cap["asked"], cap["used"]) for cap in trained["capped"]} == {
        "train.epochs": (100, 1),
        "model.hidden_size": (100, 8),
    }


def scores_of(project: Path) -> Any:
    return read_json(project, f"metrics/{RECIPE}/scores.json")[RECIPE]


def test_a_model_directory_holds_all_it_needs(first_run):
    project, _ = first_run
    folder = project / "models" / RECIPE
    assert {path.name for path in folder.iterdir()} == {
        "checksums.json",
        "config.json",
        "labels.json",
        "model.safetensors",
        "segmentation.json",
        "training.json",
        "vocabulary.arrow",
    }
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    assert (config["recipe"], config["classes"], config["truncates"]) == (RECIPE, len(labels["names"]), False)
    assert config["model"]["hidden_size"] == 8  # as limits cap it
    assert len(Vocabulary.load(folder / "vocabulary.arrow")) == config["tokens"]
    assert read_json(project, "data/encoded/names_chars/ids")["vocabulary"] == config["tokens"]
    weights = load_file(folder / "model.safetensors")
    assert weights["embedding.weight"].shape == (config["tokens"], 8)
    assert not weights["embedding.weight"][0].any()
    assert json.loads((folder / "segmentation.json").read_text(encoding="utf-8"))["segmenter"] == "chars"


def test_a_second_run_has_nothing_to_do(project):
    said = dvc(project, "repro", GOAL)
    assert stages_run(said) == []
    assert "Data and pipelines are up to date." in said


@pytest.mark.slow
def test_batch_size_trains_again_and_going_back_runs_nothing(project):
    before = written(project)
    said = dvc(project, "exp", "run", "-S", "train.batch_size=32", GOAL)
    assert stages_run(said) == RETRAINED
    shown = json.loads(run(project, "dvc", "metrics", "diff", "--json").stdout)
    assert shown.keys() == {f"metrics/{RECIPE}/scores.json"}
    changed = shown[f"metrics/{RECIPE}/scores.json"]
    names = {f"{RECIPE}.{split}.{metric}" for split in ("dev", "test") for metric in ("score", "loss")}
    assert {f"{RECIPE}.dev.loss", f"{RECIPE}.test.loss"} <= changed.keys() <= names
    assert changed[f"{RECIPE}.test.loss"]["diff"] != 0
    set_params(project, {"train.batch_size": 256})
    said = dvc(project, "repro", GOAL)
    assert stages_run(said) == []
    assert [stage for stage in RETRAINED if f"Stage '{stage}' is cached" in said] == RETRAINED
    assert written(project) == before


def test_a_changed_raw_file_runs_what_follows_from_it(project):
    raw = project.with_name("raw")
    shutil.copytree(project / "data" / "sample", raw, copy_function=shutil.copyfile)
    set_params(project, {"data.source": str(raw)})
    goals = ("sample@names", "embed@names_gru", "pad@names_gru")
    read_raw = ["parse@names", "segment@names_chars", "vectorize@names_chars"]
    assert sorted(stages_run(dvc(project, "repro", *goals))) == read_raw  # the same rows and vectors come of it
    file = raw / "names" / "names_train.csv.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()) + '"Жжжж","Russian"\r\n'.encode() * 30))
    assert sorted(stages_run(dvc(project, "repro", *goals))) == sorted(STAGES[1:7])
    assert read_json(project, "data/parsed/names")["files"]["train"]["read"] == 330


def test_evaluation_takes_all_but_the_rows_from_the_model_directory(project):
    model = {"cell": "lstm", "hidden_size": 5, "layers": 1, "bidirectional": False, "readout": "mean"}
    changes = {f"recipes.{RECIPE}.model.{name}": value for name, value in model.items()}
    set_params(project, {**changes, f"recipes.{RECIPE}.embed.width": 3, "encodings.names_chars.encode.min_count": 2})
    for folder in ("sample", "parsed", "segmented", "encoded", "embedded"):
        shutil.rmtree(project / "data" / folder)
    expected = written(project)
    (project / "metrics" / RECIPE / "scores.json").unlink()
    run(project, sys.executable, "pipeline/evaluate.py", RECIPE)
    assert written(project) == expected


@pytest.mark.slow
def test_baselines_and_analysis_have_stages_of_their_own(project):
    others = ["baseline@names_chars", f"analyze@{RECIPE}"]
    before = written(project)
    linear = {f"data/linear/names_chars/linear.{suffix}" for suffix in ("json", "safetensors")}
    assert {"data/baselines/names_chars.json", "metrics/names_chars/baseline.json", *linear} <= before.keys()
    assert stages_run(dvc(project, "repro", *others)) == others[1:]  # train has waited for the baselines
    added = written(project).keys() - before.keys()
    assert sorted(added) == [
        f"data/analyzed/{RECIPE}/analysis.json",
        f"data/analyzed/{RECIPE}/checksums.json",
        f"data/analyzed/{RECIPE}/classes.csv",
        f"data/analyzed/{RECIPE}/confusion_counts.csv",
        f"data/analyzed/{RECIPE}/errors.jsonl",
        f"data/analyzed/{RECIPE}/lengths.csv",
        f"data/analyzed/{RECIPE}/origin.json",
        f"data/analyzed/{RECIPE}/padding.json",
        f"data/analyzed/{RECIPE}/reliability.csv",
        f"metrics/{RECIPE}/confusion.csv",
        f"models/{RECIPE}.md",
    ]
    card = (project / "models" / f"{RECIPE}.md").read_text(encoding="utf-8")
    assert f"trained on {ROWS['train']} rows of `names`: 18 labels" in card
    assert "`train.epochs` 100 capped to 1" in card
    analysis = read_json(project, f"data/analyzed/{RECIPE}/analysis.json")
    test = read_json(project, f"data/evaluated/{RECIPE}/metrics.json")["test"]
    (_, *names), *counts = table(project, f"data/analyzed/{RECIPE}/confusion_counts.csv")
    assert [row[0] for row in counts] == names == sorted(names)
    assert len(names) == 18
    correct = sum(int(row[1 + at]) for at, row in enumerate(counts))
    assert sum(int(count) for row in counts for count in row[1:]) == ROWS["test"]
    assert test["accuracy"] == round(correct / ROWS["test"], 6)
    classes = [row for row in table(project, f"data/analyzed/{RECIPE}/classes.csv")[1:] if row[1] in names]
    assert [row[1] for row in classes] == names
    assert [int(row[-1]) for row in classes] == [sum(map(int, row[1:])) for row in counts]
    assert len(table(project, f"metrics/{RECIPE}/confusion.csv")) == 1 + ROWS["test"]
    assert analysis["calibration"]["accuracy"] == test["accuracy"]
    assert sum(group["rows"] for group in analysis["by_length"].values()) == ROWS["test"]
    segmented = SegmentedRows.read(project / "data" / "segmented" / "names_chars")
    texts = {
        split: [tuple(tokens) for batch in segmented.batches(split) for tokens in batch["tokens"].to_pylist()]
        for split in ROWS
    }
    seen = sum(text in {*texts["train"], *texts["dev"]} for text in texts["test"])
    assert analysis["by_text"].get("known", {"rows": 0})["rows"] == seen
    baselines = read_json(project, "data/baselines/names_chars.json")["baselines"]
    # by linear models on the rows of the generated names, which are made to be learnable
    for name in ("logistic_regression", "linear_svm", "nb_svm", "linear_ensemble"):
        assert baselines[name]["test"]["accuracy"] > baselines["majority"]["test"]["accuracy"] + 0.1
    assert baselines["bag_of_ngrams"]["best_epoch"] == 1  # limits.epochs
    best_name = max(baselines, key=lambda name: baselines[name]["dev"]["accuracy"])
    best = baselines[best_name]
    assert read_json(project, "metrics/names_chars/baseline.json") == {
        "names_chars": {"baseline": best["test"]["accuracy"]}
    }
    figures = [str(test["loss"]), *(rf"{test[name]} \[0\.\d{{4}}, 0\.\d{{4}}\]" for name in ("accuracy", "macro_f1"))]
    assert re.search(r" \| ".join([r"\| test", *figures]), card)
    untracked = run(project, "git", "status", "--porcelain", "-uall").stdout
    assert "data/" not in untracked
    assert "models/" not in untracked
    said = run(project, sys.executable, "pipeline/table.py").stdout
    row = re.search(rf"{RECIPE} .* {best_name} +(\S+) +(\S+) +(\S+) +│$", said, flags=re.MULTILINE)
    assert row
    assert float(row[1]) == pytest.approx(best["test"]["accuracy"], abs=6e-5)  # the table has four digits
    assert float(row[2]) == pytest.approx(test["accuracy"] - best["test"]["accuracy"], abs=6e-5)
    assert float(row[2]) < 0  # an epoch of a narrow model is behind
    compare = (
        sys.executable,
        "-c",
        "from textrnn.cli import main; main()",
        "compare",
        RECIPE,
        "best_baseline",
        "--json",
    )
    found = json.loads(run(project, *compare).stdout)["metrics"]["accuracy"]
    assert found["verdict"] == row[3]
    scores = {"first": test["accuracy"], "second": best["test"]["accuracy"]}
    assert {name: found[name] for name in scores} == pytest.approx(scores, abs=1e-6)
    assert found["interval"][0] <= found["difference"] <= found["interval"][1]
    again = {**written(project)}
    set_params(project, {"baseline.ngrams": 1})
    # a recipe without a wide part trains again, to the same model: nothing follows
    assert stages_run(dvc(project, "repro", *others)) == [others[0], f"train@{RECIPE}"]
    assert read_json(project, "data/baselines/names_chars.json")["baselines"] != baselines
    set_params(project, {"baseline.ngrams": 3})
    assert stages_run(dvc(project, "repro", *others)) == []
    assert written(project) == again


def content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of each file of a folder, by path in it."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.mark.slow
def test_a_stage_needs_only_what_it_declares(project, tmp_path):
    """Each stage again in a folder that has its code, params.yaml and its declared deps: its outputs are the same."""
    dvc(project, "repro", "baseline@names_chars", f"analyze@{RECIPE}")
    lock = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert len(lock) == 1 + len(STAGES) + 1
    for name, stage in lock.items():
        alone = tmp_path / name
        alone.mkdir()
        for path in ("src", "pipeline", "params.yaml", "dvc.yaml"):
            copy = shutil.copytree if (project / path).is_dir() else shutil.copyfile
            copy(project / path, alone / path)
        for path in (dep["path"] for dep in stage["deps"] if not dep["path"].startswith(("src/", "pipeline/"))):
            (alone / path).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (project / path).is_dir() else shutil.copyfile
            copy(project / path, alone / path)
        run(alone, *stage["cmd"].split())
        for path in (out["path"] for out in stage["outs"]):
            assert content(alone / path) == content(project / path), path


@pytest.mark.slow
def test_the_lock_is_the_same_after_a_second_run(project):
    before = (project / "dvc.lock").read_bytes()
    dvc(project, "repro", "-f", "-s", f"train@{RECIPE}", f"evaluate@{RECIPE}", "embed@names_gru", "parse@names")
    assert (project / "dvc.lock").read_bytes() == before


def test_interrupted_training_leaves_no_out(project):
    set_params(project, {f"recipes.{RECIPE}.train.epochs": 100_000, "limits.epochs": None})
    shutil.rmtree(project / "models" / RECIPE)
    before = written(project)
    with subprocess.Popen(
        [sys.executable, "pipeline/train.py", RECIPE],
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        assert training.stdout is not None
        try:
            said = iter(training.stdout.readline, "")
            assert any(re.match(rf"{RECIPE}: batch \d", line) for line in said)
            training.send_signal(signal.SIGINT)
            _, error = training.communicate(timeout=60)
        finally:
            training.kill()
    assert training.returncode == 130
    told = re.fullmatch(r"interrupted: step (\d+) is saved; the same command continues there\n", error)
    assert told
    step = told[1]
    (left,) = (path for path in (project / "models/.textrnn").glob(f"{RECIPE}.*") if path.suffix != KEPT_MODEL)
    assert [path.name for path in (left / MARKERS).glob("*.safetensors")] == [f"step-{step}.safetensors"]
    shutil.rmtree(left)
    assert written(project) == before


def test_a_renamed_label_retrains_nothing(project):
    kept = f"{RECIPE}: only names of labels have changed; the weights are kept\n"
    before, lock = written(project), (project / "dvc.lock").read_bytes()
    params = (project / "params.yaml").read_text(encoding="utf-8")
    labels = read_json(project, f"models/{RECIPE}/labels.json")["names"]
    new_names = {label: f"people of {label}" for label in labels}
    set_params(project, {"corpora.names.parse.classes": new_names})
    said = dvc(project, "repro", GOAL)
    assert said.count(kept) == 1
    assert "batch" not in said  # neither a line of a plan nor one of progress
    assert read_json(project, f"models/{RECIPE}/labels.json")["names"] == list(new_names.values())
    after = written(project)
    assert before.keys() == after.keys()
    changed = {name for name in before if name.startswith(("models/", "metrics/")) and before[name] != after[name]}
    assert changed == {f"models/{RECIPE}/labels.json", f"models/{RECIPE}/checksums.json"}
    assert run(project, "git", "status", "--porcelain", "metrics", "models").stdout == ""
    assert stages_run(dvc(project, "repro", GOAL)) == []

    # asked for without a change, it trains, to the same bytes
    said = dvc(project, "repro", "-f", "-s", f"train@{RECIPE}")
    assert kept not in said
    assert f"{RECIPE}: batch size " in said
    assert written(project) == after
    shutil.rmtree(project / "models" / PRIVATE)
    assert kept not in dvc(project, "repro", "-f", "-s", f"train@{RECIPE}")
    assert written(project) == after

    # the names before are in DVC's run cache
    (project / "params.yaml").write_text(params, encoding="utf-8")
    said = dvc(project, "repro", GOAL)
    assert stages_run(said) == []
    assert written(project) == before
    assert (project / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
@pytest.mark.parametrize("link", ["hardlink", "symlink", "copy"])
def test_a_kept_model_and_dvc_leave_each_other_alone(project, link):
    """With hard links a kept file is one of DVC's cache as well, which is read-only."""
    dvc(project, "config", "cache.type", link)
    set_params(project, {"train.seed": 2})
    dvc(project, "repro", GOAL)
    before = written(project)
    weights = project / "models" / PRIVATE / f"{RECIPE}{KEPT_MODEL}" / "model.safetensors"
    in_cache = [path for path in (project / ".dvc" / "cache" / "files").rglob("*") if path.samefile(weights)]
    assert len(in_cache) == (link == "hardlink")
    assert bool(weights.stat().st_mode & stat.S_IWUSR) == (link != "hardlink")
    trained = weights.read_bytes()

    shutil.rmtree(project / "models" / RECIPE)
    dvc(project, "checkout", f"train@{RECIPE}")
    dvc(project, "gc", "-w", "-f")
    dvc(project, "checkout", "--relink", f"train@{RECIPE}")
    said = dvc(project, "status", f"train@{RECIPE}", f"evaluate@{RECIPE}")
    assert "Data and pipelines are up to date." in said
    assert written(project) == before
    assert weights.read_bytes() == trained

    labels = read_json(project, f"models/{RECIPE}/labels.json")["names"]
    for form in ("people of {}", "folk of {}"):  # the second from what the first has kept
        set_params(project, {"corpora.names.parse.classes": {label: form.format(label) for label in labels}})
        assert "the weights are kept\n" in dvc(project, "repro", GOAL)
        assert (project / "models" / RECIPE / "model.safetensors").read_bytes() == trained
    dvc(project, "gc", "-w", "-f")
    assert "Data and pipelines are up to date." in dvc(project, "status", GOAL)
    set_params(project, {"train.seed": 3})  # another model takes the place of read-only files
    assert "the weights are kept" not in dvc(project, "repro", GOAL)
    assert weights.read_bytes() == (project / "models" / RECIPE / "model.safetensors").read_bytes() != trained
    assert "Data and pipelines are up to date." in dvc(project, "status", GOAL)


@pytest.mark.slow
def test_an_experiment_in_a_copy_of_the_project_trains_and_keeps_nothing_here(project):
    folder = project / "models" / PRIVATE / f"{RECIPE}{KEPT_MODEL}"
    before = content(folder)
    said = dvc(project, "exp", "run", "--temp", "-S", "train.seed=3", GOAL)
    assert stages_run(said) == RETRAINED
    assert content(folder) == before
    shown = run(project, "git", "status", "--porcelain", "--ignored", "-uall", "models").stdout
    assert f"!! models/{PRIVATE}/{RECIPE}{KEPT_MODEL}/kept.json\n" in shown
