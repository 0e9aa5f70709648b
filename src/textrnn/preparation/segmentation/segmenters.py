"""Segment texts into tokens: characters, jieba words, nltk words, or tokens already separated by white space."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.segment import Cleaning, SegmenterName
from textrnn.common.integrity.checksums import named
from textrnn.common.integrity.json_files import read_json
from textrnn.common.integrity.json_forms import check_form
from textrnn.preparation.segmentation.cleaning import clean

MAX_PART_BYTES = 1 << 24  # of texts that are segmented at once: their tokens may need sixty times the memory


class Punkt(TypedDict):
    """The tables of a sentence model."""

    abbrev_types: list[str]
    collocations: list[tuple[str, str]]
    sent_starters: list[str]
    ortho_context: dict[str, int]


class Habits(TypedDict):
    """How the tokens of a corpus were cut; see `learn_habits`."""

    unspaced: Literal["characters", "words"]
    letters: Literal["characters", "words"]
    digits: Literal["characters", "words"]
    joiner: str
    seen: str
    kept_left: str
    kept_right: str
    kept_inside: str
    cuts_signs: bool
    suffixes: list[str]
    prefixes: list[str]


class SegmenterState(TypedDict):
    """What `Segmenter` is built from, as its file has it."""

    clean: list[Cleaning]
    segmenter: SegmenterName
    punkt: Punkt | None
    dictionary: NotRequired[list[tuple[str, int | None]]]
    habits: NotRequired[Habits]


@dataclass(frozen=True)
class Tokenizer:
    """Functions that segment clean texts: one text, several, or a column of texts into a column of token lists.

    original: the library's own slow function, if ours is a different one, to verify ours against.
    """

    one: Callable[[str], list[str]]
    several: Callable[[list[str]], list[list[str]]]
    column: Callable[[pa.StringArray], pa.ListArray]
    original: Callable[[str], list[str]] | None = None

    @classmethod
    def from_one(cls, one: Callable[[str], list[str]]) -> Tokenizer:
        """For a function of one text."""
        return cls.from_several(one, lambda texts: list(map(one, texts)))

    @classmethod
    def from_several(
        cls,
        one: Callable[[str], list[str]],
        several: Callable[[list[str]], list[list[str]]],
        original: Callable[[str], list[str]] | None = None,
    ) -> Tokenizer:
        """For a function of several texts, faster than one by one."""
        return cls(one, several, lambda texts: pa.array(several(texts.to_pylist()), pa.list_(pa.string())), original)

    @classmethod
    def from_column(
        cls, one: Callable[[str], list[str]], column: Callable[[pa.StringArray], pa.ListArray]
    ) -> Tokenizer:
        """For a fast function of a column, and the original function of one text."""
        return cls(one, lambda texts: column(pa.array(texts, pa.string())).to_pylist(), column, one)


class Segmenter:
    """Segments texts as an encoding specifies; built from plain values, so that a model directory can store it.

    `state` is JSON-serialisable: {clean, segmenter, punkt}, punkt being the sentence model's four tables or null. Where
    they apply, there are `dictionary`, a user dictionary's words with their frequencies, and `habits`, how the tokens
    of a tagged corpus were cut.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self._steps: list[Cleaning] = list(state["clean"])
        self._tokenizer = _TOKENIZERS[state["segmenter"]](state)

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of one text."""
        return self._tokenizer.one(clean(text, self._steps))

    def several(self, texts: Iterable[str]) -> list[list[str]]:
        """Return the tokens of each text; faster than one by one if there are many."""
        cleaned = [clean(text, self._steps) for text in texts] if self._steps else list(texts)
        return [self._tokenizer.one(cleaned[0])] if len(cleaned) == 1 else self._tokenizer.several(cleaned)

    def column(self, texts: pa.StringArray) -> pa.ListArray:
        """Return the tokens of N texts as a column of lists of strings (N,)."""
        parts = list(map(self._column, split_column(texts)))
        return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)

    def _column(self, texts: pa.StringArray) -> pa.ListArray:
        if self._steps:
            texts = pa.array([clean(text, self._steps) for text in texts.to_pylist()], pa.string())
        return self._tokenizer.column(texts)

    def original(self, text: str) -> list[str] | None:
        """Return the tokens by the library's own slow function, or None if that is the one in use."""
        return None if self._tokenizer.original is None else self._tokenizer.original(clean(text, self._steps))

    @classmethod
    def load(cls, path: Path) -> Segmenter:
        """Read the state that `save_state` wrote; raises UserError if there is no such file, DamagedFileError."""
        return cls(read_state(path))


def read_state(path: Path) -> dict[str, Any]:
    """The state that `save_state` wrote. Raises UserError if there is no such file, DamagedFileError."""
    state = dict(read_json(path, dict[str, Any]))
    with named(path):
        if "segment" in state:  # the name of the key in model directories of earlier versions
            state["segmenter"] = state.pop("segment")
        check_form(SegmenterState, state)
        if (state["punkt"] is None) != (state["segmenter"] != "nltk"):
            raise ValueError("punkt must be there for nltk, and only for it")
    return state


def split_column(texts: pa.StringArray) -> list[pa.StringArray]:
    """The texts in parts, in order: one, unless they have more than MAX_PART_BYTES. A part has at least one text."""
    if texts.nbytes <= MAX_PART_BYTES:
        return [texts]
    ends = np.concatenate(([0], np.cumsum(pc.binary_length(texts).to_numpy(), dtype=np.int64)))
    first, parts = 0, []
    while first < len(texts):
        stop = int(np.searchsorted(ends, ends[first] + MAX_PART_BYTES, side="right")) - 1
        parts.append(texts[first : max(first + 1, stop)])
        first += len(parts[-1])
    return parts


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a segmenter's state, for `Segmenter.load`."""
    path.write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _jieba_tokenizer(state: Mapping[str, Any]) -> Tokenizer:
    from textrnn.preparation.segmentation.jieba_words import cut_batch, load_jieba_cut, slow_jieba_cut
    from textrnn.preparation.segmentation.user_dictionary import DictionaryEntry

    dictionary = tuple(DictionaryEntry(*entry) for entry in state.get("dictionary", ()))
    return Tokenizer.from_several(
        load_jieba_cut(dictionary),
        lambda texts: cut_batch(texts, dictionary),
        lambda text: slow_jieba_cut(dictionary)(text),  # loaded on first use, because its dictionary takes long to load
    )


def _nltk_tokenizer(state: Mapping[str, Any]) -> Tokenizer:
    from textrnn.preparation.segmentation.nltk_words import NltkWords

    words = NltkWords(state["punkt"])
    return Tokenizer.from_column(words, words.column)


_TOKENIZERS: dict[SegmenterName, Callable[[Mapping[str, Any]], Tokenizer]] = {
    "chars": lambda _: Tokenizer.from_one(list),
    "tokens": lambda _: Tokenizer.from_one(str.split),
    "jieba": _jieba_tokenizer,
    "nltk": _nltk_tokenizer,
}
