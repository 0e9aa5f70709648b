"""The model: an RNN that either classifies whole texts or tags every token.

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
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.bigrams import BigramEmbedding
from textrnn.modeling.nn.crf import CRF
from textrnn.modeling.nn.dropout import dropout, locked_dropout
from textrnn.modeling.nn.embedding_lookup import (
    SparseTable,
    TokenEmbedding,
    drop_words,
    embed_distinct,
    embed_each_position,
)
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.pooling import AttentionPooling, pool, readout_names, rotate_rows
from textrnn.modeling.nn.recurrent import Recurrent
from textrnn.modeling.nn.soft_lexicon import LexiconSizes, SoftLexicon


def joined_width(options: Model) -> int:
    """The width of the features that are joined to a token's embedding: those of its bigram and of its words."""
    return (options.bigrams.width if options.bigrams else 0) + (
        len(options.words.sets) * options.words.width if options.words else 0
    )


class Head(nn.Module):
    """Dropout, an optional linear layer with ReLU, and the linear layer that outputs the logits."""

    def __init__(self, features: int, options: Model, outputs: int) -> None:
        super().__init__()
        self.dropout, self.locked = options.head_dropout, options.locked_dropout
        self.inner = nn.Linear(features, options.head_size) if options.head_size else None
        self.outer = nn.Linear(options.head_size or features, outputs)

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
    """Token ids to logits: embedding, recurrent layers, readout, optional LayerNorm, head.

    It takes ids (B, T) and lengths (B,), and returns logits, (B, C) for classification and (B, T, C) for tagging. A
    token's logits are at the token's own step, whichever side the padding is on. For the loss `bce` the two logits are
    (0, z), whose cross-entropy is the binary cross-entropy of z, so that all callers see two classes. A CRF does not
    change the logits: it computes their loss (RunningMetrics) and the predicted tags (crf.predict_classes).
    bigram_count, words: the number of bigrams and the sizes of the lexicon, if the options ask for such embeddings.
    wide: the wide part, whose scores are added to the network's own logits. A network is trained without it: it is set
    when training is over, or a saved model is loaded (see textrnn.training.optimization.fusion).
    """

    def __init__(
        self,
        options: Model,
        vocabulary_size: int,
        embedding_size: int,
        classes: int,
        pad_side: Side,
        bigram_count: int = 0,
        words: LexiconSizes | None = None,
    ) -> None:
        super().__init__()
        self.options, self.pad_side = options, pad_side
        self.embedding = TokenEmbedding(vocabulary_size, embedding_size, padding_idx=PAD_ID)
        self.recurrent = Recurrent(
            options.cell,
            input_size=embedding_size + joined_width(options),
            hidden_size=options.hidden_size,
            layers=options.layers,
            bidirectional=options.bidirectional,
            dropout=options.dropout,
            locked=options.locked_dropout,
        )
        features = options.hidden_size * self.recurrent.directions
        self.readouts = readout_names(options.readout)
        self.attention = AttentionPooling(features) if "attention" in self.readouts else None
        features *= len(self.readouts)
        self.norm = nn.LayerNorm(features) if options.layer_norm else None
        self.head = Head(features, options, 1 if options.loss == "bce" else classes)
        self.crf = CRF(classes) if options.crf else None
        self.bigrams = (
            BigramEmbedding(bigram_count, options.bigrams.width, vocabulary_size) if options.bigrams else None
        )
        self.words = None
        if options.words:
            assert words is not None
            self.words = SoftLexicon(words, options.words, vocabulary_size)
        self.wide: WidePart | None = None

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        logits = self.deep_logits(ids, lengths)
        return logits if self.wide is None else self.wide.add(logits, self.wide(ids, lengths))

    def deep_logits(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The logits of the recurrent network alone, without the wide part."""
        logits: Tensor = self.head(self.features(ids, lengths))
        if self.options.loss == "bce":
            return torch.cat((torch.zeros_like(logits), logits), dim=-1)  # (B, 2)
        return logits

    def features(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The input of the head: (B, D*H times the number of readouts), or (B, T, D*H) for tagging."""
        options = self.options
        exact = options.readout != "last_step"  # `last_step` reads padding on purpose
        rotated = exact and self.pad_side == "left"
        if rotated:
            ids = rotate_rows(ids, ids.shape[1] - lengths)  # the recurrent layers expect padding on the right
        x = self._embed(ids)
        if options.readout in ("last_step", "last_valid"):
            features = self.recurrent.final_states(x, lengths if exact else None)  # (B, D*H)
        else:
            states, last = self.recurrent(x, lengths)  # (T, B, D*H), (L*D, B, H)
            features = self._pool_states(states, last, lengths)
        if rotated and options.readout == "every_step":
            features = rotate_rows(features, lengths)  # back to the original steps
        if options.relu:
            features = F.relu(features)
        return features if self.norm is None else self.norm(features)

    def _embed(self, ids: Tensor) -> LayerInput:
        """The embeddings of ids (B, T), joined with those of their bigrams and words; on a CPU distinct rows only."""
        ids = drop_words(ids.t(), self.options.word_dropout, self.training)
        lookups: list[tuple[nn.Embedding | SparseTable, Tensor, Tensor | None]] = [(self.embedding, ids, None)]
        if self.bigrams is not None:
            lookups.append((self.bigrams, self.bigrams.find_rows(ids), None))
        if self.words is not None:
            found = self.words.find_words(ids)
            lookups.append((self.words, found.rows, found.weights))
        dropped = self.options.embedding_dropout
        if self.recurrent.uses_kernels(ids.shape[1], ids.device):
            inputs = [embed_distinct(table, rows, dropped, self.training, weights) for table, rows, weights in lookups]
            parts = [part for x in inputs for part in x.split()]
        else:
            dense = [
                embed_each_position(table, rows, dropped, self.training, weights) for table, rows, weights in lookups
            ]
            parts = [LayerInput.from_dense(dense[0] if len(dense) == 1 else torch.cat(dense, dim=-1))]
        if self.options.relu:
            parts = [replace(part, features=F.relu(part.features)) for part in parts]
        joined = parts.pop()
        while parts:
            joined = replace(parts.pop(), joined=joined)
        return joined

    def _pool_states(self, states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
        """The readouts of states (T, B, D*H), which are zero past the lengths; for `every_step` all, (B, T, D*H).

        last: (L*D, B, H); its last D belong to the last layer.
        """
        if self.options.readout == "every_step":
            return states.transpose(0, 1)
        final = torch.cat(last[-self.recurrent.directions :].unbind(), dim=-1)
        names = cast(tuple[PooledReadout, ...], self.readouts)  # the other readouts do not get here
        return pool(names, states, final, lengths, self.attention)


def initialize_weights(model: TextRNN, method: Initialization) -> None:
    """Fill every matrix except the embeddings by the named method and set biases to 0; `stock` changes nothing.

    Source: tutorial 1 (Xavier normal by default; Kaiming and plain normal as options). The stacked gates are filled as
    one matrix, as in the tutorial. LayerNorm keeps its ones and zeros, and a CRF its zeros.
    """
    fill_functions: dict[Initialization, Callable[[Tensor], Tensor]] = {
        "xavier": nn.init.xavier_normal_,
        "kaiming": nn.init.kaiming_normal_,
        "orthogonal": nn.init.orthogonal_,
        "normal": nn.init.normal_,
    }
    if method == "stock":
        return
    for name, weight in model.named_parameters():
        if name.startswith(("embedding.", "bigrams.", "words.", "norm.", "crf.")):
            continue
        if weight.dim() > 1:
            fill_functions[method](weight)
        else:
            nn.init.zeros_(weight)
