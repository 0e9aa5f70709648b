"""The report: every number at its place, and missing and damaged files named."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from factories import report_files
from factories.report_files import result_folders, write_baselines, write_csv, write_recipe
from factories.report_pages import (
    ATTACK,
    CLASSES,
    TAGGED,
    Page,
    details,
    error,
    recipes,
    rows,
    section,
    sentence_lines,
    span,
    write_errors,
)
from textrnn.errors import UserError
from textrnn.evaluation.metrics.comparison import best_baseline
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.report.examples import LONGEST
from textrnn.evaluation.report.overview import model_line
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent

VERDICT = 4  # the column


def without_verdict(row):
    return row[:VERDICT] + row[VERDICT + 1 :]


def test_recipes_are_compared_with_the_baseline_that_dev_chose(page):
    _, texts, tagger, begun, absent = rows(page, "Recipes and their scores")
    model = "GRU 100 × 2, bidirectional, max + last valid"
    scores = ["accuracy", "62.50% [59.38, 65.00]", "bag", "64.00%", "62.50%", "25.00%", "96.00%"]
    assert without_verdict(texts) == ["texts", "corpus", *scores, "70", "2,700", model]
    scores = ["entity F1", "60.00% [57.00, 62.40]", "usual", "30.00%", "60.00%", "25.00%", "–"]
    assert without_verdict(tagger)[2:9] == scores
    assert begun == ["begun", "corpus", "not evaluated", *[""] * 7, "70", "", model]
    assert absent == ["absent", "corpus", "not evaluated", *[""] * 10]
    assert best_baseline({"a": {"dev": {"x": 0.5}}, "b": {"dev": {"x": 0.5}}}, "x") == "a"


def test_a_verdict_is_of_the_paired_interval(folder, page):
    _, texts, tagger, _, _ = rows(page, "Recipes and their scores")
    verdict, low, high = re.fullmatch(r"(.+) \[(.+), (.+)\]", texts[VERDICT]).groups()
    # 72 rows are right in the recipe alone and 75 in the baseline alone: 100 * (147 ** 0.5 / 200) is 6
    assert (verdict, float(low), float(high)) == ("level", pytest.approx(-13.4, abs=1), pytest.approx(10.4, abs=1))
    verdict, low, high = re.fullmatch(r"(.+) \[(.+), (.+)\]", tagger[VERDICT]).groups()
    assert verdict == "ahead by 30.00"
    assert 10 < float(low) < 25 < 35 < float(high) < 50
    # without predictions the scores alone decide
    (folder / "data" / "evaluated" / "texts" / "predicted.arrow").unlink()
    (folder / "data" / "baselines" / "tagger_chars.arrow").unlink()
    _, texts, tagger, _, _ = rows(render(ReportContent(recipes(folder))), "Recipes and their scores")
    assert (texts[VERDICT], tagger[VERDICT]) == ("behind by 1.50", "ahead by 30.00")


def test_a_recipe_without_baselines_has_none_yet(folder):
    (folder / "data" / "baselines" / "texts_chars.json").unlink()
    page = render(ReportContent(recipes(folder)))
    assert rows(page, "Recipes and their scores")[1][4:7] == ["", "none yet", ""]
    assert len(rows(section(page, "texts"), "texts and its baselines")) == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "GRU 100, bidirectional, max + last valid"),
        ({"bigrams": {"width": 3}, "readout": "mean"}, "GRU 100, bidirectional, bigrams, mean"),
        (
            {"bigrams": {"width": 3}, "words": {"width": 3}, "readout": "every_step", "crf": True},
            "GRU 100, bidirectional, bigrams, lexicon words, every step, CRF",
        ),
    ],
)
def test_a_model_in_a_few_words(changes, expected):
    assert model_line(SimpleNamespace(config={"model": {**report_files.MODEL, "layers": 1, **changes}})) == expected


def test_a_model_with_a_wide_part_is_called_so():
    config = {"model": {**report_files.MODEL, "layers": 1}, "ngrams": [3, 4]}
    line = "GRU 100, bidirectional, max + last valid, linear part on n-grams"
    for scale, more in ((0.5, ""), (0.0, " (weight 0: it changes no score)")):
        train = {"fusion": {"wide_scale": scale}}
        assert model_line(SimpleNamespace(config=config, train=train)) == line + more
    assert model_line(SimpleNamespace(config=config, train={})) == line


def test_a_recipe_can_be_level_with_the_baseline(folder):
    write_baselines(result_folders(folder), "texts_chars", "accuracy", bag=(0.7, 0.625))
    (folder / "data" / "evaluated" / "texts" / "predicted.arrow").unlink()
    assert rows(render(ReportContent(recipes(folder))), "Recipes and their scores")[1][VERDICT] == "level"


def test_a_recipe_is_compared_with_all_its_baselines(page):
    head, *lines = rows(section(page, "texts"), "texts and its baselines")
    assert head == ["", "accuracy, dev", "accuracy, test", "macro-F1, dev", "macro-F1, test"]
    assert lines == [
        ["texts", *["62.50% [59.38, 65.00]"] * 2, *["25.00% [23.75, 26.00]"] * 2],
        ["baseline: majority", "30.00%", "99.00%", "40.00%", "40.00%"],
        ["baseline: bag", "70.00%", "64.00%", "40.00%", "40.00%"],
        ["ceiling: texts with several labels", "97.00%", "96.00%", "–", "–"],
    ]


def test_the_parts_of_a_model_are_beside_its_scores(folder):
    path = folder / "data" / "evaluated" / "texts" / "metrics.json"
    values = json.loads(path.read_text())
    parts = {"deep": {"accuracy": 0.5, "macro_f1": 0.3}, "wide": {"accuracy": 0.6, "macro_f1": 0.2}}
    path.write_text(json.dumps(values | {"parts": {"dev": parts, "test": parts}}))
    lines = rows(section(render(ReportContent(recipes(folder))), "texts"), "texts and its baselines")[1:]
    assert lines[:3] == [
        ["texts", "62.50% [59.38, 65.00]", "62.50% [59.38, 65.00]", "25.00% [23.75, 26.00]", "25.00% [23.75, 26.00]"],
        ["recurrent part alone", "50.00%", "50.00%", "30.00%", "30.00%"],
        ["linear part alone", "60.00%", "60.00%", "20.00%", "20.00%"],
    ]
    assert lines[3][0] == "baseline: majority"


def test_confusion_has_percentages_of_the_gold_class_and_counts(page):
    head, *lines = rows(section(page, "texts"), "Gold by predicted")
    assert head == ["gold ↓ predicted →", *CLASSES]
    # 6 and 2 of 8; 3 and 1 of 4; 999 and 1 of 1000, which is less than half a percent
    assert lines == [["体育", "756", "252", ""], ["a&b", "", "753", "251"], [ATTACK, "100999", "<11", ""]]
    table = section(page, "texts").split('class="confusion"')[1].split("</table>")[0]
    cells = [attributes for _, attributes, _ in Page(f"<table {table}</table>").all("td") if attributes]
    # 0.7 times the roots of 3/4, 1/4, 3/4, 1/4, 0.999, 0.001
    shades = ["0.61", "0.35", "0.61", "0.35", "0.70", "0.02"]
    assert [cell["style"] for cell in cells] == [f"--s:{shade}" for shade in shades]
    assert [cell["class"] for cell in cells] == ["right", "wrong", "right", "wrong", "wrong", "wrong"]
    assert cells[1]["title"] == "体育 predicted as a&b: 2 of 8, 25.00%"


def test_classes_and_groups_have_their_metrics(page):
    texts, tagger = section(page, "texts"), section(page, "tagger")
    assert rows(texts, "Classes")[1] == ["体育", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(tagger, "Entities, by exact span")[2] == ["LOC", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(texts, "By length")[1:] == [["2–5 tokens", "120", "70.00%"]]
    rarest = rows(texts, "By how often the rarest token occurs in train")[1:]
    assert rarest == [["never", "120", "70.00%"], ["1–9 times", "120", "70.00%"]]
    assert rows(tagger, "By whether the text occurs in train or dev")[1:] == [["known", "120", "40", "30.00%"]]
    assert rows(tagger, "By whether the entity occurs in train")[1:] == [["the rest", "120", "40", "30.00%"]]
    assert "By whether the entity occurs in train" not in texts


def test_examples_are_shown_with_their_pair(page):
    assert [each.texts("details")[0] for each in details(section(page, "texts"))] == [
        f"体育 predicted as a&b: the 1 most confident中文{ATTACK} row 7, confidence 90.00%",
        f"{ATTACK} predicted as 体育: the 1 most confidentxy row 7, confidence 90.00%, the text occurs in train or dev",
    ]


def test_entities_of_a_sentence_are_marked_on_two_lines(page):
    lines = sentence_lines(section(page, "tagger"))
    assert [[(attributes["class"], text) for _, attributes, text in line.all("mark")] for line in lines] == [
        [("right", "张三PER"), ("missed", "北京LOC"), ("right", "上海LOC")],
        [("right", "张三PER"), ("made-up", "北ORG"), ("right", "上海LOC"), ("made-up", f"{ATTACK}ORG")],
    ]
    assert [line.texts("div")[0] for line in lines] == [
        f"gold张三PER在北京LOC、上海LOC{ATTACK}",
        f"predicted张三PER在北ORG京、上海LOC{ATTACK}ORG",
    ]


def test_sentences_open_five_at_a_time(folder):
    write_errors(folder, "tagger", *({**TAGGED, "row": number} for number in range(7)))
    groups = details(section(render(ReportContent(recipes(folder))), "tagger"))
    assert [each.texts("summary")[0] for each in groups] == [
        "Sentences 1–5: 15 wrong entities",
        "Sentences 6–7: 6 wrong entities",
    ]
    numbers = [re.findall(r"row (\d)", each.texts("details")[0]) for each in groups]
    assert numbers == [list("01234"), list("56")]
    write_errors(folder, "tagger", *[TAGGED] * 6)
    groups = details(section(render(ReportContent(recipes(folder))), "tagger"))
    assert groups[1].texts("summary") == ["Sentence 6: 3 wrong entities"]


def test_words_have_blanks_between_them(folder):
    words = ["Ann", "lives", "in", "New", "York", "."]
    entities = {"right": [span(3, 5, "LOC", words)], "missed": [span(0, 1, "PER", words)], "made_up": []}
    write_errors(folder, "tagger", {**TAGGED, "tokens": words, **entities})
    gold, predicted = sentence_lines(section(render(ReportContent(recipes(folder))), "tagger"))
    assert gold.texts("div") == ["goldAnnPER lives in New YorkLOC ."]
    assert predicted.texts("div") == ["predictedAnn lives in New YorkLOC ."]


def test_long_texts_are_cut(folder):
    tokens = list("字" * (LONGEST + 50))
    missed = [span(LONGEST - 1, LONGEST + 2, "PER", tokens), span(LONGEST + 10, LONGEST + 12, "LOC", tokens)]
    write_errors(folder, "tagger", {**TAGGED, "tokens": tokens, "right": [], "made_up": [], "missed": missed})
    write_errors(folder, "texts", error("体育", "a&b", tokens))
    page = render(ReportContent(recipes(folder)))
    gold, predicted = sentence_lines(section(page, "tagger"))
    assert gold.texts("div") == ["gold" + "字" * (LONGEST + 2) + "PER …"]
    assert predicted.texts("div") == ["predicted" + "字" * LONGEST + " …"]
    assert details(section(page, "texts"))[0].texts("li") == ["字" * LONGEST + " … row 7, confidence 90.00%"]


def test_missing_files_are_named_with_the_command_that_makes_them(page):
    begun, absent = section(page, "begun"), section(page, "absent")
    assert "<code>dvc repro evaluate@begun analyze@begun baseline@begun_chars</code>" in begun
    assert "data/evaluated/begun/metrics.json</code>" in begun
    assert "models/begun" not in begun
    assert "Loss" in Page("<section" + begun + "</section>").texts("figcaption")
    assert "<code>dvc repro train@absent evaluate@absent analyze@absent baseline@absent_chars</code>" in absent
    assert "data/analyzed/absent/padding.json</code>" in absent
    assert "<svg" not in absent
    assert "Not all of this recipe" not in section(page, "texts")


def test_the_stage_named_for_a_missing_file_is_the_one_that_writes_it(folder):
    """By the folder that each stage writes to, of those in which the report looks."""
    writers = {"data/evaluated/": "evaluate@absent", "data/analyzed/": "analyze@absent", "models/": "train@absent"}
    writers |= {"metrics/absent/curves.csv": "train@absent", "data/baselines/": "baseline@absent_chars"}
    missing = [(path.removeprefix(f"{folder.as_posix()}/"), stage) for path, stage in recipes(folder)[3].missing]
    assert len(missing) == len({path for path, _ in missing}) == 16
    assert [stage for path, stage in missing] == [
        next(stage for start, stage in writers.items() if path.startswith(start)) for path, _ in missing
    ]


def test_a_damaged_file_is_named(folder):
    folders = result_folders(folder)
    for path, broken in (
        (folders.evaluated / "texts" / "metrics.json", "{"),
        (folders.metrics / "texts" / "curves.csv", "step,split\n1\n"),
        (folders.analyzed / "texts" / "errors.jsonl", "{}\n{"),
        (folders.models / "texts" / "model.safetensors", "no weights"),
    ):
        before = path.read_bytes()
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{path.name}: is damaged; got .*; run the stage that writes it$"):
            recipes(folder)
        path.write_bytes(before)


def test_infinite_losses_are_left_out_of_the_curve(folder):
    points = [(1, "train", 2.0, 0.5), (2, "train", "inf", 0.5), (3, "train", 1.0, 0.5)]
    write_csv(folder / "metrics" / "texts" / "curves.csv", [("step", "split", "loss", "accuracy"), *points])
    assert "train goes from 2.0000 to 1.0000" in section(render(ReportContent(recipes(folder))), "texts")


def test_an_f1_score_of_dev_has_a_curve_of_its_own(folder):
    header = ("step", "split", "loss", "accuracy", "entity_f1")
    points = [(at, *scores) for at in (1, 2) for scores in (("train", 2.0, 0.5, ""), ("dev", 1.0, 0.75, 0.25 * at))]
    write_csv(folder / "metrics" / "texts" / "curves.csv", [header, *points])
    shown = section(render(ReportContent(recipes(folder))), "texts")
    parts = [part.partition("</figure>")[0] for part in shown.split("<figure>")[1:]]
    figures = [Page(f"<figure>{part}</figure>") for part in parts]
    assert [figure.texts("figcaption")[0] for figure in figures[:3]] == ["Loss", "Accuracy", "Entity F1"]
    assert [text.partition(":")[0] for text in figures[2].texts("circle")] == ["dev, step 1", "dev, step 2"]


def test_a_refit_is_named_with_its_rows(folder):
    assert "refit" not in section(render(ReportContent(recipes(folder))), "texts")
    path = folder / "models" / "texts" / "training.json"
    record = json.loads(path.read_text(encoding="utf-8")) | {"refit": {"rows": 3000, "steps": 56}}
    path.write_text(json.dumps(record), encoding="utf-8")
    shown = section(render(ReportContent(recipes(folder))), "texts")
    assert "refit on train and dev" in shown
    assert "3,000 rows, 56 steps; scores on dev are those before it" in shown


def test_a_chart_has_a_legend_and_tooltips(page):
    figure = Page("<figure>" + section(page, "texts").split("<figure>")[1])
    assert figure.texts("figcaption") == ["Loss"]
    assert figure.texts("circle", class_="dot first")[0] == "train, step 14: 2.3000"
    assert figure.texts("p", class_="key") == ["traindev"]
    assert [attributes["class"] for _, attributes, _ in figure.all("i")] == ["first", "second"]


def test_only_floats_are_parameters(folder):
    assert recipes(folder)[0].parameters == 70


def test_a_column_has_a_class(page):
    assert rows(section(page, "texts"), "Classes")[0] == ["", "precision", "recall", "F1", "support"]
    assert '<th scope="col" class="n">precision</th>' in page
    assert '<td class="n">2,700</td>' in page


def test_the_page_stays_small(tmp_path):
    folders = result_folders(tmp_path)
    classes = [f"class {number}" for number in range(18)]
    pairs = [(classes[a], classes[b]) for a in range(18) for b in range(18) if a != b][:10]
    errors = [error(*pair, ["words"] * 1000) for pair in pairs for _ in range(20)]
    names = [f"recipe{number}" for number in range(12)]
    for name in names:
        write_recipe(folders, name, np.full((18, 18), 1234), classes, errors, {}, "nltk")
    page = render(ReportContent([read_recipe_results(name, "e", "c", tmp_path) for name in names]))
    assert page.count("words words") > 12 * 10 * 8
    assert 100_000 < len(page.encode()) < 3_000_000
