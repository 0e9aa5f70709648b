"""The forms of the study's JSON files; see textrnn.common.integrity.json_forms."""

from __future__ import annotations

from typing import TypedDict

Point = tuple[float, float, float | None, float | None, float]  # step, epoch, losses of train and dev, dev accuracy


class Gradients(TypedDict):
    """Norms by distance from the token that is read, before and after training."""

    before: list[float | None]
    after: list[float | None]


class RunFacts(TypedDict):
    """What a run gives again with the same seed."""

    batch_size: int
    rows: int
    points: list[Point]
    losses: list[float | None]
    short: list[int]
    diverged: bool
    gradients: Gradients
    test_accuracy: float
    kept_share: float


class RunTimings(TypedDict):
    """Seconds of training up to each point."""

    seconds: list[float]
    threads: int


CellDifferences = dict[str, dict[str, dict[str, float]]]  # by seed, implementation and measure
CellTimings = dict[str, list[float]]  # seconds by implementation
KeptShares = dict[str, float]  # by width


class Estimate(TypedDict):
    """A mean with its interval, if it has one."""

    mean: float | None
    low: float | None
    high: float | None
    count: int


class Finding(TypedDict):
    """A comparison of a claim; `second` is a variant or a number."""

    words: str
    first: str
    second: str | float | None


class JudgedClaim(TypedDict):
    """A claim with its verdict."""

    claim: str
    verdict: str
    said: str
    tutorial: int
    note: str
    findings: list[Finding]
    measured: dict[str, dict[str, Estimate]]


class Verdicts(TypedDict):
    """`verdicts.json`."""

    seeds: list[int]
    threads: list[int]
    rows: int
    epochs: float
    level: float
    claims: list[JudgedClaim]
