"""The table of recipes: what has run, each beside the best baseline, and what its figures are worth."""

import pathlib

import numpy as np
import pytest

from factories.report_files import result_folders, write_json
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.outputs.results_table import LEGEND, heading, results_table, table_row

TRAINING = {"epochs": 2, "steps": 7, "best_step": 7, "stopped_by": None, "dev_accuracy": 0.5}
PADDING = {
    "widths": [4],
    "train": {"rows": 9, "truncated_share": 0.0, "padding_share": 0.0},
    "dev": {"rows": 1},
    "test": {"rows": 1},
}


@pytest.fixture(autouse=True)
def project(monkeypatch, tmp_path):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


def scores(score, **baselines):
    """The content of an encoding's baselines, from (dev, test) scores by name."""
    results = {
        name: {
            split: {"accuracy": 0.1, "macro_f1": 0.1, score: value}
            for split, value in zip(("dev", "test"), values, strict=True)
        }
        for name, values in baselines.items()
    }
    return {"baselines": results, "ceiling": None}


def write(recipe, test, baselines, *, corpus="c", padding=True, intervals=None):
    folders = result_folders(pathlib.Path())
    test = {"loss": 1.0, "accuracy": 0.6, "macro_f1": 0.4, **test}
    write_json(
        folders.evaluated / recipe / "metrics.json", {"dev": dict.fromkeys(test, 0.5), "test": test} | (intervals or {})
    )
    write_json(folders.models / recipe / "training.json", TRAINING)
    if padding:
        write_json(folders.analyzed / recipe / "padding.json", PADDING)
    if baselines is not None:
        write_json(folders.baselines / f"{recipe}_chars.json", baselines)
    return read_recipe_results(recipe, f"{recipe}_chars", corpus)


def test_dev_selects_the_baseline_and_test_decides_who_is_ahead():
    # a baseline that dev did not select does not count
    row = table_row(write("even", {}, scores("accuracy", majority=(0.3, 0.9), linear=(0.7, 0.6), bag=(0.65, 0.7))))
    assert (row["corpus"], row["recipe"], row["train rows"], row["steps"]) == ("c", "even", 9, 7)
    assert (row["score"], row["dev"], row["test"]) == ("accuracy", 0.5, 0.6)
    assert (row["best baseline"], row["its test"], row["difference"]) == ("linear", 0.6, 0.0)
    row = table_row(write("behind", {}, scores("accuracy", majority=(0.3, 0.3), linear=(0.7, 0.61))))
    assert (row["best baseline"], row["its test"], row["difference"]) == ("linear", 0.61, -0.01)


def test_taggers_are_compared_by_entities():
    row = table_row(write("tags", {"entity_f1": 0.4}, scores("entity_f1", majority=(0.0, 0.0), usual=(0.2, 0.3))))
    assert (row["score"], row["test"], row["best baseline"]) == ("entity F1", 0.4, "usual")
    assert (row["its test"], row["difference"]) == (0.3, 0.1)


def test_intervals_stand_beside_the_scores():
    """Of a hundred rows the recipe has 60 right; the baseline has 40 of these and no other."""
    intervals = {"intervals": {"dev": {}, "test": {"accuracy": [0.5, 0.69]}}}
    baselines = scores("accuracy", majority=(0.3, 0.1), linear=(0.7, 0.4))
    gold = np.zeros(100, int)
    own, linear = (np.repeat([0, 1], [right, 100 - right]) for right in (60, 40))

    def write_rows(path, **predicted):
        PredictedRows.of_classes(np.arange(100), gold, predicted, ["a", "b"]).write(path)

    write("ahead", {}, baselines, intervals=intervals)
    write_rows(pathlib.Path("data/evaluated/ahead/predicted.arrow"), predicted=own)
    write_rows(pathlib.Path("data/baselines/ahead_chars.arrow"), majority=gold + 1, linear=linear)
    results = write("ahead", {}, baselines, intervals=intervals)
    row = table_row(results)
    assert (row["test"], row["±"], row["difference"], row["verdict"]) == (0.6, pytest.approx(0.095), 0.2, "ahead")
    low, high = results.ahead.interval.bounds()
    assert [low, high] == pytest.approx([0.12, 0.28], abs=0.015)  # 0.2 ± 1.96 * (0.2 * 0.8 / 100) ** 0.5
    write_rows(pathlib.Path("data/evaluated/ahead/predicted.arrow"), predicted=gold + 1)
    assert table_row(write("ahead", {}, baselines))["verdict"] == "behind"
    write_rows(pathlib.Path("data/evaluated/ahead/predicted.arrow"), predicted=linear)
    assert table_row(write("ahead", {}, baselines))["verdict"] == "level"
    # of other rows, or without the selected baseline, there is nothing to pair
    PredictedRows.of_classes(np.arange(9), gold[:9], {"predicted": gold[:9]}, ["a", "b"]).write(
        pathlib.Path("data/evaluated/ahead/predicted.arrow")
    )
    assert table_row(write("ahead", {}, baselines))["verdict"] is None
    write_rows(pathlib.Path("data/evaluated/ahead/predicted.arrow"), predicted=own)
    write_rows(pathlib.Path("data/baselines/ahead_chars.arrow"), majority=gold + 1)
    assert table_row(write("ahead", {}, baselines))["verdict"] is None


def test_generated_corpora_are_marked():
    write("made", {}, None)
    for source, generated, shown in (("data/sample", True, "c (generated)"), ("data/own", False, "c")):
        origin = result_folders(pathlib.Path()).analyzed / "made" / "origin.json"
        write_json(origin, {"source": source, "generated": generated})
        results = read_recipe_results("made", "made_chars", "c")
        assert (results.has_run, results.corpus_shown) == (True, shown)
        assert shown in results_table([results])
    assert not read_recipe_results("never", "made_chars", "c").has_run


def test_columns_of_missing_files_are_empty():
    row = table_row(write("bare", {}, None, padding=False))
    assert (row["train rows"], row["test"], row["best baseline"], row["difference"]) == (None, 0.6, None, None)


def test_the_table_shows_what_has_run_corpus_by_corpus():
    write("other", {}, None, corpus="d")
    results = [
        write("last", {}, scores("accuracy", majority=(0.3, 0.75)), corpus="d"),
        read_recipe_results("none", "none_chars", "c"),
        write("first", {}, None, corpus="c"),
    ]
    lines = results_table(results).splitlines()
    assert [line.strip("│ ").split()[1] for line in lines if "accuracy" in line] == ["first", "last"]
    assert lines[-3].strip("│ ").split()[-4:] == ["majority", "0.7500", "-0.1500", "null"]
    assert lines[-1] == LEGEND
    assert "none" not in results_table(results)
    assert results_table([results[1]]) == ""


@pytest.mark.parametrize(
    ("source", "limits", "expected"),
    [
        (
            "data/sample",
            {"rows": None, "epochs": 20, "hidden_size": 64},
            "Test scores on generated corpora of 3,000 rows, models of at most 20 epochs and 64 hidden units.\n"
            "They show that everything works, not how good a model is.",
        ),
        (
            "/corpora",
            {"rows": 500, "epochs": None, "hidden_size": None},
            "Test scores on corpora of /corpora, models of at most 500 rows of each split.\n"
            "They show that everything works, not how good a model is.",
        ),
        (
            "/corpora",
            {"rows": None, "epochs": None, "hidden_size": None},
            "Test scores on corpora of /corpora, models without limits.",
        ),
    ],
)
def test_the_heading_says_what_the_figures_are_worth(source, limits, expected):
    assert heading({"data": {"source": source}, "limits": limits, "sample": {"rows": 3000}}) == expected
