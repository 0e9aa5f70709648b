"""The report: every figure where it belongs, text never markup, what is missing told; a page that a browser runs."""

import asyncio
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import report_files as made
from browser import browsing, find_browser
from imports import ROOT
from test_study_verdicts import verdicts
from textrnn.errors import UserError
from textrnn.evaluation.outputs.recipe_files import best_baseline, read_recipe
from textrnn.evaluation.rendering.charts import (
    LEFT,
    RIGHT,
    WIDE,
    Confidence,
    Standing,
    across,
    dots,
    histogram,
    reliability,
    steps,
)
from textrnn.evaluation.rendering.markup import markup, number, table, tag, text
from textrnn.evaluation.report.examples import LONGEST
from textrnn.evaluation.report.overview import model_line
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.study_section import read_study
from textrnn.study.verdicts.curves import draw_all
from textrnn.study.verdicts.measure_plots import draw_measures

ATTACK = "<script>alert(1)</script>"
CLASSES = ["体育", "a&b", ATTACK]
CONFUSION = np.array([[6, 2, 0], [0, 3, 1], [999, 1, 0]])
EMPTY = {"meta", "br"}


class Page(HTMLParser):
    """The elements of a page as (name, attributes, text inside), in the order they end; refuses what does not close."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.elements = [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        assert len(dict(attributes)) == len(attributes)
        if name in EMPTY:
            self.elements.append((name, dict(attributes), ""))
        else:
            self.open.append((name, dict(attributes), []))

    def handle_endtag(self, name):
        begun, attributes, inside = self.open.pop()
        assert begun == name
        self.elements.append((name, attributes, "".join(inside)))

    def handle_data(self, data):
        for _, _, inside in self.open:
            inside.append(data)

    def all(self, name, **wanted):
        found = (each for each in self.elements if each[0] == name)
        return [each for each in found if all(each[1].get(key.rstrip("_")) == value for key, value in wanted.items())]


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
    """Files of a classifier, of a tagger and of a recipe that was prepared alone; a fourth has nothing."""
    at = made.places(tmp_path)
    errors = [error("体育", "a&b", ["中", "文", ATTACK]), error(ATTACK, "体育", list("xy"), text_known=True)]
    made.write_recipe(at, "texts", CONFUSION, CLASSES, errors, {"accuracy": 0.625})
    made.write_baselines(
        at, "texts_chars", "accuracy", {"dev": 0.97, "test": 0.96}, majority=(0.3, 0.99), bag=(0.7, 0.64)
    )
    entities = {"entity_precision": 0.5, "entity_recall": 0.75, "entity_f1": 0.6}
    made.write_recipe(at, "tagger", np.array([[5, 1], [2, 8]]), ["O", "LOC"], [TAGGED], entities, "tokens")
    made.write_baselines(at, "tagger_chars", "entity_f1", usual=(0.2, 0.3))
    made.write_recipe(at, "begun", CONFUSION, CLASSES, [], {})
    for path in [*(at.metrics / "begun").iterdir()]:
        if path.name not in ("pad.json", "lengths.csv"):
            path.unlink()
    shutil.rmtree(at.models / "begun")
    shutil.rmtree(at.analyzed / "begun")
    return tmp_path


def recipes(folder):
    names = ("texts", "tagger", "begun", "absent")
    return [read_recipe(name, f"{name}_chars", "corpus", made.places(folder)) for name in names]


@pytest.fixture
def page(folder):
    return render(recipes(folder), None)


def section(page, recipe):
    return page.split(f'<section id="recipe-{recipe}"')[1].split("</section>")[0]


def rows(source, caption):
    """The rows of the table with this caption, each as the text of its cells."""
    found = next(each for each in re.findall(r"<table.*?</table>", source, re.S) if f"<caption>{caption}" in each)
    lines = re.findall(r"<tr>(.*?)</tr>", found, re.S)
    return [[each[2] for each in Page(line).elements if each[0] in ("th", "td")] for line in lines]


def test_text_is_never_markup(page):
    assert page.count("<script>") == 1  # the page's own
    assert "alert(1)" not in next(each[2] for each in Page(page).all("script"))
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8  # as a label, and as a token of both tasks
    assert str(tag("p", "a<b", title='"<&')) == '<p title="&quot;&lt;&amp;">a&lt;b</p>'
    assert markup(["<", markup("<"), None, 1234]) == "&lt;&lt;1,234"


def test_text_of_a_corpus_has_its_language_and_shows_control_characters():
    assert text("漢a") == '<bdi lang="zh-Hans">漢a</bdi>'
    assert text("abc，") == "<bdi>abc，</bdi>"
    assert text("\x00a\x1b\x7f") == "<bdi>␀a␛␡</bdi>"


def test_the_page_loads_nothing(page):
    parsed = Page(page)
    links = [each[1]["href"] for each in parsed.all("a")]
    assert all(link.startswith("#") for link in links)
    ids = [each[1]["id"] for each in parsed.elements if "id" in each[1]]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)
    assert not {name for name, _, _ in parsed.elements} & {"link", "img", "iframe", "object", "base", "form"}
    assert [each for each in parsed.elements if each[1].keys() & {"src", "srcset", "onclick", "onload", "action"}] == []
    assert "url(" not in page
    assert "@import" not in page
    policy = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_the_page_can_be_heard(page):
    parsed = Page(page)
    headings = [int(name[1]) for name in re.findall(r"<(h[1-6])", page)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert parsed.all("svg")
    assert all(each[1]["role"] == "img" and each[1]["aria-label"] for each in parsed.all("svg"))
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(each[1]["scope"] in ("row", "col") for each in parsed.all("th"))
    assert all(each[1]["tabindex"] == "0" and each[1]["aria-label"] for each in parsed.all("div", role="region"))
    assert parsed.all("html")[0][1]["lang"] == "en"


def test_recipes_side_by_side_with_the_baseline_that_dev_chose(page):
    _, texts, tagger, begun, absent = rows(page, "Recipes and their scores")
    model = "gru 100 × 2, both directions, max + last valid"
    figures = ["accuracy", "62.50%", "62.50%", "25.00%", "bag", "64.00%", "96.00%", "beaten"]
    assert texts == ["texts", "corpus", model, "70", "2,700", *figures]
    assert tagger[5:] == ["entity F1", "60.00%", "60.00%", "25.00%", "usual", "30.00%", "–", "ahead"]
    assert begun == ["begun", "corpus", "", "", "2,700", "not evaluated", *[""] * 7]
    assert absent == ["absent", "corpus", "", "", "", "not evaluated", *[""] * 7]
    assert best_baseline({"a": {"dev": {"x": 0.5}}, "b": {"dev": {"x": 0.5}}}, "x") == "a"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "gru 100, both directions, max + last valid"),
        ({"bigrams": {"width": 3}, "readout": "mean"}, "gru 100, both directions, pairs, mean"),
        (
            {"bigrams": {"width": 3}, "words": {"width": 3}, "readout": "every_step", "crf": True},
            "gru 100, both directions, pairs, words, every step, CRF",
        ),
    ],
)
def test_a_model_in_a_few_words(changes, wanted):
    assert model_line(SimpleNamespace(config={"model": {**made.MODEL, "layers": 1, **changes}})) == wanted


def test_level_with_the_baseline_is_neither(folder):
    made.write_baselines(made.places(folder), "texts_chars", "accuracy", bag=(0.7, 0.625))
    assert rows(render(recipes(folder), None), "Recipes and their scores")[1][-1] == "level"


def test_a_recipe_beside_all_its_baselines(page):
    head, *lines = rows(section(page, "texts"), "texts and its baselines")
    assert head == ["", "accuracy, dev", "accuracy, test", "macro-F1, dev", "macro-F1, test"]
    assert lines == [
        ["texts", "62.50%", "62.50%", "25.00%", "25.00%"],
        ["baseline: majority", "30.00%", "99.00%", "40.00%", "40.00%"],
        ["baseline: bag", "70.00%", "64.00%", "40.00%", "40.00%"],
        ["ceiling: texts with several labels", "97.00%", "96.00%", "–", "–"],
    ]


def test_confusion_has_shares_of_the_gold_class_and_counts(page):
    head, *lines = rows(section(page, "texts"), "Gold by predicted")
    assert head == ["gold ↓ predicted →", *CLASSES]
    # 6 and 2 of 8; 3 and 1 of 4; 999 and 1 of 1000, which is less than half a percent
    assert lines == [["体育", "756", "252", ""], ["a&b", "", "753", "251"], [ATTACK, "100999", "<11", ""]]
    cells = Page(
        section(page, "texts").split('class="confusion"')[1].split("</table>")[0].join(("<table ", "</table>"))
    )
    styles = [(each[1]["class"], each[1]["style"]) for each in cells.all("td") if each[1]]
    # 0.7 times the roots of 3/4, 1/4, 3/4, 1/4, 0.999, 0.001
    shades = ["0.61", "0.35", "0.61", "0.35", "0.70", "0.02"]
    sides = ["right", "wrong", "right", "wrong", "wrong", "wrong"]
    assert styles == [(side, f"--s:{shade}") for side, shade in zip(sides, shades, strict=True)]


def test_classes_and_groups_have_their_figures(page):
    texts, tagger = section(page, "texts"), section(page, "tagger")
    assert rows(texts, "Classes")[1] == ["体育", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(tagger, "Entities, by exact span")[2] == ["LOC", "50.00%", "25.00%", "33.33%", "12"]
    assert rows(texts, "By length")[1:] == [["2–5 tokens", "120", "70.00%"]]
    rarest = rows(texts, "By how often train has the rarest token read")[1:]
    assert rarest == [["never", "120", "70.00%"], ["1–9 times", "120", "70.00%"]]
    assert rows(tagger, "By whether train or dev has the text")[1:] == [["known", "120", "40", "30.00%"]]
    assert rows(tagger, "By whether train has the entity")[1:] == [["the rest", "120", "40", "30.00%"]]
    assert "By whether train has the entity" not in texts


def test_examples_stand_with_their_pair(page):
    details = re.findall(r"<details>.*?</details>", section(page, "texts"), re.S)
    told = [Page(each).all("details")[0][2] for each in details]
    assert told == [
        f"体育 taken for a&b: the 1 surest中文{ATTACK} row 7, confidence 90.00%",
        f"{ATTACK} taken for 体育: the 1 surestxy row 7, confidence 90.00%, train or dev has this text",
    ]


def test_sentences_have_their_entities_marked_on_two_lines(page):
    source = section(page, "tagger").split('<ul class="texts">')[1]
    gold, found = re.findall(r'<div class="line">.*?</div>', source, re.S)
    marks = [[(each[1]["class"], each[2]) for each in Page(line).all("mark")] for line in (gold, found)]
    assert marks == [
        [("right", "张三PER"), ("missed", "北京LOC"), ("right", "上海LOC")],
        [("right", "张三PER"), ("made-up", "北ORG"), ("right", "上海LOC"), ("made-up", f"{ATTACK}ORG")],
    ]
    assert Page(gold).all("div")[0][2] == f"gold张三PER在北京LOC、上海LOC{ATTACK}"
    assert Page(found).all("div")[0][2] == f"found张三PER在北ORG京、上海LOC{ATTACK}ORG"


def test_sentences_open_five_at_a_time(folder):
    lines = [json.dumps({**TAGGED, "row": number}) + "\n" for number in range(7)]
    (folder / "data/analyzed/tagger/errors.jsonl").write_text("".join(lines), encoding="utf-8")
    details = re.findall(r"<details>.*?</details>", section(render(recipes(folder), None), "tagger"), re.S)
    told = [Page(each) for each in details]
    assert [each.all("summary")[0][2] for each in told] == [
        "Sentences 1–5: 15 wrong entities",
        "Sentences 6–7: 6 wrong entities",
    ]
    shown = [re.findall(r"row (\d)", each.all("details")[0][2]) for each in told]
    assert shown == [list("01234"), list("56")]


def test_words_have_blanks_between_them(folder):
    words = ["Ann", "lives", "in", "New", "York", "."]
    entities = {"right": [span(3, 5, "LOC", words)], "missed": [span(0, 1, "PER", words)], "made_up": []}
    (folder / "data/analyzed/tagger/errors.jsonl").write_text(json.dumps({**TAGGED, "tokens": words, **entities}))
    gold, found = re.findall(r'<div class="line">.*?</div>', section(render(recipes(folder), None), "tagger"), re.S)
    assert Page(gold).all("div")[0][2] == "goldAnnPER lives in New YorkLOC ."
    assert Page(found).all("div")[0][2] == "foundAnn lives in New YorkLOC ."


def test_long_sentences_are_cut(folder):
    tokens = list("字" * (LONGEST + 50))
    long = {
        **TAGGED,
        "tokens": tokens,
        "right": [],
        "made_up": [],
        "missed": [span(LONGEST - 1, LONGEST + 2, "PER", tokens), span(LONGEST + 10, LONGEST + 12, "LOC", tokens)],
    }
    (folder / "data/analyzed/tagger/errors.jsonl").write_text(json.dumps(long) + "\n", encoding="utf-8")
    gold, found = re.findall(r'<div class="line">.*?</div>', section(render(recipes(folder), None), "tagger"), re.S)
    assert Page(gold).all("div")[0][2] == "gold" + "字" * (LONGEST + 2) + "PER …"
    assert Page(found).all("div")[0][2] == "found" + "字" * LONGEST + " …"


def test_what_is_missing_is_told_with_the_command_that_makes_it(page):
    begun, absent = section(page, "begun"), section(page, "absent")
    command = "<code>dvc repro evaluate@begun analyze@begun baseline@begun_chars</code>"
    assert command in begun
    assert "metrics/begun/test.json</code>" in begun
    assert "metrics/begun/pad.json" not in begun
    assert "Tokens of a training row" in begun
    assert "metrics/absent/pad.json</code>" in absent
    assert "<svg" not in absent
    assert "Not all of this recipe" not in section(page, "texts")


def test_a_damaged_file_is_named(folder):
    at = made.places(folder)
    for path, broken in (
        (at.metrics / "texts" / "test.json", "{"),
        (at.metrics / "texts" / "curves.csv", "step,split\n1\n"),
        (at.analyzed / "texts" / "errors.jsonl", "{}\n{"),
        (at.models / "texts" / "model.safetensors", "no weights"),
    ):
        before = path.read_bytes()
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{path.name}: is damaged; got .*; run the stage that writes it$"):
            recipes(folder)
        path.write_bytes(before)


def test_errors_of_a_loss_that_exploded_are_left_out_of_the_curve(folder):
    curves = [
        ("step", "split", "loss", "accuracy"),
        (1, "train", 2.0, 0.5),
        (2, "train", "inf", 0.5),
        (3, "train", 1.0, 0.5),
    ]
    made.write_csv(folder / "metrics" / "texts" / "curves.csv", curves)
    assert "train goes from 2.0000 to 1.0000" in section(render(recipes(folder), None), "texts")


def test_a_long_curve_has_no_dots(folder):
    def dots(points):
        rows = [(step, "dev", 1 / step, 0.5) for step in range(1, points + 1)]
        made.write_csv(folder / "metrics" / "texts" / "curves.csv", [("step", "split", "loss", "accuracy"), *rows])
        figure = section(render(recipes(folder), None), "texts").split("<figure>")[1]
        assert len(Page(f"<figure>{figure}").all("polyline")[0][1]["points"].split()) == points
        return [each[2] for each in Page(f"<figure>{figure}").all("circle")]

    assert dots(2) == ["dev, step 1: 1.0000", "dev, step 2: 0.5000"]
    assert dots(101) == []


def test_only_floats_are_parameters(folder):
    assert recipes(folder)[0].parameters == 70


def test_axes_have_round_marks():
    assert steps(0, 70) == (0, 20, 40, 60, 80)
    assert steps(0.38, 0.76) == (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    assert steps(0.5, 0.5) == (0.5, 0.5000002)
    assert steps(-1, 1) == (-1, -0.5, 0, 0.5, 1)
    axis = across("x", 0, 70)
    assert (axis.at(0), axis.at(80), axis.at(40)) == (LEFT, WIDE - RIGHT, (LEFT + WIDE - RIGHT) / 2)
    assert (axis.label(1000000), across("x", 0, 1, True).label(0.2)) == ("1e+06", "20%")


def test_numbers_are_short():
    assert [number(value) for value in (1, 0.5, 1 / 3, 2.0, 10, 100.001)] == ["1", "0.5", "0.33", "2", "10", "100"]


def test_a_histogram_has_all_rows():
    drawn = histogram("t", "tokens", [(3, 5), (4, 2), (99, 1)], [50])
    bars = [each[2] for each in Page(drawn).all("rect")]
    counted = [re.fullmatch(r"(\d+) to (\d+) tokens: (\d+) rows", bar).groups() for bar in bars]
    assert [each for each in counted if each[2] != "0"] == [("3", "5", "7"), ("99", "101", "1")]
    assert Page(drawn).all("line", class_="mark")[0][2] == "padded to 50"
    assert "8 rows, half of them of 3 tokens or fewer, the longest of 99" in drawn


def test_reliability_bars_are_as_high_as_accuracy():
    bins = [Confidence(0.0, 0.5, 10, 0.25, 0.5), Confidence(0.5, 1.0, 5, 0.75, 1.0)]
    bars = [each[1] for each in Page(reliability("t", bins, 0.25)).all("rect")]
    heights = [float(bar["height"]) for bar in bars]
    # of 172 units: half and all of them right; strips of a fifth, and of half of that
    assert heights == pytest.approx([86, 34.4, 172, 17.2])


def test_standings_have_a_line_where_the_ceiling_is():
    drawn = Page(dots("t", [Standing("a", 0.5, 0.6, 0.4, 0.9), Standing("b", 0.5, None, None, None)]))
    (line,) = drawn.all("line", class_="limit")
    # ticks from 20% to 100% over the width: 0.9 stands at seven eighths
    assert float(line[1]["x1"]) == pytest.approx(LEFT + 7 / 8 * (WIDE - RIGHT - LEFT), abs=0.01)
    assert line[2] == "ceiling: 90.00%"
    assert [each[2] for each in drawn.all("span")] == ["test", "dev", "best baseline, test", "ceiling, test"]
    assert "ceiling" not in dots("t", [Standing("b", 0.5, None, None, None)])


def test_a_table_has_a_class_for_each_column():
    made_of = table("t", [("", ""), ("b", "n")], [["x", 1000]])
    assert '<th scope="row">x</th><td class="n">1,000</td>' in made_of


def test_the_page_stays_small(tmp_path):
    at = made.places(tmp_path)
    classes = [f"class {number}" for number in range(18)]
    pairs = [(classes[a], classes[b]) for a in range(18) for b in range(18) if a != b][:10]
    errors = [error(*pair, ["words"] * 1000) for pair in pairs for _ in range(20)]
    names = [f"recipe{number}" for number in range(12)]
    for name in names:
        made.write_recipe(at, name, np.full((18, 18), 1234), classes, errors, {}, "nltk")
    page = render([read_recipe(name, "e", "c", at) for name in names], None)
    assert page.count("words words") > 12 * 10 * 8
    assert 100_000 < len(page.encode()) < 3_000_000


@pytest.fixture
def shown(tmp_path):
    """A folder of a study's verdicts and plots, as the stages of the study make them."""
    runs, found = verdicts()
    plots = draw_all(runs) | {f"{each['claim']}.svg": draw_measures(each["measured"]) for each in found["claims"]}
    made.write_json(tmp_path / "shown" / "verdicts.json", found)
    (tmp_path / "shown" / "plots").mkdir()
    for name, drawn in plots.items():
        (tmp_path / "shown" / "plots" / name).write_text(drawn, encoding="utf-8")
    return tmp_path / "shown"


