"""The caps of the section `limits`."""

import dataclasses

import pytest

from test_models import PLAIN
from test_training import SETTINGS
from textrnn.common.config.data import Limits
from textrnn.common.settings.limits import apply_limits, cap
from textrnn.errors import UserError


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


@pytest.mark.parametrize("name", ["rows", "epochs", "hidden_size"])
def test_a_limit_under_1_is_refused_by_name(name):
    nothing = Limits(rows=None, epochs=None, hidden_size=None)
    nothing.check()
    dataclasses.replace(nothing, **{name: 1}).check()
    with pytest.raises(UserError, match=rf"^limits\.{name}: must be at least 1, or null; got 0"):
        dataclasses.replace(nothing, **{name: 0}).check()
