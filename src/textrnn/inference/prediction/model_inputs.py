"""Texts that a model is asked about, prepared as the stages prepared its training: cut, numbered, padded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow.compute as pc

from textrnn.common.config.types import Side
from textrnn.common.storage.schemas import PAD_ID
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.padding.pad_rows import choose_widths, pad_rows_to

MAX_BATCH_ROWS = 256  # of a batch
MAX_BATCH_CELLS = 1 << 16  # of a batch of more than one row
WORD = re.compile(r"\S+")

CharacterSpan = tuple[int, int]  # start and end (exclusive), in characters of the text


@dataclass(frozen=True, eq=False)
class InputBatch:
    """Rows of one width: which of the rows they are (B,), ids (B, T) and how many tokens each keeps (B,)."""

    rows: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """Where a row has a token (B, T): no token has padding's id."""
        return self.ids != PAD_ID


@dataclass(frozen=True)
class PaddingRule:
    """How training's rows became rectangular: their widths, rising, the side of the padding, whether any is truncated.

    fixed: whether the width counts, as for a model that reads padding; else a batch is as wide as its longest row.
    """

    widths: tuple[int, ...]
    side: Side
    truncates: bool
    fixed: bool

    def batches(self, ids: Sequence[Sequence[int]]) -> Iterator[InputBatch]:
        """Rows of ids, each in a batch with others to which training would have given the same width.

        Rows longer than all of training's, where none is truncated, go to widths that double.
        """
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        widths = self._widths_for(int(lengths.max(initial=0)))
        chosen = choose_widths(lengths, widths)
        for at in sorted(set(chosen.tolist())):
            rows = np.flatnonzero(chosen == at)
            most = max(1, min(MAX_BATCH_ROWS, MAX_BATCH_CELLS // widths[at]))
            for first in range(0, len(rows), most):
                yield self._batch(rows[first : first + most], ids, lengths, widths[at])

    def _widths_for(self, longest: int) -> list[int]:
        widths = list(self.widths)
        while not self.truncates and widths[-1] < longest:
            widths.append(2 * widths[-1])
        return widths

    def _batch(self, rows: np.ndarray, ids: Sequence[Sequence[int]], lengths: np.ndarray, width: int) -> InputBatch:
        values = np.array(list(chain.from_iterable(ids[row] for row in rows.tolist())), np.int32)
        offsets = np.zeros(len(rows) + 1, np.int64)
        lengths[rows].cumsum(out=offsets[1:])
        if not self.fixed:
            width = min(width, max(1, int(lengths[rows].max())))
        return InputBatch(rows, *pad_rows_to(values, offsets, width, self.side, PAD_ID, np.int32))


def has_single_characters(vocabulary: Vocabulary) -> bool:
    """Whether every known token is one character: the files of a tagger's training were then cut into characters."""
    return bool(pc.max(pc.utf8_length(vocabulary.words)).as_py() == 1)


def cut_spans(text: str, characters: bool) -> tuple[list[str], list[CharacterSpan]]:
    """A text's tokens and where each stands: its characters but for white space, or what white space parts."""
    if characters:
        places = [(at, at + 1) for at, character in enumerate(text) if not character.isspace()]
    else:
        places = [match.span() for match in WORD.finditer(text)]
    return [text[start:end] for start, end in places], places
