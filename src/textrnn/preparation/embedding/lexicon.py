"""The words of a dictionary that can be made of a vocabulary's characters, vectors of words and pairs, their file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa

from textrnn.common.config.embed import SHORTEST, Lexicon
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.errors import UserError
from textrnn.preparation.artifacts.lexicon_table import LEXICON
from textrnn.preparation.artifacts.vocabulary import Vocabulary

ReadVectors = Callable[[Callable[[str], bool]], tuple[list[str], np.ndarray]]
MAX_KEYS = 2**63  # a word's ids are digits of one int64: see textrnn.modeling.nn.soft_lexicon


def build_lexicon(
    dictionary: Iterable[tuple[str, str]], vocabulary: Vocabulary, lexicon: Lexicon | None, where: str
) -> pa.Table:
    """The words of a dictionary, each with its part of speech, all of whose characters have an id; a table of LEXICON.

    A word that stands twice has its first part of speech; none has a vector yet. Without `lexicon` there is none.
    Raises UserError, naming `where`, when no word is left, as where tokens are no characters, and when words are too
    long to be numbered.
    """
    if lexicon is None:
        return LEXICON.empty_table()
    tokens, longest = len(vocabulary), lexicon.longest
    if tokens**longest >= MAX_KEYS:
        wrong = f"{tokens:,} tokens to the power of it must be below 2^63"
        raise UserError(f"{where}.longest", wrong, got=longest, do="lower it, or the encoding's max_tokens")
    found: dict[str, tuple[list[int], str]] = {}
    for word, tag in dictionary:
        if SHORTEST <= len(word) <= longest and word not in found:
            ids = vocabulary.encode(list(word))
            if UNKNOWN_ID not in ids:
                found[word] = ids, tag
    if not found:
        wrong = f"no word of 2 to {longest} characters is left, as none is made of the encoding's tokens"
        raise UserError(
            where, wrong, do="say null, for the model's words too, or take an encoding into Chinese characters"
        )
    return _table(list(found.values()), {}, np.zeros((0, 0), np.float32))


def add_vectors(table: pa.Table, vocabulary: Vocabulary, read: ReadVectors) -> pa.Table:
    """The words of `cover`, those that a file of vectors has with theirs, and behind them its pairs that are no words.

    A pair is two characters of the vocabulary. read: `textrnn.preparation.embedding.vector_files.read_selected` of a file, whose errors are raised.
    """
    rows = list(zip(table["ids"].to_pylist(), table["tag"].to_pylist(), strict=True))
    place = {tuple(ids): at for at, (ids, _) in enumerate(rows)}
    longest = max(map(len, place))

    def wanted(token: str) -> bool:
        if not SHORTEST <= len(token) <= longest:
            return False
        ids = vocabulary.encode(list(token))
        return tuple(ids) in place or (len(ids) == SHORTEST and UNKNOWN_ID not in ids)

    names, matrix = read(wanted)
    given = {}  # by row of the table, the row of the matrix
    for at, name in enumerate(names):
        ids = vocabulary.encode(list(name))
        row = place.get(tuple(ids), len(rows))
        if row == len(rows):
            rows.append((ids, None))
        given[row] = at
    return _table(rows, given, matrix)


def _table(rows: Sequence[tuple[list[int], str | None]], given: dict[int, int], matrix: np.ndarray) -> pa.Table:
    """A table of LEXICON; given: of a row that has a vector, the matrix's row."""
    ids = pa.array([row[0] for row in rows], LEXICON.field("ids").type)
    tags = pa.array([row[1] for row in rows], pa.string()).dictionary_encode()
    places = sorted(given)
    there = np.zeros(len(rows), bool)
    there[places] = True
    ends = np.concatenate(([0], there.cumsum() * matrix.shape[1])).astype(np.int32)
    values = pa.array(matrix[[given[place] for place in places]].reshape(-1), pa.float32())
    vectors = pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(~there))
    return pa.table([ids, tags, vectors], schema=LEXICON)
