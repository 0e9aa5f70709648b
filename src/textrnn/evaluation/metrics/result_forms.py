"""The forms of the JSON files of results, as readers check them; files of earlier versions lack the optional keys.

What a file has besides is not looked at. See textrnn.common.integrity.json_forms.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Scores(TypedDict):
    """Metrics of a split; those of entities for taggers alone."""

    accuracy: float
    macro_f1: float
    loss: NotRequired[float]
    entity_precision: NotRequired[float]
    entity_recall: NotRequired[float]
    entity_f1: NotRequired[float]


Bounds = tuple[float, float]
SplitIntervals = dict[str, dict[str, Bounds]]  # by split and metric


class PartScores(TypedDict):
    """Metrics of a part of a model, the network or the linear model."""

    accuracy: float
    macro_f1: float


class Parts(TypedDict):
    """Metrics of both parts."""

    deep: PartScores
    wide: PartScores


class Evaluated(TypedDict):
    """`metrics.json` of `evaluate`."""

    dev: Scores
    test: Scores
    intervals: NotRequired[SplitIntervals]
    parts: NotRequired[dict[str, Parts]]


class BaselineScores(TypedDict):
    """A baseline."""

    dev: Scores
    test: Scores
    intervals: NotRequired[SplitIntervals]


class Ceiling(TypedDict):
    """The best accuracy that contradicting labels allow."""

    dev: float
    test: float


class Baselines(TypedDict):
    """`data/baselines/<encoding>.json`."""

    baselines: dict[str, BaselineScores]
    ceiling: Ceiling | None


class Calibration(TypedDict):
    """How far confidence is from accuracy."""

    ece: float


class Confused(TypedDict):
    """A pair of classes."""

    gold: str
    predicted: str
    count: int
    share: float


Subsets = dict[str, dict[str, float]]  # metrics by the name of a subset of test


class Analyzed(TypedDict):
    """`analysis.json` of `analyze`."""

    calibration: Calibration
    confused: list[Confused]
    by_length: NotRequired[Subsets]
    by_rarest: NotRequired[Subsets]
    by_text: NotRequired[Subsets]
    by_row: NotRequired[Subsets]
    entities: NotRequired[Subsets]


class ConfusedText(TypedDict):
    """A line of `errors.jsonl` of a classifier."""

    row: int
    gold: str
    predicted: str
    confidence: NotRequired[float]
    text_known: bool
    tokens: list[str]


class Entity(TypedDict):
    """An entity of a sentence."""

    start: int
    end: int
    type: str
    tokens: list[str]


class WrongSentence(TypedDict):
    """A line of `errors.jsonl` of a tagger."""

    row: int
    missed: list[Entity]
    made_up: list[Entity]
    right: list[Entity]
    text_known: bool
    tokens: list[str]


class Origin(TypedDict):
    """`origin.json` of `analyze`."""

    generated: bool


class Segmentation(TypedDict):
    """`segmentation.json`, as far as it is shown."""

    segmenter: str


class TrainPadding(TypedDict):
    """The rows of train after padding."""

    rows: int
    truncated_share: float
    padding_share: float


class SplitRows(TypedDict):
    """The rows of a split."""

    rows: int


class Padding(TypedDict):
    """`statistics.json` of `pad`."""

    widths: list[int]
    train: TrainPadding
    dev: SplitRows
    test: SplitRows


class Refit(TypedDict):
    """The run on train and dev."""

    rows: int
    steps: int


class Capped(TypedDict):
    """A param that `limits` lowered."""

    name: str


class Training(TypedDict):
    """`training.json` of a model directory."""

    steps: int
    epochs: float
    best_step: int
    stopped_by: str | None
    refit: NotRequired[Refit]
    capped: NotRequired[list[Capped]]


class ShownModel(TypedDict):
    """The section `model` of a configuration."""

    cell: str
    hidden_size: int
    layers: int
    bidirectional: bool
    bigrams: dict[str, Any] | None
    words: dict[str, Any] | None
    readout: str | list[str]
    layer_norm: bool
    crf: bool


class ShownConfig(TypedDict):
    """`config.json` of a model directory, as far as the report shows it."""

    model: ShownModel
    ngrams: NotRequired[list[int]]
