"""Choose the lexicon words that get their own embedding rows, and the shared row of each other word.

Words that are neither pretrained nor frequent in train share one row per part of speech. So what training learns from
rare words also applies to words that train does not contain.
Shapes: N words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from textrnn.common.config.model import SoftLexiconOptions
from textrnn.modeling.nn.soft_lexicon import FIRST_WORD_ROW, LexiconSizes, match_words, shortest_word
from textrnn.training.batching.buckets import AnyBucket, iterate_ids
from textrnn.training.features.pretrained_rows import PretrainedRows, split_vectors, word_keys


@dataclass(frozen=True, eq=False)
class WordFeatures:
    """The words' keys, ascending, and the table row of each, both (N,) int64; the sizes; the pretrained rows.

    frequencies: (N,) float32 of the words in the lexicon's dictionary, at least 1.
    """

    keys: Tensor
    rows: Tensor
    frequencies: Tensor
    sizes: LexiconSizes
    pretrained: PretrainedRows | None


def learn_words(
    buckets: Sequence[AnyBucket], lexicon: pa.Table, vocabulary_size: int, options: SoftLexiconOptions
) -> WordFeatures:
    """The lexicon's words, each with its own row if it has a vector or occurs `min_count` times in the padded rows.

    Overlapping words are all counted. Every other word gets the row of its part of speech.
    lexicon: of `textrnn.preparation.embedding.lexicon`, not empty. vocabulary_size: the number of token ids.
    """
    shortest = shortest_word(options)
    long_enough = pc.greater_equal(pc.list_value_length(lexicon["ids"]), shortest)
    # without the entries that are bigrams alone
    words = lexicon.filter(pc.and_(lexicon["tag"].is_valid(), long_enough))
    longest = int(words["ids"].combine_chunks().value_lengths().to_numpy().max())
    keys, order = word_keys(words["ids"], vocabulary_size).sort()
    counts = torch.zeros(len(keys), dtype=torch.int64)
    for ids in iterate_ids(buckets):
        for _, index, known in match_words(torch.tensor(ids).t(), keys, vocabulary_size, longest, shortest):
            counts += torch.bincount(index[known], minlength=len(keys))
    # encoded again: the parts of speech of the entries that are left out have no rows
    parts_of_speech = words["tag"].cast(pa.string()).combine_chunks().dictionary_encode()
    frequencies = torch.tensor(words["frequency"].to_numpy())[order].clamp(min=1).float()
    has_vector, vectors = split_vectors(words["vector"].take(pa.array(order.numpy())))
    has_own_row = (counts >= options.min_count) | has_vector
    shared_rows = FIRST_WORD_ROW + torch.tensor(parts_of_speech.indices.to_numpy()).long()[order]
    first_own_row = FIRST_WORD_ROW + len(parts_of_speech.dictionary)
    rows = torch.where(has_own_row, first_own_row - 1 + has_own_row.cumsum(0), shared_rows)
    pretrained = None if vectors is None else PretrainedRows(rows[has_vector], vectors)
    sizes = LexiconSizes(len(keys), first_own_row + int(has_own_row.sum()), longest)
    return WordFeatures(keys, rows, frequencies, sizes, pretrained)
