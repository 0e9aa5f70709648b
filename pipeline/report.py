"""Write the report: the results of all recipes that have run, on one page that needs no network.

It writes the page twice: for DVC without training times, which differ from run to run, and with them for people.
"""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.outputs.recipe_results import encodings_and_corpora, read_recipe_results
from textrnn.evaluation.outputs.training_times import read_training_times
from textrnn.evaluation.report.page import write_report
from textrnn.evaluation.report.report_content import ReportContent
from textrnn.evaluation.report.study_section import read_shown_study
from textrnn.stage import run_command

REPORT = Path("reports/index.html")
WITH_TIMES = Path("reports/run.html")  # no output of DVC
STUDY = Path("study/shown")


def main() -> None:
    results = [
        read_recipe_results(recipe, encoding, corpus)
        for recipe, (encoding, corpus) in encodings_and_corpora(read_params()).items()
    ]
    recipes = [recipe for recipe in results if recipe.has_run]
    study = read_shown_study(STUDY)
    write_report(ReportContent(recipes, study), REPORT)
    times = {recipe.name: read_training_times(recipe.name, recipe.encoding) for recipe in recipes}
    write_report(ReportContent(recipes, study, times), WITH_TIMES)
    for recipe in recipes:
        if recipe.missing:
            print(f"{recipe.name}: {len(recipe.missing)} of its files are missing; the report lists them")
    print(f"report: {WITH_TIMES} ({REPORT} is the same without training times)")


if __name__ == "__main__":
    run_command(main)
