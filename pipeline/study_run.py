"""Train one variant of the study with one seed, and write what the claims are judged by."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params, read_values
from textrnn.stage import run_command
from textrnn.study.plan.json_files import read_kept_share, run_file, write_results
from textrnn.study.plan.variants import check_encoding, read_study
from textrnn.study.runs.training_run import run_variant
from textrnn.study.runs.variant_settings import load_variant
from textrnn.training.planning.limits import describe_caps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", help="the name of an entry of variants in study/params.yaml")
    parser.add_argument("seed", type=int, help="the seed of weights, dropout and the order of rows")
    args = parser.parse_args()
    params, study = read_params(), read_study(read_values(Path("study/params.yaml")))
    check_encoding(study, params)
    padded = Path("data/study/padded")
    variant = load_variant(study, params, args.variant, args.seed, padded)
    if variant.caps:
        print(describe_caps(variant.name, variant.caps), flush=True)
    run = run_variant(variant, gradient_rows=study.gradient_rows)
    kept_share = {"kept_share": read_kept_share(padded / "kept.json", study.variants[args.variant].max_length)}
    write_results(run_file(Path("data/study/runs"), args.variant, args.seed), run.facts | kept_share)
    # as in logs/<recipe>.json: timings are not reproducible, so they are no results to compare
    write_results(run_file(Path("logs/study"), args.variant, args.seed), run.timings)
    print(f"{args.variant}, seed {args.seed}: test accuracy {run.facts['test_accuracy']:.4f}", flush=True)


if __name__ == "__main__":
    run_command(main)
