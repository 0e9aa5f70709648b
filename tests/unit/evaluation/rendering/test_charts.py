"""Charts: axes with round ticks, every value at its place, text never markup, and files of their own."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from markupsafe import Markup

from textrnn.evaluation.rendering.axes import (
    NARROW,
    axis_around,
    axis_within,
    percent_label,
    power_label,
    ticks_around,
    ticks_within,
)
from textrnn.evaluation.rendering.bar_charts import ReliabilityBar, histogram, reliability_diagram
from textrnn.evaluation.rendering.dot_plots import Estimate, Scores, interval_plot, score_plot
from textrnn.evaluation.rendering.line_charts import NAMED, learning_curves, line_chart
from textrnn.evaluation.rendering.scatter_plots import AREA, LINE, Cost, Level, cost_plot
from textrnn.evaluation.rendering.svg import document, element
from textrnn.evaluation.rendering.text import number, percent, thousands

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert('1')</script>\" onload=\"alert(2)&\u202e"


def elements(chart, name, style=None):
    root = ElementTree.fromstring(document(chart))
    return [each for each in root.iter(f"{SVG}{name}") if style is None or style in each.get("class", "").split()]


def tooltips(chart, name, style=None):
    return [each.findtext(f"{SVG}title") for each in elements(chart, name, style)]


def test_ticks_around_values_enclose_them():
    assert ticks_around(0, 70) == (0, 20, 40, 60, 80)
    assert ticks_around(0.38, 0.76) == (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    assert ticks_around(0.5, 0.5) == (0.5, 0.5000002)
    assert ticks_around(-1, 1) == (-1, -0.5, 0, 0.5, 1)


@pytest.mark.parametrize("value", [99_999.0, 123_456.5, 1e9, 1e15])
def test_ticks_around_one_large_value_differ(value):
    first, *_, last = ticks_around(value, value)
    assert first <= value <= last
    assert first < last


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.3, 0.52, [0.3, 0.35, 0.4, 0.45, 0.5]),
        (-3, 4, [-2, 0, 2, 4]),
        (0, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        (0, 3e-16, [0, 1e-16, 2e-16, 3e-16]),
    ],
)
def test_ticks_within_values_are_round(low, high, expected):
    assert ticks_within(low, high) == pytest.approx(expected, abs=0)


def test_axes_map_values_to_coordinates():
    around = axis_around("x", 0, 70, 46, 340)
    assert (around.position(0), around.position(80), around.position(40)) == (46, 340, 193)
    within = axis_within("y", 0, 70, 182, 10)
    assert (within.position(0), within.position(70), within.position(35)) == (182, 10, 96)


def test_labels_of_ticks():
    assert axis_around("x", 0, 1, 0, 1).label(1000000) == "1e+06"
    assert axis_around("x", 0, 1, 0, 1).label(12500) == "12,500"
    assert (percent_label(0.2), power_label(-2), power_label(0.5)) == ("20%", "0.01", "3.2")


def test_numbers_are_short():
    assert [number(value) for value in (1, 0.5, 1 / 3, 2.0, 10, 100.001)] == ["1", "0.5", "0.33", "2", "10", "100"]
    assert (percent(0.12345), percent(None)) == ("12.35%", "–")
    assert (thousands(1234567), thousands(None)) == ("1,234,567", "")


def test_elements_escape_all_that_is_not_markup():
    assert element("line", x1=1 / 3, class_="grid") == '<line x1="0.33" class="grid"/>'
    assert element("text", "a<b", title="\"<&'") == '<text title="&#34;&lt;&amp;&#39;">a&lt;b</text>'
    assert element("g", element("title", "<"), Markup("<a/>")) == "<g><title>&lt;</title><a/></g>"
    assert element("text", "{0} {x}") == "<text>{0} {x}</text>"


@pytest.mark.parametrize(
    "chart",
    [
        learning_curves(HOSTILE, HOSTILE, [(HOSTILE, [(1.0, 0.5), (2.0, 0.25)])], percent=False),
        line_chart(HOSTILE, HOSTILE, {HOSTILE: [(1.0, 0.5), (2.0, 0.25)]}, log=True),
        histogram(HOSTILE, HOSTILE, [(3, 5)], [4]),
        score_plot(HOSTILE, [Scores(HOSTILE, 0.5, 0.6, 0.4, 0.9)]),
        interval_plot([(HOSTILE, [Estimate(HOSTILE, 0.5, 0.4, 0.6, [0.4, 0.6])])]),
        cost_plot(HOSTILE, HOSTILE, [Cost(HOSTILE, 3.0, 0.5, None, True)], [Level(HOSTILE, 0.6)]),
    ],
    ids=["learning_curves", "line_chart", "histogram", "score_plot", "interval_plot", "cost_plot"],
)
def test_text_never_becomes_an_element_or_an_attribute(chart):
    root = ElementTree.fromstring(document(chart))
    names = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert names <= {"svg", "style", "text", "line", "polyline", "circle", "rect", "path", "title"}
    assert not any("onload" in each.attrib for each in root.iter())
    assert any(each.text and HOSTILE in each.text for each in root.iter())


def test_the_same_values_give_the_same_file():
    first, second = (document(score_plot("t", [Scores("a", 0.5, 0.6, 0.4, 0.9)])) for _ in range(2))
    assert first == second


def test_a_curve_has_a_tooltip_at_each_of_a_few_points():
    def chart(points):
        return learning_curves(
            "Loss", "step", [("dev", [(step, 1 / step) for step in range(1, points + 1)])], percent=0
        )

    assert tooltips(chart(2), "circle") == ["dev, step 1: 1.0000", "dev, step 2: 0.5000"]
    assert tooltips(chart(101), "circle") == []
    assert len(elements(chart(101), "polyline")[0].get("points").split()) == 101
    assert chart(2).description == "Loss by step: dev goes from 1.0000 to 0.5000"


def test_a_histogram_counts_all_rows():
    chart = histogram("t", "tokens", [(3, 5), (4, 2), (99, 1)], [50])
    counts = [re.fullmatch(r"(\d+) to (\d+) tokens: (\d+) rows", bar).groups() for bar in tooltips(chart, "rect")]
    assert [count for count in counts if count[2] != "0"] == [("3", "5", "7"), ("99", "101", "1")]
    assert tooltips(chart, "line", "mark") == ["padded to 50"]
    assert chart.description == "t: 8 rows, half of them of 3 tokens or fewer, the longest of 99"


def test_reliability_bars_are_as_high_as_accuracy():
    bars = [ReliabilityBar(0.0, 0.5, 10, 0.25, 0.5), ReliabilityBar(0.5, 1.0, 5, 0.75, 1.0)]
    heights = [float(bar.get("height")) for bar in elements(reliability_diagram("t", bars, 0.25), "rect")]
    # of 184 units: accuracies of a half and one; counts as strips of a fifth, and of half of that
    assert heights == pytest.approx([92, 36.8, 184, 18.4])


def test_scores_have_a_line_at_the_ceiling():
    chart = score_plot("t", [Scores("a", 0.5, 0.6, 0.4, 0.9), Scores("b", 0.5, None, None, None)])
    (line,) = elements(chart, "line", "limit")
    # ticks from 20% to 100% over the width, so 0.9 is at seven eighths
    assert float(line.get("x1")) == pytest.approx(NARROW.left + 7 / 8 * (NARROW.right - NARROW.left), abs=0.01)
    assert tooltips(chart, "line", "limit") == ["ceiling: 90.00%"]
    assert [name for _, name in chart.legend] == ["test", "dev", "best baseline, test", "ceiling, test"]
    without = score_plot("t", [Scores("b", 0.5, None, None, None)])
    assert "ceiling" not in document(without)
    assert "ceiling, test" not in [name for _, name in without.legend]


def test_lines_of_a_logarithmic_chart_are_straight_where_values_halve():
    halves = [(float(at), 0.5**at) for at in range(5)]
    chart = line_chart("t <&>", "x", {"a": halves, "b": [(0.0, 1.0), (4.0, 0.0)]}, log=True)
    first, second = elements(chart, "polyline")
    points = [tuple(map(float, point.split(","))) for point in first.get("points").split()]
    assert [b[1] - a[1] for a, b in pairwise(points)] == pytest.approx([(NAMED.bottom - NAMED.top) / 4] * 4, abs=0.11)
    assert points[0] == (NAMED.left, NAMED.top)
    assert points[-1] == (NAMED.right, NAMED.bottom)
    assert len(second.get("points").split()) == 1  # zero has no logarithm
    assert elements(chart, "text")[0].text == "t <&>"


def test_a_chart_of_nothing_is_still_one():
    for chart in (interval_plot([]), line_chart("t", "x", {}, log=True), line_chart("t", "x", {"a": []}, log=False)):
        assert ElementTree.fromstring(document(chart)).tag == f"{SVG}svg"


def test_a_chart_of_one_point_is_drawn():
    for log in (False, True):
        (line,) = elements(line_chart("t", "x", {"a": [(2.0, 3.0)]}, log=log), "polyline")
        assert line.get("points") == f"{NAMED.left:.1f},{NAMED.bottom:.1f}"


def test_costs_are_drawn_at_their_time_and_score():
    models = [Cost("slow", 1000, 0.9, (0.88, 0.92), True), Cost("fast", 10, 0.84, None, False)]
    chart = cost_plot("names", "accuracy", [*models, Cost("none", 0.0, 0.86, None, False)], [Level("paper", 0.94)])
    assert tooltips(chart, "circle", "mean")[0] == "slow: 90.00%, 1,000 s"
    (slow, *_), (fast, instant, *_) = elements(chart, "circle", "mean"), elements(chart, "circle", "value")
    # the axis goes from 0.1 to 1,000 seconds, four decades
    assert [float(each.get("cx")) for each in (instant, fast, slow)] == [60, 60 + 630 / 2, 690]
    (bar,) = elements(chart, "line", "interval")
    up = {float(each.get("cy")): each for each in (slow, fast)}
    assert float(bar.get("y2")) < float(slow.get("cy")) < float(bar.get("y1")) < max(up)
    assert [each.text for each in elements(chart, "text") if each.text in ("paper", "slow", "fast", "none")] == [
        "paper",
        "slow",
        "none",
        "fast",
    ]
    assert chart.description == "accuracy on test by training time; the best of 3 models is slow, 90.00%"


def test_names_of_costs_do_not_cover_each_other():
    models = [Cost(f"model_{number}", 100 + number, 0.9 - 0.0001 * number, None, True) for number in range(8)]
    names = [each for each in elements(cost_plot("", "", models), "text") if (each.text or "").startswith("model_")]
    heights = [float(each.get("y")) for each in names]
    assert all(later - earlier >= LINE for earlier, later in pairwise(heights))
    assert all(0 <= float(each.get("x")) < AREA.width for each in names)


def test_a_line_leads_to_a_name_that_was_moved():
    models = [Cost(f"model_{number}", 200, 0.9, None, True) for number in range(3)]
    chart = cost_plot("", "", models)
    names = [each for each in elements(chart, "text") if (each.text or "").startswith("model_")]
    (point, *_) = elements(chart, "circle", "mean")
    leaders = [each for each in elements(chart, "line", "axis") if each.get("x1") == point.get("cx")]
    moved = names[1:]
    assert [each.get("x2") for each in leaders] == [each.get("x") for each in moved]
    assert [float(each.get("y2")) for each in leaders] == [float(each.get("y")) - 4 for each in moved]
    assert {each.get("y1") for each in leaders} == {point.get("cy")}


@pytest.mark.parametrize("value", [1 / 3, 0.0, 12345.678])
def test_a_curve_of_equal_values_has_short_labels(value):
    chart = learning_curves("Loss", "step", [("dev", [(1, value), (2, value)])], percent=False)
    labels = [each.text for each in elements(chart, "text", "end")]
    assert len(labels) >= 2
    assert all(len(label) <= 7 for label in labels)
