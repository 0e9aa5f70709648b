"""Words of a lexicon in rows of characters: which begin, go through and end at each, and the table of their embeddings.

A word of n tokens is a number: its ids as digits of base V, the size of the vocabulary. No word holds a reserved id, so
the number of a word tells its length. Shapes: T steps, B batch, N words of the lexicon, P parts of speech, C places of
a set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.embedding_lookup import SparseTable

SETS = 3  # words that begin at a token, go on through it, end at it
FIRST = PAD_ID + 1  # row of the first part of speech: before it stands padding's, zero


@dataclass(frozen=True)
class LexiconSizes:
    """How many words a lexicon has, the rows of their table, and the tokens of the longest one."""

    words: int
    rows: int
    longest: int


class SoftLexicon(SparseTable):
    """The embeddings of the words that train has often enough, of the others by part of speech, and of padding.

    Of each token: the mean over the words that begin at it, over those that go on through it, and over those that end
    at it; zero where there is none. Source: Ma et al. 2020, arXiv:1908.05969, section 3.2, but for two things: there
    words are weighed by how often they occur, here they weigh the same, or a word that train never shows would count
    for nothing; and the set of the token alone is left out, as the token has an embedding of its own.

    The words are buffers, so that the weights of a model tell which row is whose; `learn_words` finds them.
    """

    keys: Tensor
    rows: Tensor

    def __init__(self, sizes: LexiconSizes, width: int, tokens: int) -> None:
        super().__init__(sizes.rows, width)
        self.tokens, self.longest = tokens, sizes.longest
        self.register_buffer("keys", torch.zeros(sizes.words, dtype=torch.int64))
        self.register_buffer("rows", torch.zeros(sizes.words, dtype=torch.int64))

    def find(self, ids: Tensor) -> Tensor:
        """The table's rows of the words at each token of ids (T, B), each set filled up with 0; int64 (3, C, T, B)."""
        before = ids.new_zeros(self.longest - 1, ids.shape[1], dtype=torch.int64)
        starts = {}  # by length, the rows of the words that start at a step, after steps at which none does
        for length, at, known in match_words(ids, self.keys, self.tokens, self.longest):
            starts[length] = torch.cat((before, self.rows[at].masked_fill_(~known, PAD_ID)))
        begin = [(length, 0) for length in starts]
        inside = [(length, back) for length in starts for back in range(1, length - 1)]
        end = [(length, length - 1) for length in starts]
        places = max(len(begin), len(inside))
        none = torch.zeros_like(ids, dtype=torch.int64)
        columns = []
        for one in (begin, inside, end):
            columns += [starts[length][len(before) - back :][: len(ids)] for length, back in one]
            columns += [none] * (places - len(one))
        return torch.stack(columns).view(SETS, places, *ids.shape)


def match_words(ids: Tensor, keys: Tensor, tokens: int, longest: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each length from 2, which of the words (N,) starts at each step of ids (T, B), and whether one does; (T, B).

    ids are below `tokens`; each column is a row of text, which no word leaves.
    """
    key = ids.long().contiguous()
    real = ids > UNKNOWN_ID  # else a word behind padding would also be a longer one that begins with zeros
    after = F.pad(key, (0, 0, 0, longest - 1))  # PAD_ID
    for length in range(2, longest + 1):
        key = key * tokens + after[length - 1 :][: len(ids)]
        at = torch.searchsorted(keys, key).clamp_(max=len(keys) - 1)
        yield length, at, (keys[at] == key) & real


SETS = 3  # words that begin at a token, go on through it, end at it
