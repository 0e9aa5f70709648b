"""Errors of values next to one of the wrong type: those that are there whatever that one is meant to be."""

import copy

import pytest

from factories.imports import ROOT
from textrnn.common.params.check import check_params
from textrnn.common.params.params_file import read_params
from textrnn.errors import CombinedError, UserError

SHIPPED = read_params(ROOT / "params.yaml")


def messages(**changes):
    """The errors of the shipped params with other values, by dotted name with __ for each dot."""
    params = copy.deepcopy(SHIPPED)
    for name, value in changes.items():
        *parents, leaf = name.split("__")
        at = params
        for key in parents:
            at = at[key]
        at[leaf] = value
    with pytest.raises(UserError) as caught:
        check_params(params)
    return list(map(str, caught.value.errors)) if isinstance(caught.value, CombinedError) else [str(caught.value)]


def test_a_range_does_not_wait_for_another_values_type():
    found = messages(recipes__names_gru__train={"epochs": -1, "learning_rate": "fast"})
    assert found == [
        "recipes.names_gru.train.learning_rate: must be a number; got 'fast' (str)",
        "recipes.names_gru.train.epochs: must be at least 1; got -1 (int)",
    ]


def test_nor_in_sections_without_entries():
    found = messages(limits={"rows": "all", "epochs": 0, "hidden_size": None})
    assert [message.partition(":")[0] for message in found] == ["limits.rows", "limits.epochs"]


def test_what_depends_on_the_meaning_is_no_error_yet():
    # nltk may be meant, for which this is right
    segment = {"segmenter": "nltkk", "punkt": {"model": "train", "rows": 5}, "seed": -1}
    found = messages(encodings__amazon_words__segment=segment)
    assert [message.partition(":")[0] for message in found] == [
        "encodings.amazon_words.segment.segmenter",
        "encodings.amazon_words.segment.seed",
    ]


def test_what_is_wrong_with_any_meaning_is_one():
    segment = {"segmenter": "nltkk", "punkt": {"model": "train", "rows": -5}}
    found = messages(encodings__amazon_words__segment=segment)
    assert [message.partition(":")[0] for message in found] == [
        "encodings.amazon_words.segment.segmenter",
        "encodings.amazon_words.segment.punkt.rows",
    ]


def test_the_invalid_value_has_one_error():
    found = messages(corpora__names__parse__dev={"source": "train"})
    assert [message.partition(":")[0] for message in found] == [
        "corpora.names.parse.dev.source",
        "corpora.names.parse.dev.from",
        "corpora.names.parse.dev.share",
        "corpora.names.parse.dev.block",
    ]


def test_the_name_of_an_entry_hides_nothing_of_it():
    params = copy.deepcopy(SHIPPED)
    params["recipes"]["my recipe"] = copy.deepcopy(params["recipes"]["names_gru"]) | {"train": {"epochs": 0}}
    with pytest.raises(CombinedError) as caught:
        check_params(params)
    assert [str(error).partition(":")[0] for error in caught.value.errors] == [
        "recipes",
        "recipes.my recipe.train.epochs",
    ]
