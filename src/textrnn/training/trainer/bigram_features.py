"""Which pairs of neighbouring tokens get an embedding of their own."""

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
from textrnn.modeling.nn.bigrams import FIRST
from textrnn.training.batching.buckets import AnyBucket, iterate_ids
from textrnn.training.trainer.pretrained_rows import PAIR, PretrainedRows, split_vectors, word_keys


@dataclass(frozen=True, eq=False)
class BigramFeatures:
    """The numbers of the pairs that have a row of their own (N,), int64, rising; vectors of rows."""

    keys: Tensor
    given: PretrainedRows | None


def learn_bigrams(
    rows: Sequence[AnyBucket], lexicon: pa.Table | None, tokens: int, min_count: int, where: str
) -> BigramFeatures:
    """The pairs that the lexicon has a vector of, or that occur `min_count` times in the rows as they are padded.

    lexicon: of `textrnn.preparation.embedding.lexicon`, or None. Raises UserError, naming `where`, when there is no pair.
    """
    keys, vectors = _given(lexicon, tokens)
    known, counts = _count(rows, tokens)
    often = known[counts >= min_count]
    if not len(often) and not len(keys):
        got = f"{min_count}, and the most of any pair is {counts.max(initial=0)}"
        raise UserError(where, "no two neighbouring tokens of train occur so often", got=got, do="lower it")
    found = torch.cat((torch.from_numpy(often), keys)).unique()
    return BigramFeatures(
        found, None if vectors is None else PretrainedRows(FIRST + torch.searchsorted(found, keys), vectors)
    )


def _given(lexicon: pa.Table | None, tokens: int) -> tuple[Tensor, Tensor | None]:
    """The numbers of the lexicon's pairs that have a vector, and these."""
    if lexicon is None:
        return torch.zeros(0, dtype=torch.int64), None
    pairs = lexicon.filter(pc.equal(pc.list_value_length(lexicon["ids"]), PAIR))
    there, vectors = split_vectors(pairs["vector"])
    return word_keys(pairs["ids"], tokens)[there], vectors


def _count(rows: Sequence[AnyBucket], tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the pairs that occur in the rows as they are padded, rising, and how often each does."""
    known, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for ids in iterate_ids(rows):
        first = ids.astype(np.int64)
        following = np.concatenate((first[:, 1:], np.full((len(first), 1), PAD_ID)), axis=1)
        more, more_counts = np.unique((first * tokens + following)[first != PAD_ID], return_counts=True)
        known, at = np.unique(np.concatenate((known, more)), return_inverse=True)
        summed = np.zeros(len(known), np.int64)
        np.add.at(summed, at, np.concatenate((counts, more_counts)))
        counts = summed
    return known, counts
