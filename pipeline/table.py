"""Print a table of all recipes with their latest metrics and best baselines."""

import json
from pathlib import Path
from typing import Any

import polars as pl

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.outputs.recipe_results import best_baseline, convert_read_errors, encodings_and_corpora
from textrnn.stage import run_command

SCORES = ("accuracy", "macro_f1", "entity_f1", "loss")


def recipe_row(recipe: str, encoding: str, corpus: str) -> dict[str, object]:
    metrics = Path("metrics") / recipe
    files = [metrics / name for name in ("pad.json", "train.json", "test.json")]
    if not all(file.is_file() for file in files):
        return {"recipe": recipe, "corpus": corpus}
    padded, trained, test = map(read_json, files)
    row = {"recipe": recipe, "corpus": corpus, "rows": padded["train"]["rows"], "epochs": trained["epochs"]}
    row |= {"dev_accuracy": trained["dev_accuracy"], **{f"test_{name}": test.get(name) for name in SCORES}}
    return row | baseline_columns(Path("metrics") / encoding / "baselines.json", test)


def read_json(file: Path) -> dict[str, Any]:
    with convert_read_errors(file):
        return json.loads(file.read_text(encoding="utf-8"))


def baseline_columns(file: Path, test: dict[str, float]) -> dict[str, object]:
    """Return the baseline with the best dev score, its test score, and whether that beats the recipe's."""
    if not file.is_file():
        return {}
    metric = "entity_f1" if "entity_f1" in test else "accuracy"
    baselines = read_json(file)["baselines"]
    best = best_baseline(baselines, metric)
    baseline_score = baselines[best]["test"][metric]
    beaten = "yes" if baseline_score > test[metric] else "no"
    return {"best_baseline": best, "baseline_test": baseline_score, "beaten": beaten}


def main() -> None:
    recipes = encodings_and_corpora(read_params())
    rows = [recipe_row(recipe, encoding, corpus) for recipe, (encoding, corpus) in recipes.items()]
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=240, tbl_hide_dataframe_shape=True, float_precision=4
    ) as table_style:
        table_style.set_tbl_hide_column_data_types(True).set_tbl_formatting("UTF8_BORDERS_ONLY")
        print(pl.DataFrame(rows, infer_schema_length=None))


if __name__ == "__main__":
    run_command(main)
