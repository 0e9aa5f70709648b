"""Embeddings of bigrams, that is, of each token together with the next one.

A bigram's key is one number: the first token's id times the vocabulary size, plus the id of the next token, or of
padding at the end of a row. Shapes: T steps, B batch, N known bigrams.
"""

from __future__ import annotations

import torch
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.embedding_lookup import SparseTable

FIRST_BIGRAM_ROW = UNKNOWN_ID + 1  # row 0 is padding, a zero vector; row 1 is shared by all unknown bigrams


class BigramEmbedding(SparseTable):
    """The embeddings of the `bigram_count` known bigrams, of any unknown bigram, and of padding.

    The known keys are a buffer, so that the saved weights record which row belongs to which bigram. `learn_bigrams`
    finds them.
    """

    pairs: Tensor  # the keys; the name is that of the buffer in saved weights

    def __init__(self, bigram_count: int, width: int, vocabulary_size: int) -> None:
        super().__init__(FIRST_BIGRAM_ROW + bigram_count, width)
        self.vocabulary_size = vocabulary_size
        self.register_buffer("pairs", torch.zeros(bigram_count, dtype=torch.int64))  # sorted, ascending

    def find_rows(self, ids: Tensor) -> Tensor:
        """The table row of each token of ids (T, B) with the next token of its row; int64 (T, B)."""
        next_ids = torch.cat((ids[1:], torch.full_like(ids[:1], PAD_ID)))
        keys = (ids.long() * self.vocabulary_size + next_ids).contiguous()
        index = torch.searchsorted(self.pairs, keys).clamp_(max=len(self.pairs) - 1)
        known = self.pairs[index] == keys
        return index.add_(FIRST_BIGRAM_ROW).masked_fill_(~known, UNKNOWN_ID).masked_fill_(ids == PAD_ID, PAD_ID)
