"""Train what the recipes of an encoding are compared with: linear models on its n-grams, and the majority."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Limits
from textrnn.common.config.params import load_section, read_params
from textrnn.common.settings.limits import cap
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.baselines.fit import noise_ceiling, train_baselines
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.stage import run_stage, write_json


def main(key: str) -> None:
    params = read_params()
    settings, limits = load_section(Baseline, params, "baseline"), load_section(Limits, params, "limits")
    settings.check()
    limits.check()
    encoded = Path("data/encoded") / key
    labels, tokens = Labels.load(encoded / "labels.json"), len(Vocabulary.load(encoded / "vocabulary.arrow"))
    ids, epochs = ShardReader(encoded / "ids", "encoded"), cap(settings.epochs, limits.epochs)
    texts = ShardReader(Path("data/segmented") / key, "segmented")
    results = list(train_baselines(ids, texts, labels, tokens, settings, epochs))
    ceiling = noise_ceiling(ids) if labels.task == "classify" else None
    found = {"baselines": {each.name: each.metrics() for each in results}, "ceiling": ceiling}
    write_json(Path("metrics") / key / "baselines.json", found)
    # as of training: how long it took is no metric
    write_json(Path("logs") / f"{key}.baselines.json", {each.name: {"seconds": each.seconds} for each in results})


if __name__ == "__main__":
    run_stage(main, "encoding")
