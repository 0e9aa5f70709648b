"""The words of a dictionary that can be made of a vocabulary's characters, and their file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from textrnn.errors import UserError
from textrnn.params import require
from textrnn.records import UNKNOWN_ID
from textrnn.vocab import Vocabulary

# a word's ids, and its part of speech
LEXICON = pa.schema([("ids", pa.list_(pa.int32())), ("tag", pa.dictionary(pa.int32(), pa.string()))])
SHORTEST = 2  # a character alone has an embedding in any case
MOST_KEYS = 2**63  # a word's ids are digits of one int64: see textrnn.words


@dataclass(frozen=True)
class Lexicon:
    """Which words of jieba's dictionary a recipe knows: those of two characters up to `longest`."""

    longest: int

    def check(self, where: str) -> None:
        require(self.longest >= SHORTEST, f"{where}.longest", f"must be at least {SHORTEST}", self.longest)


def cover(
    dictionary: Iterable[tuple[str, str]], vocabulary: Vocabulary, lexicon: Lexicon | None, where: str
) -> pa.Table:
    """The words of a dictionary, each with its part of speech, all of whose characters have an id; a table of LEXICON.

    A word that stands twice has its first part of speech. Without `lexicon` there is none. Raises UserError, naming
    `where`, when no word is left, as where tokens are no characters, and when words are too long to be numbered.
    """
    if lexicon is None:
        return LEXICON.empty_table()
    tokens, longest = len(vocabulary), lexicon.longest
    if tokens**longest >= MOST_KEYS:
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
    ids, tags = (pa.array([pair[at] for pair in found.values()]) for at in range(2))
    return pa.table([ids.cast(LEXICON.field("ids").type), tags.dictionary_encode()], schema=LEXICON)


def save_lexicon(path: Path, table: pa.Table) -> None:
    """A table of LEXICON, for `load_lexicon`."""
    with pa.ipc.new_file(str(path), LEXICON) as file:
        file.write_table(table)


def load_lexicon(path: Path) -> pa.Table:
    """The table of `save_lexicon`; raises UserError when the file is missing or something else."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except pa.ArrowInvalid as error:
        raise UserError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    if not table.schema.equals(LEXICON):
        raise UserError(path, "does not hold words and their parts of speech", got=table.schema.names)
    return table
