"""The figures of the last sweep of kills in docs/reliability.json, and the table of them in docs/reliability.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factories.imports import ROOT
from factories.kill_sweep import RECIPES, Figures

RECORD, PAGE = ROOT / "docs" / "reliability.json", ROOT / "docs" / "reliability.md"
MARKS = ("<!-- kills: written by `make test-kills` -->\n", "<!-- end of kills -->\n")
NO_FIGURES = "No figures are recorded.\n"
VICTIMS = {
    "run": "`make run` itself",
    "dvc": "DVC",
    "lock": "DVC while it writes `dvc.lock`",
    "stage": "the process of a stage",
    "worker": "a worker of a stage",
    "all": "all processes at once",
}


def record(figures: Figures, seed: int, minutes: float, path: Path = RECORD, page: Path = PAGE) -> None:
    """Write the figures, and the table of them into the page."""
    values = {
        "recipes": list(RECIPES),
        "seed": seed,
        "kills": figures.signals.total(),
        "signals": _sorted(figures.signals),
        "victims": _sorted(figures.victims),
        "stages": _sorted(figures.stages),
        "locks_cut": figures.locks_cut,
        "went_on": figures.went_on,
        "runs": figures.runs,
        "ended": figures.ended,
        "files": figures.files,
        "different": figures.different,
        "minutes": round(minutes),
    }
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8", newline="\n")
    page.write_text(render(values, page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def read() -> dict[str, Any] | None:
    """The figures of the last sweep; None if there are none."""
    values: dict[str, Any] | None = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else None
    return values


def render(values: Mapping[str, Any] | None, page: str) -> str:
    """The text of the page with a new table between its two marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + (NO_FIGURES if values is None else _table(values)) + MARKS[1] + after


def _table(values: Mapping[str, Any]) -> str:
    victims = ", ".join(f"{VICTIMS[name]} {count}" for name, count in values["victims"].items())
    stages = ", ".join(f"{name if ' ' in name else f'`{name}`'} {count}" for name, count in values["stages"].items())
    lines = [
        "| | |",
        "|---|---|",
        f"| kills | {values['kills']} in {values['runs']} runs of {_names(values['recipes'])}, seed {values['seed']} |",
        f"| by signal | {', '.join(f'{name} {count}' for name, count in values['signals'].items())} |",
        f"| by what was hit | {victims} |",
        f"| by what ran then | {stages} |",
        f"| kills that did not end the run | {values['went_on']} |",
        f"| `dvc.lock` cut, and put back by the next run | {values['locks_cut']} |",
        f"| times all stages came to their end | {values['ended']} |",
        f"| files compared with an undisturbed run | {values['files']:,} |",
        f"| files that differ | {len(values['different'])} |",
    ]
    return "\n".join(lines) + "\n"


def _names(recipes: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in recipes)


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
