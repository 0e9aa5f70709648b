"""Write the report: what all recipes reached, as their stages left it, in one page that needs no network."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.params import pick, read_params
from textrnn.report.page import render
from textrnn.report.sources import Places, read_recipe
from textrnn.report.study import read_study
from textrnn.stage import output_file, run

REPORT = Path("reports/index.html")
STUDY = Path("study/shown")


def main() -> None:
    params, places = read_params(), Places(Path("metrics"), Path("models"), Path("data/analyzed"))
    encodings = {key: item["encoding"] for key, item in pick(params, "recipes").items()}
    corpora = {name: pick(params, "encodings", name, "corpus") for name in encodings.values()}
    recipes = [read_recipe(key, name, corpora[name], places) for key, name in encodings.items()]
    with output_file(REPORT) as made:
        made.write_text(render(recipes, read_study(STUDY)), encoding="utf-8", newline="\n")
    for recipe in recipes:
        if recipe.missing:
            print(f"{recipe.name}: {len(recipe.missing)} of its files are not here; the report names them")
    print(f"report: {REPORT}")


if __name__ == "__main__":
    run(main)
