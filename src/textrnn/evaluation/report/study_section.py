"""The study of the tutorials' claims, where one was run: each claim with its verdict, its findings and its plots."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.evaluation.outputs.recipe_files import reading_result
from textrnn.evaluation.rendering.markup import Markup, figure, markup, scroller, tag

STYLE = {"supported": "verdict good", "not supported": "verdict bad"}
# the plots' own style is left behind: inside a page it would be the whole page's
DRAWING = re.compile(
    r'<svg [^>]*viewBox="0 0 (?P<wide>\d+) (?P<high>\d+)"[^>]*>\s*<style>.*?</style>(?P<drawn>.*)</svg>', re.DOTALL
)


@dataclass(frozen=True)
class Study:
    """What `study_page.py` put in the folder of the shown study: verdicts.json, and figures of its plots by name."""

    verdicts: Mapping[str, Any]
    plots: Mapping[str, Markup]


def read_study(folder: Path) -> Study | None:
    """The study, or None where none was run. Raises UserError, naming the file, for one that cannot be read."""
    file = folder / "verdicts.json"
    if not file.is_file():
        return None
    with reading_result(file):
        verdicts = json.loads(file.read_text(encoding="utf-8"))
    return Study(
        verdicts,
        {path.stem: _read_plot(path) for path in sorted(folder.glob("plots/*.svg"), key=lambda path: path.stem)},
    )


def _read_plot(path: Path) -> Markup:
    with reading_result(path):
        found = DRAWING.fullmatch(path.read_text(encoding="utf-8").strip())
        if found is None:
            raise ValueError("it is no plot of the study")
    size = int(found["wide"]), int(found["high"])
    drawn = figure(path.stem, f"Plot {path.stem}", size, Markup(found["drawn"]))
    return scroller(f"Box of plot {path.stem}", drawn, kind="scroll plot")


def study_section(study: Study) -> Markup:
    """All claims, each to be opened, after what the study was run on."""
    told = study.verdicts
    scale = f"{told['rows']:,} rows of train, {told['epochs']:g} epochs, {len(told['seeds'])} seeds, on the CPU."
    rule = (
        f"A claim is supported where all its {100 * told['level']:.0f}% intervals over seeds (or timings) lie where it "
        "expects them, not supported where one lies wholly elsewhere, and undecided otherwise."
    )
    return markup(tag("p", scale, " ", rule), [_claim(claim, study.plots) for claim in told["claims"]])


def _claim(claim: Mapping[str, Any], plots: Mapping[str, Markup]) -> Markup:
    verdict = tag("span", claim["verdict"], class_=STYLE.get(claim["verdict"], "verdict"))
    summary = tag("summary", verdict, " ", claim["said"], " ", tag("small", f"tutorial {claim['tutorial']}"))
    findings = tag("ul", [tag("li", finding["words"]) for finding in claim["findings"]], class_="texts")
    note = tag("p", claim["note"], class_="soft") if claim["note"] else None
    mine = [plot for name, plot in plots.items() if name.partition("-")[0] == claim["claim"]]
    return tag("details", summary, note, findings, mine)
