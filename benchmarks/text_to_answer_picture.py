"""Draw the picture of docs/text-to-answer.md: one headline from its line to its answer, with a column for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.evaluation.rendering.svg import Chart, element

WIDTH, LEFT, CELL = 360, 12, 21  # about as wide as a phone; 16 columns
HEADING, GAP = 20, 22  # heights of the line above a section, and of the space below it
VECTOR_ROWS, STATE_ROWS, SMALL = 6, 8, 11  # how many values of a vector and of a state are drawn, and how high each is
BAR_LEFT, BAR_WIDTH, BAR_HEIGHT = 104, 200, 16
POSITIVE, NEGATIVE = "#2f6db3", "#d9822b"
SMALL_TEXT = "font-size: 10px"


@dataclass(frozen=True)
class Walk:
    """What one headline becomes, step by step.

    ids: with those of padding. vectors, states: for each id, the first values at least. probabilities: by topic.
    """

    text: str
    label: int
    tokens: Sequence[str]
    ids: Sequence[int]
    vectors: Sequence[Sequence[float]]
    states: Sequence[Sequence[float]]
    probabilities: dict[str, float]

    @property
    def topic(self) -> str:
        """The name of the label."""
        return list(self.probabilities)[self.label]

    @property
    def answer(self) -> str:
        """The most probable topic."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


def draw(walk: Walk) -> Chart:
    """The picture, with the sections of the page from top to bottom."""
    length, padding = len(walk.tokens), len(walk.ids) - len(walk.tokens)
    ids = [str(token_id) for token_id in walk.ids]
    sections = [
        ("1  Raw line", "a line of test.txt", _box(f"{walk.text} ⇥ {walk.label}", "")),
        ("2  Row", "text and label", _box(walk.text, f"label {walk.label}, {walk.topic}")),
        ("3  Tokens", f"{length} characters", _cells([token.replace(" ", "␣") for token in walk.tokens], length, "")),
        ("4  Ids", "numbers in the vocabulary", _cells(ids[:length], length, SMALL_TEXT)),
        ("5  Padded row", f"length {length}, {padding} of padding", _cells(ids, length, SMALL_TEXT)),
        ("6  Vectors", f"the first {VECTOR_ROWS} of 300 values of each", _vectors(walk)),
        ("7  States", f"the first {STATE_ROWS} of 64 values, step by step →", _states(walk)),
        ("8  Answer", "probability of each topic", _bars(walk)),
    ]
    elements: list[Markup] = []
    top = 4
    for heading, note, (body, height) in sections:
        elements.append(element("text", heading, x=LEFT, y=top + 13, class_="title"))
        elements.append(element("text", note, x=LEFT + len(walk.ids) * CELL, y=top + 13, class_="end"))
        elements.append(element("g", *body, transform=f"translate(0 {top + HEADING})"))
        top += HEADING + height + GAP
    description = f"{walk.text} becomes {length} tokens, their ids, vectors and states, and the answer {walk.answer}"
    return Chart("How a text becomes an answer", description, WIDTH, top - GAP + 8, tuple(elements))


def _box(text: str, note: str) -> tuple[list[Markup], int]:
    """A framed line of text with a note at its end, and the height."""
    frame = element("rect", x=LEFT, y=0, width=16 * CELL, height=26, rx=4, fill="none", class_="axis")
    end = element("text", note, x=LEFT + 16 * CELL - 10, y=18, class_="end")
    return [frame, element("text", text, x=LEFT + 10, y=18), end], 26


def _cells(values: Sequence[str], length: int, style: str) -> tuple[list[Markup], int]:
    """A row of framed values, one for each step; those from `length` on are padding."""
    elements = []
    for number, value in enumerate(values):
        x, padding = LEFT + number * CELL, number >= length
        frame: dict[str, str | float] = {"fill": "#888", "fill-opacity": 0.25} if padding else {"fill": "none"}
        elements.append(element("rect", x=x, y=0, width=CELL, height=CELL, class_="axis", **frame))
        middle = {"text-anchor": "middle", "style": style}
        elements.append(element("text", value, x=x + CELL / 2, y=15, **middle))
    return elements, CELL


def _vectors(walk: Walk) -> tuple[list[Markup], int]:
    """The first values of the vector of each id, with what their colours mean."""
    elements, height = _heat_map(walk.vectors, VECTOR_ROWS)
    return [*elements, *_legend(height + 16)], height + 16


def _states(walk: Walk) -> tuple[list[Markup], int]:
    """The first values of the state after each step, with a frame around the last one."""
    elements, height = _heat_map(walk.states, STATE_ROWS)
    last = LEFT + (len(walk.states) - 1) * CELL
    frame: dict[str, str | float] = {"fill": "none", "stroke": POSITIVE, "stroke-width": 2}
    elements.append(element("rect", x=last - 1, y=-2, width=CELL + 2, height=height + 3, **frame))
    note = "the framed state goes on to the answer"
    elements.append(element("text", note, x=last + CELL, y=height + 17, class_="end"))
    return elements, height + 17


def _heat_map(columns: Sequence[Sequence[float]], rows: int) -> tuple[list[Markup], int]:
    """The first values of each column as coloured cells, and their height; a column of zeros is an empty frame."""
    largest = max(abs(value) for column in columns for value in column[:rows])
    elements = []
    for number, column in enumerate(columns):
        x = LEFT + number * CELL
        outline = element("rect", x=x, y=-0.5, width=CELL, height=rows * SMALL, fill="none", class_="grid")
        elements.append(outline)
        for row, value in enumerate(column[:rows]):
            box = {"x": x + 1, "y": row * SMALL, "width": CELL - 2, "height": SMALL - 1}
            shade: dict[str, str | float] = {"fill-opacity": abs(value) / largest}
            colour = POSITIVE if value > 0 else NEGATIVE
            elements.append(element("rect", element("title", f"{value:.2f}"), fill=colour, **shade, **box))
    return elements, rows * SMALL


def _bars(walk: Walk) -> tuple[list[Markup], int]:
    """A bar for each topic, as long as it is probable."""
    elements = []
    for number, (topic, probability) in enumerate(walk.probabilities.items()):
        y, chosen = number * BAR_HEIGHT, topic == walk.answer
        width = max(1.0, probability * BAR_WIDTH)
        elements.append(element("text", topic, x=BAR_LEFT - 8, y=y + 12, class_="end"))
        box = {"x": BAR_LEFT, "y": y + 2, "width": width, "height": BAR_HEIGHT - 5}
        elements.append(element("rect", class_="mean" if chosen else "value", **box))
        text = f"{probability:.2f}, the answer" if chosen else f"{probability:.2f}"
        elements.append(element("text", text, x=BAR_LEFT + width + 6, y=y + 12, style="font-size: 12px"))
    return elements, len(walk.probabilities) * BAR_HEIGHT


def _legend(top: int) -> list[Markup]:
    """What the colours of the cells mean."""
    elements = []
    for x, colour, text in ((LEFT, POSITIVE, "above 0"), (LEFT + 80, NEGATIVE, "below 0")):
        elements.append(element("rect", x=x, y=top - 10, width=11, height=11, fill=colour))
        elements.append(element("text", text, x=x + 16, y=top, style="font-size: 12px"))
    elements.append(element("text", "faint: close to 0", x=LEFT + 160, y=top, style="font-size: 12px"))
    return elements
