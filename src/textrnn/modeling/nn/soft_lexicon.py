"""SoftLexicon features: embeddings of the lexicon words that begin at, continue through and end at each token.

A word's key is one number: the ids of its tokens as digits of base V, the vocabulary size. No word holds a reserved
id, so the key determines the word's length. Shapes: T steps, B batch, N words of the lexicon, S sets of a token, C
places of a set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.common.config.model import SoftLexiconOptions
from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.embedding_lookup import SparseTable

FIRST_WORD_ROW = PAD_ID + 1  # the row of the first part of speech; row 0 is padding, a zero vector


@dataclass(frozen=True)
class LexiconSizes:
    """The number of words, the number of table rows, and the length of the longest word in tokens."""

    words: int
    rows: int
    longest: int


@dataclass(frozen=True, eq=False)
class WordSets:
    """The words at each token: table rows, int64 (S, C, T, B), each set filled up with 0, and their weights.

    weights: (S, C, T, B), by which a set's embeddings are summed; None for the mean of each set.
    """

    rows: Tensor
    weights: Tensor | None


class SoftLexicon(SparseTable):
    """The embeddings of words that are frequent in train, of all other words by part of speech, and of padding.

    A token has a set of the words that begin at it, of those that continue through it, and of those that end at it, and
    with the option `bmes` of the word that it is alone; an empty set is zero. Source: Ma et al. 2020, arXiv:1908.05969,
    section 3.2. There, words are weighted by their frequency: S * z(w) / Z, where z is the frequency and Z its sum over
    all sets of the token. Here that is an option, with the frequencies of a dictionary; the default is the mean of each
    set without the fourth one, because the token already has its own embedding.

    The words are buffers, so that the saved weights record which row belongs to which word. `learn_words` finds them.
    """

    keys: Tensor
    rows: Tensor
    frequencies: Tensor | None

    def __init__(self, sizes: LexiconSizes, options: SoftLexiconOptions, vocabulary_size: int) -> None:
        super().__init__(sizes.rows, options.width)
        self.vocabulary_size, self.longest = vocabulary_size, sizes.longest
        self.sets, self.shortest = options.sets, shortest_word(options)
        self.weight.requires_grad_(options.tune)
        self.register_buffer("keys", torch.zeros(sizes.words, dtype=torch.int64))
        self.register_buffer("rows", torch.zeros(sizes.words, dtype=torch.int64))
        # integers, so that they do not count as weights
        frequencies = torch.ones(sizes.words, dtype=torch.int64) if options.weights == "frequency" else None
        self.register_buffer("frequencies", frequencies)

    def find_words(self, ids: Tensor) -> WordSets:
        """The words at each token of ids (T, B)."""
        rows, frequencies = {}, {}  # by length: of the word that starts at each step, 0 where there is none
        for length, index, known in match_words(ids, self.keys, self.vocabulary_size, self.longest, self.shortest):
            rows[length] = self.rows[index].masked_fill_(~known, PAD_ID)
            if self.frequencies is not None:
                frequencies[length] = self.frequencies[index].masked_fill_(~known, 0).to(self.weight.dtype)
        found = self._by_set(rows)
        if not frequencies:
            return WordSets(found, None)
        weights = self._by_set(frequencies)
        # a frequency is at least 1, so the sum is 0 only where there is no word
        return WordSets(found, len(self.sets) * weights / weights.sum((0, 1)).clamp(min=1))

    def _by_set(self, starts: Mapping[int, Tensor]) -> Tensor:
        """Values of the words at each token (S, C, T, B), from those (T, B) of words by length at their first step."""
        places = word_places(self.sets, self.longest)
        steps = len(starts[self.longest])
        margin = self.longest - 1  # steps without words
        padded = {length: F.pad(values, (0, 0, margin, 0)) for length, values in starts.items()}
        empty = torch.zeros_like(starts[self.longest])
        columns = []
        for word_set in places:
            columns += [padded[length][margin - back :][:steps] for length, back in word_set]
            columns += [empty] * (max(map(len, places)) - len(word_set))
        return torch.stack(columns).view(len(places), -1, *empty.shape)


def shortest_word(options: SoftLexiconOptions) -> int:
    """The length of the shortest words that the options use, in tokens."""
    return 1 if "s" in options.sets else 2


def word_places(sets: str, longest: int) -> list[list[tuple[int, int]]]:
    """For each set the words that it can have: their length, and how many steps before the token they start."""
    lengths = range(2, longest + 1)
    places = {
        "b": [(length, 0) for length in lengths],
        "m": [(length, back) for length in lengths for back in range(1, length - 1)],
        "e": [(length, length - 1) for length in lengths],
        "s": [(1, 0)],
    }
    return [places[name] for name in sets]


def match_words(
    ids: Tensor, keys: Tensor, vocabulary_size: int, longest: int, shortest: int
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each length: the index of the word (N,) that starts at each step of ids, and whether there is one.

    ids: (T, B), below `vocabulary_size`; each column is one row of text, and words do not cross rows. Both results are
    (T, B).
    """
    key = ids.long().contiguous()
    # Without this, a word after padding would also match as a longer word that begins with zeros.
    is_token = ids > UNKNOWN_ID
    following = F.pad(key, (0, 0, 0, longest - 1))  # with PAD_ID
    for length in range(1, longest + 1):
        if length > 1:
            key = key * vocabulary_size + following[length - 1 :][: len(ids)]
        if length >= shortest:
            index = torch.searchsorted(keys, key).clamp_(max=len(keys) - 1)
            yield length, index, (keys[index] == key) & is_token
