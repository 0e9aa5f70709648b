"""The forms of the study's JSON files; see textrnn.common.integrity.json_forms."""

from __future__ import annotations

from typing import TypedDict


class Gradients(TypedDict):
    """Norms by distance from the token that is read, before and after training."""

    before: list[float | None]
    after: list[float | None]


class Curve(TypedDict):
    """The evaluations of a run, a value for each: loss of train since the previous one, and the scores on dev.

    dev_f1: of a tagger's entities. test_accuracy: for variants with `test_curve` alone.
    """

    step: list[int]
    epoch: list[float]
    train_loss: list[float | None]
    dev_loss: list[float | None]
    dev_accuracy: list[float]
    dev_f1: list[float] | None
    test_accuracy: list[float] | None


class LossBins(TypedDict):
    """The losses of all batches, in bins of `batches` consecutive ones (the last may have fewer): mean and range."""

    batches: int
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]


class CorrectRows(TypedDict):
    """Which of `rows` test rows were predicted correctly: a bit for each in hexadecimal, the first row first."""

    rows: int
    bits: str


class SentenceCounts(TypedDict):
    """Gold, predicted and correct entities of each of `sentences` test sentences; see `scored_rows.pack_counts`."""

    sentences: int
    counts: str


class RunFacts(TypedDict):
    """What a run gives again with the same seed, code and machine.

    epochs: those trained; flops: of training, by `model_summary`. test_score: accuracy, or entity F1 of a tagger.
    """

    variant: str
    seed: int
    recipe: str
    task: str
    batch_size: int
    rows: int
    epochs: float
    steps: int
    parameters: int
    flops: float
    diverged: bool
    kept_share: float
    test_score: float
    measures: dict[str, float | None]
    gradients: Gradients | None
    curve: Curve
    losses: LossBins
    correct: CorrectRows | None
    entities: SentenceCounts | None


class RunTimings(TypedDict):
    """Seconds of training up to each evaluation, and what the machine did meanwhile.

    cpu_seconds: of the process, in the same time. load: the highest load average of a minute at an evaluation.
    """

    seconds: list[float]
    cpu_seconds: list[float]
    load: float
    threads: int
    cpus: int
    processor: str


class InputFacts(TypedDict):
    """Of inputs: the share of the tokens of train that the rows keep, and of the text whose tokens have vectors."""

    kept_share: float
    covered_text: float


class CellFacts(TypedDict):
    """Of the stage study_cells: differences by seed, implementation and measure, and parameters by cell."""

    differences: dict[str, dict[str, dict[str, float]]]
    parameters: dict[str, int]


CellTimings = dict[str, list[float]]  # seconds by implementation
