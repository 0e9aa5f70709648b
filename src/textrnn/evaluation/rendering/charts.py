"""Drawings as inline SVG: coloured by the page's style sheet, each with words for those who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textrnn.evaluation.rendering.markup import Markup, figure, legend, markup, percent, tag

WIDE, HIGH = 360, 220  # units of a drawing, about the pixels of a phone's width, so that 12 is a size to read
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 10, 38  # room around the plotted area
SERIES = ("first", "second")  # classes of the style sheet, in the order that curves come in
DOTTED = 100  # points at most of a curve that has a dot, with its value, at each
BARS = 40  # at most, of a histogram
LINE = 40  # height of a row of `dots`
ROOM = 0.02  # around their values


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from `start` to `end`, with a mark at each of `ticks`."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    start: float
    end: float
    percent: bool = False

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def label(self, tick: float) -> str:
        return f"{100 * tick:.6g}%" if self.percent else f"{tick:,.6g}"


def steps(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round values, `about` so many, from at or below `low` to at or above `high`: 1, 2 or 5 times a power of ten."""
    rough = max(high - low, 1e-6) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * many for many in (1, 2, 5, 10) if size * many >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(step * at, 9) for at in range(first, max(last, first + 1) + 1))


def across(title: str, low: float, high: float, percent: bool = False) -> Axis:
    """A horizontal axis over round values that hold both ends."""
    ticks = steps(low, high)
    return Axis(title, ticks[0], ticks[-1], ticks, LEFT, WIDE - RIGHT, percent)


def upright(title: str, low: float, high: float, percent: bool = False) -> Axis:
    """A vertical one, whose low end is at the bottom."""
    ticks = steps(low, high)
    return Axis(title, ticks[0], ticks[-1], ticks, HIGH - BOTTOM, TOP, percent)


