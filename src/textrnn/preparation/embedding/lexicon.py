"""Builds a lexicon: the dictionary words that a vocabulary's characters can form, with pretrained vectors.

Character bigrams that are not words but have a pretrained vector are appended to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.embed import Lexicon
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.errors import UserError
from textrnn.preparation.artifacts.jieba_dictionary import DictionaryWord
from textrnn.preparation.artifacts.learned_vectors import VECTORIZED
from textrnn.preparation.artifacts.lexicon_table import LEXICON, MIN_WORD_LENGTH
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.vector_files import SelectedVectors, read_selected

ReadVectors = Callable[[Callable[[str], bool]], SelectedVectors]
MAX_KEYS = 2**63  # a word's ids are the digits of one int64: see textrnn.modeling.nn.soft_lexicon


class LexiconEntry(NamedTuple):
    """A row of the table but for its vector; a bigram that is not a word has no part of speech."""

    ids: list[int]
    part_of_speech: str | None
    frequency: int


def make_lexicon(
    dictionary: Iterable[DictionaryWord], vocabulary: Vocabulary, lexicon: Lexicon | None, folder: Path, where: str
) -> tuple[pa.Table, int | None]:
    """The table of `build_lexicon`, with the vectors of the lexicon's file in `folder` if it names one.

    Also how many damaged lines of the file were skipped; None without a file.
    """
    table = build_lexicon(dictionary, vocabulary, lexicon, where)
    if lexicon is None or lexicon.vectors in (None, VECTORIZED):
        return table, None
    assert lexicon.vectors is not None
    read = partial(read_selected, folder / lexicon.vectors, what="word or pair of the lexicon")
    return add_vectors(table, vocabulary, read)


def lexicon_statistics(lexicon: Lexicon | None, table: pa.Table, skipped_lines: int | None) -> dict[str, Any]:
    """The settings of the lexicon, how many words its table has, and how many words and bigrams have vectors.

    Words of a single character are counted apart from the longer ones. skipped_lines: of `make_lexicon`.
    """
    if lexicon is None:
        return {"lexicon": None}
    words, vectors = (len(table) - table[name].null_count for name in ("tag", "vector"))
    single = pc.sum(pc.equal(pc.list_value_length(table["ids"]), 1)).as_py() or 0
    counts = {"lexicon_words": words - single, "lexicon_characters": single, "lexicon_vectors": vectors}
    of_file = {} if skipped_lines is None else {"lexicon_skipped_lines": skipped_lines}
    return {"lexicon": asdict(lexicon), **counts, **of_file}


def build_lexicon(
    dictionary: Iterable[DictionaryWord], vocabulary: Vocabulary, lexicon: Lexicon | None, where: str
) -> pa.Table:
    """The dictionary words all of whose characters have an id, of one character too: a table of LEXICON.

    A word that occurs twice keeps its first part of speech and frequency. No word has a vector yet. If `lexicon` is
    None, the table is empty and the dictionary is not read. where: the dotted name of the lexicon's params, for
    messages.
    Raises UserError if no word is left, for instance because tokens are not characters, and if words are too long for
    their ids to fit into one int64.
    """
    if lexicon is None:
        return LEXICON.empty_table()
    vocabulary_size, longest = len(vocabulary), lexicon.longest
    if vocabulary_size**longest >= MAX_KEYS:
        wrong = f"{vocabulary_size:,} tokens to the power of it must be below 2^63"
        raise UserError(f"{where}.longest", wrong, got=longest, do="lower it, or the encoding's max_tokens")
    entries: dict[str, LexiconEntry] = {}
    for word, frequency, part_of_speech in dictionary:
        if len(word) <= longest and word not in entries:
            ids = vocabulary.encode(list(word))
            if UNKNOWN_ID not in ids:
                entries[word] = LexiconEntry(ids, part_of_speech, frequency)
    if not any(len(word) >= MIN_WORD_LENGTH for word in entries):
        wrong = f"no word of 2 to {longest} characters can be formed from the encoding's tokens"
        do = "set it and the model's words to null, or use an encoding into Chinese characters"
        raise UserError(where, wrong, do=do)
    return _lexicon_table(list(entries.values()), {}, np.zeros((0, 0), np.float32))


def add_vectors(table: pa.Table, vocabulary: Vocabulary, read: ReadVectors) -> tuple[pa.Table, int]:
    """The words of `build_lexicon` with the vectors of a file, followed by the file's bigrams that are not words.

    A bigram here is two characters of the vocabulary. Also how many damaged lines of the file were skipped.
    read: `textrnn.preparation.embedding.vector_files.read_selected` of a file; the errors it raises are passed on.
    """
    entries = _read_entries(table)
    rows = {tuple(entry.ids): row for row, entry in enumerate(entries)}
    longest = max(map(len, rows))

    def wanted(token: str) -> bool:
        if len(token) > longest:
            return False
        ids = vocabulary.encode(list(token))
        return tuple(ids) in rows or (len(ids) == MIN_WORD_LENGTH and UNKNOWN_ID not in ids)

    names, matrix, skipped_lines = read(wanted)
    matrix_rows = {}
    for matrix_row, name in enumerate(names):
        ids = vocabulary.encode(list(name))
        row = rows.get(tuple(ids), len(entries))
        if row == len(entries):
            entries.append(LexiconEntry(ids, None, 0))
        matrix_rows[row] = matrix_row
    return _lexicon_table(entries, matrix_rows, matrix), skipped_lines


def fill_vectors(table: pa.Table, words: Sequence[Sequence[int]], matrix: np.ndarray) -> pa.Table:
    """The words of `build_lexicon` with the vectors (N, width) of N words, given by their ids; other words are left."""
    entries = _read_entries(table)
    rows = {tuple(entry.ids): row for row, entry in enumerate(entries)}
    matrix_rows = {rows[tuple(ids)]: at for at, ids in enumerate(words) if tuple(ids) in rows}
    return _lexicon_table(entries, matrix_rows, matrix)


def _read_entries(table: pa.Table) -> list[LexiconEntry]:
    columns = (table[name].to_pylist() for name in ("ids", "tag", "frequency"))
    return [LexiconEntry(*values) for values in zip(*columns, strict=True)]


def _lexicon_table(entries: Sequence[LexiconEntry], matrix_rows: Mapping[int, int], matrix: np.ndarray) -> pa.Table:
    """A table of LEXICON from its entries; matrix_rows: the matrix row of each table row with a vector."""
    ids = pa.array([entry.ids for entry in entries], LEXICON.field("ids").type)
    parts_of_speech = pa.array([entry.part_of_speech for entry in entries], pa.string()).dictionary_encode()
    frequencies = pa.array([entry.frequency for entry in entries], pa.int64())
    rows = sorted(matrix_rows)
    has_vector = np.zeros(len(entries), bool)
    has_vector[rows] = True
    offsets = np.concatenate(([0], has_vector.cumsum() * matrix.shape[1])).astype(np.int32)
    values = pa.array(matrix[[matrix_rows[row] for row in rows]].reshape(-1), pa.float32())
    vectors = pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~has_vector))
    return pa.table([ids, parts_of_speech, frequencies, vectors], schema=LEXICON)
