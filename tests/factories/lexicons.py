"""Lexicons: of given words, of words that random rows hold, and of a few words in the texts of tests of models."""

from __future__ import annotations

import pyarrow as pa

from textrnn.common.config.model import SoftLexiconOptions
from textrnn.preparation.artifacts.lexicon_table import LEXICON as SCHEMA


def lexicon_of(words, vectors=None, frequencies=None):
    """A lexicon of words, pairs of ids and part of speech; vectors: by index, for words that have one.

    frequencies: of the words in their order; 1 each if there are none.
    """
    ids = pa.array([ids for ids, _ in words], pa.list_(pa.int32()))
    tags = pa.array([tag for _, tag in words], pa.string()).dictionary_encode()
    vector_column = pa.array([(vectors or {}).get(at) for at in range(len(words))], pa.list_(pa.float32()))
    return pa.table([ids, tags, pa.array(frequencies or [1] * len(words), pa.int64()), vector_column], schema=SCHEMA)


# of tokens 2 to 11; no pair starts with an odd one
SOME_WORDS = lexicon_of(
    [([first, second], "abc"[second % 3]) for first in range(2, 12, 2) for second in range(2, 12)]
    + [([token] * 3, "b") for token in range(2, 12)]
    + [([2, 3, token, 5], "d") for token in range(2, 12)]
    + [([token], "ce"[token % 2]) for token in range(2, 12)],
    frequencies=list(range(1, 81)),
)

OPTIONS = SoftLexiconOptions(3, 1)
# of ROWS, [[3, 1, 4, 1, 5], [2, 6], [5, 3, 8], [7]], where 1 is unknown and so in no word
LEXICON = lexicon_of([([2, 6], "n"), ([5, 3], "v"), ([3, 8], "n"), ([5, 3, 8], "a"), ([4, 5], "v"), ([3, 4, 5], "v")])
