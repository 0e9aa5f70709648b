"""The study as a page: a table of verdicts, then each claim with what was measured, its plots and its command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.study.verdicts.measures import MEASURES

CELLS = {"equations", "kernels", "nn_gru"}  # variants of the stage study_cells; all others are runs


def render(verdicts: Mapping[str, Any], plots: Sequence[str], folder: str, command: str) -> str:
    """Markdown of the values of verdicts.json; plots: file names in `folder`, of which a claim's begin with its key.

    command: the one that the whole page comes from.
    """
    head = [
        "# The study",
        "",
        f"What the tutorials claim, measured again. Made by `{command}`: {_scale(verdicts)}. A bracket is the "
        f"{100 * verdicts['level']:.0f}% t interval over seeds (of the two GRUs' seconds over timings), of differences "
        "paired by seed. A claim is supported where all its intervals lie where it expects them, not supported where "
        "one lies wholly elsewhere, and undecided otherwise. In a plot, what a panel's edge cuts goes on beyond it. "
        "Verdicts are of this many rows and epochs: what is slow to learn may catch up with more. "
        "Seconds are of this run's machine. A claim's own command repeats its runs with the params of the workspace.",
        "",
        *_table(verdicts["claims"]),
    ]
    parts = [_section(claim, plots, folder) for claim in verdicts["claims"]]
    return "\n".join([*head, *(line for part in parts for line in part)])


def lines(verdicts: Mapping[str, Any]) -> list[str]:
    """The verdicts for a terminal: a line for each claim, one for each comparison below it."""
    found = []
    for claim in verdicts["claims"]:
        found.append(f"{claim['verdict']:<14} {claim['claim']}: {claim['said']}")
        found += [f"{'':<15}{finding['words']}" for finding in claim["findings"]]
    return found


def _scale(verdicts: Mapping[str, Any]) -> str:
    seeds, threads = verdicts["seeds"], ", ".join(map(str, verdicts["threads"]))
    rows, epochs = verdicts["rows"], verdicts["epochs"]
    of = "thread" if threads == "1" else "threads"
    return f"{rows:,} rows of train, {epochs:g} epochs, {len(seeds)} seeds, on the CPU with {threads} {of}"


def _table(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [f"| {each['tutorial']} | {each['said']} | [{each['verdict']}](#{each['claim']}) |" for each in claims]
    return ["| tutorial | claim | verdict |", "|---|---|---|", *rows, ""]


def _section(claim: Mapping[str, Any], plots: Sequence[str], folder: str) -> list[str]:
    key = claim["claim"]
    found = [f"## {key}", "", f"{claim['said']} **{claim['verdict'].capitalize()}.** {claim['note']}".strip(), ""]
    found += [f"* {finding['words']}" for finding in claim["findings"]]
    found += ["", *_measured(claim["measured"])]
    own = [plot for plot in plots if plot.removesuffix(".svg").partition("-")[0] == key]
    found += [line for plot in own for line in (f"![{key}]({folder}/{plot})", "")]
    found += [f"The runs again: `{_command(claim)}`", ""]
    return found


def _command(claim: Mapping[str, Any]) -> str:
    sides = (finding[side] for finding in claim["findings"] for side in ("first", "second"))
    names = dict.fromkeys(name for name in sides if isinstance(name, str))
    if CELLS & names.keys():
        return "dvc repro -f -s study/dvc.yaml:study_cells"
    return "dvc repro -f -s --glob " + " ".join(f"'study/dvc.yaml:study_run@{name}-*'" for name in names)


def _measured(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    rows = []
    for measure, variants in measured.items():
        for variant, each in variants.items():
            rows.append(f"| {MEASURES[measure].title} | `{variant}` | {_mean(measure, each)} | {each['count']} |")
    return ["| measure | variant | mean | values |", "|---|---|---|---|", *rows, ""] if rows else []


def _mean(measure: str, each: Mapping[str, Any]) -> str:
    percent = MEASURES[measure].percent
    shown = [None if each[name] is None else each[name] for name in ("mean", "low", "high")]
    texts = ["" if value is None else f"{100 * value:.2f}%" if percent else f"{value:.4g}" for value in shown]
    return texts[0] if each["low"] is None else f"{texts[0]} [{texts[1]}, {texts[2]}]"
