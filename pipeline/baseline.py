"""Train the baselines of an encoding, to compare its recipes with: linear models on n-grams, and the majority."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Limits
from textrnn.common.config.params import load_section, read_params
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.baselines.fit import cap_epochs, noise_ceiling, train_baselines
from textrnn.evaluation.metrics.comparison import best_test_score
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.stage import run_stage, write_json


def main(encoding: str) -> None:
    params = read_params()
    settings, limits = load_section(Baseline, params, "baseline"), load_section(Limits, params, "limits")
    settings.check()
    limits.check()
    encoded = Path("data/encoded") / encoding
    labels = Labels.load(encoded / "preparation" / "labels.json")
    vocabulary_size = len(Vocabulary.load(encoded / "preparation" / "vocabulary.arrow"))
    ids = ShardReader(encoded / "ids", "encoded")
    texts = ShardReader(Path("data/segmented") / encoding, "segmented")
    results = list(train_baselines(ids, texts, labels, vocabulary_size, cap_epochs(settings, limits.epochs)))
    baselines = {result.name: result.metrics() for result in results}
    ceiling = noise_ceiling(ids) if labels.task == "classify" else None
    write_json(Path("data/baselines") / f"{encoding}.json", {"baselines": baselines, "ceiling": ceiling})
    write_json(Path("metrics") / encoding / "baseline.json", {"score": best_test_score(baselines)})
    # the time is not a metric: it differs from run to run, as that of training does
    timings = {result.name: {"seconds": result.seconds} for result in results}
    write_json(Path("logs") / f"{encoding}.baselines.json", timings)


if __name__ == "__main__":
    run_stage(main, "encoding")
