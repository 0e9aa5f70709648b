"""Plotted areas, axes with round ticks, and the grids drawn from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from textrnn.evaluation.rendering.svg import element

SMALLEST_SPAN = 1e-6  # of an axis around its values, so that equal values have one too


def plain_label(tick: float) -> str:
    """A tick as a number."""
    return f"{tick:,.6g}"


def percent_label(tick: float) -> str:
    """A tick that is a fraction, as a percentage."""
    return f"{100 * tick:.6g}%"


def power_label(tick: float) -> str:
    """A tick of a logarithmic axis, which is the exponent, as the power of ten."""
    return f"{10**tick:.2g}"


@dataclass(frozen=True)
class Area:
    """The size of a drawing and the edges of the rectangle that its axes enclose; y grows downward."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


# A phone is about as wide, so a unit is about a pixel there: text of 16 units can be read.
NARROW = Area(width=360, height=250, left=62, right=338, top=12, bottom=196)
NARROW_TEXT = 16
WIDE_TEXT = 12  # of the ticks of wider drawings, in units
NARROW_TICKS = 4  # about so many parts of an axis, so that labels of that size do not touch


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from coordinate `start` to coordinate `end`."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    start: float
    end: float
    label: Callable[[float], str] = plain_label

    def position(self, value: float) -> float:
        """The coordinate of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def axis_around(
    title: str, low: float, high: float, start: float, end: float, label: Callable[[float], str] = plain_label
) -> Axis:
    """An axis that begins and ends at round values around `low` and `high`."""
    ticks = ticks_around(low, high)
    return Axis(title, ticks[0], ticks[-1], ticks, start, end, label)


def narrow_axis(title: str, low: float, high: float, label: Callable[[float], str] = plain_label) -> Axis:
    """The same across the area NARROW, with fewer ticks: their labels are next to each other."""
    ticks = ticks_around(low, high, NARROW_TICKS)
    return Axis(title, ticks[0], ticks[-1], ticks, NARROW.left, NARROW.right, label)


def axis_within(
    title: str, low: float, high: float, start: float, end: float, label: Callable[[float], str] = plain_label
) -> Axis:
    """An axis that begins at `low` and ends at `high`, which is greater."""
    return Axis(title, low, high, ticks_within(low, high), start, end, label)


def ticks_around(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """At least two round values, about `count`, the first at or below `low` and the last at or above `high`."""
    # relative to the values too: ticks of twelve digits must differ
    step = _round_step(max(high - low, SMALLEST_SPAN, SMALLEST_SPAN * abs(high)), count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return _multiples(step, first, max(last, first + 1))


def ticks_within(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """At most `count` + 1 round values from `low` to `high`, which is greater."""
    step = _round_step(high - low, count)
    return _multiples(step, math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9))


def _round_step(span: float, count: int) -> float:
    """The least of 1, 2 and 5 times the powers of ten that divides the span into about `count` parts or fewer."""
    least = span / count
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def _multiples(step: float, first: int, last: int) -> tuple[float, ...]:
    # twelve digits take the error of the floating-point product away
    return tuple(float(f"{factor * step:.12g}") for factor in range(first, last + 1))


def frame(x: Axis, y: Axis, text: int = WIDE_TEXT) -> list[Markup]:
    """Horizontal grid lines, the labels of both axes, the line of the x axis and its title; text: its size in units."""
    elements = []
    for tick in y.ticks:
        height = y.position(tick)
        elements.append(element("line", x1=x.start, x2=x.end, y1=height, y2=height, class_="grid"))
        elements.append(element("text", y.label(tick), x=x.start - 6, y=height + text / 3, class_="end"))
    for tick in x.ticks:
        elements.append(element("text", x.label(tick), x=x.position(tick), y=y.start + text * 4 / 3, class_="middle"))
    elements.append(element("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
    title = {"x": (x.start + x.end) / 2, "y": y.start + text * 11 / 4}
    elements.append(element("text", x.title, class_="middle soft", **title))
    return elements


def vertical_grid(x: Axis, top: float, bottom: float, text: int = WIDE_TEXT) -> list[Markup]:
    """Grid lines from `top` to `bottom` with the labels of the axis below; text: their size in units."""
    elements = []
    for tick in x.ticks:
        position = x.position(tick)
        elements.append(element("line", x1=position, x2=position, y1=top, y2=bottom, class_="grid"))
        elements.append(element("text", x.label(tick), x=position, y=bottom + text * 4 / 3, class_="middle"))
    return elements
