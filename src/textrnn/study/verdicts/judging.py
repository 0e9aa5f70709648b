"""Judges claims by runs: evidence on each comparison, p-values of each claim, and Holm's correction over all claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from textrnn.study.claims.all_claims import ALL_CLAIMS, CELLS, runs_of
from textrnn.study.claims.claim import Answer, Claim, Comparison
from textrnn.study.claims.tutorial_5 import ACCURACY, CURVES, ROWS
from textrnn.study.plan.result_forms import CellFacts, CellTimings
from textrnn.study.verdicts.differences import difference_evidence
from textrnn.study.verdicts.holm import ALPHA, holm, p_of_refutation, p_of_support
from textrnn.study.verdicts.measures import MEASURES, Runs, Values, add_cells, at_equal_time, measure_runs, were_alone
from textrnn.study.verdicts.power_law import fit_power_law
from textrnn.study.verdicts.resampling import Samples, resample_rows, resample_seeds
from textrnn.study.verdicts.statistics import Evidence, resampled_evidence

Verdict = Literal["supported", "not supported", "undecided", "not run yet"]
Planned = Mapping[str, int]  # seeds of each variant


@dataclass(frozen=True)
class Finding:
    """The result of a comparison, as it was made: evidence on the difference (its logarithm for a ratio) or None.

    p_support, p_against: of what the claim expects, and of its contrary. seeds: how many were to be compared.
    not_alone: it stands in for seconds, since the runs were not alone on their machines.
    """

    comparison: Comparison
    evidence: Evidence | None
    p_support: float
    p_against: float
    seeds: int
    not_alone: bool = False

    @property
    def answer(self) -> Answer | None:
        """Whether the comparison is as the claim expects, by its own p-values; None without evidence."""
        if self.evidence is None:
            return None
        if min(self.p_support, self.p_against) > ALPHA:
            return "open"
        return "yes" if self.p_support < self.p_against else "no"


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its findings, its p-values after Holm's correction, its verdict, and the runs that it lacks."""

    claim: Claim
    findings: tuple[Finding, ...]
    p_support: float
    p_against: float
    verdict: Verdict
    missing: tuple[tuple[str, int], ...]
    values: Values


@dataclass(frozen=True)
class Measurements:
    """All that claims are judged by: the runs, their measures, and their scores on resampled rows."""

    runs: Runs
    values: Values
    samples: Samples
    planned: Planned

    @classmethod
    def of_runs(cls, runs: Runs, planned: Planned, cells: tuple[CellFacts, CellTimings] | None) -> Measurements:
        """Measure the runs; cells: what study_cells has written, None if it was not run."""
        values = measure_runs(runs)
        if cells is not None:
            add_cells(values, *cells)
        return cls(runs, values, resample_rows({key: facts for key, (facts, _) in runs.items()}), planned)


def judge_all(measurements: Measurements, claims: Sequence[Claim] = ALL_CLAIMS) -> list[JudgedClaim]:
    """Return the verdicts on all claims.

    A claim is supported if the p-value of its support is at most ALPHA after Holm's correction, and not supported if
    that of its refutation is; undecided otherwise. The two kinds of verdicts are two families of tests: the chance that
    one or more claims of all is wrongly called supported is at most ALPHA, and so is that of wrong refutations. The
    families are all claims, also those that are not run yet, whose p-values are 1, so that a verdict does not become
    weaker when other claims are run later.
    """
    judged = [_judge(claim, measurements) for claim in claims]
    support, against = holm([row.p_support for row in judged]), holm([row.p_against for row in judged])
    return [
        replace(row, p_support=p_support, p_against=p_against, verdict=_verdict(row, p_support, p_against))
        for row, p_support, p_against in zip(judged, support, against, strict=True)
    ]


def _verdict(judged: JudgedClaim, p_support: float, p_against: float) -> Verdict:
    if judged.missing or any(finding.evidence is None for finding in judged.findings):
        return "not run yet" if judged.missing else "undecided"
    if p_against <= ALPHA:
        return "not supported"
    return "supported" if p_support <= ALPHA else "undecided"


def _judge(claim: Claim, measurements: Measurements) -> JudgedClaim:
    """A claim before Holm's correction, undecided as yet."""
    planned, names = measurements.planned, runs_of(claim)
    wanted = [(name, seed) for name in names for seed in range(1, planned.get(name, 1) + 1)]
    missing = tuple(run for run in wanted if run not in measurements.runs)
    if CELLS & set(claim.variants()) and not any(measurements.values["parameter_share"].values()):
        missing = (*missing, ("study_cells", 1))
    at_time = {"dev_accuracy_at_time": at_equal_time(measurements.runs, names)}
    own = replace(measurements, values=measurements.values | at_time)
    findings = tuple(find(comparison, own) for comparison in claim.comparisons)
    support, against = p_of_support([row.p_support for row in findings]), 1.0
    if not missing:
        against = p_of_refutation([row.p_against for row in findings])
    return JudgedClaim(claim, findings, 1.0 if missing else support, against, "undecided", missing, own.values)


