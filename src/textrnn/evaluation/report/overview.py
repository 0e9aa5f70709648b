"""All recipes side by side: a table, and for each corpus a drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textrnn.evaluation.outputs.recipe_files import RecipeResults, best_baseline
from textrnn.evaluation.rendering.charts import Standing, dots
from textrnn.evaluation.rendering.markup import Child, Markup, markup, percent, table, tag

SCORES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "entity_precision": "entity precision",
    "entity_recall": "entity recall",
    "entity_f1": "entity F1",
}
HEAD = (
    ("recipe", ""),
    ("corpus", ""),
    ("model", ""),
    ("parameters", "n"),
    ("train rows", "n"),
    ("score", ""),
    ("dev", "n"),
    ("test", "n"),
    ("macro-F1, test", "n"),
    ("best baseline", ""),
    ("its test", "n"),
    ("ceiling", "n"),
    ("verdict", ""),
)


def overview(recipes: Sequence[RecipeResults]) -> Markup:
    """The table, and a drawing for each corpus that a recipe was evaluated on."""
    drawings = tag("div", list(_drawings(recipes)), class_="grid drawings")
    lead = tag(
        "p",
        "Figures of one run and one seed each. The best baseline is the one of the best score on dev, among linear "
        "models trained on the same rows. The ceiling is the accuracy that texts with several labels leave to be "
        "reached.",
    )
    return markup(lead, table("Recipes and their scores", HEAD, map(_row, recipes), "wide"), drawings)


def _row(recipe: RecipeResults) -> list[Child]:
    link = tag("a", recipe.name, href=f"#recipe-{recipe.name}")
    start: list[Child] = [link, recipe.corpus, model_line(recipe), recipe.parameters, _rows_of_train(recipe)]
    if recipe.test is None:
        return [*start, tag("em", "not evaluated"), *[None] * 7]
    dev = None if recipe.dev is None else recipe.dev[recipe.score]
    row = [*start, SCORES[recipe.score], percent(dev), tag("strong", percent(recipe.test[recipe.score]))]
    return [*row, percent(recipe.test["macro_f1"]), *_beside(recipe, recipe.test[recipe.score])]


def _rows_of_train(recipe: RecipeResults) -> int | None:
    return None if recipe.pad is None else int(recipe.pad["train"]["rows"])


def _beside(recipe: RecipeResults, reached: float) -> list[Child]:
    """The best baseline, its score on test and who is ahead."""
    standing = baseline_of(recipe)
    if standing is None:
        return ["none yet", None, None, None]
    name, score = standing
    if score > reached:
        verdict = tag("span", "beaten", class_="verdict bad")
    else:
        verdict = tag("span", "ahead" if reached > score else "level", class_="verdict good")
    return [spoken(name), percent(score), percent(ceiling_of(recipe)), verdict]


def baseline_of(recipe: RecipeResults) -> tuple[str, float] | None:
    """The name of the best baseline and its score on test; None where there is none."""
    if recipe.baselines is None:
        return None
    made = recipe.baselines["baselines"]
    name = best_baseline(made, recipe.score)
    return name, float(made[name]["test"][recipe.score])


def ceiling_of(recipe: RecipeResults) -> float | None:
    """The accuracy on test that contradicting labels leave to be reached; None for taggers, where there is none."""
    made = None if recipe.baselines is None else recipe.baselines["ceiling"]
    return None if made is None else float(made["test"])


def spoken(name: str) -> str:
    """A name of the library's as words."""
    return name.replace("_", " ")


def model_line(recipe: RecipeResults) -> str | None:
    """A recipe's model in a few words, as it was trained."""
    if recipe.config is None:
        return None
    model = recipe.config["model"]
    layers = f" × {model['layers']}" if model["layers"] > 1 else ""
    words = [f"{spoken(model['cell'])} {model['hidden_size']}{layers}"]
    words += ["both directions"] if model["bidirectional"] else []
    words += [beside for name, beside in (("bigrams", "pairs"), ("words", "words")) if model[name]]
    readout = model["readout"]
    words.append(" + ".join(map(spoken, [readout] if isinstance(readout, str) else readout)))
    words += [name for name, on in (("LayerNorm", model["layer_norm"]), ("CRF", model["crf"])) if on]
    return ", ".join(words)


def _drawings(recipes: Sequence[RecipeResults]) -> Iterator[Markup]:
    for corpus in dict.fromkeys(recipe.corpus for recipe in recipes):
        there = [each for each in recipes if each.corpus == corpus and each.test is not None]
        for score in dict.fromkeys(each.score for each in there):
            yield dots(f"{corpus}: {SCORES[score]}", [_standing(each) for each in there if each.score == score])


def _standing(recipe: RecipeResults) -> Standing:
    assert recipe.test is not None
    baseline = baseline_of(recipe)
    dev = None if recipe.dev is None else recipe.dev[recipe.score]
    return Standing(recipe.name, recipe.test[recipe.score], dev, baseline[1] if baseline else None, ceiling_of(recipe))
