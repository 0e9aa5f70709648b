"""Train one variant of the study with one seed, and write what the claims are judged by."""

import argparse

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import output_file, run_command
from textrnn.study.plan.inputs import INPUT_FACTS, inputs_folder
from textrnn.study.plan.json_files import FACTS, RAW_LOSSES, TIMINGS, read_results, run_file, write_results
from textrnn.study.plan.result_forms import InputFacts
from textrnn.study.plan.settings import read_run_settings
from textrnn.study.runs.training_run import StudyRun, run_variant
from textrnn.study.runs.variant_recipe import load_data, variant_recipe
from textrnn.training.planning.limits import describe_caps


def write_losses(run: StudyRun, variant: str, seed: int) -> None:
    """Write the loss of every batch as CSV; the facts have summaries of it."""
    with output_file(run_file(RAW_LOSSES, variant, seed).with_suffix(".csv")) as temporary:
        rows = (f"{step},{loss:.6g}\n" for step, loss in enumerate(run.batches.losses, start=1))
        temporary.write_text("".join(["step,loss\n", *rows]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", help="the name of an entry of variants in study/params.yaml")
    parser.add_argument("seed", type=int, help="the seed of weights, dropout and the order of rows")
    name, seed = vars(parser.parse_args()).values()
    settings = read_run_settings(name)
    inputs = read_results(inputs_folder(settings.inputs) / INPUT_FACTS, InputFacts)
    recipe = variant_recipe(name, seed, settings, load_data(settings))
    if recipe.caps:
        print(describe_caps(recipe.name, recipe.caps), flush=True)
    run = run_variant(recipe, settings)
    facts = {"variant": name, "seed": seed, **run.facts, "kept_share": inputs["kept_share"]}
    write_losses(run, name, seed)
    write_results(run_file(FACTS, name, seed), facts)
    # as in logs/<recipe>.json: timings are not reproducible, so they are no results to compare
    write_results(run_file(TIMINGS, name, seed), run.timings)
    score = "F1" if facts["task"] == "tag" else "accuracy"
    print(f"{name}, seed {seed}: test {score} {facts['test_score']:.4f}", flush=True)


if __name__ == "__main__":
    run_command(main)
