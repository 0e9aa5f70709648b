"""JSON as its standard has it: what Python's parser takes beyond it is refused, in a short line."""

from __future__ import annotations

import json
import random

import pytest

from textrnn.inference.http.strict_json import parse_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is not a JSON number"),
        ('{"texts": ["a", Infinity]}', "Infinity is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ('{"a": 1, "b": 2, "a": 1}', "an object has a key twice"),
        ('[{"texts": [], "t\\u0065xts": []}]', "an object has a key twice"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        ('{"a":' * 100_000, "maximum recursion depth exceeded"),
        ("9" * 5000, "Exceeds the limit"),
        ("[1,]", "Expecting value"),
        ("", "Expecting value"),
        ('{"a": "\x01"}', "Invalid control character"),
        ("[] []", "Extra data"),
    ],
)
def test_what_is_not_json(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_what_is_json_has_the_value_that_json_gives():
    rng = random.Random(1)

    def value(depth):
        kind = rng.randrange(7 if depth else 5)
        if kind == 5:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        if kind == 6:
            return {f"{n} 中\ud800": value(depth - 1) for n in range(rng.randrange(4))}
        return rng.choice([None, True, 0, -1.5, 1e300, "", 'a"\\\n😀', "\udfff"])

    for _ in range(300):
        expected = value(4)
        assert parse_json(json.dumps(expected)) == expected
