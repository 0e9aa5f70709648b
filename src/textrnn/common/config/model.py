"""The section `model`: the architecture of a recipe's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.bounds import MAX_LAYERS, MAX_WIDTH, check_size
from textrnn.common.config.types import Task
from textrnn.errors import ErrorCollector

Cell = Literal["rnn", "lstm", "gru", "scratch_gru"]
# these leave padding out and can be concatenated
PooledReadout = Literal["last_valid", "max", "mean", "attention"]
Readout = Literal["last_step", "last_valid", "max", "mean", "attention", "every_step"]
Loss = Literal["cross_entropy", "bce"]
Initialization = Literal["stock", "xavier", "kaiming", "orthogonal", "normal"]


@dataclass(frozen=True)
class FeatureOptions:
    """Embeddings of features of the tokens.

    width: of an embedding. min_count: how often a feature must occur in train to get its own embedding row.
    """

    width: int
    min_count: int

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            with errors.collect():
                check_size(self.width, f"{where}.width", MAX_WIDTH)
            errors.require(self.min_count >= 1, f"{where}.min_count", "must be at least 1", self.min_count)


@dataclass(frozen=True)
class BigramOptions(FeatureOptions):
    """Embeddings of bigrams, pairs of neighbouring tokens."""


@dataclass(frozen=True)
class SoftLexiconOptions(FeatureOptions):
    """Embeddings of lexicon words, summed in each of a token's sets of words; `width` is that of a set.

    sets: `bme` has the words that begin at a token, continue through it and end at it; `bmes` also the word that is the
        token alone.
    weights: `equal` is the mean of each set; `frequency` weighs a word by its frequency in the lexicon's dictionary,
        with one normalisation over all sets of the token.
    tune: whether training changes the embeddings; without, they stay at the lexicon's vectors.
    The last three have defaults, so that a model saved without them can be read.
    """

    sets: Literal["bme", "bmes"] = "bme"
    weights: Literal["equal", "frequency"] = "equal"
    tune: bool = True


@dataclass(frozen=True)
class WideOptions:
    """A wide part whose scores are added to the network's own logits times `scale`; nothing is fitted on dev."""

    scale: float

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(self.scale >= 0, f"{where}.scale", "must be at least 0", self.scale)


@dataclass(frozen=True)
class Model:
    """The architecture of a recipe's model.

    dropout: probability of dropping an output of a layer before the next layer; head_dropout: before the linear layers.
    locked_dropout: both use one mask for all steps of a row (Gal and Ghahramani 2016, arXiv:1512.05287).
    word_dropout: probability that training reads a token as unknown (Iyyer et al. 2015, section 3.2).
    embedding_dropout: probability that training drops an embedded value. All occurrences of a token in a batch share a
        mask, as in Gal and Ghahramani, who drop whole tokens.
    bigrams: embeddings of each token with the next, concatenated to the token's embedding; null for none.
    words: for each token, embeddings of the lexicon words that begin at it, continue through it or end at it,
        concatenated to its embedding; null for none.
    readout: what the classifier reads of the T states. `last_step` is the last state of the padded row: it reads
        padding like text, as tutorials 1, 3 and 5 do. `last_valid`, `max`, `mean` and `attention` leave padding out
        exactly. So does `every_step`, which labels each token and is the only readout for tagging. A list concatenates
        several in its order.
    relu: ReLU after the embedding and after the readout (tutorial 4).
    head_size: width of a linear layer with ReLU before the last one; null for none.
    loss: `bce` has one output, the logit of the second of two classes.
    crf: for tagging, the loss is that of whole tag sequences and the prediction is the best sequence; see
        textrnn.modeling.nn.crf.
    wide: add the scores of the encoding's best linear model to the logits when training is over. If true, both are
        scaled as dev is most likely; `{scale: 1.0}` states the factor of the linear scores. Not for tagging.
    initialization: of every matrix but the embedding, with biases 0; `stock` keeps torch's own.
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
    wide: bool | WideOptions
    initialization: Initialization

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            sizes = {"hidden_size": MAX_WIDTH, "layers": MAX_LAYERS, "head_size": MAX_WIDTH}
            for name, most in sizes.items():
                with errors.collect():
                    check_size(getattr(self, name), f"{where}.{name}", most)
            for name in ("dropout", "word_dropout", "embedding_dropout", "head_dropout"):
                probability = getattr(self, name)
                errors.require(0 <= probability < 1, f"{where}.{name}", "must lie in [0, 1)", probability)
            allows_crf = self.readout == "every_step" and self.loss == "cross_entropy"
            wrong = "needs readout every_step and loss cross_entropy"
            errors.require(not self.crf or allows_crf, f"{where}.crf", wrong, self.crf)
            names = self.readout if isinstance(self.readout, tuple) else (self.readout,)
            once = 0 < len(names) == len(set(names))
            errors.require(once, f"{where}.readout", "must name one or more, each once", names)
            wrong = "must be false if readout is every_step: the linear model scores whole texts"
            errors.require(not self.wide or self.readout != "every_step", f"{where}.wide", wrong, self.wide)
            wide = self.wide if isinstance(self.wide, WideOptions) else None
            for name, options in (("bigrams", self.bigrams), ("words", self.words), ("wide", wide)):
                if options is not None:
                    with errors.collect():
                        options.check(f"{where}.{name}")

    def check_lexicon(self, where: str, has_lexicon: bool) -> None:
        """Refuse `words` if there is no lexicon or an empty one; `where` is the dotted name of the section."""
        wrong = "needs the recipe's embed.lexicon, which is null"
        with ErrorCollector() as errors:
            errors.require(has_lexicon or self.words is None, f"{where}.words", wrong, self.words)

    def check_task(self, where: str, task: Task, classes: int) -> None:
        """Refuse a model that does not fit the data: its task and number of classes."""
        with ErrorCollector() as errors:
            matches = (self.readout == "every_step") == (task == "tag")
            wrong = "must be every_step for tagging, and only for tagging"
            errors.require(matches, f"{where}.readout", wrong, self.readout)
            binary = self.loss != "bce" or (task == "classify" and classes == 2)
            errors.require(binary, f"{where}.loss", f"bce needs two classes, not {classes}", self.loss)

    def check_loss(self, where: str, class_weights: str | Mapping[str, float] | None, smoothing: float) -> None:
        """Refuse options that need a loss per token, as a CRF has none; `where` is the name of the section `train`."""
        with ErrorCollector() as errors:
            wrong = "must be null if model.crf is true"
            errors.require(not self.crf or class_weights is None, f"{where}.class_weights", wrong, class_weights)
            wrong = "must be 0 if model.crf is true"
            errors.require(not self.crf or not smoothing, f"{where}.label_smoothing", wrong, smoothing)
