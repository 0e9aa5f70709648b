"""The two models: a classifier of whole texts and a tagger of every token, over the same recurrent body.

Shapes: B batch, T steps, E embedding, H hidden, D directions, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.config.model import Initialization, Model, PooledReadout
from textrnn.common.config.types import Side
from textrnn.common.storage.schemas import PAD_ID
from textrnn.modeling.nn.bigrams import BigramEmbedding
from textrnn.modeling.nn.crf import CRF
from textrnn.modeling.nn.dropout import dropout, locked_dropout
from textrnn.modeling.nn.embedding_lookup import drop_words, embed_distinct, embed_each_position
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.pooling import AttentionPooling, pool, readout_names, rotate_rows
from textrnn.modeling.nn.recurrent import Recurrent
from textrnn.modeling.nn.soft_lexicon import SETS, LexiconSizes, SoftLexicon


def joined_width(config: Model) -> int:
    """The width of all that is joined to a token's embedding: its pair's and its words'."""
    return (config.bigrams.width if config.bigrams else 0) + (SETS * config.words.width if config.words else 0)


class Head(nn.Module):
    """Dropout, an optional linear layer with ReLU, and the linear layer whose outputs are logits."""

    def __init__(self, features: int, config: Model, outputs: int) -> None:
        super().__init__()
        self.dropout, self.locked = config.head_dropout, config.locked_dropout
        self.inner = nn.Linear(features, config.head_size) if config.head_size else None
        self.outer = nn.Linear(config.head_size or features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.locked and x.dim() == 3:
            x = locked_dropout(x, self.dropout, self.training, 1)
        else:
            x = dropout(x, self.dropout, self.training)
        if self.inner is not None:
            x = F.relu(self.inner(x))
        logits: Tensor = self.outer(x)
        return logits


class TextRNN(nn.Module):
    """Token ids to logits: embedding, recurrent layers, readout, LayerNorm where asked, head.

    ids (B, T) and lengths (B,) in; logits out, (B, C) for classification and (B, T, C) for tagging, where each
    token's logits stand at the token's own step, whichever side the padding is on. For `bce` the two logits are
    (0, z), whose cross-entropy is the binary cross-entropy of z, so that every caller sees classes. A CRF is no part
    of the logits: it makes their loss (Tally) and what they come to (crf.guesses).
    pairs and words: how many pairs of tokens, and words, have embeddings, where the options ask for such.
    """

    def __init__(
        self,
        config: Model,
        tokens: int,
        embedding_size: int,
        classes: int,
        pad_side: Side,
        pairs: int = 0,
        words: LexiconSizes | None = None,
    ) -> None:
        super().__init__()
        self.config, self.pad_side = config, pad_side
        self.embedding = nn.Embedding(tokens, embedding_size, padding_idx=PAD_ID)
        self.recurrent = Recurrent(
            config.cell,
            embedding_size + joined_width(config),
            config.hidden_size,
            config.layers,
            config.bidirectional,
            config.dropout,
            config.locked_dropout,
        )
        features = config.hidden_size * self.recurrent.directions
        self.readouts = readout_names(config.readout)
        self.attention = AttentionPooling(features) if "attention" in self.readouts else None
        features *= len(self.readouts)
        self.norm = nn.LayerNorm(features) if config.layer_norm else None
        self.head = Head(features, config, 1 if config.loss == "bce" else classes)
        self.crf = CRF(classes) if config.crf else None
        self.bigrams = BigramEmbedding(pairs, config.bigrams.width, tokens) if config.bigrams else None
        self.words = None
        if config.words:
            assert words is not None
            self.words = SoftLexicon(words, config.words.width, tokens)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        logits = self.head(self.features(ids, lengths))
        if self.config.loss == "bce":
            return torch.cat((torch.zeros_like(logits), logits), dim=-1)  # (B, 2)
        return logits

    def features(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What the head sees: (B, D*H times the readouts), or (B, T, D*H) for tagging."""
        config = self.config
        exact = config.readout != "last_step"
        turned = exact and self.pad_side == "left"
        if turned:
            ids = rotate_rows(ids, ids.shape[1] - lengths)  # padded on the right, as the recurrent layers want it
        x = self._embed(ids)
        if config.readout in ("last_step", "last_valid"):
            found = self.recurrent.ends(x, lengths if exact else None)  # (B, D*H)
        else:
            states, last = self.recurrent(x, lengths)  # (T, B, D*H), (L*D, B, H)
            found = self._read(states, last, lengths)
        if turned and config.readout == "every_step":
            found = rotate_rows(found, lengths)  # back again
        if config.relu:
            found = F.relu(found)
        return found if self.norm is None else self.norm(found)

    def _embed(self, ids: Tensor) -> LayerInput:
        """The embedded tokens of ids (B, T), their pairs with the next and their words; on a CPU each distinct once."""
        ids = drop_words(ids.t(), self.config.word_dropout, self.training)
        beside = [table for table in (self.bigrams, self.words) if table is not None]
        pool = [(self.embedding, ids), *((table, table.find(ids)) for table in beside)]
        share = self.config.embedding_dropout
        if self.recurrent.uses_kernels(ids.shape[1], ids.device):
            parts = [one for table, rows in pool for one in embed_distinct(table, rows, share, self.training).parts()]
        else:
            whole = [embed_each_position(table, rows, share, self.training) for table, rows in pool]
            parts = [LayerInput.of(whole[0] if len(whole) == 1 else torch.cat(whole, dim=-1))]
        if self.config.relu:
            parts = [replace(part, features=F.relu(part.features)) for part in parts]
        joined = parts.pop()
        while parts:
            joined = replace(parts.pop(), beside=joined)
        return joined

    def _read(self, states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
        """Of states (T, B, D*H), zero past the lengths, all (B, T, D*H), or what the readouts make of them.

        last: (L*D, B, H), of which the last D are the last layer's.
        """
        if self.config.readout == "every_step":
            return states.transpose(0, 1)
        ends = torch.cat(last[-self.recurrent.directions :].unbind(), dim=-1)
        names = cast(tuple[PooledReadout, ...], self.readouts)  # of the others none comes here
        return pool(names, states, ends, lengths, self.attention)


def initialize_weights(model: TextRNN, way: Initialization) -> None:
    """Fill every matrix but the embeddings as named and set biases to 0; `stock` changes nothing.

    Source: tutorial 1 (Xavier normal as default, Kaiming and plain normal as choices). Stacked gates are filled as
    one matrix, as there. LayerNorm keeps its ones and zeros, and a CRF its zeros.
    """
    fills: dict[Initialization, Callable[[Tensor], Tensor]] = {
        "xavier": nn.init.xavier_normal_,
        "kaiming": nn.init.kaiming_normal_,
        "orthogonal": nn.init.orthogonal_,
        "normal": nn.init.normal_,
    }
    if way == "stock":
        return
    for name, weight in model.named_parameters():
        if name.startswith(("embedding.", "bigrams.", "words.", "norm.", "crf.")):
            continue
        if weight.dim() > 1:
            fills[way](weight)
        else:
            nn.init.zeros_(weight)
