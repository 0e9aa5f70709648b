"""What stands beside the embeddings of tokens, as train tells it: the pairs and the words that have their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from textrnn.common.config.model import Model
from textrnn.common.config.params import require
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.trainer.bigram_features import BigramFeatures, learn_bigrams
from textrnn.training.trainer.pretrained_rows import PretrainedRows
from textrnn.training.trainer.word_features import WordFeatures, learn_words


@dataclass(frozen=True, eq=False)
class TokenFeatures:
    """The pairs of `learn_pairs` and the words of `learn_words`; None where the model has none."""

    pairs: BigramFeatures | None
    words: WordFeatures | None

    @property
    def sizes(self) -> tuple[int, LexiconSizes | None]:
        """How many pairs, and the sizes of the words."""
        return 0 if self.pairs is None else len(self.pairs.keys), None if self.words is None else self.words.sizes

    def fill(self, network: TextRNN) -> None:
        """Give a network of these sizes what it is to look up, and the vectors that its tables start from."""
        if network.bigrams is not None and self.pairs is not None:
            network.bigrams.pairs.copy_(self.pairs.keys)
            _start(network.bigrams, self.pairs.given)
        if network.words is not None and self.words is not None:
            network.words.keys.copy_(self.words.keys)
            network.words.rows.copy_(self.words.rows)
            _start(network.words, self.words.given)


def _start(table: SparseTable, given: PretrainedRows | None) -> None:
    if given is not None:
        given.fill(table.weight)


NO_FEATURES = TokenFeatures(None, None)


def learn_token_features(
    rows: Sequence[AnyBucket], tokens: int, model: Model, lexicon: pa.Table | None, where: str
) -> TokenFeatures:
    """What the rows of train give embeddings to, where the model has any; `where` is the dotted name of its section.

    lexicon: of `textrnn.preparation.embedding.lexicon`, empty or None where the recipe has none. Raises UserError when the model needs one,
    and when a table is not as wide as the lexicon's vectors.
    """
    model.check_lexicon(where, lexicon is not None and len(lexicon) > 0)
    pairs = found = None
    if model.bigrams is not None:
        pairs = learn_bigrams(rows, lexicon, tokens, model.bigrams.min_count, f"{where}.bigrams.min_count")
        _check_width(pairs.given, model.bigrams.width, f"{where}.bigrams.width")
    if model.words is not None and lexicon is not None:
        found = learn_words(rows, lexicon, tokens, model.words.min_count)
        _check_width(found.given, model.words.width, f"{where}.words.width")
    return TokenFeatures(pairs, found)


def _check_width(given: PretrainedRows | None, width: int, where: str) -> None:
    if given is not None:
        require(given.width == width, where, f"must be {given.width}, as wide as the lexicon's vectors", width)
