"""The plots of dvc.yaml that show several recipes have every recipe that they are about."""

import json
import re

import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT
from factories.params import PARAMS, RECIPES
from factories.plots import SHARED_PLOTS


@pytest.fixture(scope="module")
def plots():
    listed = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    return {name: plot for each in listed for name, plot in each.items()}


def recipes_of(plot, file):
    paths = [re.fullmatch(rf"metrics/(\w+)/{file}\.csv", path) for path in plot["y"]]
    return [path[1] for path in paths]


def encoding_of(recipe):
    return PARAMS["encodings"][PARAMS["recipes"][recipe]["encoding"]]


def test_the_names_are_those_that_the_tests_of_the_pipeline_know(plots):
    assert tuple(plots) == SHARED_PLOTS


def test_the_losses_are_those_of_all_recipes_of_the_headlines(plots):
    headlines = [recipe for recipe in RECIPES if encoding_of(recipe)["corpus"] == "thucnews"]
    assert sorted(recipes_of(plots["headlines_loss"], "curves")) == sorted(headlines)


def test_the_accuracies_are_those_of_all_classifiers(plots):
    classifiers = [recipe for recipe in RECIPES if not encoding_of(recipe)["encode"].get("tags")]
    assert sorted(recipes_of(plots["accuracy"], "confusion")) == sorted(classifiers)


def test_each_has_a_title_labels_and_a_template_of_this_project(plots):
    for plot in plots.values():
        assert plot["title"]
        assert plot["x_label"]
        template = (ROOT / ".dvc" / "plots" / f"{plot['template']}.json").read_text(encoding="utf-8")
        assert json.loads(template)["data"] == {"values": "<DVC_METRIC_DATA>"}
