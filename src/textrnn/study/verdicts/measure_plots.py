"""Plots as SVG, without a library: a measure's means with intervals by variant, and lines over distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from textrnn.study.verdicts.measures import MEASURES

WIDTH, LEFT, RIGHT = 720, 190, 30  # pixels: of a plot, and of its margins
ROW, HEAD, FOOT = 26, 34, 30  # heights of a variant's row, of a panel's title, of its axis
HEIGHT = 320  # of a plot of lines
COLORS = ("#2f6db3", "#c2571a", "#3a8a4d", "#8a4fa3", "#a08a1a", "#4a8f96")
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #222 } .t { font-weight: 600 } .k { fill: #666; font-size: 12px }
.g { stroke: #ddd } .i { stroke: #2f6db3; stroke-width: 2 } .m { fill: #2f6db3 } .s { fill: #888; fill-opacity: .6 }
.l { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .k { fill: #aaa } .g { stroke: #444 } .i { stroke: #7db3ea }
.m { fill: #7db3ea } .s { fill: #aaa } }
</style>"""


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` + 1 round values (1, 2 or 5 times a power of ten apart) from `low` to `high`, low < high."""
    rough = (high - low) / most
    power: float = 10.0 ** math.floor(math.log10(rough))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / apart - 1e-9)
    return [float(f"{at * apart:.12g}") for at in range(first, math.floor(high / apart + 1e-9) + 1)]


def draw_measures(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """A panel for each measure: a row for each variant, a dot for each seed, the mean with its interval.

    measured: as in verdicts.json, by measure and variant: mean, low, high (null where there is none) and values.
    """
    parts, top = [], 0
    for measure, variants in measured.items():
        if variants:
            parts += _panel(measure, variants, top)
            top += HEAD + ROW * len(variants) + FOOT
    return _svg(max(top, ROW), parts)


def _panel(measure: str, variants: Mapping[str, Mapping[str, Any]], top: int) -> list[str]:
    shown = 100.0 if MEASURES[measure].percent else 1.0
    seen = [value * shown for each in variants.values() for value in each["values"]]
    # of two or three seeds an interval may be far wider than all that was seen: it is cut at the panel's edge
    spread = max(seen) - min(seen) or abs(seen[0]) * 0.1 or 1.0
    low, high = min(seen) - 0.5 * spread, max(seen) + 0.5 * spread
    if min(seen) >= 0:
        low = max(low, 0.0)

    def x(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    bottom = top + HEAD + ROW * len(variants)
    unit = ", %" if MEASURES[measure].percent else ""
    parts = [f'<text class="t" x="8" y="{top + 20}">{escape(MEASURES[measure].title + unit)}</text>']
    for tick in ticks(low, high):
        parts.append(f'<line class="g" x1="{x(tick)}" x2="{x(tick)}" y1="{top + HEAD}" y2="{bottom}"/>')
        parts.append(f'<text class="k" text-anchor="middle" x="{x(tick)}" y="{bottom + 16}">{tick:g}</text>')
    for at, (variant, each) in enumerate(variants.items()):
        y = top + HEAD + ROW * at + ROW // 2
        parts.append(f'<text x="8" y="{y + 4}">{escape(variant)}</text>')
        if each["low"] is not None:
            ends = x(each["low"] * shown), x(each["high"] * shown)
            parts.append(f'<line class="i" x1="{ends[0]}" x2="{ends[1]}" y1="{y}" y2="{y}"/>')
        parts += [f'<circle class="s" cx="{x(value * shown)}" cy="{y}" r="3"/>' for value in each["values"]]
        parts.append(f'<circle class="m" cx="{x(each["mean"] * shown)}" cy="{y}" r="5"/>')
    return parts


def draw_lines(title: str, across: str, lines: Mapping[str, Sequence[tuple[float, float]]], *, log: bool) -> str:
    """A line (x, y) for each name, with the names at the right; log: heights are powers of ten, y above 0."""
    points = [point for line in lines.values() for point in line if point[1] > 0 or not log]
    if not points:
        return _svg(HEIGHT, [f'<text class="t" x="8" y="20">{escape(title)}</text>'])
    heights = [math.log10(y) if log else y for _, y in points]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(heights), max(heights)
    low, high, right = low, high if high > low else low + 1, right if right > left else left + 1

    def at(x: float, height: float) -> tuple[float, float]:
        across_share, up_share = (x - left) / (right - left), (height - low) / (high - low)
        return round(60 + across_share * (WIDTH - 240), 1), round(HEIGHT - 50 - up_share * (HEIGHT - 90), 1)

    parts = [f'<text class="t" x="8" y="20">{escape(title)}</text>']
    for tick in ticks(low, high):
        y = at(left, tick)[1]
        parts.append(f'<line class="g" x1="60" x2="{WIDTH - 180}" y1="{y}" y2="{y}"/>')
        label = f"{10**tick:.2g}" if log else f"{tick:g}"
        parts.append(f'<text class="k" text-anchor="end" x="54" y="{y + 4}">{label}</text>')
    for tick in ticks(left, right):
        parts.append(f'<text class="k" text-anchor="middle" x="{at(tick, low)[0]}" y="{HEIGHT - 32}">{tick:g}</text>')
    parts.append(
        f'<text class="k" text-anchor="middle" x="{(60 + WIDTH - 180) / 2}" y="{HEIGHT - 10}">{escape(across)}</text>'
    )
    for number, (name, line) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        places = [at(x, math.log10(y) if log else y) for x, y in line if y > 0 or not log]
        parts.append(f'<polyline class="l" stroke="{color}" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
        y = 48 + 20 * number
        parts.append(f'<line class="l" stroke="{color}" x1="{WIDTH - 170}" x2="{WIDTH - 150}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{WIDTH - 144}" y="{y + 4}">{escape(name)}</text>')
    return _svg(HEIGHT, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"
