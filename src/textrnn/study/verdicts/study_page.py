"""The study as a page: a table of verdicts, then each claim with its measures, plots and command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import UserError, plural, shorten
from textrnn.study.plan.json_files import read_results
from textrnn.study.plan.result_forms import Verdicts
from textrnn.study.verdicts.measures import MEASURES

CELLS = {"equations", "kernels", "nn_gru"}  # variants of the stage study_cells; all others are training runs


def read_verdicts(path: Path) -> Verdicts:
    """The content of verdicts.json. Raises UserError if it is missing, damaged or has measures of another version."""
    verdicts = read_results(path, Verdicts)
    unknown = sorted({name for claim in verdicts["claims"] for name in claim["measured"]} - MEASURES.keys())
    if unknown:
        raise UserError(path, "is damaged", got=f"the measure {shorten(unknown[0])}", do="run make study again")
    return verdicts


def render(verdicts: Mapping[str, Any], plots: Sequence[str], folder: str, command: str) -> str:
    """Return the page in Markdown.

    verdicts: the content of verdicts.json; plots: file names in `folder`, which begin with the key of their claim;
    command: the command that produced the whole study.
    """
    head = [
        "# The study",
        "",
        f"What the tutorials claim, measured again. Made by `{command}`: {_scale(verdicts)}. A bracket is the "
        f"{100 * verdicts['level']:.0f}% t interval over seeds (of the two GRUs' seconds over timings), of differences "
        "paired by seed. A claim is supported where all its intervals lie where it expects them, not supported where "
        "one lies wholly elsewhere, and undecided otherwise. In a plot, an interval cut off at the edge of its panel "
        "extends beyond it. Verdicts hold for this number of rows and epochs: with more, slow learners may catch up. "
        "Seconds were measured on the machine of this run. The command below a claim repeats its runs with the params "
        "of the workspace.",
        "",
        *_verdict_table(verdicts["claims"]),
    ]
    sections = [_section(claim, plots, folder) for claim in verdicts["claims"]]
    return "\n".join([*head, *(line for section in sections for line in section)])


def lines(verdicts: Mapping[str, Any]) -> list[str]:
    """Return the verdicts for a terminal: one line per claim, followed by one line per comparison."""
    output = []
    for claim in verdicts["claims"]:
        output.append(f"{claim['verdict']:<14} {claim['claim']}: {claim['said']}")
        output += [f"{'':<15}{finding['words']}" for finding in claim["findings"]]
    return output


def _scale(verdicts: Mapping[str, Any]) -> str:
    seeds, threads = verdicts["seeds"], ", ".join(map(str, verdicts["threads"]))
    rows, epochs = plural(verdicts["rows"], "row"), plural(verdicts["epochs"], "epoch")
    noun = "thread" if threads == "1" else "threads"
    return f"{rows} of train, {epochs}, {plural(len(seeds), 'seed')}, on the CPU with {threads} {noun}"


def _verdict_table(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [f"| {row['tutorial']} | {row['said']} | [{row['verdict']}](#{row['claim']}) |" for row in claims]
    return ["| tutorial | claim | verdict |", "|---|---|---|", *rows, ""]


def _section(claim: Mapping[str, Any], plots: Sequence[str], folder: str) -> list[str]:
    key = claim["claim"]
    output = [f"## {key}", "", f"{claim['said']} **{claim['verdict'].capitalize()}.** {claim['note']}".strip(), ""]
    output += [f"* {finding['words']}" for finding in claim["findings"]]
    output += ["", *_measure_table(claim["measured"])]
    claim_plots = [plot for plot in plots if plot.removesuffix(".svg").partition("-")[0] == key]
    output += [line for plot in claim_plots for line in (f"![{key}]({folder}/{plot})", "")]
    output += [f"To reproduce: `{_command(claim)}`", ""]
    return output


def _command(claim: Mapping[str, Any]) -> str:
    sides = (finding[side] for finding in claim["findings"] for side in ("first", "second"))
    names = dict.fromkeys(name for name in sides if isinstance(name, str))
    if CELLS & names.keys():
        return "dvc repro -f -s study/dvc.yaml:study_cells"
    return "dvc repro -f -s --glob " + " ".join(f"'study/dvc.yaml:study_run@{name}-*'" for name in names)


def _measure_table(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    rows = []
    for measure, variants in measured.items():
        for variant, estimate in variants.items():
            mean = _mean(measure, estimate)
            rows.append(f"| {MEASURES[measure].title} | `{variant}` | {mean} | {estimate['count']} |")
    return ["| measure | variant | mean | values |", "|---|---|---|---|", *rows, ""] if rows else []


def _mean(measure: str, estimate: Mapping[str, Any]) -> str:
    """Return a mean with its interval, if it has one."""
    percent = MEASURES[measure].percent
    values = [estimate[name] for name in ("mean", "low", "high")]
    texts = ["" if value is None else f"{100 * value:.2f}%" if percent else f"{value:.4g}" for value in values]
    return texts[0] if estimate["low"] is None else f"{texts[0]} [{texts[1]}, {texts[2]}]"
