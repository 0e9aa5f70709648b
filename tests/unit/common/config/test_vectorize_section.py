"""The section `vectorize`: values out of range are refused by dotted name."""

import dataclasses

import pytest

from textrnn.common.config.vectorize import BigramVectors, Vectorize, WordVectors
from textrnn.errors import UserError

VALID = Vectorize(
    width=5,
    norm=1.4,
    unlabelled=True,
    min_count=1,
    max_tokens=9,
    window=5,
    contexts=9,
    positions=False,
    bigrams=BigramVectors(5, 1, 1.0),
    words=WordVectors(3, 1, 3.0, 4),
    seed=0,
)


def test_valid_values_are_accepted():
    VALID.check("v")
    dataclasses.replace(VALID, width=None, bigrams=None, words=None).check("v")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"width": 0, "bigrams": None, "words": None}, r"^v\.width: must be at least 1; got 0"),
        ({"min_count": 0}, r"^v\.min_count: must be at least 1"),
        ({"max_tokens": 0}, r"^v\.max_tokens: must be at least 1"),
        ({"window": 0}, r"^v\.window: must be at least 1"),
        ({"contexts": 0}, r"^v\.contexts: must be at least 1"),
        ({"norm": 0.0}, r"^v\.norm: must lie in \[0\.001, 1000\]; got 0\.0"),
        ({"norm": float("inf")}, r"^v\.norm: must lie in \[0\.001, 1000\]; got inf"),
        ({"norm": float("nan")}, r"^v\.norm: must lie in \[0\.001, 1000\]; got nan"),
        ({"seed": -1}, r"^v\.seed: must not be negative; got -1"),
        ({"width": None, "words": None}, r"^v\.bigrams: must be null if width is null; got BigramVectors"),
        ({"width": None, "bigrams": None}, r"^v\.words: must be null if width is null; got WordVectors"),
        ({"bigrams": BigramVectors(6, 1, 1.0)}, r"^v\.bigrams\.width: must be at most that of tokens, 5; got 6"),
        ({"bigrams": BigramVectors(0, 1, 1.0)}, r"^v\.bigrams\.width: must be at least 1"),
        ({"bigrams": BigramVectors(1, 0, 1.0)}, r"^v\.bigrams\.min_count: must be at least 1"),
        ({"words": WordVectors(1, 1, 2000.0, 4)}, r"^v\.words\.norm: must lie in"),
        ({"words": WordVectors(1, 1, 1.0, 1)}, r"^v\.words\.longest: must be at least 2; got 1"),
    ],
)
def test_values_out_of_range_are_refused_by_name(changes, match):
    with pytest.raises(UserError, match=match):
        dataclasses.replace(VALID, **changes).check("v")
