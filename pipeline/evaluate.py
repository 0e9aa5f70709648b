"""Score a saved model on dev and test, and save its predictions of test."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.metrics.comparison import score_and_loss
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.device import pick_device
from textrnn.preparation.artifacts.result_files import EvaluatedFiles, RecipeFiles
from textrnn.stage import output_folder, run_stage, write_json


def main(recipe: str) -> None:
    files = RecipeFiles(recipe)
    saved = load_model(files.model.folder, pick_device())
    padded = PaddedRows.read(PaddedRows.default_folder(recipe))
    dev, test = evaluate(saved, padded, "dev"), evaluate(saved, padded, "test")
    values = {"dev": metrics(dev), "test": metrics(test)}
    with output_folder(files.evaluated.folder) as folder:
        out = EvaluatedFiles(folder)
        test.predictions.write(out.predictions)
        write_json(out.metrics, values)
    # named by the recipe, so that a column of `dvc exp show` needs no name of a file
    write_json(files.scores, {recipe: {split: score_and_loss(values[split]) for split in values}})


if __name__ == "__main__":
    run_stage(main, "recipe")
