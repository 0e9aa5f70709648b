"""Print a table of the recipes that have run, with their latest scores and best baselines."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.evaluation.outputs.recipe_results import encodings_and_corpora, read_recipe_results
from textrnn.evaluation.outputs.results_table import heading, results_table
from textrnn.stage import run_command


def main() -> None:
    params = read_params()
    origins = encodings_and_corpora(params)
    table = results_table([read_recipe_results(name, *origin) for name, origin in origins.items()])
    command = "make run" if Path("Makefile").is_file() else "dvc repro"
    print(f"{heading(params)}\n{table}" if table else f"no recipe has run yet: `{command}`")


if __name__ == "__main__":
    run_command(main)
