"""Forms of JSON values: what fits, and where a value is that does not."""

import re
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from textrnn.common.integrity.json_forms import check_form


class Inner(TypedDict):
    x: float
    y: NotRequired[str | None]


class Outer(TypedDict):
    inner: Inner
    pairs: list[tuple[str, int]]
    kind: Literal["a", 1]
    named: dict[str, Inner]
    other: Any


GOOD = {
    "inner": {"x": 1, "more": 2},
    "pairs": [["a", 1]],
    "kind": "a",
    "named": {"n": {"x": 0.5, "y": None}},
    "other": 1,
}


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (Outer, GOOD),
        (dict[str, Any], {"a": []}),
        (dict, {}),
        (list[int] | None, None),
        (list[int] | str, "a"),
        (float | None, 1),
        (Literal["a"] | None, None),
        (bool, False),
    ],
)
def test_what_fits(form, value):
    check_form(form, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": []}, "inner must be a mapping, not a list"),
        ({"inner": {}}, "inner.x is missing"),
        ({"inner": {"x": True}}, "inner.x must be a number, not True"),
        ({"inner": {"x": "1"}}, "inner.x must be a number, not '1'"),
        ({"inner": {"x": float("nan")}}, "inner.x must be a finite number, not nan"),
        ({"inner": {"x": 10**400}}, "inner.x must be at most 2^64"),
        ({"inner": {"x": 1, "y": 3}}, "inner.y must be text, not 3"),
        ({"pairs": {}}, "pairs must be a list, not a mapping"),
        ({"pairs": [["a"]]}, "pairs[0] must have 2 values, not 1"),
        ({"pairs": [["a", 1], ["a", 1.0]]}, "pairs[1][1] must be a whole number, not 1.0"),
        ({"kind": True}, "kind must be one of a, 1, not True"),
        ({"named": {"n": None}}, "named.n must be a mapping, not None"),
    ],
)
def test_a_wrong_value_has_a_place(change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_form(Outer, {**GOOD, **change})


def test_a_message_is_short_whatever_the_value():
    with pytest.raises(ValueError, match="must be a whole number") as caught:
        check_form(dict[str, int], {"k" * 10_000: "v" * 10_000})
    assert len(str(caught.value)) < 400
