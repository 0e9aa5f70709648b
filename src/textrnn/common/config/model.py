"""What a recipe's model is: the section `model` of its entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.params import require
from textrnn.common.config.types import Task

Cell = Literal["rnn", "lstm", "gru", "scratch_gru"]
PooledReadout = Literal[
    "last_valid", "max", "mean", "attention"
]  # read whole rows and leave padding out: can be joined
Readout = Literal["last_step", "last_valid", "max", "mean", "attention", "every_step"]
Loss = Literal["cross_entropy", "bce"]
Initialization = Literal["stock", "xavier", "kaiming", "orthogonal", "normal"]


@dataclass(frozen=True)
class FeatureOptions:
    """Embeddings of what is found in rows: their width, and how often train must have one for a row of its own."""

    width: int
    min_count: int

    def check(self, where: str) -> None:
        for name in ("width", "min_count"):
            require(getattr(self, name) >= 1, f"{where}.{name}", "must be at least 1", getattr(self, name))


@dataclass(frozen=True)
class BigramOptions(FeatureOptions):
    """Embeddings of pairs of neighbouring tokens."""


@dataclass(frozen=True)
class SoftLexiconOptions(FeatureOptions):
    """Embeddings of the words of the recipe's lexicon; `width` is that of each of the sets that a token is in."""


@dataclass(frozen=True)
class Model:
    """A recipe's model.

    dropout: share of a layer's outputs dropped before the next layer; head_dropout: before the last linear layers.
    locked_dropout: one mask of these two for all steps of a row (Gal and Ghahramani 2016, arXiv:1512.05287).
    word_dropout: share of the tokens that training reads as unknown (Iyyer et al. 2015, section 3.2).
    embedding_dropout: share of the embedded values that training drops, the same ones wherever a token occurs in the
        batch, as Gal and Ghahramani drop whole tokens: what is dropped of a token is dropped once.
    bigrams: embeddings of each token and the next, joined to the token's own; null for none.
    words: of each token the embeddings of the lexicon's words that begin at it, go through it and end at it, joined
        to its own; null for none.
    readout: what the classifier sees of the T states. `last_step` is the padded row's last one, padding read like
        text, as tutorials 1, 3 and 5 have it; `last_valid`, `max`, `mean` and `attention` leave padding out exactly,
        as does `every_step`, which labels each token and is the tagger's one. A list joins several, in its order.
    relu: ReLU after the embedding and on what is read of the recurrent layers (tutorial 4).
    head_size: width of a linear layer with ReLU before the last one, or null for none.
    loss: `bce` has one output, for two classes: the logit of the second.
    crf: a tagger's loss is of whole rows of tags, and its guess the best row (see textrnn.modeling.nn.crf).
    initialization: of every matrix but the embedding, biases then 0; `stock` leaves torch's own.
    """

    cell: Cell
    hidden_size: int
    layers: int
    bidirectional: bool
    dropout: float
    locked_dropout: bool
    word_dropout: float
    embedding_dropout: float
    bigrams: BigramOptions | None
    words: SoftLexiconOptions | None
    readout: tuple[PooledReadout, ...] | Readout
    layer_norm: bool
    relu: bool
    head_size: int | None
    head_dropout: float
    loss: Loss
    crf: bool
    initialization: Initialization

    def check(self, where: str) -> None:
        """Refuse what the types let through; `where` is the dotted name of the section."""
        for name in ("hidden_size", "layers"):
            require(getattr(self, name) >= 1, f"{where}.{name}", "must be at least 1", getattr(self, name))
        require(
            self.head_size is None or self.head_size >= 1, f"{where}.head_size", "must be at least 1", self.head_size
        )
        for name in ("dropout", "word_dropout", "embedding_dropout", "head_dropout"):
            require(0 <= getattr(self, name) < 1, f"{where}.{name}", "must lie in [0, 1)", getattr(self, name))
        tags = self.readout == "every_step" and self.loss == "cross_entropy"
        require(not self.crf or tags, f"{where}.crf", "needs readout every_step and loss cross_entropy", self.crf)
        names = self.readout if isinstance(self.readout, tuple) else (self.readout,)
        require(0 < len(names) == len(set(names)), f"{where}.readout", "must name one or more, each once", names)
        if self.bigrams is not None:
            self.bigrams.check(f"{where}.bigrams")
        if self.words is not None:
            self.words.check(f"{where}.words")

    def check_lexicon(self, where: str, lexicon: bool) -> None:
        """Refuse words without a lexicon, or with an empty one."""
        wrong = "needs the recipe's lexicon, which is null"
        require(lexicon or self.words is None, f"{where}.words", wrong, self.words)

    def check_task(self, where: str, task: Task, classes: int) -> None:
        """Refuse a model that cannot do what the data asks for: the task, and how many classes there are."""
        tags = self.readout == "every_step"
        require(tags == (task == "tag"), f"{where}.readout", "is every_step for tagging, and only there", self.readout)
        if self.loss == "bce":
            require(
                task == "classify" and classes == 2, f"{where}.loss", f"bce needs two classes, not {classes}", self.loss
            )

    def check_loss(self, where: str, class_weights: Mapping[str, float] | None, smoothing: float) -> None:
        """Refuse what a CRF's loss, which is no sum over tokens, has no room for; `where` is the section `train`."""
        wrong = "where model.crf is true"
        require(not self.crf or class_weights is None, f"{where}.class_weights", f"must be null {wrong}", class_weights)
        require(not self.crf or not smoothing, f"{where}.label_smoothing", f"must be 0 {wrong}", smoothing)