def test_the_study_has_its_claims_findings_and_plots(folder, shown):
    _, found = verdicts()
    found["claims"][1]["said"] = ATTACK
    made.write_json(shown / "verdicts.json", found)
    page = render(recipes(folder), read_study(shown))
    part = page.split('<section id="study"')[1].split("</section>")[0]
    assert ">16 rows of train, 1 epochs, 2 seeds, on the CPU. A claim is supported where all its 95% intervals" in part
    claims = [Page(each) for each in re.findall(r"<details>.*?</details>", part, re.S)]
    assert len(claims) == len(found["claims"])
    for claim, expected in zip(claims, found["claims"], strict=True):
        said = f"{expected['verdict']} {expected['said']} tutorial {expected['tutorial']}"
        assert claim.all("summary")[0][2] == said
        assert [each[2] for each in claim.all("li")] == [each["words"] for each in expected["findings"]]
    assert [each[2] for each in claims[0].all("figcaption")] == ["fails_at_32", "fails_at_32-curve"]
    assert "rnn_b64_p32" in [each[2] for each in claims[0].all("text")]
    assert claims[0].all("span")[0][1]["class"] == "verdict good"
    assert Page(page).all("svg", **{"aria-label": "Plot fails_at_32"})[0][1]["viewbox"].startswith("0 0 720 ")
    assert page.count("<style>") == 1  # the page's own
    assert '<a href="#study">' in page


