"""Builds a lexicon: the dictionary words that a vocabulary's characters can form, with pretrained vectors.

Character bigrams that are not words but have a pretrained vector are appended to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.embed import Lexicon
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.errors import UserError
from textrnn.preparation.artifacts.lexicon_table import LEXICON, MIN_WORD_LENGTH
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.vector_files import read_selected

ReadVectors = Callable[[Callable[[str], bool]], tuple[list[str], np.ndarray]]
MAX_KEYS = 2**63  # a word's ids are the digits of one int64: see textrnn.modeling.nn.soft_lexicon


def make_lexicon(
    dictionary: Iterable[tuple[str, str]], vocabulary: Vocabulary, lexicon: Lexicon | None, folder: Path, where: str
) -> pa.Table:
    """The table of `build_lexicon`, with the vectors of the lexicon's file in `folder` if it names one."""
    table = build_lexicon(dictionary, vocabulary, lexicon, where)
    if lexicon is None or lexicon.vectors is None:
        return table
    read = partial(read_selected, folder / lexicon.vectors, what="word or pair of the lexicon")
    return add_vectors(table, vocabulary, read)


def lexicon_statistics(lexicon: Lexicon | None, table: pa.Table) -> dict[str, Any]:
    """The settings of the lexicon, how many words its table has, and how many words and bigrams have vectors."""
    if lexicon is None:
        return {"lexicon": None}
    words, vectors = (len(table) - table[name].null_count for name in ("tag", "vector"))
    return {"lexicon": asdict(lexicon), "lexicon_words": words, "lexicon_vectors": vectors}


def build_lexicon(
    dictionary: Iterable[tuple[str, str]], vocabulary: Vocabulary, lexicon: Lexicon | None, where: str
) -> pa.Table:
    """The dictionary words all of whose characters have an id, with their parts of speech: a table of LEXICON.

    A word that occurs twice keeps its first part of speech. No word has a vector yet. If `lexicon` is None, the table
    is empty and the dictionary is not read. where: the dotted name of the lexicon's params, for messages.
    Raises UserError if no word is left, for instance because tokens are not characters, and if words are too long for
    their ids to fit into one int64.
    """
    if lexicon is None:
        return LEXICON.empty_table()
    vocabulary_size, longest = len(vocabulary), lexicon.longest
    if vocabulary_size**longest >= MAX_KEYS:
        wrong = f"{vocabulary_size:,} tokens to the power of it must be below 2^63"
        raise UserError(f"{where}.longest", wrong, got=longest, do="lower it, or the encoding's max_tokens")
    entries: dict[str, tuple[list[int], str]] = {}
    for word, part_of_speech in dictionary:
        if MIN_WORD_LENGTH <= len(word) <= longest and word not in entries:
            ids = vocabulary.encode(list(word))
            if UNKNOWN_ID not in ids:
                entries[word] = ids, part_of_speech
    if not entries:
        wrong = f"no word of 2 to {longest} characters can be formed from the encoding's tokens"
        do = "set it and the model's words to null, or use an encoding into Chinese characters"
        raise UserError(where, wrong, do=do)
    return _lexicon_table(list(entries.values()), {}, np.zeros((0, 0), np.float32))


def add_vectors(table: pa.Table, vocabulary: Vocabulary, read: ReadVectors) -> pa.Table:
    """The words of `build_lexicon` with the vectors of a file, followed by the file's bigrams that are not words.

    A bigram here is two characters of the vocabulary.
    read: `textrnn.preparation.embedding.vector_files.read_selected` of a file; the errors it raises are passed on.
    """
    entries = list(zip(table["ids"].to_pylist(), table["tag"].to_pylist(), strict=True))
    rows = {tuple(ids): row for row, (ids, _) in enumerate(entries)}
    longest = max(map(len, rows))

    def wanted(token: str) -> bool:
        if not MIN_WORD_LENGTH <= len(token) <= longest:
            return False
        ids = vocabulary.encode(list(token))
        return tuple(ids) in rows or (len(ids) == MIN_WORD_LENGTH and UNKNOWN_ID not in ids)

    names, matrix = read(wanted)
    matrix_rows = {}
    for matrix_row, name in enumerate(names):
        ids = vocabulary.encode(list(name))
        row = rows.get(tuple(ids), len(entries))
        if row == len(entries):
            entries.append((ids, None))
        matrix_rows[row] = matrix_row
    return _lexicon_table(entries, matrix_rows, matrix)


def _lexicon_table(
    entries: Sequence[tuple[list[int], str | None]], matrix_rows: Mapping[int, int], matrix: np.ndarray
) -> pa.Table:
    """A table of LEXICON from ids and parts of speech; matrix_rows: the matrix row of each table row with a vector."""
    ids = pa.array([entry[0] for entry in entries], LEXICON.field("ids").type)
    parts_of_speech = pa.array([entry[1] for entry in entries], pa.string()).dictionary_encode()
    rows = sorted(matrix_rows)
    has_vector = np.zeros(len(entries), bool)
    has_vector[rows] = True
    offsets = np.concatenate(([0], has_vector.cumsum() * matrix.shape[1])).astype(np.int32)
    values = pa.array(matrix[[matrix_rows[row] for row in rows]].reshape(-1), pa.float32())
    vectors = pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~has_vector))
    return pa.table([ids, parts_of_speech, vectors], schema=LEXICON)
