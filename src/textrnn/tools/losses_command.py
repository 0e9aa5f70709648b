"""The command `textrnn losses`: draw the loss of every batch of a run from the file that TEXTRNN_BATCH_LOSSES wrote."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from textrnn.errors import UserError, plural

WINDOWS = 50  # a mean over one of so many parts of the run smooths the curve

Points = list[tuple[float, float]]


def losses_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn losses",
        description="Draw the loss of every batch as an SVG file beside the CSV file that training writes where the "
        "variable TEXTRNN_BATCH_LOSSES names a folder.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the CSV file, <folder>/<recipe>.csv")
    parser.set_defaults(run=draw_losses)
    return parser


def draw_losses(args: argparse.Namespace) -> None:
    """Write the chart, and print its path; raise UserError for a file without losses."""
    # these import more than --help needs
    from textrnn.evaluation.rendering.line_charts import line_chart
    from textrnn.evaluation.rendering.svg import document
    from textrnn.stage import output_file

    file: Path = args.file
    losses = read_losses(file)
    if not losses:
        raise UserError(file, "has no finite loss", do="wait for the first evaluation of the run")
    lines = {"each batch": losses}
    if (window := len(losses) // WINDOWS) > 1:
        lines[f"mean of {window:,}"] = running_mean(losses, window)
    chart = line_chart(f"{file.stem}: loss of each batch", "batch", lines, log=False)
    plot = file.with_suffix(".svg")
    with output_file(plot) as temporary:
        temporary.write_text(document(chart), encoding="utf-8")
    print(f"{plot}: {plural(len(losses), 'batch', 'batches')}, loss {losses[0][1]:.4f} to {losses[-1][1]:.4f}")


def read_losses(path: Path) -> Points:
    """The step and loss of each batch whose loss is a finite number; raise UserError if the file has another form."""
    from textrnn.common.integrity.checksums import named
    from textrnn.common.integrity.json_files import read_csv
    from textrnn.common.integrity.json_forms import LARGEST

    header, *rows = read_csv(path) or [[]]
    with named(path):
        if header != ["step", "loss", "accuracy"]:
            raise ValueError(f"its columns are not step, loss and accuracy: {header}")
        points = [(float(step), float(loss)) for step, loss, _ in rows]
    return [(step, loss) for step, loss in points if math.isfinite(step) and abs(loss) <= LARGEST]


def running_mean(points: Sequence[tuple[float, float]], window: int) -> Points:
    """The mean of each `window` losses in a row, at the step in their middle."""
    sums = list(itertools.accumulate((loss for _, loss in points), initial=0.0))
    means = [(after - before) / window for before, after in zip(sums, sums[window:], strict=False)]
    return [(step, mean) for (step, _), mean in zip(points[window // 2 :], means, strict=False)]
