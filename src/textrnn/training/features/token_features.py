"""Learn the token features of a model from train: the bigrams and lexicon words that it joins to token embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from textrnn.common.config.model import Model
from textrnn.errors import require
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.features.bigram_features import BigramFeatures, learn_bigrams
from textrnn.training.features.pretrained_rows import PretrainedRows
from textrnn.training.features.word_features import WordFeatures, learn_words


@dataclass(frozen=True, eq=False)
class TokenFeatures:
    """The bigrams of `learn_bigrams` and the words of `learn_words`; None if the model does not use them."""

    bigrams: BigramFeatures | None
    words: WordFeatures | None

    @property
    def bigram_count(self) -> int:
        """The number of bigrams, 0 without them."""
        return 0 if self.bigrams is None else len(self.bigrams.keys)

    @property
    def lexicon_sizes(self) -> LexiconSizes | None:
        """The sizes of the words' lexicon, None without words."""
        return None if self.words is None else self.words.sizes

    def fill(self, network: TextRNN) -> None:
        """Copy the keys, rows and pretrained vectors into a network of these sizes; call it without gradients."""
        if network.bigrams is not None and self.bigrams is not None:
            network.bigrams.pairs.copy_(self.bigrams.keys)
            _fill_pretrained(network.bigrams, self.bigrams.pretrained)
        if network.words is not None and self.words is not None:
            network.words.keys.copy_(self.words.keys)
            network.words.rows.copy_(self.words.rows)
            if network.words.frequencies is not None:
                network.words.frequencies.copy_(self.words.frequencies)
            _fill_pretrained(network.words, self.words.pretrained)


def _fill_pretrained(table: SparseTable, pretrained: PretrainedRows | None) -> None:
    if pretrained is not None:
        pretrained.fill(table.weight)


NO_FEATURES = TokenFeatures(None, None)


def learn_token_features(
    buckets: Sequence[AnyBucket],
    vocabulary_size: int,
    model: Model,
    lexicon: pa.Table | None,
    where: str,
    *,
    bigrams: pa.Table | None = None,
) -> TokenFeatures:
    """The bigrams and words that the model joins to token embeddings, chosen from the rows of train.

    lexicon: of `textrnn.preparation.embedding.lexicon`; empty or None if the recipe has none. where: the dotted name of
    the model's params. bigrams: a table with the vectors of bigrams; None takes the lexicon's. Raises UserError if the
    model needs a lexicon and there is none, if no bigram is frequent enough, if a table is not as wide as the
    pretrained vectors, and if words are not tuned and have no vectors.
    """
    model.check_lexicon(where, lexicon is not None and len(lexicon) > 0)
    pairs = words = None
    if model.bigrams is not None:
        pretrained = lexicon if bigrams is None else bigrams
        pairs = learn_bigrams(
            buckets, pretrained, vocabulary_size, model.bigrams.min_count, f"{where}.bigrams.min_count"
        )
        _check_width(pairs.pretrained, model.bigrams.width, f"{where}.bigrams.width")
    if model.words is not None and lexicon is not None:
        words = learn_words(buckets, lexicon, vocabulary_size, model.words)
        _check_width(words.pretrained, model.words.width, f"{where}.words.width")
        wrong = "needs embed.lexicon.vectors where it is false, and there is none"
        require(model.words.tune or words.pretrained is not None, f"{where}.words.tune", wrong, model.words.tune)
    return TokenFeatures(pairs, words)


def _check_width(pretrained: PretrainedRows | None, width: int, where: str) -> None:
    if pretrained is not None:
        require(
            pretrained.width == width, where, f"must be {pretrained.width}, as wide as the pretrained vectors", width
        )
