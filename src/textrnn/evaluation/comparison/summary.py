"""A paired test in words, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textrnn.errors import plural
from textrnn.evaluation.metrics.paired_tests import Difference, PairedTest

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1", "entity_f1": "entity F1"}


def lines(test: PairedTest, first: str, second: str) -> Iterator[str]:
    """The comparison as text: the metrics as a table, McNemar's test, and what follows, in words."""
    width = max(map(len, (first, second, "difference")))
    yield f"{plural(test.rows, 'row')} of test"
    for metric, difference in test.differences.items():
        low, high = 100 * difference.interval.low, 100 * difference.interval.high
        yield METRICS[metric]
        yield f"  {first:{width}}  {100 * difference.first:6.2f}"
        yield f"  {second:{width}}  {100 * difference.second:6.2f}"
        yield f"  {'difference':{width}}  {100 * difference.value:+6.2f}, 95% interval {low:.2f} to {high:.2f}"
    if test.mcnemar is not None:
        only_first = plural(test.mcnemar.only_first, "row is", "rows are")
        counts = f"{only_first} right in {first} alone, {test.mcnemar.only_second:,} in {second} alone"
        yield f"McNemar's exact test: {counts}, p = {test.mcnemar.p_value:.2g}"
    yield conclusion(test.score[1], first, second)


def conclusion(difference: Difference, first: str, second: str) -> str:
    """What the interval of the score says, as a sentence; points are of a hundred."""
    low, high = 100 * difference.interval.low, 100 * difference.interval.high
    if difference.verdict == "level":
        return f"no significant difference: the interval contains 0, its width is {high - low:.2f} points"
    leader, bounds = (first, (low, high)) if difference.verdict == "ahead" else (second, (-high, -low))
    return f"{leader} is ahead by {100 * abs(difference.value):.2f} points, interval {bounds[0]:.2f} to {bounds[1]:.2f}"


def as_json(test: PairedTest, first: str, second: str) -> dict[str, Any]:
    """The comparison as plain values; scores are fractions."""
    metrics = {
        metric: {
            "first": difference.first,
            "second": difference.second,
            "difference": difference.value,
            "interval": difference.interval.bounds(),
            "verdict": difference.verdict,
        }
        for metric, difference in test.differences.items()
    }
    mcnemar = None if test.mcnemar is None else vars(test.mcnemar)
    return {"first": first, "second": second, "rows": test.rows, "metrics": metrics, "mcnemar": mcnemar}
