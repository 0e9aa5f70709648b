"""Which words of a lexicon get an embedding of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor

from textrnn.modeling.nn.soft_lexicon import FIRST, Sizes, match
from textrnn.training.batching.buckets import Rows, id_pieces
from textrnn.training.trainer.pretrained_rows import Given, numbers, vectors_of


@dataclass(frozen=True, eq=False)
class Learnt:
    """The words' numbers, rising (N,), and the row of the table that each has (N,), both int64; vectors of rows."""

    keys: Tensor
    rows: Tensor
    sizes: Sizes
    given: Given | None


def learn_words(rows: Sequence[Rows], lexicon: pa.Table, tokens: int, min_count: int) -> Learnt:
    """The lexicon's words, each with a row of its own where it has a vector, or train, as it is padded, has it often.

    Often is `min_count` times, overlapping words counted each. All others share a row with those of their part of
    speech, so that what is learnt of the rare ones is known of the unseen. lexicon: of `textrnn.preparation.embedding.lexicon`, not empty.
    """
    words = lexicon.filter(lexicon["tag"].is_valid())
    keys, longest = numbers(words["ids"], tokens), int(words["ids"].combine_chunks().value_lengths().to_numpy().max())
    keys, order = keys.sort()
    counts = torch.zeros(len(keys), dtype=torch.int64)
    for ids in id_pieces(rows):
        for _, at, known in match(torch.tensor(ids).t(), keys, tokens, longest):
            counts += torch.bincount(at[known], minlength=len(keys))
    tags = words["tag"].combine_chunks()
    there, vectors = vectors_of(words["vector"].take(pa.array(order.numpy())))
    own = (counts >= min_count) | there
    shared = FIRST + torch.tensor(tags.indices.to_numpy()).long()[order]
    first_own = FIRST + len(tags.dictionary)
    found = torch.where(own, first_own - 1 + own.cumsum(0), shared)
    given = None if vectors is None else Given(found[there], vectors)
    return Learnt(keys, found, Sizes(len(keys), first_own + int(own.sum()), longest), given)
