"""Curves of a claim, in addition to its measures: gradients by distance, and dev accuracy by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textrnn.evaluation.rendering.line_charts import line_chart
from textrnn.evaluation.rendering.svg import document
from textrnn.study.plan.json_files import Runs
from textrnn.study.verdicts.measures import DEV_ACCURACY, EPOCH

Lines = dict[str, list[tuple[float, float]]]

GRADIENTS = ("rnn_valid_p32", "gru_valid_p32", "lstm_valid_p32", "rnn_b256_p32", "rnn_b64_p32")
ACCURACIES: Mapping[str, tuple[str, ...]] = {
    "fails_at_32": ("rnn_b64_p16", "rnn_b64_p32"),
    "batch_free": ("rnn_b64_p16", "rnn_b128_p16", "rnn_b256_p16", "rnn_b1024_p16"),
    "forgets": ("rnn_b64_p32", "rnn_valid_b64_p32", "rnn_b256_p32", "rnn_valid_p32"),
    "norm_and_initialization": ("bilstm_b64", "bilstm_norm", "bilstm_stock", "bilstm_stock_norm"),
}


def mean_line(lines: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return the mean y at each x that all lines share; x is unique within a line, and empty lines are ignored."""
    by_x = [dict(line) for line in lines if line]
    shared = [x for x in by_x[0] if all(x in line for line in by_x)] if by_x else []
    return [(x, sum(line[x] for line in by_x) / len(by_x)) for x in sorted(shared)]


def gradient_lines(runs: Runs, when: str) -> Lines:
    """Return the mean over seeds of the gradient norm by distance, `before` or `after` training."""
    lines: Lines = {}
    for name in GRADIENTS:
        by_seed = [
            [(float(distance), norm) for distance, norm in enumerate(facts["gradients"][when]) if norm is not None]
            for (variant, _), (facts, _) in runs.items()
            if variant == name
        ]
        if by_seed:
            lines[name] = mean_line(by_seed)
    return lines


def accuracy_lines(runs: Runs, variants: Sequence[str]) -> Lines:
    """Return the mean over seeds of dev accuracy, in percent, by epoch."""
    lines: Lines = {}
    for name in variants:
        by_seed = [
            [(round(point[EPOCH], 6), 100 * point[DEV_ACCURACY]) for point in facts["points"]]
            for (variant, _), (facts, _) in runs.items()
            if variant == name
        ]
        if by_seed:
            lines[name] = mean_line(by_seed)
    return lines


def draw_all(runs: Runs) -> dict[str, str]:
    """Return SVG by file name: `<claim>-curve.svg`, and the gradients before and after training."""
    drawn = {}
    for key, variants in ACCURACIES.items():
        lines = accuracy_lines(runs, variants)
        if lines:
            drawn[f"{key}-curve.svg"] = document(line_chart("dev accuracy, %", "epoch", lines, log=False))
    for when in ("before", "after"):
        lines = gradient_lines(runs, when)
        if lines:
            title = f"norm of the loss's gradient at a token, {when} training"
            across = "steps from the token to the one that is read"
            drawn[f"gradient_by_cell-{when}.svg"] = document(line_chart(title, across, lines, log=True))
    return drawn
