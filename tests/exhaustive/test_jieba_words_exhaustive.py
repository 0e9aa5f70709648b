"""The fast jieba words equal jieba's own: every code point, and all real text."""

from __future__ import annotations

import sys

import pytest

from factories.jieba_reference import by_code_points, check, headlines, reviews, sentences
from textrnn.preparation.segmentation.jieba_words import load_jieba_cut, slow_jieba_cut

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def fast():
    return load_jieba_cut()


@pytest.fixture(scope="module")
def slow():
    return slow_jieba_cut()


def test_every_code_point(fast, slow):
    assert by_code_points(range(sys.maxunicode + 1), fast, slow) == []


@pytest.mark.real
def test_all_real_text(real_data, fast, slow):
    check(headlines(real_data, "train.txt") + headlines(real_data, "dev.txt"), fast, slow)
    check(sentences(real_data, "msra_train_bio.txt") + sentences(real_data, "msra_test_bio.txt"), fast, slow)
    for name in ("amazon/test.ft.txt.bz2", "imdb/test.ft.txt.bz2"):
        check(reviews(real_data, name, 10_000), fast, slow)
