"""Write the report: the results of all recipes that have run, on one page that needs no network."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.outputs.recipe_results import encodings_and_corpora, read_recipe_results
from textrnn.evaluation.report.page import write_report
from textrnn.evaluation.report.study_section import read_shown_study
from textrnn.stage import run_command

REPORT = Path("reports/index.html")
STUDY = Path("study/shown")


def main() -> None:
    results = [
        read_recipe_results(recipe, encoding, corpus)
        for recipe, (encoding, corpus) in encodings_and_corpora(read_params()).items()
    ]
    recipes = [recipe for recipe in results if recipe.has_run]
    write_report(recipes, read_shown_study(STUDY), REPORT)
    for recipe in recipes:
        if recipe.missing:
            print(f"{recipe.name}: {len(recipe.missing)} of its files are missing; the report lists them")
    print(f"report: {REPORT}")


if __name__ == "__main__":
    run_command(main)