def find(comparison: Comparison, measurements: Measurements) -> Finding:
    """The result of a comparison; p-values are 1 where runs are missing, or diverged and so have no such measure."""
    timed, not_alone = MEASURES[comparison.measure].timed, False
    trained = [name for name in comparison.variants() if name not in CELLS]
    ran = {name for name, _ in measurements.runs}
    if timed and trained and ran.issuperset(trained) and not were_alone(measurements.runs, tuple(trained)):
        if comparison.otherwise is None:
            return Finding(comparison, None, 1.0, 1.0, 0, not_alone=True)
        comparison, not_alone = replace(comparison, measure=comparison.otherwise), True
    evidence, seeds = _evidence(comparison, measurements)
    if evidence is None or evidence.count < seeds:
        return Finding(comparison, evidence, 1.0, 1.0, seeds, not_alone)
    return Finding(comparison, evidence, *p_values(comparison, evidence), seeds, not_alone)


def p_values(comparison: Comparison, evidence: Evidence) -> tuple[float, float]:
    """The p-values of what a comparison expects, and of its contrary.

    `same` is two one-sided tests, both of which must speak for it (Schuirmann 1987, "A comparison of the two one-sided
    tests procedure and the power approach"); its contrary is either of the two, at twice the smaller p-value.
    """
    lower, upper = margins(comparison)
    if comparison.expect == "above":
        return evidence.p_above(upper), evidence.p_below(upper)
    if comparison.expect == "below":
        return evidence.p_below(lower), evidence.p_above(lower)
    support = max(evidence.p_above(lower), evidence.p_below(upper))
    return support, min(1.0, 2 * min(evidence.p_below(lower), evidence.p_above(upper)))


def margins(comparison: Comparison) -> tuple[float, float]:
    """Return the lower and the upper margin of the difference, as logarithms for a ratio."""
    if comparison.ratio:
        return -math.log1p(comparison.margin), math.log1p(comparison.margin)
    return 0.0 - comparison.margin, comparison.margin  # a minus sign alone would show a margin of 0 as -0.00


def _evidence(comparison: Comparison, measurements: Measurements) -> tuple[Evidence | None, int]:
    """The evidence of a comparison, None if there is none, and the number of seeds that it should have."""
    if comparison.measure == "accuracy_at_800000":
        return _extrapolated(comparison, measurements)
    by_variant = measurements.values[comparison.measure]
    return difference_evidence(comparison, by_variant, measurements.planned, measurements.samples)


def learning_curve(curve: str, measurements: Measurements) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The rows (P,), mean errors (P, 1) and resampled errors (P, B) of a learning curve's points; None without all."""
    rows, means, resampled = [], [], []
    for stream, name in enumerate(CURVES[curve], start=1):
        seeds = range(1, measurements.planned.get(name, 0) + 1)
        if not seeds or any((name, seed) not in measurements.runs for seed in seeds):
            return None
        runs = [measurements.runs[name, seed][0] for seed in seeds]
        rows.append(float(runs[0]["rows"]))
        means.append(1 - float(np.mean([facts["test_score"] for facts in runs])))
        scores = np.stack([measurements.samples[name, seed] for seed in seeds])
        resampled.append(np.clip(1 - resample_seeds(scores, stream), 1e-6, 1.0))
    return np.array(rows), np.array(means)[:, None], np.stack(resampled)


def _extrapolated(comparison: Comparison, measurements: Measurements) -> tuple[Evidence | None, int]:
    """The accuracy that a curve leads to at the tutorial's rows, less the tutorial's, fitted to each resample anew."""
    found = learning_curve(comparison.first, measurements)
    seeds = min(measurements.planned.get(name, 0) for name in CURVES[comparison.first])
    if found is None:
        return None, seeds
    rows, means, resampled = found
    assert comparison.second == ACCURACY
    mean = 1 - float(fit_power_law(rows, np.maximum(means, 1e-6)).error(ROWS)[0]) - ACCURACY
    return resampled_evidence(mean, 1 - fit_power_law(rows, resampled).error(ROWS) - ACCURACY, seeds), seeds


def rows_needed(curve: str, measurements: Measurements) -> tuple[float, float, float] | None:
    """The rows at which a curve reaches the tutorial's accuracy, with an interval of 95%; infinite if it never does."""
    found = learning_curve(curve, measurements)
    if found is None:
        return None
    rows, means, resampled = found
    needed = fit_power_law(rows, resampled).rows_for(1 - ACCURACY)
    mean = float(fit_power_law(rows, np.maximum(means, 1e-6)).rows_for(1 - ACCURACY)[0])
    low, high = np.quantile(needed, [0.025, 0.975], method="nearest")
    return mean, float(low), float(high)