def test_without_a_study_there_is_no_section_of_it(folder, tmp_path):
    assert read_study(tmp_path) is None
    assert 'id="study"' not in render(recipes(folder), None)


def test_a_damaged_study_is_named(shown):
    for path, broken in ((shown / "plots" / "fails_at_32.svg", "<svg></svg>"), (shown / "verdicts.json", "{")):
        before = path.read_bytes()
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{path.name}: is damaged; got .*; run the stage that writes it$"):
            read_study(shown)
        path.write_bytes(before)


@pytest.fixture
def project(folder):
    """The folder with the params that the script reads."""
    entries = {name: {"encoding": f"{name}_chars"} for name in ("texts", "tagger", "absent")}
    encodings = {entry["encoding"]: {"corpus": "corpus"} for entry in entries.values()}
    made.write_json(folder / "params.yaml", {"recipes": entries, "encodings": encodings})
    return folder


def run_script(project, seed):
    command = [sys.executable, str(ROOT / "pipeline" / "report.py")]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )
    return done.stdout, (project / "reports" / "index.html").read_bytes()


def test_the_same_files_give_the_same_bytes(project):
    said, first = run_script(project, "1")
    assert said == "absent: 15 of its files are not here; the report names them\nreport: reports/index.html\n"
    assert run_script(project, "2")[1] == first
    assert b"\r" not in first


