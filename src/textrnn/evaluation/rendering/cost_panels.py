"""Score against training time, in a drawing that a phone shows: recurrent recipes and linear baselines."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from textrnn.evaluation.rendering.axes import NARROW_TEXT, NARROW_TICKS, Area, Axis, frame, percent_label, ticks_around
from textrnn.evaluation.rendering.scatter_plots import SHORTEST, Cost
from textrnn.evaluation.rendering.svg import Chart, element
from textrnn.evaluation.rendering.text import duration, percent

PANEL = Area(width=360, height=350, left=62, right=338, top=14, bottom=296)
LETTER = 8.7  # width of a character of a name, about
LINE = 18  # between two names one above the other
GAP = 10  # between a point and its name
STEP = 3  # by which a name is moved up or down


@dataclass(frozen=True)
class Point:
    """Where a model is drawn."""

    model: Cost
    x: float
    y: float


@dataclass(frozen=True)
class Box:
    """The ends of a name or a point, and the height of its middle."""

    left: float
    right: float
    y: float

    def overlaps(self, other: Box) -> bool:
        """Whether one would cover the other."""
        return self.left < other.right and other.left < self.right and abs(self.y - other.y) < LINE


def cost_panel(title: str, score_name: str, models: Sequence[Cost], named: Collection[str]) -> Chart:
    """Scores on test by training time, on a logarithmic axis; there is at least one model.

    named: the models that have their names next to them, as far as there is room; all have a tooltip.
    """
    x, y = _seconds_axis(models), _score_axis(models)
    points = [Point(model, x.position(_exponent(model)), y.position(model.score)) for model in models]
    elements = frame(x, y, NARROW_TEXT)
    elements += [mark for point in points for mark in _interval(point, y)]
    elements += [_mark(point) for point in points]
    elements += _names(points, named)
    best = max(models, key=lambda model: model.score)
    description = f"{title} on test by training time: " + ", ".join(map(_describe, models))
    description += f"; the best {score_name} is that of {best.name}"
    kinds = [(True, "round first", "recurrent recipe"), (False, "diamond", "linear baseline")]
    legend = [(sign, words) for kind, sign, words in kinds if any(model.recurrent == kind for model in models)]
    return Chart(title, description, PANEL.width, PANEL.height, tuple(elements), tuple(legend))


def _seconds_axis(models: Sequence[Cost]) -> Axis:
    exponents = [_exponent(model) for model in models]
    low, high = math.floor(min(exponents)), max(math.ceil(max(exponents)), math.floor(min(exponents)) + 1)
    ticks = tuple(float(power) for power in range(low, high + 1))
    return Axis("training seconds, log scale", low, high, ticks, PANEL.left, PANEL.right, _seconds_label)


def _exponent(model: Cost) -> float:
    return math.log10(max(model.seconds, SHORTEST))


def _seconds_label(power: float) -> str:
    return f"{10**power:,.6g}"


def _score_axis(models: Sequence[Cost]) -> Axis:
    ends = [end for model in models for end in (model.interval or (model.score,))]
    ticks = ticks_around(min(ends), max(ends), NARROW_TICKS)
    return Axis("", ticks[0], ticks[-1], ticks, PANEL.bottom, PANEL.top, percent_label)


def _describe(model: Cost) -> str:
    return f"{model.name} {percent(model.score)} after {duration(model.seconds)}"


def _interval(point: Point, y: Axis) -> list[Markup]:
    if point.model.interval is None:
        return []
    low, high = (y.position(end) for end in point.model.interval)
    style = "interval first" if point.model.recurrent else "interval second"
    return [element("line", x1=point.x, x2=point.x, y1=low, y2=high, class_=style)]


def _mark(point: Point) -> Markup:
    tooltip = element("title", _describe(point.model))
    if point.model.recurrent:
        return element("circle", tooltip, cx=point.x, cy=point.y, r=6, class_="dot first")
    path = f"M{point.x:.1f} {point.y - 6:.1f}l6 6l-6 6l-6-6z"
    return element("path", tooltip, d=path, class_="diamond")


def _names(points: Sequence[Point], named: Collection[str]) -> list[Markup]:
    """The names, from the top down, each next to its point, or with a line to it where others are in the way."""
    taken = [Box(point.x - 8, point.x + 8, point.y) for point in points]
    elements = []
    for point in sorted(points, key=lambda point: -point.model.score):
        if point.model.name not in named:
            continue
        box = _free_box(point, taken)
        taken.append(box)
        if abs(box.y - point.y) > LINE / 2:
            near = box.left if box.left > point.x else min(box.right, point.x)
            elements.append(element("line", x1=point.x, x2=near, y1=point.y, y2=box.y, class_="axis"))
        # at the end that is next to the point: the width of a name is known about
        end = {"x": box.right, "class_": "end"} if box.right < point.x else {"x": box.left}
        elements.append(element("text", point.model.name, y=box.y + NARROW_TEXT / 3, **end))
    return elements


def _free_box(point: Point, taken: Sequence[Box]) -> Box:
    """The place for a name that is nearest to its point; over other names if the panel is full."""
    boxes = [box for box in _boxes(point) if PANEL.top + 4 <= box.y <= PANEL.bottom - LINE / 2]
    free = (box for box in boxes if not any(box.overlaps(other) for other in taken))
    return next(free, boxes[0])


def _boxes(point: Point) -> list[Box]:
    """Places for a name, the nearest first: to the right of the point, to the left, then further up and down."""
    width = LETTER * len(point.model.name)
    lefts = [point.x + GAP, point.x - GAP - width]
    lefts = [left for left in lefts if left >= PANEL.left + 2 and left + width <= PANEL.width - 2]
    lefts = lefts or [max(0.0, PANEL.width - 2 - width)]  # too wide for either side: up to the right end
    offsets = sorted(range(-PANEL.height, PANEL.height, STEP), key=abs)
    return [Box(left, left + width, point.y + offset) for offset in offsets for left in lefts]
