"""SVG built with escaping: elements, and charts that a page embeds or that are files of their own."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from textrnn.evaluation.rendering.text import number

# The look of a chart in a file of its own. In the report, the style sheet of the page has rules for the same classes.
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-weight: 600 }
.middle { text-anchor: middle } .end { text-anchor: end } .middle, .end { fill: #666; font-size: 12px }
.grid { stroke: #ddd } .axis { stroke: #aaa } .line { fill: none; stroke-width: 2 }
.interval { stroke: #2f6db3; stroke-width: 2 } .mean { fill: #2f6db3 } .value { fill: #888; fill-opacity: .6 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .middle, .end { fill: #aaa } .grid { stroke: #444 }
.axis { stroke: #777 } .interval { stroke: #7db3ea } .mean { fill: #7db3ea } .value { fill: #aaa } }
</style>"""


@dataclass(frozen=True)
class Chart:
    """A drawing of `width` by `height` units.

    description: what a screen reader says instead of the drawing.
    legend: (class of the sign, what it stands for), shown below the drawing.
    """

    title: str
    description: str
    width: int
    height: int
    elements: tuple[Markup, ...]
    legend: tuple[tuple[str, str], ...] = ()


def element(name: str, /, *children: str, **attributes: str | float) -> Markup:
    """An SVG element; text and values of attributes are escaped unless they are Markup. `class_` is `class`."""
    pairs = ((key.rstrip("_"), value) for key, value in attributes.items())
    start = Markup("").join(
        Markup(' {}="{}"').format(key, value if isinstance(value, str) else number(value)) for key, value in pairs
    )
    if not children:
        return Markup("<{}{}/>").format(name, start)
    return Markup("<{0}{1}>{2}</{0}>").format(name, start, Markup("").join(children))


def document(chart: Chart) -> str:
    """The chart as the text of an SVG file with its own style, for light and dark."""
    width, height = chart.width, chart.height
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, STYLE, *chart.elements, "</svg>"]) + "\n"
