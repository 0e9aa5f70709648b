"""Texts into tokens: characters, jieba words, nltk words, or tokens that a file already separates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from textrnn.errors import UserError

Cleaning = Literal["lower", "digits", "urls"]
Segmenting = Literal["chars", "jieba", "nltk", "tokens"]

URL_SIGNS = ("www.", "http:", "https:", ".com")
# The tutorial's `([^ ]+(?<=\.[a-z]{3}))` without its look-behind. Both take a blank-free run up to its last dot and
# three letters; a match cannot start inside the look-behind, because the greedy match before it would have taken it.
URL = re.compile(r"[^ ]*\.[a-z]{3}")
DIGIT = re.compile(r"\d")
ASCII_DIGITS = dict.fromkeys(b"123456789", "0")

# name and columns
PUNKT_FILES = {"abbrev_types.txt": 1, "collocations.tab": 2, "ortho_context.tab": 2, "sent_starters.txt": 1}


def clean(text: str, steps: Iterable[Cleaning]) -> str:
    """The text in lower case, digits as 0, URLs as `<url>`, by the steps named (tutorial 5)."""
    for step in steps:
        if step == "lower":
            text = text.lower()
        elif step == "digits":
            # the same for ASCII, where translate has a table
            text = text.translate(ASCII_DIGITS) if text.isascii() else DIGIT.sub("0", text)
        elif any(sign in text for sign in URL_SIGNS):
            text = URL.sub("<url>", text)
    return text


@dataclass(frozen=True)
class Cut:
    """A way of cutting texts that are clean: one text, several, or a column of them into a column of lists of tokens.

    original: the library's own slow way, where ours is another, to hold ours against.
    """

    one: Callable[[str], list[str]]
    several: Callable[[list[str]], list[list[str]]]
    column: Callable[[pa.StringArray], pa.ListArray]
    original: Callable[[str], list[str]] | None = None

    @classmethod
    def each(cls, cut: Callable[[str], list[str]]) -> Cut:
        return cls.of_lists(cut, lambda texts: list(map(cut, texts)))

    @classmethod
    def of_lists(
        cls,
        one: Callable[[str], list[str]],
        several: Callable[[list[str]], list[list[str]]],
        original: Callable[[str], list[str]] | None = None,
    ) -> Cut:
        return cls(one, several, lambda texts: pa.array(several(texts.to_pylist()), pa.list_(pa.string())), original)

    @classmethod
    def of_columns(cls, one: Callable[[str], list[str]], column: Callable[[pa.StringArray], pa.ListArray]) -> Cut:
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


def _cut_jieba(_: None) -> Cut:
    from textrnn.preparation.segmentation.jieba_words import cut_batch, load_jieba_cut, slow_jieba_cut

    return Cut.of_lists(
        load_jieba_cut(),
        cut_batch,
        lambda text: slow_jieba_cut()(text),  # its dictionary takes long to load: only where it is asked
    )


def _cut_nltk(punkt: Mapping[str, Any]) -> Cut:
    from textrnn.preparation.segmentation.nltk_words import NltkWords

    words = NltkWords(punkt)
    return Cut.of_columns(words, words.column)


_CUTS: dict[Segmenting, Callable[[Any], Cut]] = {
    "chars": lambda _: Cut.each(list),
    "tokens": lambda _: Cut.each(str.split),
    "jieba": _cut_jieba,
    "nltk": _cut_nltk,
}


def learn_punkt(texts: Iterable[str]) -> dict[str, Any]:
    """A sentence model from texts, by nltk's PunktTrainer (Kiss and Strunk 2006), as its four tables."""
    from nltk.tokenize.punkt import PunktTrainer

    trainer = PunktTrainer("\n".join(texts))
    return _punkt_tables(trainer.get_params())


def load_punkt(folder: Path) -> dict[str, Any]:
    """A published sentence model (a `punkt_tab` language folder) as its four tables.

    The files are read here: some versions of nltk's own reader take no plain path.
    Raises UserError for a missing or damaged file.
    """
    abbreviations, collocations, contexts, starters = (_read_tab(folder / name, n) for name, n in PUNKT_FILES.items())
    try:
        flags = {word: int(value) for word, value in sorted(contexts)}
    except ValueError as error:
        raise UserError(folder / "ortho_context.tab", "holds something that is no number", got=error) from error
    return {
        "abbrev_types": sorted(row[0] for row in abbreviations),
        "collocations": sorted(collocations),
        "sent_starters": sorted(row[0] for row in starters),
        "ortho_context": flags,
    }


def _read_tab(path: Path, columns: int) -> list[list[str]]:
    if not path.is_file():
        raise UserError(path, "no such file of a Punkt model", do="give data.punkt and the model's name")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(path, "is not UTF-8", got=error) from error
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns:
            raise UserError(f"{path}, line {number}", f"must have {columns} columns, parted by tabs", got=len(row))
    return rows


def _punkt_tables(parameters: Any) -> dict[str, Any]:
    return {
        "abbrev_types": sorted(parameters.abbrev_types),
        "collocations": sorted([first, second] for first, second in parameters.collocations),
        "sent_starters": sorted(parameters.sent_starters),
        "ortho_context": dict(sorted(parameters.ortho_context.items())),
    }
