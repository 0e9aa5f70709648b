"""Scatter plots: what a score costs, with a point for each model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from textrnn.evaluation.rendering.axes import Area, Axis, axis_around, frame, percent_label
from textrnn.evaluation.rendering.svg import Chart, element
from textrnn.evaluation.rendering.text import percent

AREA = Area(width=720, height=400, left=60, right=690, top=40, bottom=350)
SHORTEST = 0.1  # seconds: a model that takes less is drawn here
LINE = 14  # between two names one above the other
LABEL_WIDTH = 7.2  # of a character, about


@dataclass(frozen=True)
class Cost:
    """A model: its training seconds, its score on test as a fraction, and the bounds of the score's interval."""

    name: str
    seconds: float
    score: float
    interval: tuple[float, float] | None
    recurrent: bool


@dataclass(frozen=True)
class Level:
    """A score whose cost is unknown, drawn as a line."""

    name: str
    score: float


def cost_plot(title: str, score_name: str, models: Sequence[Cost], levels: Sequence[Level] = ()) -> Chart:
    """Scores by training time, on a logarithmic axis; there is at least one model.

    Each point is labelled with its name, moved down where labels would overlap.
    """
    scores = [end for model in models for end in (model.interval or (model.score,))]
    scores += [level.score for level in levels]
    x = _seconds_axis(models)
    y = axis_around("", min(scores), max(scores), AREA.bottom, AREA.top, percent_label)
    elements = [element("text", title, x=8, y=20, class_="title"), *frame(x, y)]
    for level in levels:
        elements += _level(x, y, level)
    for model in models:
        elements += _point(x, y, model)
    elements += [*_names(x, y, models, levels), *_legend(models)]
    best = max(models, key=lambda model: model.score)
    description = f"{score_name} on test by training time; the best of {len(models)} models is {best.name}, "
    return Chart(title, description + percent(best.score), AREA.width, AREA.height, tuple(elements))


def _seconds_axis(models: Sequence[Cost]) -> Axis:
    places = [_place(model) for model in models]
    low, high = math.floor(min(places)), max(math.ceil(max(places)), math.floor(min(places)) + 1)
    ticks = tuple(float(power) for power in range(low, high + 1))
    return Axis("training time", low, high, ticks, AREA.left, AREA.right, _time_label)


def _place(model: Cost) -> float:
    return math.log10(max(model.seconds, SHORTEST))


def _time_label(power: float) -> str:
    return f"{10**power:,.6g} s"


def _level(x: Axis, y: Axis, level: Level) -> list[Markup]:
    height = y.position(level.score)
    return [
        element("line", x1=x.start, x2=x.end, y1=height, y2=height, class_="axis"),
        element("text", level.name, x=x.start + 4, y=height - 4, class_="soft"),
    ]


def _point(x: Axis, y: Axis, model: Cost) -> list[Markup]:
    across, style = x.position(_place(model)), "mean" if model.recurrent else "value"
    tooltip = element("title", f"{model.name}: {percent(model.score)}, {model.seconds:,.0f} s")
    elements = [element("circle", tooltip, cx=across, cy=y.position(model.score), r=5, class_=style)]
    if model.interval is not None:
        low, high = (y.position(end) for end in model.interval)
        bar = "interval" if model.recurrent else "axis"
        elements.insert(0, element("line", x1=across, x2=across, y1=low, y2=high, class_=bar))
    return elements


def _legend(models: Sequence[Cost]) -> list[Markup]:
    """What the two colours stand for, at the top right."""
    elements, right = [], float(AREA.right)
    for text, style, recurrent in (("linear", "value", False), ("recurrent", "mean", True)):
        if any(model.recurrent == recurrent for model in models):
            elements.append(element("text", text, x=right, y=20, class_="end"))
            right -= LABEL_WIDTH * len(text) + 8
            elements.append(element("circle", cx=right, cy=16, r=5, class_=style))
            right -= 16
    return elements


def _names(x: Axis, y: Axis, models: Sequence[Cost], levels: Sequence[Level]) -> list[Markup]:
    """The names, from the top down; one that would cover a point or a name already placed is moved below it.

    A line leads from the point to a name that was moved.
    """
    points = [(x.position(_place(model)), y.position(model.score) + 4) for model in models]
    taken = [(across - 7, across + 7, height) for across, height in points]  # left end, right end, height
    taken += [(x.start, x.start + LABEL_WIDTH * len(level.name), y.position(level.score) - 4) for level in levels]
    elements = []
    for model, (across, start_height) in sorted(zip(models, points, strict=True), key=lambda pair: -pair[0].score):
        height = start_height
        width = LABEL_WIDTH * len(model.name)
        left = across - 9 - width if across + 9 + width > AREA.width else across + 9
        while any(left < end and start < left + width and abs(height - other) < LINE for start, end, other in taken):
            height += 2
        taken.append((left, left + width, height))
        if height > start_height + LINE / 2:  # else the name is plainly next to its point
            end = left + width if left < across else left
            elements.append(element("line", x1=across, x2=end, y1=start_height - 4, y2=height - 4, class_="axis"))
        elements.append(element("text", model.name, x=left, y=height))
    return elements
