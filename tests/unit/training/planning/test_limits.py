"""The caps of the section `limits`."""

import dataclasses

import pytest

from factories.networks import PLAIN
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.common.config.data import Limits
from textrnn.errors import UserError
from textrnn.training.planning.limits import Cap, apply_limits, cap, describe_caps, find_caps


@pytest.mark.parametrize(("value", "limit", "capped"), [(7, None, 7), (7, 4, 4), (7, 7, 7), (7, 9, 7)])
def test_cap(value, limit, capped):
    assert cap(value, limit) == capped


def test_a_cap_lowers_epochs_and_hidden_size_and_nothing_else():
    model = dataclasses.replace(PLAIN, hidden_size=512)
    settings = dataclasses.replace(SETTINGS, epochs=50)
    capped = dataclasses.replace(model, hidden_size=128), dataclasses.replace(settings, epochs=4)
    assert apply_limits(model, settings, Limits(rows=3, epochs=4, hidden_size=128)) == capped
    assert apply_limits(model, settings, Limits(rows=None, epochs=None, hidden_size=None)) == (model, settings)
    assert apply_limits(model, settings, Limits(rows=None, epochs=99, hidden_size=512)) == (model, settings)


def test_what_was_capped_is_told_with_both_values(tmp_path):
    padded = write_padded(tmp_path, "classify", {"train": [([2, 3], 0)] * 5, "dev": [([2], 1)] * 2})
    model = dataclasses.replace(PLAIN, hidden_size=100)
    settings = dataclasses.replace(SETTINGS, epochs=100)
    nothing, every = Limits(None, None, None), Limits(rows=5, epochs=5, hidden_size=64)
    assert find_caps(model, settings, nothing, padded) == []
    assert find_caps(model, settings, dataclasses.replace(every, epochs=100, hidden_size=200), padded) == []
    padded.facts = dataclasses.replace(padded.facts, rows_before_limit={"train": 5000, "dev": 2})
    caps = find_caps(model, settings, every, padded)
    assert caps == [Cap("train.epochs", 100, 5), Cap("model.hidden_size", 100, 64), Cap("rows of train", 5000, 5)]
    line = "names_gru: limits cap train.epochs 100 to 5, model.hidden_size 100 to 64, rows of train 5,000 to 5"
    assert describe_caps("names_gru", caps) == line


@pytest.mark.parametrize("name", ["rows", "epochs", "hidden_size"])
def test_a_limit_under_1_is_refused_by_name(name):
    nothing = Limits(rows=None, epochs=None, hidden_size=None)
    nothing.check("limits")
    dataclasses.replace(nothing, **{name: 1}).check("limits")
    with pytest.raises(UserError, match=rf"^limits\.{name}: must be at least 1, or null; got 0"):
        dataclasses.replace(nothing, **{name: 0}).check("limits")
