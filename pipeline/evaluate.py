"""Score a saved model on dev and test, and save its predictions of test."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.metrics.comparison import score_and_loss
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.device import pick_device
from textrnn.stage import output_folder, run_stage, write_json


def main(recipe: str) -> None:
    saved = load_model(Path("models") / recipe, pick_device())
    padded = PaddedRows.read(PaddedRows.default_folder(recipe))
    dev, test = evaluate(saved, padded, "dev"), evaluate(saved, padded, "test")
    values = {"dev": metrics(dev), "test": metrics(test)}
    file = Predictions.file(recipe)
    with output_folder(file.parent) as out:
        test.predictions.write(out / file.name)
        write_json(out / "metrics.json", values)
    write_json(Path("metrics") / recipe / "scores.json", {split: score_and_loss(values[split]) for split in values})


if __name__ == "__main__":
    run_stage(main, "recipe")
