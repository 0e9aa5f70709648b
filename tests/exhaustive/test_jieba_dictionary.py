"""The dictionary that lexicons are built from is the one that jieba segments by."""

from __future__ import annotations

import pytest

from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.segmentation.jieba_words import slow_jieba_cut

pytestmark = pytest.mark.exhaustive


def test_the_dictionary_is_that_of_jieba():
    tokenizer = slow_jieba_cut().__self__
    entries = list(read_dictionary())
    words = {entry.word: entry.part_of_speech for entry in entries}
    assert {entry.word: entry.frequency for entry in entries} == {
        word: count for word, count in tokenizer.FREQ.items() if count
    }
    # jieba's table also contains every prefix of a word, with a count of 0
    assert words.keys() == {word for word, count in tokenizer.FREQ.items() if count}
    assert {word: words[word] for word in ("中国", "北京大学", "B超", "慢慢")} == {
        "中国": "ns",
        "北京大学": "nt",
        "B超": "n",
        "慢慢": "d",
    }
