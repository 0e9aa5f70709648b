"""The report: every number at its place, corpus text never markup, missing files named; a browser runs the page."""

import asyncio
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from jinja2 import UndefinedError

import report_files
from browser import browsing, find_browser
from imports import ROOT
from report_files import result_folders, write_baselines, write_csv, write_json, write_recipe
from test_study_verdicts import verdicts
from textrnn.errors import UserError
from textrnn.evaluation.metrics.comparison import best_baseline
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.report.environment import ENVIRONMENT
from textrnn.evaluation.report.examples import LONGEST
from textrnn.evaluation.report.overview import model_line
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.study_section import read_shown_study
from textrnn.study.verdicts.curves import draw_all
from textrnn.study.verdicts.measure_plots import draw_measures

ATTACK = "<script>alert(1)</script>"
HOSTILE = "\x00\x1b</bdi></td><img src=x onerror='alert(2)'>\" evil=\"&amp;\u202eאב{{ 7 * 7 }}{% endif %}"
VISIBLE = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛")
CLASSES = ["体育", "a&b", ATTACK]
CONFUSION = np.array([[6, 2, 0], [0, 3, 1], [999, 1, 0]])
ENTITY_SCORES = {"entity_precision": 0.5, "entity_recall": 0.75, "entity_f1": 0.6}
VOID = {"meta", "br"}  # elements without an end
MACROS = ENVIRONMENT.get_template("macros.html").module


