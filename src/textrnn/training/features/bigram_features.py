"""Choose the bigrams that get their own embedding rows: those with a pretrained vector and those frequent in train.

Bigrams are counted in the padded rows, exactly as the model looks them up: the last token of a row that fills its width
is paired with padding, and what truncation cut off does not count. Shapes: N bigrams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID
from textrnn.errors import UserError
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW
from textrnn.training.batching.buckets import AnyBucket, iterate_ids
from textrnn.training.features.pretrained_rows import BIGRAM_LENGTH, PretrainedRows, split_vectors, word_keys


@dataclass(frozen=True, eq=False)
class BigramFeatures:
    """The keys of the bigrams with their own rows, (N,) int64 in ascending order; the pretrained rows."""

    keys: Tensor
    pretrained: PretrainedRows | None


def learn_bigrams(
    buckets: Sequence[AnyBucket], pretrained: pa.Table | None, vocabulary_size: int, min_count: int, where: str
) -> BigramFeatures:
    """The bigrams that have a pretrained vector or occur `min_count` times in the buckets.

    pretrained: a table of the schema LEXICON, of which the pairs with a vector count; None for none. vocabulary_size:
    the number of token ids.
    Raises UserError, naming `where`, if there is no such bigram.
    """
    pretrained_keys, vectors = _pretrained_bigrams(pretrained, vocabulary_size)
    counted_keys, counts = _count_bigrams(buckets, vocabulary_size)
    frequent = counted_keys[counts >= min_count]
    if not len(frequent) and not len(pretrained_keys):
        got = f"{min_count}, and the most frequent bigram occurs {counts.max(initial=0)} times"
        raise UserError(where, "no bigram of train occurs so often", got=got, do="lower it")
    keys = torch.cat((torch.from_numpy(frequent), pretrained_keys)).unique()
    if vectors is None:
        return BigramFeatures(keys, None)
    return BigramFeatures(keys, PretrainedRows(FIRST_BIGRAM_ROW + torch.searchsorted(keys, pretrained_keys), vectors))


def _pretrained_bigrams(table: pa.Table | None, vocabulary_size: int) -> tuple[Tensor, Tensor | None]:
    """The keys of the table's bigrams that have a vector, and their vectors."""
    if table is None:
        return torch.zeros(0, dtype=torch.int64), None
    bigrams = table.filter(pc.equal(pc.list_value_length(table["ids"]), BIGRAM_LENGTH))
    has_vector, vectors = split_vectors(bigrams["vector"])
    return word_keys(bigrams["ids"], vocabulary_size)[has_vector], vectors


def _count_bigrams(buckets: Sequence[AnyBucket], vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys of the bigrams that occur in the padded rows, in ascending order, and how often each occurs."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for ids in iterate_ids(buckets):
        first = ids.astype(np.int64)
        following = np.concatenate((first[:, 1:], np.full((len(first), 1), PAD_ID)), axis=1)
        new_keys, new_counts = np.unique((first * vocabulary_size + following)[first != PAD_ID], return_counts=True)
        keys, index = np.unique(np.concatenate((keys, new_keys)), return_inverse=True)
        sums = np.zeros(len(keys), np.int64)
        np.add.at(sums, index, np.concatenate((counts, new_counts)))
        counts = sums
    return keys, counts
