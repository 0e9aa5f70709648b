"""All recipes compared: the rows of a table, and a chart for each corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.evaluation.metrics.paired_tests import Difference
from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.rendering.dot_plots import Scores, score_plot
from textrnn.evaluation.rendering.svg import Chart

METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "entity_precision": "entity precision",
    "entity_recall": "entity recall",
    "entity_f1": "entity F1",
}
BASELINES = {
    "linear_svm": "linear SVM",
    "nb_svm": "NB-SVM",
    "bag_of_ngrams": "bag of n-grams",
    "window_crf": "window CRF",
}  # the names in which a word is not in lower case
CELLS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "scratch GRU"}


@dataclass(frozen=True)
class Row:
    """A recipe in the table; all from `dev` on is None where it is not known.

    interval: of the score on test; ahead: the paired difference to the best baseline.
    """

    name: str
    corpus: str
    model: str
    parameters: int | None
    train_rows: int | None
    metric: str
    dev: float | None
    test: float | None
    interval: list[float] | None
    macro_f1: float | None
    baseline: str | None
    baseline_test: float | None
    ceiling: float | None
    ahead: Difference | None

    @property
    def verdict(self) -> str:
        """Who is ahead on test, where there is a baseline: by the paired interval, or else by the scores alone."""
        if self.ahead is not None:
            return self.ahead.words
        assert self.test is not None
        assert self.baseline_test is not None
        if self.test == self.baseline_test:
            return "level"
        side = "ahead" if self.test > self.baseline_test else "behind"
        return f"{side} by {100 * abs(self.test - self.baseline_test):.2f}"


def overview(recipes: Sequence[RecipeResults]) -> dict[str, Any]:
    """The values of `overview.html`: a table row for each recipe, those of a corpus together, and a chart for each.

    A corpus without an evaluated recipe has no chart.
    """
    rows = sorted((_row(recipe) for recipe in recipes), key=lambda row: row.corpus)
    return {"rows": rows, "charts": list(_charts(rows))}


def _row(recipe: RecipeResults) -> Row:
    baseline, baseline_test = baseline_of(recipe) or (None, None)
    return Row(
        name=recipe.name,
        corpus=recipe.corpus_shown,
        model=model_line(recipe) or "",
        parameters=recipe.parameters,
        train_rows=None if recipe.pad is None else int(recipe.pad["train"]["rows"]),
        metric=METRICS[recipe.primary_metric],
        dev=None if recipe.dev is None else recipe.dev[recipe.primary_metric],
        test=None if recipe.test is None else recipe.test[recipe.primary_metric],
        interval=recipe.interval(recipe.primary_metric),
        macro_f1=None if recipe.test is None else recipe.test["macro_f1"],
        baseline=None if baseline is None else baseline_title(baseline),
        baseline_test=baseline_test,
        ceiling=ceiling_of(recipe),
        ahead=recipe.ahead,
    )


def _charts(rows: Sequence[Row]) -> Iterator[Chart]:
    for corpus in dict.fromkeys(row.corpus for row in rows):
        evaluated = [row for row in rows if row.corpus == corpus and row.test is not None]
        for metric in dict.fromkeys(row.metric for row in evaluated):
            scores = [
                Scores(row.name, row.test, row.dev, row.baseline_test, row.ceiling)
                for row in evaluated
                if row.metric == metric and row.test is not None
            ]
            yield score_plot(f"{corpus}: {metric}", scores)


def baseline_of(recipe: RecipeResults) -> tuple[str, float] | None:
    """The name of the best baseline and its score on test; None where there is none."""
    name = recipe.best_baseline
    if recipe.baselines is None or name is None:
        return None
    return name, float(recipe.baselines["baselines"][name]["test"][recipe.primary_metric])


def ceiling_of(recipe: RecipeResults) -> float | None:
    """The best accuracy on test that contradicting labels allow; None for taggers, which have no such ceiling."""
    ceiling = None if recipe.baselines is None else recipe.baselines["ceiling"]
    return None if ceiling is None else float(ceiling["test"])


def humanize(name: str) -> str:
    """An identifier as readable text: spaces for underscores."""
    return name.replace("_", " ")


def baseline_title(name: str) -> str:
    """The name of a baseline as readable text."""
    return BASELINES.get(name, humanize(name))


def model_line(recipe: RecipeResults) -> str | None:
    """A recipe's model in a few words, from the config.json that training wrote."""
    if recipe.config is None:
        return None
    model = recipe.config["model"]
    layers = f" × {model['layers']}" if model["layers"] > 1 else ""
    parts = [f"{CELLS.get(model['cell'], humanize(model['cell']))} {model['hidden_size']}{layers}"]
    parts += ["bidirectional"] if model["bidirectional"] else []
    parts += [part for feature, part in (("bigrams", "bigrams"), ("words", "lexicon words")) if model[feature]]
    readout = model["readout"]
    parts.append(" + ".join(map(humanize, [readout] if isinstance(readout, str) else readout)))
    parts += [part for part, present in (("LayerNorm", model["layer_norm"]), ("CRF", model["crf"])) if present]
    # models saved before there was a linear part lack the key
    if recipe.config.get("ngrams"):
        parts.append("linear part on n-grams" + (" (weight 0: it changes no score)" if _is_unused(recipe) else ""))
    return ", ".join(parts)


def _is_unused(recipe: RecipeResults) -> bool:
    """Whether the linear part was fitted a scale of 0 on dev."""
    fusion = (recipe.train or {}).get("fusion") or {}
    return fusion.get("wide_scale") == 0
