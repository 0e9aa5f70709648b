"""Bar charts: a histogram of lengths, and a reliability diagram."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textrnn.evaluation.rendering.axes import NARROW, NARROW_TEXT, axis_around, frame, narrow_axis, percent_label
from textrnn.evaluation.rendering.svg import Chart, element
from textrnn.evaluation.rendering.text import percent

MAX_BARS = 40  # of a histogram
COUNT_HEIGHT = 0.2  # of the plotted area, for the fullest bin of a reliability diagram


def histogram(title: str, x_title: str, counts: Sequence[tuple[int, int]], marks: Sequence[int]) -> Chart:
    """How many rows have each length, in bars of equal width.

    counts: (length, rows), at least one row each. marks: lengths with a line across the chart.
    """
    longest = max(length for length, _ in counts)
    width = max(1, math.ceil((longest + 1) / MAX_BARS))
    bars = [0] * (longest // width + 1)
    for length, rows in counts:
        bars[length // width] += rows
    x = narrow_axis(x_title, 0, max(len(bars) * width, *marks, 0))
    y = axis_around("rows", 0, max(bars), NARROW.bottom, NARROW.top)
    elements = frame(x, y, NARROW_TEXT)
    for index, rows in enumerate(bars):
        first, end = index * width, (index + 1) * width
        lengths = f"{first} tokens" if width == 1 else f"{first} to {end - 1} tokens"
        box = {
            "x": x.position(first),
            "width": x.position(end) - x.position(first) - 0.5,
            "y": y.position(rows),
            "height": y.start - y.position(rows),
        }
        elements.append(element("rect", element("title", f"{lengths}: {rows:,} rows"), class_="bar first", **box))
    for mark in marks:
        ends = {"x1": x.position(mark), "x2": x.position(mark), "y1": y.start, "y2": y.end}
        elements.append(element("line", element("title", f"padded to {mark}"), class_="mark", **ends))
    total, median = sum(bars), _median(counts)
    description = f"{title}: {total:,} rows, half of them of {median} tokens or fewer, the longest of {longest}"
    legend = [("first", "rows")] + ([("mark", "widths that rows are padded to")] if marks else [])
    return Chart(title, description, NARROW.width, NARROW.height, tuple(elements), tuple(legend))


def _median(counts: Iterable[tuple[int, int]]) -> int:
    ordered = sorted(counts)
    half, cumulative = sum(rows for _, rows in ordered) / 2, 0
    for length, rows in ordered:
        cumulative += rows
        if cumulative >= half:
            return length
    raise ValueError("no rows")


@dataclass(frozen=True)
class ReliabilityBar:
    """A bar of a reliability diagram: the predictions with a confidence from `lower` to `upper`.

    count: their number; confidence: their mean confidence; accuracy: the height of the bar.
    """

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability_diagram(title: str, bars: Sequence[ReliabilityBar], error: float) -> Chart:
    """A bar for the accuracy of each bin, the diagonal of perfect calibration, and a strip for the bin's count.

    error: the expected calibration error, for the description.
    """
    x = narrow_axis("confidence", 0, 1, percent_label)
    y = axis_around("accuracy", 0, 1, NARROW.bottom, NARROW.top, percent_label)
    elements, largest = frame(x, y, NARROW_TEXT), max(bar.count for bar in bars)
    for bar in bars:
        left, width = x.position(bar.lower), x.position(bar.upper) - x.position(bar.lower) - 1
        tooltip = f"confidence {percent(bar.confidence)}: {percent(bar.accuracy)} of {bar.count:,} correct"
        top = y.position(bar.accuracy)
        box = {"x": left, "width": width, "y": top, "height": y.start - top}
        elements.append(element("rect", element("title", tooltip), class_="bar first", **box))
        top = y.position(COUNT_HEIGHT * bar.count / largest)
        strip = {"x": left + width / 3, "width": width / 3, "y": top, "height": y.start - top}
        elements.append(element("rect", class_="bar second", **strip))
    elements.append(element("line", x1=x.start, y1=y.start, x2=x.end, y2=y.end, class_="mark"))
    description = f"{title}: {len(bars)} bins, expected calibration error {percent(error)}"
    legend = (
        ("first", "accuracy"),
        ("second", "predictions, in proportion"),
        ("mark", "perfect calibration"),
    )
    return Chart(title, description, NARROW.width, NARROW.height, tuple(elements), legend)
