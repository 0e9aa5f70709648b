"""The largest sizes that params may ask for; every larger one is refused with the bound."""

import copy

import pytest

from factories.params import PARAMS
from textrnn.common.params.check import check_params
from textrnn.errors import UserError

LARGEST = {
    "model.hidden_size": 65_536,
    "model.layers": 256,
    "model.head_size": 65_536,
    "embed.width": 65_536,
    "vectorize.window": 1000,
    "baseline.ngrams": 1000,
    "baseline.width": 65_536,
    "baseline.features": 2_000_000_000,
    "sample.rows": 100_000_000,
}
FREE = ("limits.rows", "limits.epochs", "limits.hidden_size", "encode.max_tokens", "train.patience", "train.epochs")


def check(name, value):
    section, key = name.split(".")
    params = copy.deepcopy(PARAMS)
    params[section][key] = value
    check_params(params)


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_size_is_taken_and_no_larger_one(name):
    check(name, LARGEST[name])
    for value in (LARGEST[name] + 1, 10**9 + LARGEST[name], 2**63 - 1):
        with pytest.raises(UserError) as caught:
            check(name, value)
        assert str(caught.value) == f"{name}: must be at most {LARGEST[name]:,}; got {value} (int)"


@pytest.mark.parametrize("name", FREE)
def test_what_only_caps_something_may_be_any_number(name):
    check(name, 2**63 - 1)
    with pytest.raises(UserError, match=rf"^{name.replace('.', '[.]')}: must be a whole number of 64 bits"):
        check(name, 2**63)


def test_rows_that_are_all_padded_to_one_length():
    params = copy.deepcopy(PARAMS)
    params["recipes"]["news_rnn"]["pad"] = {"max_length": 1_000_000, "buckets": None}
    check_params(params)
    params["recipes"]["news_lstm"]["pad"] = {"max_length": 10**9, "buckets": 6}
    params["recipes"]["news_lstm"]["model"] = {"readout": "last_valid"}
    check_params(params)
    params["recipes"]["news_rnn"]["pad"]["max_length"] += 1
    with pytest.raises(UserError) as caught:
        check_params(params)
    assert str(caught.value) == (
        "recipes.news_rnn.pad.max_length: must be at most 1,000,000 if buckets is null: every row is padded to it; "
        "got 1000001 (int)"
    )


def test_a_word_is_no_longer_than_its_number():
    params = copy.deepcopy(PARAMS)
    params["recipes"]["ner_bilstm_crf"]["embed"]["lexicon"] = {"longest": 63, "vectors": None}
    with pytest.raises(UserError, match=r"embed\.lexicon\.longest: must be at most 62; got 63 \(int\)"):
        check_params(params)


def test_a_schedule_that_grows_without_end():
    params = copy.deepcopy(PARAMS)
    params["train"]["schedule"] = {"kind": "step", "every": 1, "factor": 1000}
    with pytest.raises(UserError, match=r"^train\.schedule\.factor: must be at most 10; got 1000\.0 \(float\)"):
        check_params(params)
