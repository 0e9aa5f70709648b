"""Panels of score against training time: every model at its place, and names that do not cover each other."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest

from textrnn.evaluation.rendering.axes import NARROW_TEXT
from textrnn.evaluation.rendering.cost_panels import LETTER, LINE, PANEL, cost_panel
from textrnn.evaluation.rendering.scatter_plots import Cost
from textrnn.evaluation.rendering.svg import document
from textrnn.evaluation.rendering.text import duration, file_size, known_time, points

SVG = "{http://www.w3.org/2000/svg}"


def elements(chart, name, style=None):
    root = ElementTree.fromstring(document(chart))
    return [each for each in root.iter(f"{SVG}{name}") if style is None or style in each.get("class", "").split()]


def names(chart, start="model"):
    return [each for each in elements(chart, "text") if (each.text or "").startswith(start)]


def test_a_model_is_at_its_time_and_score():
    models = [Cost("slow", 1000, 0.9, (0.88, 0.92), True), Cost("fast", 10, 0.84, None, False)]
    chart = cost_panel("news: accuracy", "accuracy", [*models, Cost("none", 0.0, 0.86, None, False)], {"slow", "fast"})
    (slow,) = elements(chart, "circle", "dot")
    # the axis goes from 0.1 to 1,000 seconds, four decades, and from 84% to 92%
    assert (float(slow.get("cx")), float(slow.get("cy"))) == (338, pytest.approx(14 + 282 / 4, abs=0.01))
    assert [each.get("d").split("l")[0] for each in elements(chart, "path")] == ["M200.0 290.0", "M62.0 219.5"]
    (bar,) = elements(chart, "line", "interval")
    assert (float(bar.get("y1")), float(bar.get("y2"))) == (pytest.approx(296 - 282 / 2, abs=0.01), 14)
    assert [each.findtext(f"{SVG}title") for each in elements(chart, "circle")] == ["slow 90.00% after 16 min 40 s"]
    assert [each.text for each in elements(chart, "text") if each.text in ("slow", "fast", "none")] == ["slow", "fast"]
    assert [tick.text for tick in elements(chart, "text", "middle")][:5] == ["0.1", "1", "10", "100", "1,000"]
    assert chart.legend == (("round first", "recurrent recipe"), ("diamond", "linear baseline"))
    assert chart.description == (
        "news: accuracy on test by training time: slow 90.00% after 16 min 40 s, fast 84.00% after 10 s, none 86.00% "
        "after < 0.1 s; the best accuracy is that of slow"
    )


def test_names_neither_cover_each_other_nor_leave_the_panel():
    models = [Cost(f"model_number_{number}", 100 + number, 0.9 - 0.0001 * number, None, True) for number in range(9)]
    chart = cost_panel("", "", models, {model.name for model in models})
    widths = [LETTER * len(each.text) for each in names(chart)]
    ends = [width if each.get("class") == "end" else 0 for each, width in zip(names(chart), widths, strict=True)]
    places = [
        (float(each.get("x")) - end, float(each.get("y")), width)
        for each, end, width in zip(names(chart), ends, widths, strict=True)
    ]
    assert len(places) == 9
    assert all(left >= 0 and left + width <= PANEL.width + 0.01 for left, _, width in places)
    assert all(PANEL.top <= height - NARROW_TEXT / 3 <= PANEL.bottom for _, height, _ in places)
    for (left, height, width), (other, other_height, other_width) in combinations(places, 2):
        apart = abs(height - other_height) >= LINE - 0.01
        assert apart or left + width <= other or other + other_width <= left


def test_a_name_wider_than_either_side_of_its_point_is_still_inside():
    (name,) = names(cost_panel("", "", [Cost("model" * 7, 3, 0.5, None, True)], {"model" * 7}))
    assert float(name.get("x")) + LETTER * 35 <= PANEL.width


def test_a_full_panel_still_names_every_model():
    models = [Cost(f"model_number_{number:03}", 100, 0.9, None, True) for number in range(60)]
    assert len(names(cost_panel("", "", models, {model.name for model in models}))) == 60


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "< 0.1 s"),
        (0.05, "0.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (125.2, "2 min 5 s"),
        (7265, "2 h 1 min"),
    ],
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == known_time(seconds) == words


def test_sizes_and_differences_in_words():
    assert [file_size(size) for size in (0, 999, 1000, 4_938_268, 1_200_000_000)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "4.9 MB", "1.2 GB")
    ]
    assert [points(value) for value in (0.0123, -0.3, 0.0, -0.00001)] == ["+1.23", "−30.00", "0.00", "0.00"]
    assert known_time(None) == "unknown"
