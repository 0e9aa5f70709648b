"""Verdicts on claims: a rule decides from the intervals of the comparisons, and a summary reports their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from textrnn.study.verdicts.claims import Claim, Comparison
from textrnn.study.verdicts.measures import MEASURES, Values
from textrnn.study.verdicts.statistics import LEVEL, Interval, interval, paired

Verdict = Literal["supported", "not supported", "undecided", "not measured"]


@dataclass(frozen=True)
class Finding:
    """The result of a comparison: the interval of the difference (of the logarithm for a ratio), and its verdict."""

    comparison: Comparison
    difference: Interval | None
    verdict: Verdict
    summary: str


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its findings and its verdict."""

    claim: Claim
    findings: tuple[Finding, ...]
    verdict: Verdict


def judge(claim: Claim, values: Values) -> JudgedClaim:
    """Return the verdict on a claim.

    The claim is not supported if one comparison is not, supported if all are, and undecided otherwise. A comparison is
    not measured if its sides have no seed in common. It is undecided if some seeds are missing: those runs diverged,
    and the others would stand for successful training only. Each interval has confidence LEVEL. That makes a supported
    claim with several comparisons no less certain, because all of them must hold; it may make an unsupported one
    slightly less certain.
    """
    findings = tuple(_judge_comparison(comparison, values) for comparison in claim.comparisons)
    verdicts = [finding.verdict for finding in findings]
    for verdict in ("not supported", "not measured", "undecided"):
        if verdict in verdicts:
            return JudgedClaim(claim, findings, verdict)
    return JudgedClaim(claim, findings, "supported")


def decide(comparison: Comparison, difference: Interval) -> Verdict:
    """Decide one comparison from its interval alone.

    above: supported if the whole interval is above the margin, not supported if the whole interval is below it; below:
    likewise in the other direction; same: supported if the whole interval is within the margin, not supported if the
    whole interval is outside.
    """
    lower, upper = _margins(comparison)
    low, high = difference.low, difference.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "undecided"
    if comparison.expect == "same":
        if lower <= low and high <= upper:
            return "supported"
        return "not supported" if low > upper or high < lower else "undecided"
    if comparison.expect == "above":
        return "supported" if low > upper else "not supported" if high <= upper else "undecided"
    return "supported" if high < lower else "not supported" if low >= lower else "undecided"


def _margins(comparison: Comparison) -> tuple[float, float]:
    """Return the lower and the upper margin of the difference, as logarithms for a ratio."""
    if comparison.ratio:
        return -math.log1p(comparison.margin), math.log1p(comparison.margin)
    return 0.0 - comparison.margin, comparison.margin  # a minus sign alone would show a margin of 0 as -0.00


def _judge_comparison(comparison: Comparison, values: Values) -> Finding:
    by_variant = values[comparison.measure]
    first = by_variant.get(comparison.first, {})
    if isinstance(comparison.second, str):
        second = by_variant.get(comparison.second, {})
    else:
        second = dict.fromkeys(first, comparison.second)
    if comparison.ratio:
        first = {seed: math.log(value) for seed, value in first.items() if value > 0}
        second = {seed: math.log(value) for seed, value in second.items() if value > 0}
    if not first.keys() & second.keys():
        return Finding(comparison, None, "not measured", f"{_subject(comparison)}: not measured")
    difference = paired(first, second)
    seeds = len({seed for by_seed in by_variant.values() for seed in by_seed})
    verdict = decide(comparison, difference) if difference.count == seeds else "undecided"
    return Finding(comparison, difference, verdict, _summary(comparison, difference, verdict, seeds))


def _subject(comparison: Comparison) -> str:
    second = comparison.second if isinstance(comparison.second, str) else f"{comparison.second:g}"
    return f"{MEASURES[comparison.measure].title}, {comparison.first} against {second}"


def _summary(comparison: Comparison, difference: Interval, verdict: Verdict, seeds: int) -> str:
    """Return one line: what is compared, the difference with its interval, the expectation, and the verdict."""
    mean, low, high = (_format(comparison, value) for value in (difference.mean, difference.low, difference.high))
    measured = f"{mean} [{low}, {high}]" if math.isfinite(difference.low) else f"{mean} (one seed)"
    missing = f" ({difference.count} of {seeds} seeds)" if difference.count < seeds else ""
    return f"{_subject(comparison)}: {measured}{missing}, expected {_expected(comparison)}: {verdict}"


def _format(comparison: Comparison, value: float) -> str:
    if comparison.ratio:
        return f"x{math.exp(value):.3g}"
    if MEASURES[comparison.measure].percent:
        return f"{100 * value:+.2f} points"
    return f"{value:+.3g}"


def _expected(comparison: Comparison) -> str:
    lower, upper = (_format(comparison, margin) for margin in _margins(comparison))
    texts = {"above": f"above {upper}", "below": f"below {lower}", "same": f"within {lower} and {upper}"}
    return texts[comparison.expect]


def as_json(judged: Sequence[tuple[JudgedClaim, Values]], scale: dict[str, Any]) -> dict[str, Any]:
    """Return the content of verdicts.json: all verdicts, with the measures of each compared variant.

    Each measure has its mean, its interval and its values by seed. judged: the claims with the values they were judged
    by; scale: the size of the study. An infinite bound becomes null, because JSON has no infinity.
    """
    claims = [
        {
            "claim": result.claim.key,
            "tutorial": result.claim.tutorial,
            "said": result.claim.said,
            "note": result.claim.note,
            "verdict": result.verdict,
            "findings": [_finding_json(finding) for finding in result.findings],
            "measured": _measured(result.claim, values),
        }
        for result, values in judged
    ]
    return {"level": LEVEL, **scale, "claims": claims}


def _finding_json(finding: Finding) -> dict[str, Any]:
    difference = None if finding.difference is None else _interval_json(finding.difference)
    values = {"difference": difference, "verdict": finding.verdict, "words": finding.summary}
    return asdict(finding.comparison) | values


def _measured(claim: Claim, values: Values) -> dict[str, Any]:
    measures = dict.fromkeys(comparison.measure for comparison in claim.comparisons)
    return {
        measure: {
            variant: {**_interval_json(interval(list(by_seed.values()))), "values": list(by_seed.values())}
            for variant in claim.variants()
            if (by_seed := values[measure].get(variant))
        }
        for measure in measures
    }


def _interval_json(estimate: Interval) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(estimate).items()}
