"""Train one variant of the study with one seed, and keep what claims are judged by."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.params import read_params
from textrnn.common.storage.shards import ShardReader
from textrnn.preparation.artifacts.embedding_matrix import load_matrix
from textrnn.preparation.artifacts.labels import Labels
from textrnn.stage import run_command
from textrnn.study.plan.json_files import read_figures, run_name, write_figures
from textrnn.study.plan.variants import check_encoding, read_study, variant_settings
from textrnn.study.runs.training_run import run_variant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", help="an entry of study/params.yaml's variants")
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    params, study = read_params(), read_study(read_params(Path("study/params.yaml")))
    check_encoding(study, params)
    model, settings = variant_settings(study, params, given.variant, given.seed)
    padded, pad_size = Path("data/study/padded"), str(study.variants[given.variant].pad_size)
    matrix = load_matrix(Path("data/embedded") / study.recipe / "embedding.arrow")
    labels = Labels.load(Path("data/encoded") / study.encoding / "labels.json")
    reader = ShardReader(padded / pad_size, "padded")
    done = run_variant(given.variant, reader, matrix, labels, model, settings, study.gradient_rows)
    kept = {"kept_share": read_figures(padded / "kept.json")[pad_size]}
    name = f"{run_name(given.variant, given.seed)}.json"
    write_figures(Path("data/study/runs") / name, done.facts | kept)
    # as in logs/<recipe>.json: what no other run repeats is no result that is compared
    write_figures(Path("logs/study") / name, done.clock)
    print(f"{given.variant}, seed {given.seed}: test accuracy {done.facts['test_accuracy']:.4f}", flush=True)


if __name__ == "__main__":
    run_command(main)
