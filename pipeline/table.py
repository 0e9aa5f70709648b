"""Print a table of all recipes with their latest metrics and best baselines."""

import polars as pl

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.metrics.comparison import best_baseline
from textrnn.evaluation.outputs.recipe_results import (
    RecipeResults,
    encodings_and_corpora,
    read_recipe_results,
)
from textrnn.stage import run_command

SCORES = ("accuracy", "macro_f1", "entity_f1", "loss")


def recipe_row(recipe: str, encoding: str, corpus: str) -> dict[str, object]:
    results = read_recipe_results(recipe, encoding, corpus)
    row: dict[str, object] = {"recipe": recipe, "corpus": corpus}
    if results.train is None or results.test is None:
        return row
    row |= {"rows": None if results.pad is None else results.pad["train"]["rows"], "epochs": results.train["epochs"]}
    row |= {"dev_accuracy": results.train["dev_accuracy"]}
    row |= {f"test_{name}": results.test.get(name) for name in SCORES}
    return row | baseline_columns(results)


def baseline_columns(results: RecipeResults) -> dict[str, object]:
    """Return the baseline with the best dev score, its test score, and whether that beats the recipe's."""
    if results.baselines is None or results.test is None:
        return {}
    metric, baselines = results.primary_metric, results.baselines["baselines"]
    best = best_baseline(baselines, metric)
    baseline_score = baselines[best]["test"][metric]
    beaten = "yes" if baseline_score > results.test[metric] else "no"
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
