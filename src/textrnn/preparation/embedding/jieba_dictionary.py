"""The words of jieba's own dictionary."""

from __future__ import annotations

from collections.abc import Iterator


def read_dictionary() -> Iterator[tuple[str, str]]:
    """The words of jieba's own dictionary, each with its part of speech, in the order of the file in the package."""
    import jieba

    with jieba.Tokenizer().get_dict_file() as file:
        for line in file:
            word, _, tag = line.decode("utf-8").split()
            yield word, tag
