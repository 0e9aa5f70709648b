"""Line charts: the learning curves of a recipe, and any number of named lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from textrnn.evaluation.rendering.axes import (
    NARROW,
    NARROW_TEXT,
    Area,
    Axis,
    axis_around,
    axis_within,
    frame,
    narrow_axis,
    percent_label,
    plain_label,
    power_label,
)
from textrnn.evaluation.rendering.svg import Chart, element
from textrnn.evaluation.rendering.text import percent as format_percent

Points = Sequence[tuple[float, float]]

SERIES = ("first", "second")  # classes of the style sheet, in the order of the series
FLAT = 0.02  # curves that differ by less than this share of their values get an axis with fewer digits
MAX_DOTS = 100  # a curve of more points has no dots
NAMED = Area(width=440, height=300, left=58, right=424, top=36, bottom=250)  # of `line_chart`, above the names
NAME_ROW = 20  # height of a name
COLORS = ("#2f6db3", "#c2571a", "#3a8a4d", "#8a4fa3", "#a08a1a", "#4a8f96")


def learning_curves(title: str, x_title: str, series: Sequence[tuple[str, Points]], *, percent: bool) -> Chart:
    """A line for each of at most two series, (name, points from left to right), with a tooltip at each point.

    percent: the values are fractions, shown as percentages.
    """
    points = [point for _, line in series for point in line]
    values = [value for _, value in points]
    x = narrow_axis(x_title, 0, max(step for step, _ in points))
    label = percent_label if percent else plain_label
    margin = FLAT * max(map(abs, values)) if max(values) - min(values) < FLAT * max(map(abs, values)) else 0.0
    y = axis_around(title, min(values) - margin, max(values) + margin, NARROW.bottom, NARROW.top, label)
    form = format_percent if percent else "{:.4f}".format
    elements, summaries = frame(x, y, NARROW_TEXT), []
    for (name, line), style in zip(series, SERIES, strict=False):
        elements.append(_polyline(x, y, line, class_=f"line {style}"))
        for step, value in line if len(line) <= MAX_DOTS else []:
            tooltip = element("title", f"{name}, {x_title} {step:,.0f}: {form(value)}")
            dot = {"cx": x.position(step), "cy": y.position(value), "r": 2.5}
            elements.append(element("circle", tooltip, class_=f"dot {style}", **dot))
        summaries.append(f"{name} goes from {form(line[0][1])} to {form(line[-1][1])}")
    legend = tuple((style, name) for (name, _), style in zip(series, SERIES, strict=False))
    description = f"{title} by step: {', '.join(summaries)}"
    return Chart(title, description, NARROW.width, NARROW.height, tuple(elements), legend)


def line_chart(title: str, x_title: str, lines: Mapping[str, Points], *, log: bool) -> Chart:
    """A line for each name, with the names below, so that a narrow screen has room for both.

    log: the y axis is logarithmic; points at or below zero are left out.
    """
    places = {
        name: [(x, math.log10(y) if log else y) for x, y in points if y > 0 or not log]
        for name, points in lines.items()
    }
    elements = [element("text", title, x=8, y=20, class_="title")]
    points = [point for line in places.values() for point in line]
    if points:
        x, y = _axes_within(x_title, points, power_label if log else plain_label)
        elements += frame(x, y)
        for number, (name, line) in enumerate(places.items()):
            color, height = COLORS[number % len(COLORS)], NAMED.height + NAME_ROW * number
            elements.append(_polyline(x, y, line, class_="line", stroke=color))
            sign = {"x1": NAMED.left, "x2": NAMED.left + 20, "y1": height, "y2": height}
            elements.append(element("line", class_="line", stroke=color, **sign))
            elements.append(element("text", name, x=NAMED.left + 28, y=height + 4))
    return Chart(title, title, NAMED.width, NAMED.height + NAME_ROW * len(places), tuple(elements))


def _axes_within(x_title: str, points: Points, label: Callable[[float], str]) -> tuple[Axis, Axis]:
    """Axes that end where the points do; equal values get an axis of length one."""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    x = axis_within(x_title, left, right if right > left else left + 1, NAMED.left, NAMED.right)
    return x, axis_within("", low, high if high > low else low + 1, NAMED.bottom, NAMED.top, label)


def _polyline(x: Axis, y: Axis, points: Points, **attributes: str) -> Markup:
    path = " ".join(f"{x.position(across):.1f},{y.position(up):.1f}" for across, up in points)
    return element("polyline", points=path, **attributes)
