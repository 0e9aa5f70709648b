"""Find n-grams in a stream of token numbers: frequent bigrams, and the words that a dictionary spells in characters.

The key of an n-gram is one number: the numbers of its tokens as digits, to the base of their count.
Shapes: T places of a stream, K keys, n tokens of an n-gram.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from textrnn.preparation.vectorization.cooccurrence import PLACES_PER_CHUNK
from textrnn.preparation.vectorization.token_stream import NONE

MAX_KEYS = 2**63


@dataclass(frozen=True, eq=False)
class NGrams:
    """N-grams of one length: their keys (K,) int64 in ascending order, and how often each occurs, (K,) int64."""

    length: int
    keys: np.ndarray
    counts: np.ndarray

    def at_least(self, min_count: int) -> NGrams:
        """Those that occur so often."""
        frequent = self.counts >= min_count
        return NGrams(self.length, self.keys[frequent], self.counts[frequent])


@dataclass(frozen=True, eq=False)
class NGramStream:
    """A stream (T,) of token numbers, of `make_stream`, in which n-grams are found.

    usable: by token number, whether it may be part of an n-gram.
    """

    numbers: np.ndarray
    usable: np.ndarray

    @property
    def base(self) -> int:
        """The base of the keys."""
        return len(self.usable)

    def count_bigrams(self) -> NGrams:
        """All bigrams of usable tokens."""
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for chunk in self._chunks():
            found = self._keys_at(chunk, 2)
            new_keys, new_counts = np.unique(found[found != NONE], return_counts=True)
            keys, index = np.unique(np.concatenate((keys, new_keys)), return_inverse=True)
            sums = np.zeros(len(keys), np.int64)
            np.add.at(sums, index, np.concatenate((counts, new_counts)))
            counts = sums
        return NGrams(2, keys, counts)

    def count_words(self, words: Iterable[str], numbers: Mapping[str, int], length: int) -> NGrams:
        """The words of this many characters, all of them usable tokens; some may never occur."""
        spelled = {self._key([numbers.get(character, NONE) for character in word]) for word in words}
        keys = np.array(sorted(spelled - {NONE}), np.int64)
        counts = np.zeros(len(keys), np.int64)
        for chunk in self._chunks():
            rows = self.find(chunk, NGrams(length, keys, counts))
            counts += np.bincount(rows[rows != NONE], minlength=len(keys))
        return NGrams(length, keys, counts)

    def find(self, places: slice, ngrams: NGrams) -> np.ndarray:
        """By place of the slice, the index of the n-gram that begins there, or NONE."""
        keys = self._keys_at(places, ngrams.length)
        if not len(ngrams.keys):
            return np.full(len(keys), NONE)
        rows = np.minimum(np.searchsorted(ngrams.keys, keys), len(ngrams.keys) - 1)
        return np.where(ngrams.keys[rows] == keys, rows, NONE)

    def digits(self, ngrams: NGrams) -> np.ndarray:
        """The token numbers (K, n) of n-grams."""
        digits = np.empty((len(ngrams.keys), ngrams.length), np.int64)
        rest = ngrams.keys
        for position in reversed(range(ngrams.length)):
            rest, digits[:, position] = np.divmod(rest, self.base)
        return digits

    def _chunks(self) -> Iterator[slice]:
        for start in range(0, len(self.numbers), PLACES_PER_CHUNK):
            yield slice(start, start + PLACES_PER_CHUNK)

    def _keys_at(self, places: slice, length: int) -> np.ndarray:
        """By place of the slice the key of the n-gram that begins there; NONE unless all its tokens are usable."""
        stop = max(places.start, min(places.stop, len(self.numbers) - length + 1))
        usable = np.append(self.usable, False)  # NONE is the last index
        keys, valid = np.zeros(stop - places.start, np.int64), np.ones(stop - places.start, bool)
        for offset in range(length):
            numbers = self.numbers[places.start + offset : stop + offset]
            keys = keys * self.base + numbers
            valid &= usable[numbers]
        return np.where(valid, keys, NONE)

    def _key(self, numbers: list[int]) -> int:
        key = 0
        for number in numbers:
            if number == NONE or not self.usable[number]:
                return NONE
            key = key * self.base + number
        return key
