"""Analyse a saved model on the test split: scores by subset, confused pairs with examples, and calibration."""

import csv
import json
from dataclasses import astuple
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.analysis.analyze import analyze
from textrnn.evaluation.scoring.predictions import predict_split
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.device import pick_device
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.stage import output_file, output_folder, run_stage, write_json


def main(recipe: str) -> None:
    encoding, model_folder = get_param(read_params(), "recipes", recipe, "encoding"), Path("models") / recipe
    saved = load_model(model_folder, pick_device())
    padded = ShardReader(Path("data/padded") / recipe, "padded")
    predictions = predict_split(saved, Vocabulary.load(model_folder / "vocabulary.arrow"), padded, "test")
    analysis = analyze(predictions, saved.labels, ShardReader(Path("data/segmented") / encoding, "segmented"))
    # the examples hold corpus text: they go into DVC's cache, never into git
    with output_folder(Path("data/analyzed") / recipe) as out:
        lines = (json.dumps(error, ensure_ascii=False) for error in analysis.errors)
        (out / "errors.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    metrics_folder = Path("metrics") / recipe
    with output_file(metrics_folder / "reliability.csv") as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("lower", "upper", "count", "confidence", "accuracy"))
        writer.writerows([round(value, 6) for value in astuple(row)] for row in analysis.bins)
    write_json(metrics_folder / "analysis.json", analysis.metrics)


if __name__ == "__main__":
    run_stage(main, "recipe")
