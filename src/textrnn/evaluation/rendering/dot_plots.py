"""Dot plots: the scores of several recipes, and means with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from textrnn.evaluation.rendering.axes import (
    NARROW,
    NARROW_TEXT,
    Axis,
    axis_within,
    narrow_axis,
    percent_label,
    vertical_grid,
)
from textrnn.evaluation.rendering.svg import Chart, element
from textrnn.evaluation.rendering.text import percent

SCORE_ROW = 48  # height of a row of `score_plot`
PADDING = 0.02  # of its axis, beyond the scores
WIDTH, LEFT, RIGHT = 440, 16, 424  # of `interval_plot`: its width and the ends of its axes
ROW, HEAD, FOOT = 42, 32, 34  # heights of a row, of a panel's title and of its axis


@dataclass(frozen=True)
class Scores:
    """The scores of a recipe as fractions: on test, on dev, its best baseline's on test, and the ceiling on test."""

    name: str
    test: float
    dev: float | None
    baseline: float | None
    ceiling: float | None


def score_plot(title: str, rows: Sequence[Scores]) -> Chart:
    """A row for each recipe with a sign for each of its scores. The axis need not start at zero."""
    scores = (score for row in rows for score in (row.test, row.dev, row.baseline, row.ceiling))
    values = [score for score in scores if score is not None]
    low, high = max(0.0, min(values) - PADDING), min(1.0, max(values) + PADDING)
    x = narrow_axis("", low, high, percent_label)
    bottom = NARROW.top + SCORE_ROW * len(rows)
    elements = vertical_grid(x, NARROW.top, bottom, NARROW_TEXT)
    for number, row in enumerate(rows):
        elements += _score_row(x, NARROW.top + SCORE_ROW * number + 34, row)
    summary = ", ".join(f"{row.name} {percent(row.test)}" for row in rows)
    legend = [("round first", "test"), ("round hollow", "dev"), ("diamond", "best baseline, test")]
    legend += [("limit", "ceiling, test")] if any(row.ceiling is not None for row in rows) else []
    return Chart(title, f"{title} on test: {summary}", NARROW.width, bottom + 28, tuple(elements), tuple(legend))


def _score_row(x: Axis, height: int, row: Scores) -> list[Markup]:
    elements = [
        element("text", row.name, x=x.start, y=height - 14),
        element("line", x1=x.start, x2=x.end, y1=height, y2=height, class_="axis"),
    ]
    if row.baseline is not None:
        path = f"M{x.position(row.baseline):.1f} {height - 6}l6 6l-6 6l-6-6z"
        tooltip = element("title", f"best baseline: {percent(row.baseline)}")
        elements.append(element("path", tooltip, d=path, class_="diamond"))
    if row.ceiling is not None:
        position = x.position(row.ceiling)
        ends = {"x1": position, "x2": position, "y1": height - 8, "y2": height + 8}
        elements.append(element("line", element("title", f"ceiling: {percent(row.ceiling)}"), class_="limit", **ends))
    for split, score, style in (("dev", row.dev, "hollow"), ("test", row.test, "dot first")):
        if score is not None:
            tooltip = element("title", f"{row.name}, {split}: {percent(score)}")
            elements.append(element("circle", tooltip, cx=x.position(score), cy=height, r=5, class_=style))
    return elements


@dataclass(frozen=True)
class Estimate:
    """A named mean with the ends of its interval, None where it has none, and the values it is the mean of."""

    name: str
    mean: float
    low: float | None
    high: float | None
    values: Sequence[float]


def interval_plot(panels: Sequence[tuple[str, Sequence[Estimate]]]) -> Chart:
    """A panel for each (title, rows, at least one), with an axis of its own.

    A row has its name, and below it a small dot for each value, and the mean as a large dot with its interval.
    """
    elements: list[Markup] = []
    top = 0
    for title, rows in panels:
        elements += _panel(title, rows, top)
        top += HEAD + ROW * len(rows) + FOOT
    title = ", ".join(title for title, _ in panels)
    return Chart(title, title, WIDTH, max(top, ROW), tuple(elements))


def _panel(title: str, rows: Sequence[Estimate], top: int) -> list[Markup]:
    x = _axis_of_values([value for row in rows for value in row.values])
    elements = [element("text", title, x=8, y=top + 20, class_="title")]
    elements += vertical_grid(x, top + HEAD, top + HEAD + ROW * len(rows))
    for number, row in enumerate(rows):
        height = top + HEAD + ROW * number + 28
        elements.append(element("text", row.name, x=8, y=height - 12))
        if row.low is not None and row.high is not None:
            ends = {"x1": _clipped(x, row.low), "x2": _clipped(x, row.high), "y1": height, "y2": height}
            elements.append(element("line", class_="interval", **ends))
        elements += [element("circle", cx=_clipped(x, value), cy=height, r=3, class_="value") for value in row.values]
        elements.append(element("circle", cx=_clipped(x, row.mean), cy=height, r=5, class_="mean"))
    return elements


def _axis_of_values(values: Sequence[float]) -> Axis:
    """An axis around the values alone: the interval of two or three of them may be far wider, and is clipped."""
    spread = max(values) - min(values) or abs(values[0]) * 0.1 or 1.0
    low, high = min(values) - 0.5 * spread, max(values) + 0.5 * spread
    if min(values) >= 0:
        low = max(low, 0.0)
    return axis_within("", low, high, LEFT, RIGHT)


def _clipped(x: Axis, value: float) -> float:
    return x.position(min(max(value, x.low), x.high))
