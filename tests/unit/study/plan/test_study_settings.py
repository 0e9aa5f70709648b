"""The params of the study: variants as changes of recipes, what is refused, and the stages that DVC makes."""

import dataclasses
import json
import math

import pytest

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params, read_values
from textrnn.errors import UserError
from textrnn.study.plan.graph_items import check_items, graph_items, items_text
from textrnn.study.plan.json_files import read_results, write_results
from textrnn.study.plan.settings import (
    InputSettings,
    RunSettings,
    input_settings,
    read_input_settings,
    read_run_settings,
    run_settings,
    settings_file,
    write_settings,
)
from textrnn.study.plan.variants import Variant, inputs_name, read_study


def study(**changes):
    return read_values(ROOT / "study" / "params.yaml") | changes


def with_variant(name, **values):
    return study() | {
        "variants": study()["variants"] | {name: {"recipe": "news_rnn", "model": {}, "train": {}, **values}}
    }


def test_a_variant_is_the_recipe_with_its_changes():
    params = read_params(ROOT / "params.yaml")
    settings = run_settings(read_study(study(evaluate_rows=1000)), params, "bilstm_norm")
    model, train = settings.model, settings.train
    assert (model.cell, model.bidirectional, model.layer_norm, model.layers) == ("lstm", True, True, 2)
    assert (model.readout, model.initialization, model.hidden_size) == ("last_step", "xavier", 128)
    assert (train.batch_size, train.epochs, train.evaluate_every) == (64, 7, 15)
    assert (train.patience, train.min_steps) == (None, None)
    assert (settings.encoding, settings.inputs, settings.rows) == ("thucnews_chars", "news_lstm-32", None)


def test_a_variant_of_another_corpus_and_a_tagger():
    params, values = read_params(ROOT / "params.yaml"), read_study(study())
    films = run_settings(values, params, "films_lstm")
    assert (films.encoding, films.rows, films.model.loss) == ("imdb_words", 10000, "bce")
    tagger = run_settings(values, params, "ner_gru")
    assert (tagger.model.readout, tagger.train.class_weights) == ("every_step", {"LOC": 10, "ORG": 10, "PER": 10})
    assert run_settings(values, params, "ner_unweighted").train.class_weights is None


def test_inputs_have_the_recipes_padding_or_the_variants_width():
    params, values = read_params(ROOT / "params.yaml"), read_study(study())
    narrow = input_settings(values, params, "rnn_b64_p7")
    assert (narrow.pad.max_length, narrow.pad.buckets, narrow.pad.side) == (7, None, "right")
    assert (narrow.embed.width, narrow.embed.vectors, narrow.vectorize.width) == (300, None, None)
    names = input_settings(values, params, "names_clipped")
    assert (names.pad.max_length, names.pad.buckets) == (None, 6)
    films = input_settings(values, params, "films_vectors")
    assert (films.pad.side, films.embed.vectors, films.vectorize.width) == ("left", "vectorized", 100)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "news_rnn"),
        ({"max_length": 16}, "news_rnn-16"),
        ({"max_length": 16, "embed": {"width": 200}}, "news_rnn-16-w200"),
        ({"encoding": "names_chars", "embed": {"width": 8, "std": 0.1}}, "news_rnn-names_chars-own"),
        ({"vectorize": {"width": 8}}, "news_rnn-own"),
    ],
)
def test_variants_share_inputs_that_are_the_same(values, name):
    assert inputs_name("own", Variant("news_rnn", {}, {}, **values)) == name


@pytest.mark.parametrize("name", ["../x", "a; touch X; #", "a b", "", "/x"])
def test_a_name_that_becomes_a_path_or_a_command_is_checked(name):
    with pytest.raises(UserError, match=r"^variants: the name of a variant must have only letters, digits, _ and -"):
        read_study(with_variant(name))
    with pytest.raises(UserError, match=r"variants\.own\.recipe: the name of an entry must have only letters"):
        read_study(with_variant("own", recipe=name))


@pytest.mark.parametrize("name", ["../x", "a; touch X; #", "a b", "/x"])
def test_so_is_that_of_an_encoding(name):
    with pytest.raises(UserError, match=r"^variants\.own\.encoding: the name of an entry must have only letters"):
        read_study(with_variant("own", encoding=name))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"small": {"variants": ["rnm"], "seeds": 2}}, r"small\.variants\[0\]"),
        ({"small": {"variants": [], "seeds": 0}}, r"small\.seeds"),
        ({"gradient_rows": 0}, "gradient_rows"),
        ({"cells": {**study()["cells"], "repeats": 0}}, r"cells\.repeats"),
        ({"sedes": [1]}, r"study\.sedes"),
    ],
)
def test_wrong_values_are_refused_by_name(changes, where):
    with pytest.raises(UserError, match=where):
        read_study(study(**changes))


@pytest.mark.parametrize(
    ("option", "value"), [("seeds", 0), ("seeds", 100), ("rows", 0), ("max_length", -1), ("modle", {}), ("seeds", "2")]
)
def test_wrong_values_of_a_variant_are_refused_by_name(option, value):
    with pytest.raises(UserError, match=rf"variants\.own\.{option}"):
        read_study(with_variant("own", **{option: value}))


