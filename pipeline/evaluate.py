"""Score a saved model on dev and test, with intervals, and save its predictions of test.

Dev is scored as it was before any refit.
"""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.metrics.comparison import score_and_loss
from textrnn.evaluation.scoring.evaluate import evaluate, metrics, part_metrics
from textrnn.modeling.devices.device import pick_device
from textrnn.modeling.models.model_directory import load_model
from textrnn.preparation.artifacts.result_files import EvaluatedFiles, RecipeFiles
from textrnn.stage import run_stage, write_json


def main(recipe: str) -> None:
    files = RecipeFiles(recipe)
    folder, device = files.model.folder, pick_device()
    padded = PaddedRows.read(PaddedRows.default_folder(recipe))
    saved = load_model(folder, device)
    refitted = files.model.weights_before_refit.is_file()
    for_dev = load_model(folder, device, before_refit=True) if refitted else saved
    evaluations = {"dev": evaluate(for_dev, padded, "dev"), "test": evaluate(saved, padded, "test")}
    values = {split: metrics(evaluation) for split, evaluation in evaluations.items()}
    parts = {split: part_metrics(evaluation) for split, evaluation in evaluations.items()}
    with checked_folder(files.evaluated.folder) as folder:
        out = EvaluatedFiles(folder)
        evaluations["test"].predictions.write(out.predictions)
        evaluations["test"].rows.write(out.predicted_rows)
        intervals = {split: evaluation.intervals for split, evaluation in evaluations.items()}
        others = {"intervals": intervals} | ({"parts": parts} if any(parts.values()) else {})
        write_json(out.metrics, values | others)
    # named by the recipe, so that a column of `dvc exp show` needs no name of a file
    write_json(files.scores, {recipe: {split: score_and_loss(values[split]) for split in values}})


if __name__ == "__main__":
    run_stage(main, "recipe")
