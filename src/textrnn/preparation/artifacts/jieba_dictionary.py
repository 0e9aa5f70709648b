"""Reads the words of the dictionary that the package jieba includes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class DictionaryWord(NamedTuple):
    """A word of a dictionary, how often it occurs in the texts that the dictionary counted, and its part of speech."""

    word: str
    frequency: int
    part_of_speech: str


def read_dictionary() -> Iterator[DictionaryWord]:
    """Yield the words of jieba's dictionary in the order of its file.

    jieba is imported only here, because a recipe without a lexicon does not need it.
    """
    import jieba

    with jieba.Tokenizer().get_dict_file() as file:
        for line in file:
            word, frequency, part_of_speech = line.decode("utf-8").split()
            yield DictionaryWord(word, int(frequency), part_of_speech)
