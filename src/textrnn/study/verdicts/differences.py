"""The difference between both sides of a comparison, as evidence: paired by seed if both sides have the same seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from textrnn.study.claims.claim import Comparison
from textrnn.study.verdicts.resampling import Samples
from textrnn.study.verdicts.statistics import (
    Evidence,
    paired_differences,
    score_evidence,
    t_evidence,
    unpaired_evidence,
    unpaired_score_evidence,
)

BySeed = Mapping[int, float]


@dataclass(frozen=True)
class Sides:
    """Both sides of a comparison by seed, logarithms for a ratio; the second is a number or also by seed.

    seeds: how many the smaller side should have. paired: both should have as many.
    """

    first: BySeed
    second: BySeed | float
    seeds: int
    paired: bool


def compared_sides(comparison: Comparison, by_variant: Mapping[str, BySeed], planned: Mapping[str, int]) -> Sides:
    """The values to compare; planned: seeds of each variant that is trained, the others have all that they have."""
    counts = [planned[name] for name in comparison.variants() if name in planned]

    def side(name: str) -> BySeed:
        values = by_variant.get(name, {})
        allowed = planned.get(name, len(values))
        kept = {seed: value for seed, value in values.items() if name not in planned or seed <= allowed}
        return {seed: math.log(value) for seed, value in kept.items() if value > 0} if comparison.ratio else kept

    first = side(comparison.first)
    if isinstance(comparison.second, str):
        second: BySeed | float = side(comparison.second)
    else:
        second = math.log(comparison.second) if comparison.ratio else comparison.second
    return Sides(first, second, min(counts, default=len(first)), len(set(counts)) < 2)


def difference_evidence(
    comparison: Comparison, by_variant: Mapping[str, BySeed], planned: Mapping[str, int], samples: Samples
) -> tuple[Evidence | None, int]:
    """The evidence of a comparison, None if there is none, and the number of seeds that it should have.

    Where seeds are missing, the evidence has fewer of them than that number.
    """
    sides = compared_sides(comparison, by_variant, planned)
    if not sides.first or sides.second == {}:
        return None, sides.seeds
    scores = comparison.measure == "test_score"
    if isinstance(sides.second, float | int) or sides.paired:
        return _paired(comparison, sides, samples if scores else None), sides.seeds
    evidence = _unpaired(comparison, sides, samples if scores else None)
    lacking = len(sides.first) < planned[comparison.first] or len(sides.second) < planned[str(comparison.second)]
    return (replace(evidence, count=min(evidence.count, sides.seeds - 1)) if lacking else evidence), sides.seeds


def _paired(comparison: Comparison, sides: Sides, samples: Samples | None) -> Evidence | None:
    second = dict.fromkeys(sides.first, sides.second) if isinstance(sides.second, float | int) else sides.second
    differences = paired_differences(sides.first, second)
    if not differences:
        return None
    if samples is None:
        return t_evidence(differences)
    shared = sorted(sides.first.keys() & second.keys())
    resampled = np.stack([samples[comparison.first, seed] for seed in shared])
    if isinstance(comparison.second, str):
        resampled = resampled - np.stack([samples[comparison.second, seed] for seed in shared])
    else:
        resampled = resampled - comparison.second
    return score_evidence(float(np.mean(differences)), resampled)


def _unpaired(comparison: Comparison, sides: Sides, samples: Samples | None) -> Evidence:
    assert isinstance(sides.second, Mapping)
    first, second = list(sides.first.values()), list(sides.second.values())
    if samples is None:
        return unpaired_evidence(first, second)
    resampled = [
        np.stack([samples[name, seed] for seed in side])
        for name, side in ((comparison.first, sides.first), (str(comparison.second), sides.second))
    ]
    return unpaired_score_evidence(float(np.mean(first) - np.mean(second)), *resampled)


def side_means(
    comparison: Comparison, by_variant: Mapping[str, BySeed], planned: Mapping[str, int]
) -> dict[str, float]:
    """The mean of each side of which there are values, of the seeds that are compared; geometric for a ratio."""
    sides, means = compared_sides(comparison, by_variant, planned), {}
    for name, side in ((comparison.first, sides.first), (comparison.second, sides.second)):
        if isinstance(name, str) and isinstance(side, Mapping) and side:
            mean = float(np.mean(list(side.values())))
            means[name] = math.exp(mean) if comparison.ratio else mean
    return means