def test_an_unknown_encoding_is_refused(project, monkeypatch):
    made.write_json(project / "params.yaml", {"recipes": {"r": {"encoding": "none"}}, "encodings": {}})
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    script = importlib.import_module("report")
    with pytest.raises(UserError, match=r"^encodings\.none: no such entry"):
        script.main()
    assert not (project / "reports").exists()
    for recipes, message in (
        (None, "^recipes: must be a mapping of named entries"),
        ({"r": {}}, r"^recipes\.r\.encoding: no such entry"),
        ({"r": {"encoding": None}}, r"^encodings\.None: no such entry"),
    ):
        made.write_json(project / "params.yaml", {"recipes": recipes, "encodings": {}})
        with pytest.raises(UserError, match=message):
            script.main()


def test_the_table_names_a_damaged_file(tmp_path, monkeypatch):
    made.write_json(
        tmp_path / "params.yaml", {"recipes": {"r": {"encoding": "e"}}, "encodings": {"e": {"corpus": "c"}}}
    )
    for name in ("pad", "train", "test"):
        made.write_json(tmp_path / "metrics" / "r" / f"{name}.json", {})
    (tmp_path / "metrics" / "r" / "train.json").write_text("<<<<<<< HEAD", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    with pytest.raises(UserError, match=r"metrics/r/train\.json: is damaged; got"):
        importlib.import_module("table").main()


@pytest.mark.slow
def test_a_browser_runs_the_page_without_an_error(folder, shown, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    page = render(recipes(folder), read_study(shown))
    file = tmp_path / "page" / "index.html"
    file.parent.mkdir()
    told = []
    # the page, and one whose script fails, so that silence means something
    for source in (page, page.replace('"use strict";', '"use strict"; missing();')):
        file.write_text(source, encoding="utf-8")
        command = [
            find_browser(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        command += ["--enable-logging=stderr", "--dump-dom", file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        body = re.search(r"<body>.*</body>", done.stdout, re.S).group()
        told.append(("CONSOLE" in done.stderr, Page(body).all("button")[0][1:]))
    attributes = {"type": "button", "id": "theme"}
    assert told[0] == (False, (attributes, "Dark theme"))
    assert told[1] == (True, ({**attributes, "hidden": ""}, "Theme"))


@pytest.mark.slow
def test_a_phone_need_not_scroll_sideways(shown, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    name, at = "a_recipe_whose_name_is_longer_than_a_phone_is_wide", made.places(tmp_path / "files")
    made.write_recipe(at, name, CONFUSION, CLASSES, [error(ATTACK, "体育", ["x" * 99])], {})
    file = tmp_path / "index.html"
    file.write_text(render([read_recipe(name, "e", "c", at)], read_study(shown)), encoding="utf-8")

    async def width():
        async with browsing(find_browser(), tmp_path / "profile") as tab:
            await tab.look_like(375, 800, "dark")
            await tab.open(file.as_uri())
            await tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")
            return await tab.run("document.documentElement.scrollWidth")

    assert asyncio.run(width()) == 375
