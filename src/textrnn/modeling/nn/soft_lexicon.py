"""SoftLexicon features: embeddings of the lexicon words that begin at, continue through and end at each token.

A word's key is one number: the ids of its tokens as digits of base V, the vocabulary size. No word holds a reserved
id, so the key determines the word's length. Shapes: T steps, B batch, N words of the lexicon, C places of a set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.embedding_lookup import SparseTable

SETS = 3  # the words that begin at a token, those that continue through it, those that end at it
FIRST_WORD_ROW = PAD_ID + 1  # the row of the first part of speech; row 0 is padding, a zero vector


@dataclass(frozen=True)
class LexiconSizes:
    """The number of words, the number of table rows, and the length of the longest word in tokens."""

    words: int
    rows: int
    longest: int


class SoftLexicon(SparseTable):
    """The embeddings of words that are frequent in train, of all other words by part of speech, and of padding.

    A token gets three means: over the words that begin at it, over those that continue through it, and over those that
    end at it; each is zero if there is no such word. Source: Ma et al. 2020, arXiv:1908.05969, section 3.2, with two
    differences. There, words are weighted by their frequency; here they have equal weights, because a word that never
    occurs in train would otherwise count for nothing. And the set of the token alone is left out, because the token
    already has its own embedding.

    The words are buffers, so that the saved weights record which row belongs to which word. `learn_words` finds them.
    """

    keys: Tensor
    rows: Tensor

    def __init__(self, sizes: LexiconSizes, width: int, vocabulary_size: int) -> None:
        super().__init__(sizes.rows, width)
        self.vocabulary_size, self.longest = vocabulary_size, sizes.longest
        self.register_buffer("keys", torch.zeros(sizes.words, dtype=torch.int64))
        self.register_buffer("rows", torch.zeros(sizes.words, dtype=torch.int64))

    def find_rows(self, ids: Tensor) -> Tensor:
        """The table rows of the words at each token of ids (T, B), each set filled up with 0; int64 (3, C, T, B)."""
        margin = ids.new_zeros(self.longest - 1, ids.shape[1], dtype=torch.int64)
        starts = {}  # by length: the row of the word that starts at each step, after a margin without words
        for length, index, known in match_words(ids, self.keys, self.vocabulary_size, self.longest):
            starts[length] = torch.cat((margin, self.rows[index].masked_fill_(~known, PAD_ID)))
        # (length, how many steps before the token the word starts)
        begin = [(length, 0) for length in starts]
        inside = [(length, back) for length in starts for back in range(1, length - 1)]
        end = [(length, length - 1) for length in starts]
        places = max(len(begin), len(inside))
        empty = torch.zeros_like(ids, dtype=torch.int64)
        columns = []
        for word_set in (begin, inside, end):
            columns += [starts[length][len(margin) - back :][: len(ids)] for length, back in word_set]
            columns += [empty] * (places - len(word_set))
        return torch.stack(columns).view(SETS, places, *ids.shape)


def match_words(ids: Tensor, keys: Tensor, vocabulary_size: int, longest: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each length from 2: the index of the word (N,) that starts at each step of ids, and whether there is one.

    ids: (T, B), below `vocabulary_size`; each column is one row of text, and words do not cross rows. Both results are
    (T, B).
    """
    key = ids.long().contiguous()
    # Without this, a word after padding would also match as a longer word that begins with zeros.
    is_token = ids > UNKNOWN_ID
    following = F.pad(key, (0, 0, 0, longest - 1))  # with PAD_ID
    for length in range(2, longest + 1):
        key = key * vocabulary_size + following[length - 1 :][: len(ids)]
        index = torch.searchsorted(keys, key).clamp_(max=len(keys) - 1)
        yield length, index, (keys[index] == key) & is_token