@pytest.mark.parametrize(
    ("section", "option", "value", "rule"),
    [
        ("model", "cel", "gru", "unknown param"),
        ("model", "bigrams", {"width": 3, "min_count": 1}, "must be null"),
        ("model", "words", {"width": 3, "min_count": 1}, "must be null"),
        ("model", "wide", True, "must be false"),
        ("train", "distill", {"seeds": [9], "weight": 0.5, "temperature": 1.0}, "must be null"),
        ("train", "adversarial", {"epsilon": 1.0, "weight": 1.0}, "must be null"),
        ("train", "batch_tokens", 1000, "must be null"),
        ("train", "time_limit_seconds", 3.0, "must be null"),
        ("train", "batch_size", "auto", "must be a number: the study compares batch sizes"),
        ("train", "batch_size", "x", "must be"),
        ("train", "batch_size", 0, "must be"),
    ],
)
def test_options_that_no_run_has_are_refused(section, option, value, rule):
    params = read_params(ROOT / "params.yaml")
    values = read_study(with_variant("own", **{section: {option: value}}))
    with pytest.raises(UserError, match=rf"study\.variants\.own\.{section}\.{option}: {rule}"):
        run_settings(values, params, "own")


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"max_length": 10**9}, "pad.max_length"),
        ({"embed": {"width": 0}}, "embed.width"),
        ({"embed": {"lexicon": {"longest": 4, "vectors": None}}}, "embed.lexicon"),
        ({"vectorize": {"window": 0}}, "vectorize.window"),
    ],
)
def test_inputs_that_cannot_be_made_are_refused(values, where):
    params = read_params(ROOT / "params.yaml")
    with pytest.raises(UserError, match=rf"study\.variants\.own\.{where}"):
        input_settings(read_study(with_variant("own", **values)), params, "own")


def test_an_unknown_variant_recipe_or_encoding_is_refused():
    params = read_params(ROOT / "params.yaml")
    with pytest.raises(UserError, match=r"study\.variants\.gone"):
        run_settings(read_study(study()), params, "gone")
    with pytest.raises(UserError, match=r"recipes\.gone"):
        run_settings(read_study(with_variant("own", recipe="gone")), params, "own")
    with pytest.raises(UserError, match=r"encodings\.gone"):
        run_settings(read_study(with_variant("own", encoding="gone")), params, "own")


@pytest.mark.parametrize("name", ["ner_gru", "films_vectors", "names_clipped"])
def test_settings_come_back(tmp_path, monkeypatch, name):
    params, values = read_params(ROOT / "params.yaml"), read_study(study())
    monkeypatch.chdir(tmp_path)
    folder = settings_file(RunSettings, name).parent.parent
    folder.mkdir(parents=True)
    of_run, of_inputs = run_settings(values, params, name), input_settings(values, params, name)
    write_settings(folder, name, of_run)
    write_settings(folder, of_run.inputs, of_inputs)
    assert read_run_settings(name) == of_run
    assert read_input_settings(of_run.inputs) == of_inputs
    assert isinstance(of_inputs, InputSettings)
    edited = json.loads(settings_file(RunSettings, name).read_text(encoding="utf-8")) | {"rows": "all"}
    settings_file(RunSettings, name).write_text(json.dumps(edited), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{name}\.json\.rows"):
        read_run_settings(name)


def test_the_shipped_stages_are_those_of_the_params():
    params, values = read_params(ROOT / "params.yaml"), read_study(study())
    assert (ROOT / "study" / "runs.yaml").read_text(encoding="utf-8") == items_text(graph_items(values, params))
    items = read_values(ROOT / "study" / "runs.yaml")
    assert len(items["runs"]) == sum(variant.seeds for variant in values.variants.values())
    expected = {"variant": "bilstm_b64", "seed": 3, "inputs": "news_lstm-32", "encoding": "thucnews_chars"}
    assert items["runs"]["bilstm_b64-3"] == expected
    assert "bilstm_b64-4" not in items["runs"]


def test_a_file_of_other_stages_is_refused(tmp_path, monkeypatch):
    params, values = read_params(ROOT / "params.yaml"), read_study(study())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    file = tmp_path / "study" / "runs.yaml"
    file.write_text(items_text(graph_items(values, params)), encoding="utf-8")
    check_items(values, params)
    one_more = values.variants["rnn_b64_p16"]
    changed = dataclasses.replace(
        values, variants={**values.variants, "rnn_b64_p16": dataclasses.replace(one_more, seeds=6)}
    )
    with pytest.raises(
        UserError, match=r"is not that of study/params\.yaml; run python pipeline/study_plan\.py --write"
    ):
        check_items(changed, params)


def test_results_keep_six_significant_digits(tmp_path):
    write_results(tmp_path / "a.json", {"a": [1.23456789e-9, 0.1, math.nan], 2: 123456.789})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1.23457e-09, 0.1, None], "2": 123457.0}
    assert read_results(tmp_path / "a.json", dict)["2"] == 123457.0
    (tmp_path / "a.json").write_text("<<<<<<<", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.json: is damaged; got"):
        read_results(tmp_path / "a.json", dict)