class Page(HTMLParser):
    """The elements of a page as (name, attributes, text inside), in the order of their ends; all must be closed.

    White space between elements is left out where it has the end of a line.
    """

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.elements = [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        assert len(dict(attributes)) == len(attributes)
        if name in VOID:
            self.elements.append((name, dict(attributes), ""))
        else:
            self.open.append((name, dict(attributes), []))

    def handle_endtag(self, name):
        opened, attributes, inside = self.open.pop()
        assert opened == name
        self.elements.append((name, attributes, "".join(inside)))

    def handle_data(self, data):
        if "\n" not in data or data.strip():
            for _, _, inside in self.open:
                inside.append(data)

    def all(self, name, **attributes):
        """The elements of this name with these attributes."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [each for each in self.elements if each[0] == name and wanted.items() <= each[1].items()]

    def texts(self, name, **attributes):
        return [text for _, _, text in self.all(name, **attributes)]


def error(gold, predicted, tokens, **more):
    return {
        "row": 7,
        "gold": gold,
        "predicted": predicted,
        "confidence": 0.9,
        "text_known": False,
        "tokens": tokens,
    } | more


def span(start, end, kind, tokens):
    return {"start": start, "end": end, "type": kind, "tokens": tokens[start:end]}


TOKENS = [*"张三在北京、上海", ATTACK]
TAGGED = {
    "row": 3,
    "missed": [span(3, 5, "LOC", TOKENS)],
    "made_up": [span(3, 4, "ORG", TOKENS), span(8, 9, "ORG", TOKENS)],
    "right": [span(0, 2, "PER", TOKENS), span(6, 8, "LOC", TOKENS)],
    "text_known": True,
    "tokens": TOKENS,
}


@pytest.fixture
def folder(tmp_path):
    """Files of a classifier, of a tagger, and of a recipe that was only trained; a fourth recipe has none."""
    folders = result_folders(tmp_path)
    errors = [error("体育", "a&b", ["中", "文", ATTACK]), error(ATTACK, "体育", list("xy"), text_known=True)]
    write_recipe(folders, "texts", CONFUSION, CLASSES, errors, {"accuracy": 0.625})
    ceiling = {"dev": 0.97, "test": 0.96}
    write_baselines(folders, "texts_chars", "accuracy", ceiling, majority=(0.3, 0.99), bag=(0.7, 0.64))
    write_recipe(folders, "tagger", np.array([[5, 1], [2, 8]]), ["O", "LOC"], [TAGGED], ENTITY_SCORES, "tokens")
    write_baselines(folders, "tagger_chars", "entity_f1", usual=(0.2, 0.3))
    write_recipe(folders, "begun", CONFUSION, CLASSES, [], {})
    shutil.rmtree(folders.evaluated / "begun")
    shutil.rmtree(folders.analyzed / "begun")
    return tmp_path


def recipes(folder):
    names = ("texts", "tagger", "begun", "absent")
    return [read_recipe_results(name, f"{name}_chars", "corpus", folder) for name in names]


def write_errors(folder, recipe, *errors):
    lines = [json.dumps(each, ensure_ascii=False) + "\n" for each in errors]
    (folder / "data" / "analyzed" / recipe / "errors.jsonl").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def page(folder):
    return render(recipes(folder), None)


def section(page, recipe):
    return page.split(f'<section id="recipe-{recipe}"')[1].split("</section>")[0]


def details(source):
    return [Page(each) for each in re.findall(r"<details>.*?</details>", source, re.S)]


def sentence_lines(source):
    return [Page(line) for line in re.findall(r'<div class="line">.*?</div>', source, re.S)]


def rows(source, caption):
    """The rows of the table with this caption, each as the text of its cells."""
    tables = re.findall(r"<table.*?</table>", source, re.S)
    table = next(each for each in tables if f"<caption>{caption}" in each)
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.S)
    return [[text for name, _, text in Page(line).elements if name in ("th", "td")] for line in lines]


def test_text_is_never_markup(page):
    assert page.count("<script>") == 1  # the page's own
    assert "alert(1)" not in Page(page).texts("script")[0]
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8  # as a label, and as a token of both tasks


@pytest.mark.parametrize("tags", [False, True])
def test_hostile_text_stays_text_wherever_it_is_put(tmp_path, tags):
    folders = result_folders(tmp_path)
    tokens = ["a", HOSTILE, HOSTILE, "b"]
    sentence = {
        **TAGGED,
        "tokens": tokens,
        "missed": [span(1, 2, HOSTILE, tokens)],
        "made_up": [span(2, 3, HOSTILE, tokens)],
        "right": [],
    }
    errors = [sentence] if tags else [error("O", HOSTILE, tokens)]
    scores = ENTITY_SCORES if tags else {}
    write_recipe(folders, "r", np.array([[5, 1], [2, 8]]), ["O", HOSTILE], errors, scores)
    write_baselines(folders, "e", "entity_f1" if tags else "accuracy", **{HOSTILE: (0.2, 0.3)})
    write_json(folders.models / "r" / "training.json", {**report_files.TRAINING, "stopped_by": HOSTILE})
    write_json(folders.models / "r" / "config.json", {"model": {**report_files.MODEL, "cell": HOSTILE}})
    corpus = HOSTILE[2:]
    absent = f"absent {corpus}".replace("/", "")  # a name that a file can have
    source = render(
        [read_recipe_results("r", "e", corpus, tmp_path), read_recipe_results(absent, "e", corpus, tmp_path)], None
    )
    page = Page(source)
    counts = Counter(name for name, _, _ in page.elements)
    assert (counts["script"], counts["img"]) == (1, 0)
    assert not any(attributes.keys() & {"onerror", "src", "evil"} for _, attributes, _ in page.elements)
    # as a class, a token and an entity: all of its characters, in an element that isolates their direction
    hostile = [text for text in page.texts("bdi") if "alert(2)" in text]
    assert {text.replace(VISIBLE, "") for text in hostile} == ({"", "a", "b"} if tags else {"", "ab"})
    assert VISIBLE in page.texts("th", scope="row")
    assert f"O taken for {VISIBLE}: 1 of 6, 16.67%" in [attributes.get("title") for _, attributes, _ in page.all("td")]
    assert page.texts("h2")[2] == absent
    assert corpus in page.texts("td")
    assert f"{corpus}: {'entity F1' if tags else 'accuracy'}" in page.texts("figcaption")
    assert "49" not in "".join(page.texts("bdi"))


def test_corpus_text_has_its_language_and_visible_control_characters():
    assert MACROS.text("漢a") == '<bdi lang="zh-Hans">漢a</bdi>'
    assert MACROS.text("abc，") == "<bdi>abc，</bdi>"
    assert MACROS.text("\x00a\x1b\x7f\t\n") == "<bdi>␀a␛␡␉␊</bdi>"
    assert MACROS.text("<'\">&") == "<bdi>&lt;&#39;&#34;&gt;&amp;</bdi>"


def test_macros_escape_what_they_are_given():
    quoted = "&#34;&gt;&lt;b&gt;"
    assert f'aria-label="{quoted}"' in MACROS.table('"><b>', [('"><b>', '"><b>')], '"><b>', caller=lambda: "")
    for source in (
        MACROS.table('"><b>', [('"><b>', '"><b>')], '"><b>', caller=lambda: "<b>"),
        MACROS.scroller('"><b>', '"><b>', caller=lambda: "<b>"),
        MACROS.facts([('"><b>', '"><b>')]),
        MACROS.entity('"><b>', '"><b>', '"><b>'),
    ):
        assert "<b>" not in source
        assert "&lt;b&gt;" in source


def test_a_template_names_a_value_that_is_missing():
    with pytest.raises(UndefinedError, match="has no attribute 'rows'"):
        ENVIRONMENT.get_template("overview.html").render(content={"charts": []})


def test_the_page_loads_nothing(page):
    parsed = Page(page)
    links = [attributes["href"] for _, attributes, _ in parsed.all("a")]
    assert all(link.startswith("#") for link in links)
    ids = [attributes["id"] for _, attributes, _ in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)
    assert not {name for name, _, _ in parsed.elements} & {"link", "img", "iframe", "object", "base", "form"}
    loading = {"src", "srcset", "onclick", "onload", "action"}
    assert [each for each in parsed.elements if each[1].keys() & loading] == []
    assert "url(" not in page
    assert "@import" not in page
    policy = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_a_screen_reader_can_read_the_page(page):
    parsed = Page(page)
    headings = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert parsed.all("svg")
    assert all(each[1]["role"] == "img" and each[1]["aria-label"] for each in parsed.all("svg"))
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(each[1]["scope"] in ("row", "col") for each in parsed.all("th"))
    assert all(each[1]["tabindex"] == "0" and each[1]["aria-label"] for each in parsed.all("div", role="region"))
    assert parsed.all("html")[0][1]["lang"] == "en"


def test_recipes_are_compared_with_the_baseline_that_dev_chose(page):
    _, texts, tagger, begun, absent = rows(page, "Recipes and their scores")
    model = "gru 100 × 2, both directions, max + last valid"
    scores = ["accuracy", "62.50%", "62.50%", "25.00%", "bag", "64.00%", "96.00%", "beaten"]
    assert texts == ["texts", "corpus", model, "70", "2,700", *scores]
    assert tagger[5:] == ["entity F1", "60.00%", "60.00%", "25.00%", "usual", "30.00%", "–", "ahead"]
    assert begun == ["begun", "corpus", model, "70", "", "not evaluated", *[""] * 7]
    assert absent == ["absent", "corpus", "", "", "", "not evaluated", *[""] * 7]
    assert best_baseline({"a": {"dev": {"x": 0.5}}, "b": {"dev": {"x": 0.5}}}, "x") == "a"


def test_a_recipe_without_baselines_has_none_yet(folder):
    (folder / "data" / "baselines" / "texts_chars.json").unlink()
    page = render(recipes(folder), None)
    assert rows(page, "Recipes and their scores")[1][9:] == ["none yet", "", "", ""]
    assert len(rows(section(page, "texts"), "texts and its baselines")) == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "gru 100, both directions, max + last valid"),
        ({"bigrams": {"width": 3}, "readout": "mean"}, "gru 100, both directions, pairs, mean"),
        (
            {"bigrams": {"width": 3}, "words": {"width": 3}, "readout": "every_step", "crf": True},
            "gru 100, both directions, pairs, words, every step, CRF",
        ),
    ],
)
def test_a_model_in_a_few_words(changes, expected):
    assert model_line(SimpleNamespace(config={"model": {**report_files.MODEL, "layers": 1, **changes}})) == expected


def test_a_recipe_can_be_level_with_the_baseline(folder):
    write_baselines(result_folders(folder), "texts_chars", "accuracy", bag=(0.7, 0.625))
    assert rows(render(recipes(folder), None), "Recipes and their scores")[1][-1] == "level"


def test_a_recipe_is_compared_with_all_its_baselines(page):
    head, *lines = rows(section(page, "texts"), "texts and its baselines")
    assert head == ["", "accuracy, dev", "accuracy, test", "macro-F1, dev", "macro-F1, test"]
    assert lines == [
        ["texts", "62.50%", "62.50%", "25.00%", "25.00%"],
        ["baseline: majority", "30.00%", "99.00%", "40.00%", "40.00%"],
        ["baseline: bag", "70.00%", "64.00%", "40.00%", "40.00%"],
        ["ceiling: texts with several labels", "97.00%", "96.00%", "–", "–"],
    ]


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
    assert cells[1]["title"] == "体育 taken for a&b: 2 of 8, 25.00%"


def test_classes_and_groups_have_their_metrics(page):
    texts, tagger = section(page, "texts"), section(page, "tagger")
    assert rows(texts, "Classes")[1] == ["体育", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(tagger, "Entities, by exact span")[2] == ["LOC", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(texts, "By length")[1:] == [["2–5 tokens", "120", "70.00%"]]
    rarest = rows(texts, "By how often train has the rarest token read")[1:]
    assert rarest == [["never", "120", "70.00%"], ["1–9 times", "120", "70.00%"]]
    assert rows(tagger, "By whether train or dev has the text")[1:] == [["known", "120", "40", "30.00%"]]
    assert rows(tagger, "By whether train has the entity")[1:] == [["the rest", "120", "40", "30.00%"]]
    assert "By whether train has the entity" not in texts


def test_examples_are_shown_with_their_pair(page):
    assert [each.texts("details")[0] for each in details(section(page, "texts"))] == [
        f"体育 taken for a&b: the 1 most confident中文{ATTACK} row 7, confidence 90.00%",
        f"{ATTACK} taken for 体育: the 1 most confidentxy row 7, confidence 90.00%, train or dev has this text",
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
    groups = details(section(render(recipes(folder), None), "tagger"))
    assert [each.texts("summary")[0] for each in groups] == [
        "Sentences 1–5: 15 wrong entities",
        "Sentences 6–7: 6 wrong entities",
    ]
    numbers = [re.findall(r"row (\d)", each.texts("details")[0]) for each in groups]
    assert numbers == [list("01234"), list("56")]
    write_errors(folder, "tagger", *[TAGGED] * 6)
    groups = details(section(render(recipes(folder), None), "tagger"))
    assert groups[1].texts("summary") == ["Sentence 6: 3 wrong entities"]


def test_words_have_blanks_between_them(folder):
    words = ["Ann", "lives", "in", "New", "York", "."]
    entities = {"right": [span(3, 5, "LOC", words)], "missed": [span(0, 1, "PER", words)], "made_up": []}
    write_errors(folder, "tagger", {**TAGGED, "tokens": words, **entities})
    gold, predicted = sentence_lines(section(render(recipes(folder), None), "tagger"))
    assert gold.texts("div") == ["goldAnnPER lives in New YorkLOC ."]
    assert predicted.texts("div") == ["predictedAnn lives in New YorkLOC ."]


def test_long_texts_are_cut(folder):
    tokens = list("字" * (LONGEST + 50))
    missed = [span(LONGEST - 1, LONGEST + 2, "PER", tokens), span(LONGEST + 10, LONGEST + 12, "LOC", tokens)]
    write_errors(folder, "tagger", {**TAGGED, "tokens": tokens, "right": [], "made_up": [], "missed": missed})
    write_errors(folder, "texts", error("体育", "a&b", tokens))
    page = render(recipes(folder), None)
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
    assert len(missing) == len({path for path, _ in missing}) == 14
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
    assert "train goes from 2.0000 to 1.0000" in section(render(recipes(folder), None), "texts")


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
    page = render([read_recipe_results(name, "e", "c", tmp_path) for name in names], None)
    assert page.count("words words") > 12 * 10 * 8
    assert 100_000 < len(page.encode()) < 3_000_000


@pytest.fixture
def study(tmp_path):
    """A folder with the verdicts and plots of a study, as its stages write them."""
    runs, judged = verdicts()
    plots = draw_all(runs) | {f"{each['claim']}.svg": draw_measures(each["measured"]) for each in judged["claims"]}
    write_json(tmp_path / "study" / "verdicts.json", judged)
    (tmp_path / "study" / "plots").mkdir()
    for name, plot in plots.items():
        (tmp_path / "study" / "plots" / name).write_text(plot, encoding="utf-8")
    return tmp_path / "study"


def test_the_study_has_its_claims_findings_and_plots(folder, study):
    _, judged = verdicts()
    judged["claims"][1]["said"] = ATTACK
    write_json(study / "verdicts.json", judged)
    page = render(recipes(folder), read_shown_study(study))
    part = page.split('<section id="study"')[1].split("</section>")[0]
    assert ">16 rows of train, 1 epochs, 2 seeds, on the CPU. A claim is supported where all its 95% intervals" in part
    claims = details(part)
    assert len(claims) == len(judged["claims"])
    for claim, expected in zip(claims, judged["claims"], strict=True):
        summary = f"{expected['verdict']} {expected['said']} tutorial {expected['tutorial']}"
        assert claim.texts("summary") == [summary]
        assert claim.texts("li") == [finding["words"] for finding in expected["findings"]]
    assert claims[0].texts("figcaption") == ["fails_at_32", "fails_at_32-curve"]
    assert "rnn_b64_p32" in claims[0].texts("text")
    assert claims[0].all("span")[0][1]["class"] == "verdict good"
    assert Page(page).all("svg", **{"aria-label": "Plot fails_at_32"})[0][1]["viewbox"].startswith("0 0 720 ")
    assert page.count("<style>") == 1  # the page's own
    assert '<a href="#study">' in page


def test_the_plots_of_the_documentation_can_be_shown(folder, tmp_path):
    """They may be older than the code that draws plots."""
    names = ("verdicts.json", "fails_at_32.svg", "fails_at_32-curve.svg", "gradient_by_cell-before.svg")
    for name in names:
        path = tmp_path / "shown" / ("plots" if name.endswith(".svg") else "") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "docs" / "study" / name, path)
    page = render(recipes(folder), read_shown_study(tmp_path / "shown"))
    assert details(page)[0].texts("figcaption") == ["fails_at_32", "fails_at_32-curve"]
    assert page.count("<style>") == 1
    assert "rnn_b64_p16" in Page(page).texts("text")


def test_every_class_of_a_plot_has_a_rule_in_the_page(study):
    style = (ROOT / "src" / "textrnn" / "evaluation" / "report" / "style.css").read_text(encoding="utf-8")
    rules = set(re.findall(r"(?:svg|\.plot) \.([\w-]+)", style))
    for folder in (study / "plots", ROOT / "docs" / "study"):
        for path in folder.glob("*.svg"):
            plot = path.read_text(encoding="utf-8")
            classes = {each for value in re.findall(r'class="([^"]*)"', plot) for each in value.split()}
            assert classes <= rules, path
            own_rules = re.findall(r"\.([\w-]+)", plot.split("<style>")[1].split("</style>")[0])
            assert classes <= {*own_rules, "soft"}, path


def test_without_a_study_there_is_no_section_for_it(folder, tmp_path):
    assert read_shown_study(tmp_path) is None
    assert 'id="study"' not in render(recipes(folder), None)


def test_a_damaged_study_is_named(study):
    for path, broken in ((study / "plots" / "fails_at_32.svg", "<svg></svg>"), (study / "verdicts.json", "{")):
        before = path.read_bytes()
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{path.name}: is damaged; got .*; run the stage that writes it$"):
            read_shown_study(study)
        path.write_bytes(before)


@pytest.fixture
def project(folder):
    """The folder with the params that the script reads."""
    entries = {name: {"encoding": f"{name}_chars"} for name in ("texts", "tagger", "absent")}
    encodings = {entry["encoding"]: {"corpus": "corpus"} for entry in entries.values()}
    write_json(folder / "params.yaml", {"recipes": entries, "encodings": encodings})
    return folder


def run_script(project, seed):
    command = [sys.executable, str(ROOT / "pipeline" / "report.py")]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    return done.stdout, (project / "reports" / "index.html").read_bytes()


def test_the_same_files_give_the_same_bytes(project):
    output, first = run_script(project, "1")
    assert output == "absent: 14 of its files are missing; the report lists them\nreport: reports/index.html\n"
    assert run_script(project, "2")[1] == first
    assert b"\r" not in first


def test_an_unknown_encoding_is_refused(project, monkeypatch):
    write_json(project / "params.yaml", {"recipes": {"r": {"encoding": "none"}}, "encodings": {}})
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    script = importlib.import_module("report")
    with pytest.raises(UserError, match=r"^encodings\.none: no such entry"):
        script.main()
    assert not (project / "reports").exists()
    for entries, message in (
        (None, "^recipes: must be a mapping of named entries"),
        ({"r": {}}, r"^recipes\.r\.encoding: no such entry"),
        ({"r": {"encoding": None}}, r"^encodings\.None: no such entry"),
    ):
        write_json(project / "params.yaml", {"recipes": entries, "encodings": {}})
        with pytest.raises(UserError, match=message):
            script.main()


def test_the_table_names_a_damaged_file(tmp_path, monkeypatch):
    write_json(tmp_path / "params.yaml", {"recipes": {"r": {"encoding": "e"}}, "encodings": {"e": {"corpus": "c"}}})
    folders = result_folders(tmp_path)
    write_json(folders.evaluated / "r" / "metrics.json", {"dev": {}, "test": {}})
    write_json(folders.models / "r" / "training.json", {})
    (folders.models / "r" / "training.json").write_text("<<<<<<< HEAD", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    with pytest.raises(UserError, match=r"models/r/training\.json: is damaged; got"):
        importlib.import_module("table").main()


@pytest.mark.slow
def test_a_browser_runs_the_page_without_an_error(folder, study, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    page = render(recipes(folder), read_shown_study(study))
    file = tmp_path / "page" / "index.html"
    file.parent.mkdir()
    results = []
    # the page, and one whose script fails, so that no error means something
    for source in (page, page.replace('"use strict";', '"use strict"; missing();')):
        file.write_text(source, encoding="utf-8")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", profile]
        command += ["--enable-logging=stderr", "--dump-dom", file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        body = re.search(r"<body>.*</body>", done.stdout, re.S).group()
        results.append(("CONSOLE" in done.stderr, Page(body).all("button")[0][1:]))
    attributes = {"type": "button", "id": "theme"}
    assert results[0] == (False, (attributes, "Dark theme"))
    assert results[1] == (True, ({**attributes, "hidden": ""}, "Theme"))


@pytest.mark.slow
def test_a_phone_need_not_scroll_sideways(study, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    name, folders = "a_recipe_whose_name_is_longer_than_a_phone_is_wide", result_folders(tmp_path / "files")
    write_recipe(folders, name, CONFUSION, CLASSES, [error(ATTACK, "体育", ["x" * 99])], {})
    file = tmp_path / "index.html"
    file.write_text(
        render([read_recipe_results(name, "e", "c", tmp_path / "files")], read_shown_study(study)), encoding="utf-8"
    )

    async def width():
        async with browsing(find_browser(), tmp_path / "profile") as tab:
            await tab.emulate(375, 800, "dark")
            await tab.open(file.as_uri())
            await tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")
            return await tab.run("document.documentElement.scrollWidth")

    assert asyncio.run(width()) == 375
