"""Show every recipe with its metrics and its best baseline, as the last run left them."""

import json
from pathlib import Path

import polars as pl

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.params import pick, read_params
from textrnn.report.sources import best_baseline
from textrnn.stage import run

SCORES = ("accuracy", "macro_f1", "entity_f1", "loss")


def recipe_row(key: str, encoding: str, corpus: str) -> dict[str, object]:
    metrics = Path("metrics") / key
    files = [metrics / name for name in ("pad.json", "train.json", "test.json")]
    if not all(file.is_file() for file in files):
        return {"recipe": key, "corpus": corpus}
    padded, trained, test = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    row = {"recipe": key, "corpus": corpus, "rows": padded["train"]["rows"], "epochs": trained["epochs"]}
    row |= {"dev_accuracy": trained["dev_accuracy"], **{f"test_{name}": test.get(name) for name in SCORES}}
    return row | baseline_columns(Path("metrics") / encoding / "baselines.json", test)


def baseline_columns(file: Path, test: dict[str, float]) -> dict[str, object]:
    """The baseline of the best dev score, its test score, and whether that beats the recipe's."""
    if not file.is_file():
        return {}
    score = "entity_f1" if "entity_f1" in test else "accuracy"
    baselines = json.loads(file.read_text(encoding="utf-8"))["baselines"]
    best = best_baseline(baselines, score)
    reached = baselines[best]["test"][score]
    return {"best_baseline": best, "baseline_test": reached, "beaten": "yes" if reached > test[score] else "no"}


def main() -> None:
    params = read_params()
    encodings = {key: item["encoding"] for key, item in pick(params, "recipes").items()}
    rows = [recipe_row(key, name, pick(params, "encodings", name, "corpus")) for key, name in encodings.items()]
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=240, tbl_hide_dataframe_shape=True, float_precision=4
    ) as style:
        style.set_tbl_hide_column_data_types(True).set_tbl_formatting("UTF8_BORDERS_ONLY")
        print(pl.DataFrame(rows, infer_schema_length=None))


if __name__ == "__main__":
    run(main)
