"""The lines that a claim is drawn with besides its measures: gradients by distance, and dev accuracy over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textrnn.study.plan.json_files import Runs
from textrnn.study.verdicts.measure_plots import draw_lines
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
    """The mean height at each x that all lines have; a line has each x once, and one without any does not count."""
    by_x = [dict(line) for line in lines if line]
    shared = [x for x in by_x[0] if all(x in line for line in by_x)] if by_x else []
    return [(x, sum(line[x] for line in by_x) / len(by_x)) for x in sorted(shared)]


def gradient_lines(runs: Runs, when: str) -> Lines:
    """Mean over seeds of the gradient's norm by distance, `before` or `after` training."""
    found: Lines = {}
    for name in GRADIENTS:
        seeds = [facts["gradients"][when] for (variant, _), (facts, _) in runs.items() if variant == name]
        if seeds:
            found[name] = mean_line(
                [[(float(at), norm) for at, norm in enumerate(norms) if norm is not None] for norms in seeds]
            )
    return found


def accuracy_lines(runs: Runs, variants: Sequence[str]) -> Lines:
    """Mean over seeds of dev accuracy in per cent by epoch."""
    found: Lines = {}
    for name in variants:
        seeds = [facts["points"] for (variant, _), (facts, _) in runs.items() if variant == name]
        if seeds:
            found[name] = mean_line(
                [[(round(point[EPOCH], 6), 100 * point[DEV_ACCURACY]) for point in points] for points in seeds]
            )
    return found


def draw_all(runs: Runs) -> dict[str, str]:
    """SVG by file name: `<claim>-curve.svg`, and of gradients one before and one after training."""
    drawn = {}
    for key, variants in ACCURACIES.items():
        lines = accuracy_lines(runs, variants)
        if lines:
            drawn[f"{key}-curve.svg"] = draw_lines("dev accuracy, %", "epoch", lines, log=False)
    for when in ("before", "after"):
        lines = gradient_lines(runs, when)
        if lines:
            title = f"norm of the loss's gradient at a token, {when} training"
            across = "steps from the token to the one that is read"
            drawn[f"gradient_by_cell-{when}.svg"] = draw_lines(title, across, lines, log=True)
    return drawn
