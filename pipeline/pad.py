"""Pad a recipe's rows to one width, or to a few bucket widths without truncation."""

import csv
from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.pad import Pad
from textrnn.common.config.params import get_param, load_stage_params, read_params
from textrnn.common.config.types import RECIPE_KEYS
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.shards import index_sha256
from textrnn.preparation.padding.pad import pad
from textrnn.stage import output_file, run_stage, write_json


def main(recipe: str) -> None:
    params = read_params()
    settings = load_stage_params(Pad, params, "recipes", recipe, among=RECIPE_KEYS)
    settings.check(f"recipes.{recipe}")
    encoded = Path("data/encoded") / get_param(params, "recipes", recipe, "encoding") / "ids"
    metrics_folder = Path("metrics") / recipe
    resume_key = {"pad": asdict(settings), "encoded": index_sha256(encoded)}
    folder = resumable_folder(Path("data/padded") / recipe, stage="pad", **resume_key)
    with folder as out, output_file(metrics_folder / "lengths.csv") as lengths_file:
        metrics, lengths = pad(encoded, settings, out)
        with lengths_file.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["length", "rows"])
            writer.writerows(zip(lengths.lengths, lengths.rows, strict=True))
    write_json(metrics_folder / "pad.json", metrics)


if __name__ == "__main__":
    run_stage(main, "recipe")
