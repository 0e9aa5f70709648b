"""The kept measurements: one for each run and seed, and pages made of nothing else."""

import json

import pytest

from imports import ROOT


@pytest.fixture
def results(import_benchmark, tmp_path, monkeypatch):
    """benchmarks/results.py, writing into an empty folder."""
    results = import_benchmark("results")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    return results


def row(run, value, seed=1, metric="accuracy", command="dvc exp run"):
    return {
        "run": run,
        "recipe": "news_rnn",
        "family": "recurrent",
        "corpus": "thucnews",
        "rows": 180000,
        "split": "test",
        "metric": metric,
        "value": value,
        "seed": seed,
        "seconds": 9.0,
        "device": "cpu",
        "command": command,
        "date": "2026-01-01",
    }


def test_a_new_measurement_takes_the_place_of_the_old_one_of_that_run_and_seed(results):
    results.keep([row("news_lstm", 0.9), row("news_rnn", 0.8), row("news_rnn", 0.7, metric="macro_f1")])
    results.keep([row("news_rnn", 0.85, command="dvc exp run -S train.epochs=3"), row("news_rnn", 0.84, seed=2)])
    kept = json.loads(results.RESULTS.read_text(encoding="utf-8"))
    assert [(r["run"], r["seed"], r["metric"], r["value"]) for r in kept] == [
        ("news_rnn", 1, "accuracy", 0.85),
        ("news_rnn", 2, "accuracy", 0.84),
        ("news_lstm", 1, "accuracy", 0.9),
    ]


def test_the_pages_show_each_run_with_its_own_command(results):
    results.keep([row("news_rnn", 0.85432, command="the first"), row("news_lstm", 0.9, command="the second")])
    page = results.render_page(results.read_runs())
    assert "| news_rnn | thucnews | 180000 | 0.8543 |  |  |  | 9 | cpu |\n" in page
    assert "* `news_lstm` (2026-01-01, seed 1): `the second`\n" in page
    readme = results.render_readme(results.read_runs(), f"before\n{results.MARKS[0]}\nold\n{results.MARKS[1]}\nafter\n")
    assert "| `news_rnn` | thucnews, 180,000 | 0.8543 |  |  |\n" in readme
    assert "old" not in readme
    assert readme.startswith("before\n")
    assert readme.endswith("after\n")


def test_the_command_is_what_a_person_types(results):
    typed = " ".join(results.command_of("news_rnn_pad32", "data/web"))
    limits = "-S limits.rows=null -S limits.epochs=null -S limits.hidden_size=null"
    assert typed == f"dvc exp run -S data.source=data/web {limits} -S recipes.news_rnn.pad_size=32 evaluate@news_rnn"


def test_the_committed_pages_are_made_from_the_committed_figures(results, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", ROOT / "docs" / "results.json")
    runs = results.read_runs()
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == results.render_page(runs)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert results.render_readme(runs, readme) == readme
