"""Score against training time: a panel for each corpus, a table of all models, and what has no time."""

import pytest

from factories.report_files import write_json
from factories.report_pages import Page, recipes, rows
from textrnn.errors import UserError
from textrnn.evaluation.outputs.training_times import TrainingTimes, read_training_times
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent

TIMES = {
    "texts": TrainingTimes(125.2, "cuda", {"bag": 3.04, "majority": 0.0}),
    "tagger": TrainingTimes(None, None, {}),
}


@pytest.fixture
def costs(folder):
    page = render(ReportContent(recipes(folder), None, TIMES))
    return page.split('<section id="costs"')[1].split("</section>")[0]


def test_every_model_has_its_score_and_cost(costs, folder):
    head, *lines = rows(costs, "Cost of each model")
    assert head == ["model", "corpus", "kind", "metric", "test", "training time", "parameters", "size"]
    size = f"{(folder / 'models/texts/model.safetensors').stat().st_size} bytes"
    assert lines == [
        ["texts", "corpus", "recurrent", "accuracy", "62.50% [59.38, 65.00]", "2 min 5 s", "70", size],
        ["tagger", "corpus", "recurrent", "entity F1", "60.00% [57.00, 62.40]", "unknown", "70", size],
        ["bag (texts_chars)", "corpus", "linear", "accuracy", "64.00%", "3.0 s", "", ""],
        ["usual (tagger_chars)", "corpus", "linear", "entity F1", "30.00%", "unknown", "", ""],
    ]  # no majority: it is no linear model


def test_models_without_a_time_are_named_and_left_out_of_the_panels(costs):
    words = Page(f"<section{costs}</section>").texts("p", class_="note")
    assert words == [
        "No training time is known for tagger, usual (tagger_chars): not trained on this machine. Their points are "
        "left out."
    ]
    assert "Recipes were trained on: cuda; baselines always use the CPU." in costs
    panels = Page(f"<section{costs}</section>")
    assert panels.texts("figcaption") == ["corpus: accuracy"]
    assert panels.texts("title") == ["texts 62.50% after 2 min 5 s", "bag (texts_chars) 64.00% after 3.0 s"]
    assert panels.texts("p", class_="key") == ["recurrent recipelinear baseline"]


def test_the_page_that_dvc_keeps_has_neither_panels_nor_times(folder):
    part = render(ReportContent(recipes(folder))).split('<section id="costs"')[1].split("</section>")[0]
    assert "<svg" not in part
    assert "Their points" not in part
    assert rows(part, "Cost of each model")[0][4:] == ["test", "parameters", "size"]


def test_times_are_read_from_the_logs(tmp_path):
    assert read_training_times("r", "e", tmp_path) == TrainingTimes(None, None, {})
    write_json(tmp_path / "logs" / "r.json", {"seconds": 2.5, "device": "cpu", "threads": 1})
    write_json(tmp_path / "logs" / "e.baselines.json", {"bag": {"seconds": 1.5}})
    times = read_training_times("r", "e", tmp_path)
    assert times == TrainingTimes(2.5, "cpu", {"bag": 1.5})
    assert (times.of_baseline("bag"), times.of_baseline("other")) == (1.5, None)
    write_json(tmp_path / "logs" / "r.json", {"seconds": "long", "device": "cpu"})
    with pytest.raises(UserError, match=r"logs/r\.json: is damaged; got .*seconds"):
        read_training_times("r", "e", tmp_path)
