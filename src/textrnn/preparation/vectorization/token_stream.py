"""Texts as one array of token numbers, in which windows of tokens do not reach from one text into the next.

Shapes: T tokens of all texts and the gaps between them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NONE = -1  # in place of a number: a gap between two texts, or a token that is not numbered


def make_stream(texts: Iterable[pa.ListArray], tokens: pa.StringArray, gap: int) -> np.ndarray:
    """The numbers (T,) int32 of the texts' tokens: their index in `tokens`, or NONE for all others.

    Tokens that are not numbered keep their places, so that distances are those of the text. `gap` times NONE stands
    before each text and after the last one.
    """
    parts = [_number(batch, tokens, gap) for batch in texts]
    return np.concatenate([*parts, np.full(gap, NONE, np.int32)])


def _number(texts: pa.ListArray, tokens: pa.StringArray, gap: int) -> np.ndarray:
    numbers = pc.fill_null(pc.index_in(texts.flatten(), value_set=tokens), NONE).to_numpy()
    lengths = texts.value_lengths().to_numpy()
    stream = np.full(len(numbers) + gap * len(lengths), NONE, np.int32)
    stream[np.arange(len(numbers)) + np.repeat(gap * np.arange(1, len(lengths) + 1), lengths)] = numbers
    return stream
