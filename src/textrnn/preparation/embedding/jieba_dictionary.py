"""Reads the words of the dictionary that the package jieba includes."""

from __future__ import annotations

from collections.abc import Iterator


def read_dictionary() -> Iterator[tuple[str, str]]:
    """Yield the words of jieba's dictionary, each with its part of speech, in the order of its file.

    jieba is imported only here, because a recipe without a lexicon does not need it.
    """
    import jieba

    with jieba.Tokenizer().get_dict_file() as file:
        for line in file:
            word, _, part_of_speech = line.decode("utf-8").split()
            yield word, part_of_speech
