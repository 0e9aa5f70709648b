"""Score a saved model on dev and test; the model directory has everything but the rows."""

import csv
from dataclasses import astuple
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.metrics.precision_recall import confusion_rows
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.device import pick_device
from textrnn.stage import output_file, run_stage, write_json

MAX_PLOT_ROWS = 2000  # of confusion.csv, which DVC plots


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Write a CSV file; floats are rounded to six digits."""
    with output_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(tuple(round(value, 6) if isinstance(value, float) else value for value in row) for row in rows)


def main(recipe: str) -> None:
    saved = load_model(Path("models") / recipe, pick_device())
    padded = ShardReader(Path("data/padded") / recipe, "padded")
    out, names = Path("metrics") / recipe, saved.labels.names
    on_dev = metrics(evaluate(saved, padded, "dev"))
    scores = evaluate(saved, padded, "test")
    on_test = metrics(scores)
    reports = [("class", row) for row in scores.classes.report]
    reports += [("entity", row) for row in scores.entities.report] if scores.entities else []
    counts = [(name, *row) for name, row in zip(names, scores.classes.confusion.tolist(), strict=True)]
    write_csv(
        out / "classes.csv",
        ("kind", "name", "precision", "recall", "f1", "support"),
        [(kind, *astuple(row)) for kind, row in reports],
    )
    write_csv(out / "confusion_counts.csv", ("actual", *names), counts)
    plot_rows = confusion_rows(scores.classes.confusion, names, MAX_PLOT_ROWS)
    write_csv(out / "confusion.csv", ("actual", "predicted"), [*plot_rows])
    write_json(out / "dev.json", on_dev)
    write_json(out / "test.json", on_test)


if __name__ == "__main__":
    run_stage(main, "recipe")
