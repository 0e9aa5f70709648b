"""Plots of a claim's measures: means with intervals and the values of each seed, by variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.evaluation.rendering.dot_plots import Estimate, interval_plot
from textrnn.evaluation.rendering.svg import document
from textrnn.study.verdicts.measures import MEASURES


def draw_measures(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """An SVG file with a panel for each measure and a row for each variant.

    measured: as in verdicts.json, by measure and variant: mean, low and high (null where there is no interval), values.
    """
    panels = [_panel(measure, variants) for measure, variants in measured.items() if variants]
    return document(interval_plot(panels))


def _panel(measure: str, variants: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[Estimate]]:
    title, factor = MEASURES[measure].title, 1.0
    if MEASURES[measure].percent:
        title, factor = f"{title}, %", 100.0
    estimates = []
    for variant, row in variants.items():
        low, high = (None if row[end] is None else factor * row[end] for end in ("low", "high"))
        values = [factor * value for value in row["values"]]
        estimates.append(Estimate(variant, factor * row["mean"], low, high, values))
    return title, estimates
