"""The command `textrnn results`: the classification report of one recipe on test, from what `evaluate` has saved."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from textrnn.errors import UserError, plural
from textrnn.evaluation.metrics.result_forms import Evaluated, Scores


def results_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn results",
        description="Print how a recipe does on test: loss, accuracy, precision, recall and F1 of each class or entity "
        "type, the confusion matrix, and the time of training. No model is run.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="an entry of recipes in params.yaml that has been evaluated")
    parser.set_defaults(run=print_results)
    return parser


def print_results(args: argparse.Namespace) -> None:
    """Print the report of a recipe; raise UserError if it has not been evaluated."""
    # these import pyarrow, which --help does not need
    from textrnn.common.integrity.json_files import read_json
    from textrnn.evaluation.metrics.predicted_rows import PredictedRows
    from textrnn.preparation.artifacts.result_files import RecipeFiles
    from textrnn.tools.classification_report import report_lines

    recipe: str = args.recipe
    files = RecipeFiles(recipe)
    if not files.evaluated.metrics.is_file():
        raise UserError(recipe, "has not been evaluated in this folder", do=f"run `dvc repro evaluate@{recipe}` first")
    rows = PredictedRows.read(files.evaluated.predicted_rows)
    test = read_json(files.evaluated.metrics, Evaluated)["test"]
    print(f"{recipe} on test, {plural(len(rows.row_numbers), 'row')}: {', '.join(_scores(test))}")
    for line in _training_time(files.timings):
        print(line)
    print("", *report_lines(rows), sep="\n")


def _scores(test: Scores) -> Iterator[str]:
    if "loss" in test:
        yield f"loss {test['loss']:.4f}"
    of_tokens = " of tokens" if "entity_f1" in test else ""
    yield f"accuracy{of_tokens} {test['accuracy']:.4f}"


def _training_time(path: Path) -> Iterator[str]:
    """How long training took; nothing for a model that was trained elsewhere."""
    from textrnn.common.integrity.json_files import read_json
    from textrnn.evaluation.outputs.training_times import RecipeTiming

    if path.is_file():
        timings = read_json(path, RecipeTiming)
        minutes, seconds = divmod(round(timings["seconds"]), 60)
        yield f"time of training: {minutes // 60}:{minutes % 60:02}:{seconds:02} on {timings['device']}"
