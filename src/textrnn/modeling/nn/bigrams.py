"""Pairs of neighbouring tokens: which of them train has often enough, and the table of their embeddings.

A pair is a number: the first token's id times the size of the vocabulary, plus the id of the next token, or of padding
where the row ends. Shapes: T steps, B batch, N pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.embedding_lookup import SparseTable

FIRST = UNKNOWN_ID + 1  # row of the first pair: before it stand padding's row, zero, and that of all unknown pairs


class BigramEmbedding(SparseTable):
    """The embeddings of `pairs` known pairs, of any unknown one, and of padding.

    The pairs are a buffer, so that the weights of a model tell which row is whose; `learn_pairs` finds them.
    """

    pairs: Tensor

    def __init__(self, pairs: int, width: int, tokens: int) -> None:
        super().__init__(FIRST + pairs, width)
        self.tokens = tokens
        self.register_buffer("pairs", torch.zeros(pairs, dtype=torch.int64))  # rising

    def find(self, ids: Tensor) -> Tensor:
        """The table's rows of ids (T, B), each token with the next one of its own row; int64 (T, B)."""
        following = torch.cat((ids[1:], torch.full_like(ids[:1], PAD_ID)))
        keys = (ids.long() * self.tokens + following).contiguous()
        at = torch.searchsorted(self.pairs, keys).clamp_(max=len(self.pairs) - 1)
        known = self.pairs[at] == keys
        return at.add_(FIRST).masked_fill_(~known, UNKNOWN_ID).masked_fill_(ids == PAD_ID, PAD_ID)
