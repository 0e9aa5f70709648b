"""Look at the errors of a saved model on its test split: by group, by pair, with examples, and its calibration."""

import csv
import json
from dataclasses import astuple
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.params import get_param, read_params
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.analysis.errors import analyze
from textrnn.evaluation.scoring.predictions import predict_split
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.device import pick_device
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.stage import output_file, output_folder, run_stage, write_json


def main(key: str) -> None:
    encoding, model = get_param(read_params(), "recipes", key, "encoding"), Path("models") / key
    saved = load_model(model, pick_device())
    padded = ShardReader(Path("data/padded") / key, "padded")
    found = predict_split(saved, Vocabulary.load(model / "vocabulary.arrow"), padded, "test")
    analysis = analyze(found, saved.labels, ShardReader(Path("data/segmented") / encoding, "segmented"))
    # the examples hold text of the corpus: in DVC's cache, never in git
    with output_folder(Path("data/analyzed") / key) as out:
        lines = (json.dumps(error, ensure_ascii=False) for error in analysis.errors)
        (out / "errors.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    metrics = Path("metrics") / key
    with output_file(metrics / "reliability.csv") as made, made.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("lower", "upper", "count", "confidence", "accuracy"))
        rows.writerows([round(value, 6) for value in astuple(each)] for each in analysis.bins)
    write_json(metrics / "analysis.json", analysis.metrics)


if __name__ == "__main__":
    run_stage(main, "recipe")
