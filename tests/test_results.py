"""The kept measurements: one for each run and seed, and pages made of nothing else."""

import dataclasses
import json

import pytest

from imports import ROOT
from textrnn.params import read_params


@pytest.fixture
def results(import_benchmark, tmp_path, monkeypatch):
    """benchmarks/results.py, writing into an empty folder."""
    results, page = import_benchmark("results"), import_benchmark("results_page")
    for module in (results, page):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results.json")
    return results


@pytest.fixture
def marks(import_benchmark):
    return import_benchmark("results_page").MARKS


def row(run, value, seed=1, metric="accuracy", split="test", command="dvc exp run", **changes):
    return {
        "run": run,
        "recipe": "news_rnn",
        "family": "recurrent",
        "corpus": "thucnews",
        "rows": 180000,
        "split": split,
        "metric": metric,
        "value": value,
        "seed": seed,
        "parameters": 12345,
        "seconds": 9.0,
        "device": "cpu",
        "command": command,
        "date": "2026-01-01",
        **changes,
    }


def kept(results):
    return json.loads(results.RESULTS.read_text(encoding="utf-8"))


def line(page, name):
    (found,) = (each for each in page.splitlines() if each.startswith(f"| {name} |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_new_measurement_takes_the_place_of_the_old_one_of_that_run_and_seed(results):
    results.keep([row("news_lstm", 0.9), row("news_rnn", 0.8), row("news_rnn", 0.7, metric="macro_f1")])
    results.keep([row("news_rnn", 0.85, command="dvc exp run -S train.epochs=3"), row("news_rnn", 0.84, seed=2)])
    assert [(r["run"], r["seed"], r["metric"], r["value"]) for r in kept(results) if r["family"] != "published"] == [
        ("news_rnn", 1, "accuracy", 0.85),
        ("news_rnn", 2, "accuracy", 0.84),
        ("news_lstm", 1, "accuracy", 0.9),
    ]


def test_published_rows_are_there_once_whatever_is_measured(results):
    for _ in range(2):
        results.keep([row("news_lstm", 0.9)])
    published = [each for each in kept(results) if each["family"] == "published"]
    assert published == results.PUBLISHED
    assert all(0.5 < each["value"] < 1 and each["source"] for each in published)


def test_the_table_has_mean_and_spread_over_seeds(results):
    unseen = {"split": "test, text not in train"}
    results.keep(
        [row("news_rnn", 0.85432), *(row("news_lstm", each, seed) for seed, each in enumerate((0.9, 0.92), 1))]
    )
    results.keep([row("thucnews_chars: majority", 0.1, family="baseline", split=split) for split in ("dev", "test")])
    page = results.render_page(results.read_runs())
    cells = line(page, "`news_lstm`")
    assert cells[:4] == ["`news_lstm`", "180,000", "2", "91.00 ± 1.41"]
    assert cells[8:] == ["12,345", "9, cpu", ""]
    assert line(page, "`news_rnn`")[2:5] == ["1", "85.43", ""]
    results.keep([row("names_gru", 0.8, corpus="names"), row("names_gru", 0.75, corpus="names", seed=2, **unseen)])
    assert line(results.render_page(results.read_runs()), "`names_gru`")[3:5] == ["80.00", "75.00"]


def test_a_recurrent_model_that_a_baseline_beats_is_marked(results):
    results.keep([row("news_rnn", 0.8), row("news_lstm", 0.84), row("news_lstm", 0.88, seed=2)])
    for name, dev, test in (("strong", 0.9, 0.85), ("lucky", 0.5, 0.99), ("ceiling", 1.0, 1.0)):
        scores = (("dev", dev), ("test", test))
        results.keep([row(f"thucnews_chars: {name}", value, split=split, family="baseline") for split, value in scores])
    page = results.render_page(results.read_runs())
    assert line(page, "`news_rnn`")[-1] == "beaten by a baseline"
    assert line(page, "`news_lstm`")[-1] == ""  # 86 of two seeds against 85; dev did not choose the lucky one
    assert line(page, "TextRCNN")[-1] == "published: github.com/649453932/Chinese-Text-Classification-Pytorch"


def test_taggers_are_ranked_by_entities(results):
    results.keep([row("ner_gru", 0.9, corpus="msra"), row("ner_gru", 0.3, corpus="msra", metric="entity_f1")])
    page = results.render_page(results.read_runs())
    assert line(page, "`ner_gru`")[3] == "30.00"
    assert "test entity F1 | unseen" in page


def test_steps_have_a_table_of_their_own_with_dev_alone(results, marks, monkeypatch):
    plain = dataclasses.replace(results.RUNS["news_bilstm"], step="plain")
    monkeypatch.setitem(results.RUNS, "news_step_1", plain)
    rows = [("accuracy", 0.9), ("loss", 0.31234)]
    results.keep([row("news_step_1", value, metric=metric, split="dev") for metric, value in rows])
    page = results.render_page(results.read_runs())
    assert line(page, "plain") == ["plain", "`news_step_1`", "1", "90.00", "0.3123", "9"]
    assert page.count("`news_step_1`") == 2  # and its command
    assert "news_step_1" not in results.render_readme(results.read_runs(), "".join(marks))


def test_the_readme_keeps_what_stands_around_the_table(results, marks):
    results.keep([row("news_rnn", 0.85432)])
    first, last = marks
    readme = results.render_readme(results.read_runs(), f"before\n{first}\nold\n{last}\nafter\n")
    assert "| thucnews | `news_rnn` | 1 | 85.43 |  |\n" in readme
    assert "old" not in readme
    assert readme.startswith("before\n")
    assert readme.endswith("after\n")


def test_the_command_is_what_a_person_types(results):
    each = results.RUNS["news_rnn_pad32"]
    typed = " ".join(results.command_of(["evaluate@news_rnn"], each.changes, "data/web"))
    limits = "-S limits.rows=null -S limits.epochs=null -S limits.hidden_size=null"
    assert typed == f"dvc exp run -S data.source=data/web {limits} -S recipes.news_rnn.pad_size=32 evaluate@news_rnn"
    typed = " ".join(results.command_of(["train@x"], results.RUNS["news_bilstm"].changes, "data/web"))
    assert " -S data.vectors=data/web/vectors -S recipes.news_bilstm.vectors=tencent-char-200d.vec.gz " in typed


def test_runs_and_baselines_name_what_there_is(results):
    params = read_params(ROOT / "params.yaml")
    assert {each.recipe for each in results.RUNS.values()} == set(params["recipes"])
    assert set(results.BASELINES) <= set(params["encodings"])


def test_the_committed_pages_are_made_from_the_committed_figures(results, import_benchmark, monkeypatch):
    monkeypatch.setattr(import_benchmark("results_page"), "RESULTS", ROOT / "docs" / "results.json")
    runs = results.read_runs()
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == results.render_page(runs)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert results.render_readme(runs, readme) == readme
