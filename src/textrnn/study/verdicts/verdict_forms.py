"""The form of study/verdicts.json."""

from __future__ import annotations

from typing import TypedDict

from textrnn.study.claims.claim import Answer


class Estimate(TypedDict):
    """A mean with its interval, if it has one, and the values by seed."""

    mean: float
    low: float | None
    high: float | None
    values: list[float]


class Difference(TypedDict):
    """The mean of a difference (of the logarithm for a ratio) with its interval, if it has one."""

    mean: float
    low: float | None
    high: float | None


class FindingValues(TypedDict):
    """A comparison of a claim, in words too; `second` is a variant or a number."""

    measure: str
    first: str
    second: str | float
    expect: str
    margin: float
    ratio: bool
    difference: Difference | None
    p_support: float
    p_against: float
    answer: Answer | None
    words: str
    words_zh: str


class ClaimValues(TypedDict):
    """A claim with its verdict and all that it was judged by; lacks: the runs that are missing, in words."""

    claim: str
    tutorial: int
    ours: bool
    said: str
    said_zh: str
    judged: str
    judged_zh: str
    why: str
    why_zh: str
    verdict: str
    p_support: float
    p_against: float
    findings: list[FindingValues]
    measured: dict[str, dict[str, Estimate]]
    missing: list[str]
    lacks: str
    lacks_zh: str


class ScaleValues(TypedDict):
    """How much the runs of a recipe were trained on: the most rows and epochs."""

    recipe: str
    rows: int
    epochs: float


class Verdicts(TypedDict):
    """`verdicts.json`."""

    level: float
    alpha: float
    runs: int
    planned_runs: int
    threads: list[int]
    scale: list[ScaleValues]
    claims: list[ClaimValues]
