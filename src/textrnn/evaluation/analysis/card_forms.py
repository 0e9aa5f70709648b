"""The forms of the JSON files that a model card is made of; see textrnn.common.integrity.json_forms."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from textrnn.evaluation.metrics.result_forms import SplitIntervals


class CardConfig(TypedDict):
    """`config.json`."""

    recipe: str
    version: str
    tokens: int
    embedding_size: int
    pairs: int
    words: dict[str, Any] | None
    ngrams: NotRequired[list[int]]
    widths: list[int]
    pad_side: str
    truncates: bool
    model: dict[str, Any]


class CardSegmentation(TypedDict):
    """`segmentation.json`."""

    clean: list[str]
    segmenter: str
    punkt: dict[str, Any] | None
    dictionary: NotRequired[list[Any]]


class Rule(TypedDict):
    """A value that a rule gave."""

    asked: Any
    follows: Any


class UnknownShare(TypedDict):
    """The fraction of unknown tokens by split."""

    train: float
    dev: float
    test: float


class CardEncoding(TypedDict):
    """`statistics.json` of `encode`."""

    min_count: int
    max_tokens: int | None
    auto: NotRequired[list[Rule]]
    unknown_share: UnknownShare


class LexiconSource(TypedDict):
    """The lexicon of an embedding."""

    vectors: str | None


class VectorizedTexts(TypedDict):
    """The texts that vectors are learned from."""

    train: int
    unlabelled: int
    text: str | None


class CardEmbedding(TypedDict):
    """`statistics.json` of `embed`."""

    vectors: str | None
    lexicon: LexiconSource | None
    bigrams: Any
    vectorized_texts: VectorizedTexts | None


class SplitPadding(TypedDict):
    """The rows of a split."""

    rows: int
    longest: int
    truncated_rows: int


class CardPadding(TypedDict):
    """`statistics.json` of `pad`."""

    train: SplitPadding
    dev: SplitPadding
    test: SplitPadding


class Cap(TypedDict):
    """A param that `limits` lowered."""

    name: str
    asked: float
    used: float


class TrainParams(TypedDict):
    """The params of a run, as far as the card names them."""

    seed: int


class TrainedRule(TypedDict):
    """A param that a rule gave."""

    name: str
    asked: Any
    used: Any
    follows: Any


class CardTraining(TypedDict):
    """`training.json`."""

    params: TrainParams
    capped: list[Cap]
    notices: NotRequired[list[str]]
    auto: NotRequired[list[TrainedRule]]


class PartScores(TypedDict):
    """Metrics of a part of a model."""

    accuracy: float
    macro_f1: float
    loss: float


class CardScores(TypedDict):
    """`metrics.json` of `evaluate`: metrics by split, and what is shown apart."""

    dev: dict[str, float]
    test: dict[str, float]
    parts: NotRequired[dict[str, dict[str, PartScores]]]
    intervals: NotRequired[SplitIntervals]
