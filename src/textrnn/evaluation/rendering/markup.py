"""HTML made so that text cannot become markup: all that is not Markup already is escaped where it is put in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# a control character of a corpus as the picture of it, as HTML has no place for it
PICTURES = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421}
EMPTY = frozenset({"meta", "br"})  # elements without an end


class Markup(str):
    """A string that is HTML: it is put in as it is."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def markup(*children: Child) -> Markup:
    """The children one after the other; strings are escaped unless they are Markup, None is nothing."""
    return Markup("".join(_parts(children)))


def _parts(child: Child) -> Iterable[str]:
    if isinstance(child, Markup):
        yield child
    elif isinstance(child, str):
        yield html.escape(child)
    elif isinstance(child, int):
        yield f"{child:,}"
    elif child is not None:
        for each in child:
            yield from _parts(each)


def tag(element: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. `class_` is the attribute class, `aria_label` aria-label; one that is None or False is left out."""
    start = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{element}{start}>" if element in EMPTY else f"<{element}{start}>{markup(*children)}</{element}>")


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(number(value))}"'


def number(value: str | float) -> str:
    """A coordinate in two digits at most, and no more of them than it needs."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def text(value: str) -> Markup:
    """Text of a corpus: its own direction, control characters seen, and Chinese glyphs where it has ideographs."""
    return tag("bdi", value.translate(PICTURES), lang="zh-Hans" if HAN.search(value) else None)


def percent(value: float | None) -> str:
    """A fraction as a percentage of two digits; a dash for none."""
    return "–" if value is None else f"{100 * value:.2f}%"


def meter(value: float) -> Markup:
    """A fraction and a bar of it, for the cell of a table."""
    bar = tag("span", class_="meter", style=f"--v:{number(value)}", aria_hidden="true")
    return markup(percent(value), bar)


def scroller(label: str, *children: Child, kind: str = "scroll") -> Markup:
    """What may be wider than a phone, in a box that scrolls by itself and by the keyboard."""
    return tag("div", *children, class_=kind, role="region", aria_label=label, tabindex="0")


def table(caption: str, head: Sequence[tuple[str, str]], rows: Iterable[Sequence[Child]], kind: str = "") -> Markup:
    """A table with a head for each column, (name, class of its cells), and one for each row: the row's first cell."""
    titles = [tag("th", name, scope="col", class_=style or None) for name, style in head]
    styles = [style or None for _, style in head]
    lines = []
    for first, *cells in rows:
        data = [tag("td", cell, class_=style) for cell, style in zip(cells, styles[1:], strict=True)]
        lines.append(tag("tr", tag("th", first, scope="row"), data))
    body = (tag("caption", caption), tag("thead", tag("tr", titles)), tag("tbody", lines))
    return scroller(caption, tag("table", body, class_=kind or None))


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and values in two columns."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="facts")


def figure(title: str, told: str, size: tuple[int, int], drawn: Child, *below: Child) -> Markup:
    """A drawing of a size with its title; `told` is what a screen reader says instead of it."""
    wide, high = size
    drawing = tag("svg", drawn, viewBox=f"0 0 {wide} {high}", role="img", aria_label=told)
    return tag("figure", tag("figcaption", title), drawing, below)


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """A key to a drawing: (class of the sign, what it stands for)."""
    return tag(
        "p", [tag("span", tag("i", class_=sign, aria_hidden="true"), name) for sign, name in entries], class_="key"
    )
