"""Run recipes with their baselines, show the progress, write the report of these recipes and print their table.

Without arguments it runs one recipe of each corpus, the last one in params.yaml. `dvc repro` runs all of them.
"""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.outputs.recipe_results import encodings_and_corpora, read_recipe_results
from textrnn.evaluation.outputs.results_table import heading, results_table
from textrnn.evaluation.outputs.training_times import read_training_times
from textrnn.evaluation.report.page import write_report
from textrnn.evaluation.report.report_content import ReportContent
from textrnn.project.runner.dvc_errors import repro
from textrnn.project.runner.lock_file import LockFile
from textrnn.project.runner.plan import first_recipes, plan_run
from textrnn.project.runner.progress import Progress, read_seconds, write_seconds
from textrnn.project.runner.project_folder import check_folder
from textrnn.stage import run_command

PROJECT, REPORT = Path(), Path("reports/run.html")
CHECKED = Path("data/checked.json")
LOG, SECONDS = Path("logs/run.log"), Path("logs/stage_seconds.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="recipe", help="(default: the last recipe of each corpus)")
    asked = parser.parse_args().recipes
    check_folder(PROJECT)
    params = read_params()
    plan = plan_run(params, asked or first_recipes(params))
    print(f"recipes: {', '.join(plan.recipes)}", flush=True)
    progress, lock = Progress(plan.stages, read_seconds(SECONDS)), LockFile(PROJECT)
    lock.begin(plan.stages if CHECKED.exists() else ())  # in a fresh clone no entry is of use
    try:
        repro(plan.targets, (progress.show, lock.follow), LOG)
    finally:
        lock.end()
    write_seconds(SECONDS, progress.finish())
    origins = encodings_and_corpora(params)
    results = [read_recipe_results(name, *origins[name]) for name in plan.recipes]
    times = {recipe.name: read_training_times(recipe.name, recipe.encoding) for recipe in results}
    write_report(ReportContent(results, None, times), REPORT)
    print(f"\n{heading(params)}\n{results_table(results)}\ndetails: open {REPORT}")
    if others := len(origins) - len(plan.recipes):
        print(f"the other {others} recipes: `source .venv/bin/activate`, then `dvc repro`")


if __name__ == "__main__":
    run_command(main)
