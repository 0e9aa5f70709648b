"""The content of study/verdicts.json: all verdicts, with the measures of each variant that is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textrnn.study.claims.all_claims import CELLS, runs_of
from textrnn.study.claims.explanations import explain
from textrnn.study.claims.tutorial_5 import CURVES
from textrnn.study.plan.json_files import run_name
from textrnn.study.verdicts.differences import side_means
from textrnn.study.verdicts.holm import ALPHA
from textrnn.study.verdicts.judging import Finding, JudgedClaim, Measurements, rows_needed
from textrnn.study.verdicts.measures import Values
from textrnn.study.verdicts.statistics import LEVEL, t_evidence
from textrnn.study.verdicts.verdict_forms import ClaimValues, Difference, Estimate, FindingValues, ScaleValues, Verdicts
from textrnn.study.verdicts.wording import finding_words, missing_words


def verdict_values(judged: Sequence[JudgedClaim], measurements: Measurements) -> Verdicts:
    """The content of verdicts.json; an infinite bound becomes null, because JSON has no infinity."""
    runs = measurements.runs
    return {
        "level": LEVEL,
        "alpha": ALPHA,
        "runs": len(runs),
        "planned_runs": sum(measurements.planned.values()),
        "threads": sorted({timings["threads"] for _, timings in runs.values()}),
        "scale": _scale(measurements),
        "claims": [_claim(row, measurements) for row in judged],
    }


def _scale(measurements: Measurements) -> list[ScaleValues]:
    most: dict[str, tuple[int, float]] = {}
    for facts, _ in measurements.runs.values():
        rows, epochs = most.get(facts["recipe"], (0, 0.0))
        most[facts["recipe"]] = max(rows, facts["rows"]), max(epochs, facts["epochs"])
    return [{"recipe": name, "rows": rows, "epochs": epochs} for name, (rows, epochs) in most.items()]


def _claim(row: JudgedClaim, measurements: Measurements) -> ClaimValues:
    claim, why = row.claim, explain(row.claim.key, [finding.answer for finding in row.findings])
    return {
        "claim": claim.key,
        "tutorial": claim.tutorial,
        "ours": claim.ours,
        "said": claim.said.en,
        "said_zh": claim.said.zh,
        "judged": claim.judged.en,
        "judged_zh": claim.judged.zh,
        "why": why.en,
        "why_zh": why.zh,
        "verdict": row.verdict,
        "p_support": row.p_support,
        "p_against": row.p_against,
        "findings": [_finding(finding, row.values, measurements) for finding in row.findings],
        "measured": _measured(row),
        "missing": [run_name(*run) for run in row.missing],
        "lacks": missing_words(row.missing, "en"),
        "lacks_zh": missing_words(row.missing, "zh"),
    }


def _finding(finding: Finding, values: Values, measurements: Measurements) -> FindingValues:
    comparison, evidence = finding.comparison, finding.evidence
    rows = rows_needed(comparison.first, measurements) if comparison.first in CURVES else None
    means = side_means(comparison, values.get(comparison.measure, {}), measurements.planned)
    difference: Difference | None = None
    if evidence is not None:
        difference = {"mean": evidence.mean, "low": _finite(evidence.low), "high": _finite(evidence.high)}
    return {
        "measure": comparison.measure,
        "first": comparison.first,
        "second": comparison.second,
        "expect": comparison.expect,
        "margin": comparison.margin,
        "ratio": comparison.ratio,
        "difference": difference,
        "p_support": finding.p_support,
        "p_against": finding.p_against,
        "answer": finding.answer,
        "words": finding_words(finding, means, "en", rows),
        "words_zh": finding_words(finding, means, "zh", rows),
    }


def _measured(row: JudgedClaim) -> dict[str, dict[str, Estimate]]:
    """The values by measure and variant, without seconds that say nothing; of a learning curve those of its points."""
    judged = [finding for finding in row.findings if finding.evidence is not None or not finding.not_alone]
    measures = dict.fromkeys(finding.comparison.measure for finding in judged)
    if any(name in CURVES for name in row.claim.variants()):
        measures = {"test_score": None}
    names = [*runs_of(row.claim), *(name for name in row.claim.variants() if name in CELLS)]
    measured: dict[str, dict[str, Estimate]] = {}
    for measure in measures:
        for name in names:
            values = list(row.values[measure].get(name, {}).values())
            if values:
                measured.setdefault(measure, {})[name] = _estimate(values)
    return measured


def _estimate(values: list[float]) -> Estimate:
    evidence = t_evidence(values)
    return {"mean": evidence.mean, "low": _finite(evidence.low), "high": _finite(evidence.high), "values": values}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
