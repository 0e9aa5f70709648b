"""The results of recipes as a table for the terminal, each beside the baseline that dev selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from textrnn.common.params.sections import get_param
from textrnn.evaluation.outputs.recipe_results import RecipeResults

GENERATED = "data/sample"  # the folder that the stage `sample` fills
SCORES = {"accuracy": "accuracy", "entity_f1": "entity F1"}
LEGEND = "±: half of the 95% interval; level: no significant difference from the best baseline"


def results_table(results: Sequence[RecipeResults]) -> str:
    """The recipes that have been evaluated as lines of text, those of a corpus together; empty if there are none.

    The score is entity F1 for taggers and accuracy for others. `±` is half of the 95% interval of the test score.
    `difference` says by how much that score exceeds the best baseline's, which dev selects; `verdict` whether the
    recipe is ahead of it, level or behind by the paired 95% interval of this difference.
    """
    rows = [table_row(each) for each in results if each.train is not None and each.test is not None]
    if not rows:
        return ""
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("corpus", maintain_order=True)
    style = pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=240, tbl_hide_dataframe_shape=True, float_precision=4)
    with style as table_style:
        table_style.set_tbl_hide_column_data_types(True).set_tbl_formatting("UTF8_BORDERS_ONLY")
        return f"{frame}\n{LEGEND}"


def table_row(results: RecipeResults) -> dict[str, Any]:
    """The row of a recipe that has been evaluated; what is missing besides is empty."""
    assert results.train is not None
    assert results.test is not None
    metric = results.primary_metric
    row: dict[str, Any] = {"corpus": results.corpus_shown, "recipe": results.name}
    row |= {
        "train rows": None if results.pad is None else results.pad["train"]["rows"],
        "steps": results.train["steps"],
    }
    row |= {"score": SCORES.get(metric, metric), "dev": (results.dev or {}).get(metric), "test": results.test[metric]}
    row["±"] = _half_width(results.interval(metric))
    return row | _baseline_columns(results, metric)


def heading(params: Mapping[str, Any]) -> str:
    """What the figures of these params are worth: generated data and capped models are said, full runs named so.

    Raises UserError, by dotted name, for a missing section.
    """
    source, limits = get_param(params, "data", "source"), get_param(params, "limits")
    generated = source == GENERATED
    corpora = (
        f"generated corpora of {get_param(params, 'sample', 'rows'):,} rows" if generated else f"corpora of {source}"
    )
    names = {"rows": "rows of each split", "epochs": "epochs", "hidden_size": "hidden units"}
    caps = [f"{limits[name]:,} {words}" for name, words in names.items() if limits.get(name) is not None]
    listed = " and ".join(filter(None, (", ".join(caps[:-1]), *caps[-1:])))
    models = f"models of at most {listed}" if caps else "models without limits"
    worth = ".\nThey show that everything works, not how good a model is" if generated or caps else ""
    return f"Test scores on {corpora}, {models}{worth}."


def _baseline_columns(results: RecipeResults, metric: str) -> dict[str, Any]:
    if results.baselines is None or results.test is None:
        return {"best baseline": None, "its test": None, "difference": None, "verdict": None}
    score = results.baselines["baselines"][results.best_baseline]["test"][metric]
    columns = {"best baseline": results.best_baseline, "its test": score}
    verdict = None if results.ahead is None else results.ahead.verdict
    return columns | {"difference": round(results.test[metric] - score, 6), "verdict": verdict}


def _half_width(bounds: Sequence[float] | None) -> float | None:
    return None if bounds is None else (bounds[1] - bounds[0]) / 2
