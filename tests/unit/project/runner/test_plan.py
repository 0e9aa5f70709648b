"""Which recipes a first run is about, and the stages that lead to them."""

import pytest

from factories.params import PARAMS
from textrnn.errors import UserError
from textrnn.project.runner.plan import first_recipes, plan_run

SMALL = {
    "data": {"source": "data/sample"},
    "corpora": {"b": {}, "a": {}, "unused": {}},
    "encodings": {"a_chars": {"corpus": "a"}, "a_words": {"corpus": "a"}, "b_chars": {"corpus": "b"}},
    "recipes": {
        "one": {"encoding": "a_chars"},
        "two": {"encoding": "b_chars"},
        "three": {"encoding": "a_words"},
        "four": {"encoding": "a_words"},
    },
}


def test_the_last_recipe_of_each_corpus_is_run_in_the_order_of_the_corpora():
    assert first_recipes(SMALL) == ["two", "four"]


def test_the_project_itself_runs_one_recurrent_recipe_of_each_corpus():
    chosen = first_recipes(PARAMS)
    corpora = [PARAMS["encodings"][PARAMS["recipes"][name]["encoding"]]["corpus"] for name in chosen]
    assert corpora == list(PARAMS["corpora"])


def test_what_recipes_share_is_planned_once():
    plan = plan_run(SMALL, ["three", "four"])
    assert plan.targets == ("baseline@a_words", "analyze@three", "analyze@four")
    shared = ["check", "sample@a", "parse@a", "segment@a_words", "encode@a_words"]
    shared += ["vectorize@a_words", "baseline@a_words"]
    own = [
        f"{stage}@{name}" for stage in ("embed", "pad", "train", "evaluate", "analyze") for name in ("three", "four")
    ]
    assert sorted(plan.stages) == sorted([*shared, *own])


def test_a_recipe_that_is_named_twice_runs_once():
    assert plan_run(SMALL, ["two", "two"]) == plan_run(SMALL, ["two"])


def test_a_folder_of_raw_files_needs_no_sample():
    assert "sample@b" in plan_run(SMALL, ["two"]).stages
    assert "sample@b" not in plan_run({**SMALL, "data": {"source": "/corpora"}}, ["two"]).stages


def test_an_unknown_recipe_is_told_with_the_known_ones():
    with pytest.raises(UserError, match=r"^recipes: no such entry; got 'five'; known: one, two, three, four$"):
        plan_run(SMALL, ["one", "five"])
