"""A corpus, an encoding and a recipe of one's own: entries of params.yaml, and no code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factories.plots import PLOTS, drawn_plots
from factories.projects import dvc, read_json, set_params, stages_run
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow


def own_corpus(folder: Path) -> None:
    """Headlines of two classes, told by their first character, in a new folder."""
    folder.mkdir(parents=True)
    files = {"classes.txt": ["red", "blue"], "train.txt": range(60), "test.txt": range(12)}
    for name, lines in files.items():
        rows = lines if name == "classes.txt" else [f"{'ab'[row % 2]}{'xyz' * (row % 5)}\t{row % 2}" for row in lines]
        (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def test_another_corpus_takes_params_alone(recipe_project, tmp_path):
    project = shutil.copytree(recipe_project("news_rnn"), tmp_path / "project")
    dvc(project, "repro", "baseline@thucnews_chars", "analyze@news_rnn")
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
    assert len(stages_run(said)) == 11
    for own, known in (("own_chars", "thucnews_chars"), ("own_rnn", "news_rnn")):
        names = {path.name for path in (project / "metrics" / known).iterdir()}
        assert {path.name for path in (project / "metrics" / own).iterdir()} == names
    assert read_json(project, "data/parsed/own")["rows"] == {"train": 48, "dev": 12, "test": 12}
    own, known = (read_json(project, f"data/evaluated/{recipe}/metrics.json") for recipe in ("own_rnn", "news_rnn"))
    assert own["test"].keys() == known["test"].keys()
    dvc(project, "plots", "show")
    plots = drawn_plots(project / "dvc_plots" / "index.html")
    assert {f"metrics_own_rnn_{plot}_csv" for plot in PLOTS} <= plots.keys()
    rows = plots["metrics_own_rnn_confusion_csv"]["data"]["values"]
    assert sorted(row["actual"] for row in rows) == ["blue"] * 6 + ["red"] * 6
