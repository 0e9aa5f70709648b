"""Arguments of an estimator as params: what takes precedence, what numbers of searches become, what is refused."""

import numpy as np
import pytest

from factories.params import PARAMS
from textrnn import SequenceTagger, TextClassifier
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError
from textrnn.estimator.recipes import StartingPoint
from textrnn.estimator.settings import ARGUMENTS, SECTIONS, build_params

START = StartingPoint("news_bilstm")


def build(start=START, task="classify", seed=5, **arguments):
    return build_params("Own", {"validation_share": 0.1, **arguments}, start, task=task, seed=seed)


def test_without_arguments_they_are_the_recipes_own():
    params, shipped = build(), PARAMS["recipes"]["news_bilstm"]
    own = params["recipes"]["Own"]
    assert own == {"encoding": "Own", **{name: shipped[name] for name in ("embed", "pad", "model", "train")}}
    assert params["encodings"]["Own"] == {
        "corpus": "Own",
        "segment": {},
        "encode": {"max_tokens": 10000},
        "vectorize": {},
    }
    assert params["corpora"]["Own"]["parse"]["dev"] == {"from": "train", "share": 0.1, "block": 1}
    assert params["limits"] == {"rows": None, "epochs": None, "hidden_size": None}


def test_the_seed_is_that_of_all_stages():
    params = build()
    seeds = {name: values["seed"] for name, values in params.items() if isinstance(values, dict) and "seed" in values}
    assert seeds == dict.fromkeys(("parse", "segment", "vectorize", "embed", "train", "baseline"), 5) | {"sample": 1}


def test_arguments_and_dictionaries_take_precedence_over_the_recipe():
    params = build(
        hidden_size=7,
        model={"head_size": 3, "bigrams": None},
        train={"schedule": None},
        max_length=9,
        baseline={"ngrams": 2},
    )
    recipe = params["recipes"]["Own"]
    assert recipe["model"] == {
        **PARAMS["recipes"]["news_bilstm"]["model"],
        "hidden_size": 7,
        "head_size": 3,
        "bigrams": None,
    }
    assert (recipe["train"]["schedule"], recipe["pad"]) == (None, {"max_length": 9})
    assert params["baseline"]["ngrams"] == 2


def test_a_number_of_epochs_is_that_number():
    assert build()["recipes"]["Own"]["train"]["min_steps"] == 3000
    assert build(epochs=2)["recipes"]["Own"]["train"]["min_steps"] is None
    assert build(epochs=2, min_steps=9)["recipes"]["Own"]["train"]["min_steps"] == 9
    assert build(train={"epochs": 2})["recipes"]["Own"]["train"]["min_steps"] == 3000


def test_numbers_of_numpy_and_tuples_are_taken():
    params = build(
        hidden_size=np.int64(3),
        learning_rate=np.float32(0.5),
        bidirectional=np.bool_(False),
        cell=np.str_("gru"),
        readout=("max", "attention"),
        train={"distill": {"seeds": (8, np.int32(9)), "weight": 0.5, "temperature": 2.0}},
    )
    model = load_entry_section(Model, params, "recipes", "Own", "model")
    assert (model.hidden_size, model.bidirectional, model.cell) == (3, False, "gru")
    assert model.readout == ("max", "attention")
    train = load_entry_section(Train, params, "recipes", "Own", "train")
    assert (train.learning_rate, train.distill.seeds) == (0.5, (8, 9))


def test_vectors_are_a_file_anywhere(tmp_path):
    params = build(vectors=tmp_path / "own.vec")
    assert (params["data"]["vectors"], params["recipes"]["Own"]["embed"]) == (
        str(tmp_path),
        {"std": 0.1, "vectors": "own.vec", "width": None},
    )
    assert build(vectors="own.vec", embedding_size=4)["recipes"]["Own"]["embed"]["width"] == 4
    assert build(vectors="~/own.vec")["data"]["vectors"][0] == "/"


def test_rows_to_validate_on_take_the_place_of_a_share():
    parse = build(validation_data=([], []))["corpora"]["Own"]["parse"]
    assert parse == {"format": "names", "files": {"train": "train", "test": "test", "dev": "dev"}}


REFUSED = {
    "a value": ({"hidden_size": 0}, "recipes.Own.model.hidden_size: must be at least 1; got 0 (int)"),
    "a type": ({"hidden_size": "3"}, "recipes.Own.model.hidden_size: must be a whole number; got '3' (str)"),
    "a name": ({"cell": "gur"}, "recipes.Own.model.cell: must be one of rnn, lstm, gru, scratch_gru; got 'gur' (str)"),
    "a key": ({"model": {"hidden": 3}}, "recipes.Own.model.hidden: unknown param; did you mean hidden_size?"),
    "two places": (
        {"hidden_size": 3, "model": {"hidden_size": 4}},
        "hidden_size: is also in the dictionary model; got 4; leave one out",
    ),
    "a seed": ({"train": {"seed": 1}}, "train.seed: is an argument of its own, random_state; leave it out"),
    "no dictionary": ({"pad": 32}, "pad: must be a dictionary of params; got 32 (int)"),
    "a share": ({"validation_share": 1.5}, "validation_share: must be a number in (0, 1); got 1.5 (float)"),
    "no share": ({"validation_share": None}, "validation_share: must be a number in (0, 1); got null"),
    "sections that do not fit": (
        {"readout": "last_step"},
        "recipes.Own.pad.buckets: must be null if model.readout is last_step: it reads padding",
    ),
    "a lexicon that is missing": (
        {"model": {"words": {"width": 3, "min_count": 1}}},
        "recipes.Own.model.words: needs the recipe's embed.lexicon, which is null",
    ),
    "a large seed": ({"seed": 2**63}, "seed: must be a whole number of 64 bits"),
    "a negative seed": ({"seed": -1}, "seed: must lie in [0, 2^63)"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(UserError) as caught:
        build(**arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("estimator", [TextClassifier, SequenceTagger])
def test_each_argument_of_an_estimator_is_one_that_params_know(estimator):
    others = {"recipe", "segmenter", "vectors", "validation_share", "validation_data", "random_state", "verbose"}
    arguments = set(estimator().get_params())
    assert arguments <= {*ARGUMENTS, *SECTIONS, *others}
    assert {*ARGUMENTS} - arguments <= {"tags", "crf", "readout", "wide", "class_weights"}
