"""Which words of a lexicon get an embedding of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor

from textrnn.modeling.nn.soft_lexicon import FIRST, LexiconSizes, match_words
from textrnn.training.batching.buckets import AnyBucket, iterate_ids
from textrnn.training.trainer.pretrained_rows import PretrainedRows, split_vectors, word_keys


@dataclass(frozen=True, eq=False)
class WordFeatures:
    """The words' numbers, rising (N,), and the row of the table that each has (N,), both int64; vectors of rows."""

    keys: Tensor
    rows: Tensor
    sizes: LexiconSizes
    given: PretrainedRows | None


def learn_words(rows: Sequence[AnyBucket], lexicon: pa.Table, tokens: int, min_count: int) -> WordFeatures:
    """The lexicon's words, each with a row of its own where it has a vector, or train, as it is padded, has it often.

    Often is `min_count` times, overlapping words counted each. All others share a row with those of their part of
    speech, so that what is learnt of the rare ones is known of the unseen. lexicon: of `textrnn.preparation.embedding.lexicon`, not empty.
    """
    words = lexicon.filter(lexicon["tag"].is_valid())
    keys, longest = word_keys(words["ids"], tokens), int(words["ids"].combine_chunks().value_lengths().to_numpy().max())
    keys, order = keys.sort()
    counts = torch.zeros(len(keys), dtype=torch.int64)
    for ids in iterate_ids(rows):
        for _, at, known in match_words(torch.tensor(ids).t(), keys, tokens, longest):
            counts += torch.bincount(at[known], minlength=len(keys))
    tags = words["tag"].combine_chunks()
    there, vectors = split_vectors(words["vector"].take(pa.array(order.numpy())))
    own = (counts >= min_count) | there
    shared = FIRST + torch.tensor(tags.indices.to_numpy()).long()[order]
    first_own = FIRST + len(tags.dictionary)
    found = torch.where(own, first_own - 1 + own.cumsum(0), shared)
    given = None if vectors is None else PretrainedRows(found[there], vectors)
    return WordFeatures(keys, found, LexiconSizes(len(keys), first_own + int(own.sum()), longest), given)
