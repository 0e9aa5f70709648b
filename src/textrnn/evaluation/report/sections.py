"""A recipe's own section, part by part; a part whose files are not there is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textrnn.evaluation.outputs.recipe_files import RecipeResults
from textrnn.evaluation.rendering.charts import Confidence, curves, histogram, reliability
from textrnn.evaluation.rendering.markup import Child, Markup, facts, markup, meter, percent, scroller, table, tag, text
from textrnn.evaluation.report.examples import examples
from textrnn.evaluation.report.overview import SCORES, model_line, spoken

GROUPS = {
    "by_length": ("By length", "{} tokens"),
    "by_rarest": ("By how often train has the rarest token read", "{} times"),
    "by_text": ("By whether train or dev has the text", "{}"),
    "by_row": ("The row with the most entities", "{}"),
    "entities": ("By whether train has the entity", "{}"),
}
ALL_SEEN = 20  # classes; the confusion of more is a box that scrolls both ways, its heads staying in view
NAMED = {"0 times": "never", "in_train": "in train", "fullest": "that row", "rest": "the rest"}


def recipe_section(recipe: RecipeResults) -> Markup:
    """All that there is to show of a recipe."""
    drawings = [*_curves(recipe), *_lengths(recipe), *_reliability(recipe)]
    return markup(
        _missing(recipe),
        _facts(recipe),
        _scores(recipe),
        tag("div", drawings, class_="grid drawings") if drawings else None,
        _titled("Confusion", _confusion(recipe)),
        _titled("Figures by class", _classes(recipe)),
        _titled("Groups of test rows", _groups(recipe)),
        _titled("Errors", examples(recipe)),
    )


def _titled(title: str, body: Markup | None) -> Markup | None:
    return None if body is None else markup(tag("h3", title), body)


def _missing(recipe: RecipeResults) -> Markup | None:
    if not recipe.missing:
        return None
    stages = list(dict.fromkeys(stage for _, stage in recipe.missing))
    command = tag("code", "dvc repro ", " ".join(stages))
    files = tag("ul", [tag("li", tag("code", path)) for path, _ in recipe.missing])
    told = tag("details", tag("summary", f"Files that are not here: {len(recipe.missing)}"), files)
    return tag(
        "div", tag("p", "Not all of this recipe has been run. ", command, " makes the rest."), told, class_="note"
    )


def _facts(recipe: RecipeResults) -> Markup:
    pairs: list[tuple[str, Child]] = [("corpus", recipe.corpus), ("encoding", recipe.encoding)]
    pairs += [("model", model_line(recipe))] if recipe.config else []
    pairs += [("parameters", recipe.parameters)] if recipe.parameters is not None else []
    if recipe.pad is not None:
        rows = [f"{recipe.pad[split]['rows']:,} {split}" for split in ("train", "dev", "test")]
        pairs.append(("rows", ", ".join(rows)))
        pairs.append(("padded to", ", ".join(map(str, recipe.pad["widths"])) + " tokens"))
        pairs.append(("text cut off in train", percent(recipe.pad["train"]["truncated_share"])))
        pairs.append(("padding in train", percent(recipe.pad["train"]["padding_share"])))
    if recipe.train is not None:
        stopped = recipe.train["stopped_by"]
        run = f"{recipe.train['steps']:,} steps, {recipe.train['epochs']:g} epochs"
        pairs.append(("trained for", run + (f", stopped by {spoken(stopped)}" if stopped else "")))
        pairs.append(("weights of step", int(recipe.train["best_step"])))
    return facts(pairs)


def _scores(recipe: RecipeResults) -> Markup | None:
    if recipe.test is None:
        return None
    names = ["accuracy", "macro_f1", *(["entity_precision", "entity_recall", "entity_f1"] if recipe.tags else [])]
    rows: list[list[Child]] = [_score_row(recipe.name, recipe.dev, recipe.test, names)]
    if recipe.baselines is not None:
        made = recipe.baselines["baselines"]
        rows += [_score_row(f"baseline: {spoken(each)}", made[each]["dev"], made[each]["test"], names) for each in made]
        ceiling = recipe.baselines.get("ceiling")
        if ceiling:
            told = "ceiling: texts with several labels"
            rows.append(_score_row(told, {"accuracy": ceiling["dev"]}, {"accuracy": ceiling["test"]}, names))
    head = [("", ""), *((f"{SCORES[name]}, {split}", "n") for name in names for split in ("dev", "test"))]
    return table(f"{recipe.name} and its baselines", head, rows)


def _score_row(
    title: str, dev: Mapping[str, float] | None, test: Mapping[str, float], names: Sequence[str]
) -> list[Child]:
    return [title, *(percent((on or {}).get(name)) for name in names for on in (dev, test))]


def _curves(recipe: RecipeResults) -> Iterator[Markup]:
    for column, title in (("loss", "Loss"), ("accuracy", "Accuracy")):
        series = []
        for split in ("train", "dev"):
            points = [(float(row["step"]), float(row[column])) for row in recipe.curves if row["split"] == split]
            points = [point for point in points if math.isfinite(point[1])]
            series += [(split, points)] if points else []
        if series:
            yield curves(title, "step", series, column == "accuracy")


def _lengths(recipe: RecipeResults) -> Iterator[Markup]:
    counts = [(int(row["length"]), int(row["rows"])) for row in recipe.lengths]
    if counts:
        widths = recipe.pad["widths"] if recipe.pad else []
        yield histogram("Tokens of a training row", "tokens", counts, widths)


def _reliability(recipe: RecipeResults) -> Iterator[Markup]:
    if recipe.analysis is None or not recipe.reliability:
        return
    bins = [
        Confidence(
            lower=float(row["lower"]),
            upper=float(row["upper"]),
            count=int(row["count"]),
            confidence=float(row["confidence"]),
            accuracy=float(row["accuracy"]),
        )
        for row in recipe.reliability
    ]
    error = recipe.analysis["calibration"]["ece"]
    yield reliability(f"Reliability on test: calibration error {percent(error)}", bins, error)


def _confusion(recipe: RecipeResults) -> Markup | None:
    if not recipe.confusion:
        return None
    (_, *names), *rows = recipe.confusion
    head = tag("tr", tag("th", "gold ↓ predicted →", scope="col"), [_upright(name) for name in names])
    lines = []
    for at, (name, *cells) in enumerate(rows):
        counts = [int(cell) for cell in cells]
        line = [
            _cell(name, other, count, sum(counts), at == to)
            for to, (other, count) in enumerate(zip(names, counts, strict=True))
        ]
        lines.append(tag("tr", tag("th", text(name), scope="row"), line))
    told = tag("p", "Share of the gold class in percent, the count below; the diagonal is right.", class_="soft")
    caption = tag("caption", "Gold by predicted, on test")
    made = tag("table", caption, tag("thead", head), tag("tbody", lines), class_="confusion")
    high = "scroll high" if len(names) > ALL_SEEN else "scroll"
    return markup(told, scroller(f"Confusion of {recipe.name} on test", made, kind=high))


def _upright(name: str) -> Markup:
    return tag("th", tag("span", text(name)), scope="col")


def _cell(gold: str, predicted: str, count: int, support: int, right: bool) -> Markup:
    if not count:
        return tag("td")
    share = count / support
    # the square root, so that a class's rare errors are seen beside its hits
    shade = f"--s:{0.7 * math.sqrt(share):.2f}"
    told = f"{gold} taken for {predicted}: {count:,} of {support:,}, {percent(share)}"
    shown = f"{100 * share:.0f}" if share >= 0.005 else "<1"
    return tag("td", shown, tag("small", count), class_="right" if right else "wrong", style=shade, title=told)


def _classes(recipe: RecipeResults) -> Markup | None:
    made = []
    for kind, title in (
        ("entity", "Entities, by exact span"),
        ("class", "Tags of tokens" if recipe.tags else "Classes"),
    ):
        rows = [_class_row(row) for row in recipe.classes if row["kind"] == kind]
        head = (("", ""), ("precision", "n"), ("recall", "n"), ("F1", "n"), ("support", "n"))
        made += [table(title, head, rows)] if rows else []
    return tag("div", made, class_="grid") if made else None


def _class_row(row: Mapping[str, str]) -> list[Child]:
    scores = [float(row[name]) for name in ("precision", "recall", "f1")]
    return [text(row["name"]), percent(scores[0]), percent(scores[1]), meter(scores[2]), int(row["support"])]


def _groups(recipe: RecipeResults) -> Markup | None:
    if recipe.analysis is None:
        return None
    made = []
    for key, (title, unit) in GROUPS.items():
        groups: Mapping[str, Mapping[str, Any]] = recipe.analysis.get(key, {})
        rows = [_group_row(name, unit, figures, recipe.score) for name, figures in groups.items()]
        counted = [("entities", "n")] if recipe.tags else []
        head = [("", ""), ("rows", "n"), *counted, (SCORES[recipe.score], "n")]
        made += [table(title, head, rows)] if rows else []
    return tag("div", made, class_="grid") if made else None


def _group_row(name: str, unit: str, figures: Mapping[str, Any], score: str) -> list[Child]:
    title = unit.format(name.replace("-", "–"))
    counted = [int(figures["entities"])] if "entities" in figures else []
    return [NAMED.get(title, title), int(figures["rows"]), *counted, meter(figures[score])]
