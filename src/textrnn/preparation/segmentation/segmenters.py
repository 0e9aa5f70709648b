"""Texts into tokens: characters, jieba words, nltk words, or tokens that a file already separates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.common.config.segment import Cleaning, Segmenting
from textrnn.errors import UserError
from textrnn.preparation.segmentation.cleaning import clean


@dataclass(frozen=True)
class Tokenizer:
    """A way of cutting texts that are clean: one text, several, or a column of them into a column of lists of tokens.

    original: the library's own slow way, where ours is another, to hold ours against.
    """

    one: Callable[[str], list[str]]
    several: Callable[[list[str]], list[list[str]]]
    column: Callable[[pa.StringArray], pa.ListArray]
    original: Callable[[str], list[str]] | None = None

    @classmethod
    def each(cls, cut: Callable[[str], list[str]]) -> Tokenizer:
        return cls.of_lists(cut, lambda texts: list(map(cut, texts)))

    @classmethod
    def of_lists(
        cls,
        one: Callable[[str], list[str]],
        several: Callable[[list[str]], list[list[str]]],
        original: Callable[[str], list[str]] | None = None,
    ) -> Tokenizer:
        return cls(one, several, lambda texts: pa.array(several(texts.to_pylist()), pa.list_(pa.string())), original)

    @classmethod
    def of_columns(cls, one: Callable[[str], list[str]], column: Callable[[pa.StringArray], pa.ListArray]) -> Tokenizer:
        """Where a column is cut faster than its texts one by one, which are cut the original way."""
        return cls(one, lambda texts: column(pa.array(texts, pa.string())).to_pylist(), column, one)


class Segmenter:
    """Cuts texts as an encoding says; built from its plain values, so that a model directory can carry it.

    `state` is JSON-serialisable: {clean, segment, punkt}, punkt being the sentence model's four tables or null.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self._steps: list[Cleaning] = list(state["clean"])
        self._cut = _CUTS[state["segment"]](state["punkt"])

    def __call__(self, text: str) -> list[str]:
        """The text's tokens."""
        return self._cut.one(clean(text, self._steps))

    def several(self, texts: Iterable[str]) -> list[list[str]]:
        """The tokens of each text, faster where there are many."""
        found = [clean(text, self._steps) for text in texts] if self._steps else list(texts)
        return [self._cut.one(found[0])] if len(found) == 1 else self._cut.several(found)

    def column(self, texts: pa.StringArray) -> pa.ListArray:
        """The tokens of N texts, as a list of strings each."""
        if self._steps:
            texts = pa.array([clean(text, self._steps) for text in texts.to_pylist()], pa.string())
        return self._cut.column(texts)

    def original(self, text: str) -> list[str] | None:
        """The text's tokens by the library's own slow way, or None where that is the way taken."""
        return None if self._cut.original is None else self._cut.original(clean(text, self._steps))

    @classmethod
    def load(cls, path: Path) -> Segmenter:
        if not path.is_file():
            raise UserError(path, "no such file", do="run the stage that writes it")
        return cls(json.loads(path.read_text(encoding="utf-8")))


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """A segmenter's state, for `Segmenter.load`."""
    path.write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _cut_jieba(_: None) -> Tokenizer:
    from textrnn.preparation.segmentation.jieba_words import cut_batch, load_jieba_cut, slow_jieba_cut

    return Tokenizer.of_lists(
        load_jieba_cut(),
        cut_batch,
        lambda text: slow_jieba_cut()(text),  # its dictionary takes long to load: only where it is asked
    )


def _cut_nltk(punkt: Mapping[str, Any]) -> Tokenizer:
    from textrnn.preparation.segmentation.nltk_words import NltkWords

    words = NltkWords(punkt)
    return Tokenizer.of_columns(words, words.column)


_CUTS: dict[Segmenting, Callable[[Any], Tokenizer]] = {
    "chars": lambda _: Tokenizer.each(list),
    "tokens": lambda _: Tokenizer.each(str.split),
    "jieba": _cut_jieba,
    "nltk": _cut_nltk,
}
