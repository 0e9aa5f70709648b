"""Results of recipes with hostile texts, for the report, and its page taken apart."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np

from factories.report_files import (
    result_folders,
    write_baselines,
    write_class_rows,
    write_entity_rows,
    write_json,
    write_recipe,
)
from factories.study_records import verdicts
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.study.verdicts.figures import draw_figures

ATTACK = "<script>alert(1)</script>"
HOSTILE = "\x00\x1b</bdi></td><img src=x onerror='alert(2)'>\" evil=\"&amp;\u202eאב{{ 7 * 7 }}{% endif %}"
VISIBLE = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛")
CLASSES = ["体育", "a&b", ATTACK]
CONFUSION = np.array([[6, 2, 0], [0, 3, 1], [999, 1, 0]])
ENTITY_SCORES = {"entity_precision": 0.5, "entity_recall": 0.75, "entity_f1": 0.6}
VOID = {"meta", "br"}  # elements without an end


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


def recipes(folder):
    names = ("texts", "tagger", "begun", "absent")
    return [read_recipe_results(name, f"{name}_chars", "corpus", folder) for name in names]


def write_errors(folder, recipe, *errors):
    lines = [json.dumps(each, ensure_ascii=False) + "\n" for each in errors]
    (folder / "data" / "analyzed" / recipe / "errors.jsonl").write_text("".join(lines), encoding="utf-8")


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


def write_results(project):
    """Files of a classifier, of a tagger, and of a recipe that was only trained; a fourth recipe has none."""
    folders = result_folders(project)
    errors = [error("体育", "a&b", ["中", "文", ATTACK]), error(ATTACK, "体育", list("xy"), text_known=True)]
    write_recipe(folders, "texts", CONFUSION, CLASSES, errors, {"accuracy": 0.625})
    ceiling = {"dev": 0.97, "test": 0.96}
    write_baselines(folders, "texts_chars", "accuracy", ceiling, majority=(0.3, 0.99), bag=(0.7, 0.64))
    write_class_rows(folders, "texts", CLASSES, 200, 125, majority=198, bag=128)  # accuracies as above
    write_recipe(folders, "tagger", np.array([[5, 1], [2, 8]]), ["O", "LOC"], [TAGGED], ENTITY_SCORES, "tokens")
    write_baselines(folders, "tagger_chars", "entity_f1", usual=(0.2, 0.3))
    write_entity_rows(folders, "tagger", 119, 51, usual=21)
    write_recipe(folders, "begun", CONFUSION, CLASSES, [], {})
    shutil.rmtree(folders.evaluated / "begun")
    shutil.rmtree(folders.analyzed / "begun")
    return project


def write_study(project):
    """A folder with the verdicts and plots of a study, as its stages write them."""
    measurements, claims, judged = verdicts()
    measured = {each["claim"]: each["measured"] for each in judged["claims"]}
    plots = draw_figures(claims, measured, measurements)
    write_json(project / "study" / "verdicts.json", judged)
    (project / "study" / "plots").mkdir()
    for name, plot in plots.items():
        (project / "study" / "plots" / name).write_text(plot, encoding="utf-8")
    return project / "study"