def frame(x: Axis, y: Axis) -> Markup:
    """Grid, marks and titles of two axes."""
    drawn = []
    for tick in y.ticks:
        at = y.at(tick)
        drawn.append(tag("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="grid"))
        drawn.append(tag("text", y.label(tick), x=x.start - 6, y=at + 4, class_="end"))
    for tick in x.ticks:
        drawn.append(tag("text", x.label(tick), x=x.at(tick), y=y.start + 16, class_="middle"))
    drawn.append(tag("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
    drawn.append(tag("text", x.title, x=(x.start + x.end) / 2, y=y.start + 33, class_="middle soft"))
    return markup(drawn)


def curves(title: str, x_title: str, series: Sequence[tuple[str, list[tuple[float, float]]]], share: bool) -> Markup:
    """A line for each of up to two series, (name, points from left to right); `share`: values are fractions of one."""
    points = [point for _, each in series for point in each]
    x = across(x_title, 0, max(at for at, _ in points))
    y = upright(title, min(value for _, value in points), max(value for _, value in points), share)
    shown = percent if share else "{:.4f}".format
    drawn, told = [frame(x, y)], []
    for (name, each), style in zip(series, SERIES, strict=False):
        path = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in each)
        drawn.append(tag("polyline", points=path, class_=f"line {style}"))
        dotted = each if len(each) <= DOTTED else []
        drawn += [_dot(x.at(a), y.at(b), style, f"{name}, {x_title} {a:,.0f}: {shown(b)}") for a, b in dotted]
        told.append(f"{name} goes from {shown(each[0][1])} to {shown(each[-1][1])}")
    key = legend([(style, name) for (name, _), style in zip(series, SERIES, strict=False)])
    return figure(title, f"{title} by step: {', '.join(told)}", (WIDE, HIGH), drawn, key)


def _dot(x: float, y: float, style: str, said: str) -> Markup:
    return tag("circle", tag("title", said), cx=x, cy=y, r=2.5, class_=f"dot {style}")


def histogram(title: str, x_title: str, counts: Sequence[tuple[int, int]], marks: Iterable[int]) -> Markup:
    """Rows of each length, (length, rows) with a row at least, in bars of equal width; `marks` are lines across it."""
    longest = max(length for length, _ in counts)
    width = max(1, math.ceil((longest + 1) / BARS))
    bars = [0] * (longest // width + 1)
    for length, rows in counts:
        bars[length // width] += rows
    marks = list(marks)
    x = across(x_title, 0, max(len(bars) * width, *marks) if marks else len(bars) * width)
    y = upright("rows", 0, max(bars))
    drawn = [frame(x, y)]
    for at, rows in enumerate(bars):
        first, last = at * width, (at + 1) * width
        said = f"{first} tokens: {rows:,} rows" if width == 1 else f"{first} to {last - 1} tokens: {rows:,} rows"
        size = {
            "x": x.at(first),
            "width": x.at(last) - x.at(first) - 0.5,
            "y": y.at(rows),
            "height": y.start - y.at(rows),
        }
        drawn.append(tag("rect", tag("title", said), class_="bar first", **size))
    for mark in marks:
        ends = {"x1": x.at(mark), "x2": x.at(mark), "y1": y.start, "y2": y.end}
        drawn.append(tag("line", tag("title", f"padded to {mark}"), class_="mark", **ends))
    total, middle = sum(bars), _median(counts)
    told = f"{title}: {total:,} rows, half of them of {middle} tokens or fewer, the longest of {longest}"
    key = [("first", "rows"), ("mark", "widths that rows are padded to")] if marks else [("first", "rows")]
    return figure(title, told, (WIDE, HIGH), drawn, legend(key))


def _median(counts: Sequence[tuple[int, int]]) -> int:
    half, seen = sum(rows for _, rows in counts) / 2, 0
    for length, rows in sorted(counts):
        seen += rows
        if seen >= half:
            return length
    raise ValueError("no rows")


@dataclass(frozen=True)
class Confidence:
    """A bin of the reliability plot: its ends, how many predictions, their mean confidence, the share that is right."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability(title: str, bins: Sequence[Confidence], error: float) -> Markup:
    """Bars of the share that is right at each confidence, the diagonal of full calibration, and each bin's weight."""
    x, y = across("confidence", 0, 1, True), upright("right", 0, 1, True)
    drawn, most = [frame(x, y)], max(each.count for each in bins)
    for each in bins:
        left, wide = x.at(each.lower), x.at(each.upper) - x.at(each.lower) - 1
        said = f"confidence {percent(each.confidence)}: {percent(each.accuracy)} of {each.count:,} right"
        bar = {"x": left, "width": wide, "y": y.at(each.accuracy), "height": y.start - y.at(each.accuracy)}
        drawn.append(tag("rect", tag("title", said), class_="bar first", **bar))
        share = 0.2 * each.count / most  # a strip of a fifth of the height
        strip = {"x": left + wide / 3, "width": wide / 3, "y": y.at(share), "height": y.start - y.at(share)}
        drawn.append(tag("rect", class_="bar second", **strip))
    drawn.append(tag("line", x1=x.start, y1=y.start, x2=x.end, y2=y.end, class_="mark"))
    told = f"{title}: {len(bins)} bins, expected calibration error {percent(error)}"
    key = [("first", "right"), ("second", "how many, in proportion"), ("mark", "right as often as confident")]
    return figure(title, told, (WIDE, HIGH), drawn, legend(key))


@dataclass(frozen=True)
class Standing:
    """A recipe's figures for `dots`, as fractions: on test, on dev, its best baseline's on test, and the ceiling."""

    name: str
    test: float
    dev: float | None
    baseline: float | None
    ceiling: float | None


def dots(title: str, standings: Sequence[Standing]) -> Markup:
    """A line for each recipe, with a sign for each of its figures, over an axis that need not start at zero."""
    values = [v for each in standings for v in (each.test, each.dev, each.baseline, each.ceiling) if v is not None]
    low, high = max(0.0, min(values) - ROOM), min(1.0, max(values) + ROOM)
    x, bottom = across("", low, high, True), TOP + LINE * len(standings)
    drawn = []
    for tick in x.ticks:
        drawn.append(tag("line", x1=x.at(tick), x2=x.at(tick), y1=TOP, y2=bottom, class_="grid"))
        drawn.append(tag("text", x.label(tick), x=x.at(tick), y=bottom + 16, class_="middle"))
    for row, each in enumerate(standings):
        at = TOP + LINE * row + 28
        drawn.append(tag("text", each.name, x=x.start, y=at - 12))
        drawn.append(tag("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="axis"))
        if each.baseline is not None:
            path = f"M{x.at(each.baseline):.1f} {at - 6}l6 6l-6 6l-6-6z"
            drawn.append(
                tag("path", tag("title", f"best baseline: {percent(each.baseline)}"), d=path, class_="diamond")
            )
        if each.ceiling is not None:
            ends = {"x1": x.at(each.ceiling), "x2": x.at(each.ceiling), "y1": at - 8, "y2": at + 8}
            drawn.append(tag("line", tag("title", f"ceiling: {percent(each.ceiling)}"), class_="limit", **ends))
        if each.dev is not None:
            said = tag("title", f"{each.name}, dev: {percent(each.dev)}")
            drawn.append(tag("circle", said, cx=x.at(each.dev), cy=at, r=5, class_="hollow"))
        said = tag("title", f"{each.name}, test: {percent(each.test)}")
        drawn.append(tag("circle", said, cx=x.at(each.test), cy=at, r=5, class_="dot first"))
    told = ", ".join(f"{each.name} {percent(each.test)}" for each in standings)
    signs = [("round first", "test"), ("round hollow", "dev"), ("diamond", "best baseline, test")]
    signs += [("limit", "ceiling, test")] if any(each.ceiling is not None for each in standings) else []
    return figure(title, f"{title} on test: {told}", (WIDE, bottom + 24), drawn, legend(signs))
