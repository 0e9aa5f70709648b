"""Whether a claim is supported: by rule from the intervals of its comparisons, and in words with their numbers."""

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
    """What a comparison came to: the interval of the difference (of the logarithm for a ratio), and its verdict."""

    comparison: Comparison
    difference: Interval | None
    verdict: Verdict
    words: str


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its findings and its verdict."""

    claim: Claim
    findings: tuple[Finding, ...]
    verdict: Verdict


def judge(claim: Claim, values: Values) -> JudgedClaim:
    """The verdict on a claim: not supported where one comparison is not, supported where all are, else undecided.

    Not measured where a comparison has no seed to compare by, undecided where it lacks some: those that diverged are
    not there, and what the others say would be of trainings that went well alone. Intervals are of LEVEL each: that a
    claim of several comparisons is supported is no less sure for it, as all of them have to hold; that it is not may be
    a little less.
    """
    findings = tuple(_find(comparison, values) for comparison in claim.comparisons)
    verdicts = [finding.verdict for finding in findings]
    for verdict in ("not supported", "not measured", "undecided"):
        if verdict in verdicts:
            return JudgedClaim(claim, findings, verdict)
    return JudgedClaim(claim, findings, "supported")


def decide(comparison: Comparison, difference: Interval) -> Verdict:
    """The rule for one comparison, from its interval alone.

    above: supported where all of the interval lies above the margin, not where all of it lies below; below alike;
    same: supported where all of it lies within the margin, not where all of it lies outside.
    """
    down, up = _margins(comparison)
    low, high = difference.low, difference.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "undecided"
    if comparison.expect == "same":
        if down <= low and high <= up:
            return "supported"
        return "not supported" if low > up or high < down else "undecided"
    if comparison.expect == "above":
        return "supported" if low > up else "not supported" if high <= up else "undecided"
    return "supported" if high < down else "not supported" if low >= down else "undecided"


def _margins(comparison: Comparison) -> tuple[float, float]:
    if comparison.ratio:
        return -math.log1p(comparison.margin), math.log1p(comparison.margin)
    return 0.0 - comparison.margin, comparison.margin  # of a margin of 0 the minus alone would be shown as -0.00


def _find(comparison: Comparison, values: Values) -> Finding:
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
    seeds = len({seed for each in by_variant.values() for seed in each})
    verdict = decide(comparison, difference) if difference.count == seeds else "undecided"
    return Finding(comparison, difference, verdict, _words(comparison, difference, verdict, seeds))


def _subject(comparison: Comparison) -> str:
    against = comparison.second if isinstance(comparison.second, str) else f"{comparison.second:g}"
    return f"{MEASURES[comparison.measure].title}, {comparison.first} against {against}"


def _words(comparison: Comparison, difference: Interval, verdict: Verdict, seeds: int) -> str:
    """One line: what is compared, by how much it differs and how surely, what was expected, and what that comes to."""
    shown = [_shown(comparison, value) for value in (difference.mean, difference.low, difference.high)]
    found = f"{shown[0]} [{shown[1]}, {shown[2]}]" if math.isfinite(difference.low) else f"{shown[0]} (one seed)"
    missing = f" ({difference.count} of {seeds} seeds)" if difference.count < seeds else ""
    return f"{_subject(comparison)}: {found}{missing}, expected {_expected(comparison)}: {verdict}"


def _shown(comparison: Comparison, value: float) -> str:
    if comparison.ratio:
        return f"x{math.exp(value):.3g}"
    if MEASURES[comparison.measure].percent:
        return f"{100 * value:+.2f} points"
    return f"{value:+.3g}"


def _expected(comparison: Comparison) -> str:
    down, up = (_shown(comparison, margin) for margin in _margins(comparison))
    return {"above": f"above {up}", "below": f"below {down}", "same": f"within {down} and {up}"}[comparison.expect]


def as_json(judged: Sequence[tuple[JudgedClaim, Values]], scale: dict[str, Any]) -> dict[str, Any]:
    """All verdicts, and each measure of each variant that a claim looks at with its interval and values by seed.

    judged: verdicts with the values they come from; scale: what the study was run on. What is of infinite width is
    null, as JSON has no infinity.
    """
    claims = [
        {
            "claim": each.claim.key,
            "tutorial": each.claim.tutorial,
            "said": each.claim.said,
            "note": each.claim.note,
            "verdict": each.verdict,
            "findings": [_finding(finding) for finding in each.findings],
            "measured": _measured(each.claim, values),
        }
        for each, values in judged
    ]
    return {"level": LEVEL, **scale, "claims": claims}


def _finding(finding: Finding) -> dict[str, Any]:
    difference = None if finding.difference is None else _plain(finding.difference)
    return {**asdict(finding.comparison), "difference": difference, "verdict": finding.verdict, "words": finding.words}


def _measured(claim: Claim, values: Values) -> dict[str, Any]:
    measures = dict.fromkeys(comparison.measure for comparison in claim.comparisons)
    return {
        measure: {
            variant: {**_plain(interval(list(found.values()))), "values": list(found.values())}
            for variant in claim.variants()
            if (found := values[measure].get(variant))
        }
        for measure in measures
    }


def _plain(found: Interval) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(found).items()}
