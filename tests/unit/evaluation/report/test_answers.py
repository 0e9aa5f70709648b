"""What the report begins with: for each corpus a sentence, then the two models with what they cost."""

import json
import re

import pytest

from factories.report_files import result_folders, write_baselines
from factories.report_pages import Page, recipes, rows
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.outputs.training_times import TrainingTimes
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent

TIMES = {"texts": TrainingTimes(125.2, "cpu", {"bag": 3.04, "majority": 0.0})}


def answer(page):
    return page.split('<section id="answer"')[1].split("</section>")[0]


def read(folder, name, corpus="news"):
    return read_recipe_results(name, f"{name}_chars", corpus, folder)


def shown(*results, times=None):
    page = render(ReportContent(results, None, times))
    part = answer(page)
    return [" ".join(text.split()) for text in re.findall(r'<p class="sentence">(.*?)</p>', plain(part), re.S)]


def plain(source):
    return re.sub(r"</?(a|span|strong)\b[^>]*>", "", source)


def test_a_recipe_ahead_of_its_baseline_is_to_be_used(folder):
    assert shown(read(folder, "tagger")) == [
        "Use tagger: its entity F1 on test is 60.00%, 30.00 points above usual, the baseline that is best on dev."
    ]


def test_a_recipe_level_with_its_baseline_does_not_differ_significantly(folder):
    assert shown(read(folder, "texts")) == [
        "texts and bag, the baseline that is best on dev, do not differ significantly: "
        "their accuracy on test is 62.50% and 64.00%. Use either, or decide with more rows of test."
    ]
    timed = "62.50% and 64.00%; they train in 2 min 5 s and 3.0 s. Use either, or decide with more rows of test."
    assert shown(read(folder, "texts"), times=TIMES)[0].endswith(timed)


def test_a_baseline_ahead_of_the_recipe_is_to_be_used(folder):
    write_baselines(result_folders(folder), "texts_chars", "accuracy", majority=(0.9, 0.99))
    (shown_sentence,) = shown(read(folder, "texts"))
    assert shown_sentence == (
        "Use the baseline majority: its accuracy on test is 99.00%, 36.50 points above the best recipe, texts."
    )


def test_without_predictions_nobody_knows_whether_they_differ(folder):
    (folder / "data" / "evaluated" / "texts" / "predicted.arrow").unlink()
    assert shown(read(folder, "texts")) == [
        "The best recipe is texts with 62.50% accuracy on test; whether it differs from the baseline that is best "
        "on dev, bag (64.00%), is unknown, as predictions are missing."
    ]


def test_without_a_baseline_or_an_evaluation_the_sentence_says_so(folder):
    (folder / "data" / "baselines" / "texts_chars.json").unlink()
    assert shown(read(folder, "texts"), read(folder, "begun", "begun")) == [
        "No recipe has been evaluated yet.",
        "Use texts: its accuracy on test is 62.50%; no baseline has been trained to compare it with.",
    ]


def test_dev_selects_the_recipe_of_a_corpus(folder):
    path = folder / "data" / "evaluated" / "texts" / "metrics.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    best = read(folder, "texts")
    # a second recipe that is better on test alone
    values["dev"]["accuracy"], values["test"]["accuracy"] = 0.5, 0.9
    path.write_text(json.dumps(values), encoding="utf-8")
    (sentence,) = shown(read(folder, "texts"), best)
    assert "is 62.50% and 64.00%." in sentence


def test_the_two_models_have_their_costs(folder):
    times = ReportContent([read(folder, "texts")], None, TIMES)
    head, score, difference, time, parameters, size = rows(answer(render(times)), "news: score and cost")
    assert head == ["", "texts", "bag"]
    assert score == ["accuracy on test (600 rows)", "62.50% [59.38, 65.00]", "64.00%"]
    assert difference[0] == "difference"
    low, high = re.fullmatch(r"−1.50 points \[−(.+), \+(.+)\]", difference[1]).groups()
    assert (float(low), float(high)) == (pytest.approx(13.4, abs=1), pytest.approx(10.4, abs=1))
    assert time == ["training time", "2 min 5 s", "3.0 s"]
    assert parameters == ["parameters", "70", "–"]
    assert size == ["size", f"{(folder / 'models/texts/model.safetensors').stat().st_size} bytes", "–"]


def test_the_page_that_dvc_keeps_has_no_times(folder):
    page = render(ReportContent([read(folder, "texts")]))
    assert "training time" not in answer(page)
    assert "<code>reports/run.html</code> is the same page with the training times" in page


def test_generated_corpora_and_capped_recipes_are_named(folder):
    page = render(ReportContent(recipes(folder)))
    assert "(generated) are made by a program" not in page
    assert "params.yaml</code> capped" not in page
    path = folder / "models" / "texts" / "training.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {"capped": [{"name": "train.epochs"}]}), encoding="utf-8")
    (folder / "data" / "analyzed" / "texts" / "origin.json").write_text('{"generated": true}', encoding="utf-8")
    page = render(ReportContent(recipes(folder)))
    assert "(generated) are made by a program" in page
    assert "params.yaml</code> capped texts: their scores say little about the full recipes" in page


def test_the_answer_is_the_first_part_of_the_page(page):
    parsed = Page(page)
    assert parsed.texts("h2")[:3] == ["Which model for which corpus", "Score and cost", "Recipes"]
    assert page.index('id="answer"') < page.index("<nav")
