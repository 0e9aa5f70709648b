"""The study of the tutorials' claims, if one was run: each claim with its verdict, its findings and its plots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from markupsafe import Markup

from textrnn.common.integrity.checksums import named, read_content
from textrnn.common.integrity.json_files import read_json
from textrnn.errors import plural
from textrnn.evaluation.rendering.svg import Chart

STYLES = {"supported": "verdict good", "not supported": "verdict bad"}
# The plot's own style is left out: inside a page it would apply to the whole page.
PLOT = re.compile(
    r'<svg [^>]*viewBox="0 0 (?P<width>\d+) (?P<height>\d+)"[^>]*>\s*<style>.*?</style>(?P<elements>.*)</svg>',
    re.DOTALL,
)


class ShownDifference(TypedDict):
    """The mean of a difference."""

    mean: float


class ShownFinding(TypedDict):
    """What was found; difference: None if it could not be measured."""

    difference: ShownDifference | None
    words: str


class ShownClaim(TypedDict):
    """A claim with its verdict; missing: the runs that it cannot be judged without; lacks: these in words."""

    claim: str
    verdict: str
    said: str
    tutorial: int
    judged: str
    why: str
    findings: list[ShownFinding]
    missing: list[str]
    lacks: str


class ShownScale(TypedDict):
    """The most rows and epochs that runs of a recipe were trained on."""

    recipe: str
    rows: int
    epochs: float


class ShownVerdicts(TypedDict):
    """`verdicts.json`, as far as it is shown."""

    level: float
    alpha: float
    runs: int
    planned_runs: int
    scale: list[ShownScale]
    claims: list[ShownClaim]


@dataclass(frozen=True)
class ShownStudy:
    """What `study_page.py` wrote to the folder study/shown: the values of verdicts.json, and the plots by name."""

    verdicts: ShownVerdicts
    plots: Mapping[str, Chart]


def read_shown_study(folder: Path) -> ShownStudy | None:
    """The study, or None where none was run. Raises UserError, naming the file, for one that cannot be read."""
    file = folder / "verdicts.json"
    if not file.is_file():
        return None
    verdicts = read_json(file, ShownVerdicts)
    paths = sorted(folder.glob("plots/*.svg"), key=lambda path: path.stem)
    return ShownStudy(verdicts, {path.stem: _read_plot(path) for path in paths})


def _read_plot(path: Path) -> Chart:
    content = read_content(path)
    with named(path):
        match = PLOT.fullmatch(content.decode("utf-8").strip())
        if match is None:
            raise ValueError("is not a plot of the study")
    width, height = int(match["width"]), int(match["height"])
    # the stage study_verdicts escaped what it put into the plot
    return Chart(path.stem, f"Plot {path.stem}", width, height, (Markup(match["elements"].strip()),))


@dataclass(frozen=True)
class ClaimView:
    """A claim with its verdict and the verdict's classes in the style sheet, what was found, and its plots."""

    verdict: str
    style: str
    statement: str
    tutorial: int
    judged: str
    why: str
    findings: Sequence[str]
    plots: Sequence[Chart]


def study_section(study: ShownStudy) -> dict[str, Any]:
    """The values of `study.html`: what the study was run on, the rule of its verdicts, and all claims."""
    verdicts = study.verdicts
    sizes = [
        f"{row['recipe']} on {plural(row['rows'], 'row')} for {plural(row['epochs'], 'epoch')}"
        for row in verdicts["scale"]
    ]
    scale = f"{verdicts['runs']} of {plural(verdicts['planned_runs'], 'run')}, on the CPU"
    level, alpha = f"{100 * verdicts['level']:.0f}%", f"{100 * verdicts['alpha']:.0f}%"
    return {
        "scale": f"{scale}; at most {', '.join(sizes)}." if sizes else f"{scale}.",
        "rule": f"Brackets are {level} intervals by Student's t over seeds; those of scores on test include the "
        "variance of resampled test rows. A comparison ends with yes, no or open, by its own p-value. A claim needs "
        "all its comparisons. It is supported, or not supported, "
        f"where its p-value is at most {alpha} after Holm's correction over all claims, and undecided otherwise.",
        "claims": [_claim(claim, study.plots) for claim in verdicts["claims"]],
    }


def _claim(claim: ShownClaim, plots: Mapping[str, Chart]) -> ClaimView:
    measured = [
        finding["words"] for finding in claim["findings"] if finding["difference"] is not None or not claim["missing"]
    ]
    return ClaimView(
        verdict=claim["verdict"],
        style=STYLES.get(claim["verdict"], "verdict"),
        statement=claim["said"],
        tutorial=claim["tutorial"],
        judged=claim["judged"],
        why=claim["why"],
        findings=[*measured, *([claim["lacks"]] if claim["missing"] else [])],
        plots=[plot for name, plot in plots.items() if name == claim["claim"]],
    )
