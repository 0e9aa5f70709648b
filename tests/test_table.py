"""The table of recipes: the best baseline of each, and whether it beats the recipe."""

import json
import pathlib

import pytest

from report_files import result_folders, write_json


@pytest.fixture
def script(import_stage, monkeypatch, tmp_path):
    """The script, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return import_stage("table")


def scores(score, **baselines):
    """The content of an encoding's baselines, from (dev, test) scores by name."""
    results = {name: {"dev": {score: dev}, "test": {score: test}} for name, (dev, test) in baselines.items()}
    return {"baselines": results, "ceiling": None}


def write(recipe, test, baselines, padding=True):
    folders = result_folders(pathlib.Path())
    test = {"loss": 1.0, "accuracy": 0.6, "macro_f1": 0.4, **test}
    write_json(folders.evaluated / recipe / "metrics.json", {"dev": {}, "test": test})
    write_json(folders.models / recipe / "training.json", {"epochs": 2, "dev_accuracy": 0.5})
    if padding:
        write_json(folders.analyzed / recipe / "padding.json", {"train": {"rows": 9}})
    if baselines is not None:
        write_json(folders.baselines / f"{recipe}_chars.json", baselines)


def test_dev_selects_the_baseline_and_test_decides_whether_it_wins(script):
    write("ahead", {}, scores("accuracy", majority=(0.3, 0.9), linear=(0.7, 0.6), bag=(0.65, 0.7)))
    write("behind", {}, scores("accuracy", majority=(0.3, 0.3), linear=(0.7, 0.61)))
    row = script.recipe_row("ahead", "ahead_chars", "c")
    assert (row["rows"], row["epochs"], row["dev_accuracy"]) == (9, 2, 0.5)
    assert row["test_accuracy"] == 0.6
    # an equal score does not win, and a baseline that dev did not select does not count
    assert (row["best_baseline"], row["baseline_test"], row["beaten"]) == ("linear", 0.6, "no")
    row = script.recipe_row("behind", "behind_chars", "c")
    assert (row["best_baseline"], row["baseline_test"], row["beaten"]) == ("linear", 0.61, "yes")


def test_taggers_are_compared_by_entities(script):
    write("tags", {"entity_f1": 0.1}, scores("entity_f1", majority=(0.0, 0.0), usual=(0.2, 0.3)))
    row = script.recipe_row("tags", "tags_chars", "c")
    assert (row["best_baseline"], row["baseline_test"], row["beaten"]) == ("usual", 0.3, "yes")


def test_columns_of_missing_files_are_empty(script):
    write("bare", {}, None, padding=False)
    row = script.recipe_row("bare", "bare_chars", "c")
    assert "beaten" not in row
    assert (row["rows"], row["epochs"], row["test_accuracy"]) == (None, 2, 0.6)  # evaluated, but not analysed
    assert script.recipe_row("none", "none_chars", "c") == {"recipe": "none", "corpus": "c"}


def test_the_table_shows_every_recipe(script, capsys):
    write("first", {}, scores("accuracy", majority=(0.3, 0.75)))
    params = {
        "encodings": {"first_chars": {"corpus": "c"}},
        "recipes": {name: {"encoding": "first_chars"} for name in ("none", "first")},
    }
    pathlib.Path("params.yaml").write_text(json.dumps(params), encoding="utf-8")
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert "best_baseline" in lines[1]
    (line,) = (line for line in lines if "first" in line)
    assert line.strip("│ ").split()[-3:] == ["majority", "0.7500", "yes"]
    assert sum("none" in line for line in lines) == 1
