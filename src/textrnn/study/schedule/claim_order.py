"""The order in which claims are run, so that a cut at any time leaves whole claims, and many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textrnn.study.claims.all_claims import runs_of
from textrnn.study.claims.claim import Claim
from textrnn.study.plan.variants import Study

Run = tuple[str, int]  # variant and seed


@dataclass(frozen=True)
class Step:
    """A claim with the runs that are made for it: those which no claim before it has; and the seconds they take."""

    claim: Claim
    runs: tuple[Run, ...]
    seconds: float


def order_claims(
    claims: Sequence[Claim], study: Study, costs: Mapping[str, float], done: Sequence[Run] = ()
) -> list[Step]:
    """The claims, each time the one that needs the fewest seconds of runs that are not made yet.

    A claim whose runs are all made by then needs none and follows at once; of equals the earlier comes first. costs:
    the seconds of a run by variant; a variant without one takes as long as the longest. done: runs that are there.
    Claims about variants that the study does not have are left out.
    """
    longest, made, steps = max(costs.values(), default=1.0), set(done), []
    left = [claim for claim in claims if study.variants.keys() >= set(runs_of(claim))]

    def step_of(claim: Claim) -> Step:
        new = tuple(run for run in all_runs(claim, study) if run not in made)
        return Step(claim, new, sum(costs.get(name, longest) for name, _ in new))

    while left:
        step = min(map(step_of, left), key=lambda step: step.seconds)
        left.remove(step.claim)
        made |= set(step.runs)
        steps.append(step)
    return steps


def all_runs(claim: Claim, study: Study) -> list[Run]:
    """The runs that a claim is judged by, each seed of each variant."""
    return [(name, seed) for name in runs_of(claim) for seed in range(1, study.variants[name].seeds + 1)]


def describe(steps: Sequence[Step]) -> list[str]:
    """A line for each claim: the hours up to its end, its own runs and hours."""
    lines, hours = [], 0.0
    for step in steps:
        own = step.seconds / 3600
        hours += own
        runs = f"{len(step.runs)} runs, {own:.2f} h" if step.runs else "no runs of its own"
        lines.append(f"{hours:6.2f} h  {step.claim.key}: {runs}")
    return lines
