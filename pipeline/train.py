"""Train a recipe's model and save it as a directory that needs nothing else."""

import time
from dataclasses import asdict
from pathlib import Path

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.architecture import Model
from textrnn.checkpoints import PREPARATION, save_model
from textrnn.embed import load_matrix
from textrnn.fit import fit, limit, pick_device
from textrnn.labels import Labels
from textrnn.limits import Limits
from textrnn.params import pick, read_params, section
from textrnn.shards import ShardReader
from textrnn.stage import output_file, output_folder, run_stage, write_json
from textrnn.train import merge_train


def main(key: str) -> None:
    params = read_params()
    limits = section(Limits, params, "limits")
    limits.check()
    model = section(Model, params, "recipes", key, "model")
    settings = merge_train(pick(params, "train"), pick(params, "recipes", key, "train"), key)
    model, settings = limit(model, settings, limits)
    encoding = pick(params, "recipes", key, "encoding")
    encoded, metrics = Path("data/encoded") / encoding, Path("metrics") / key
    sources = [encoded / "vocabulary.arrow", encoded / "labels.json"]
    sources.append(Path("data/segmented") / encoding / "segmentation.json")
    started = time.time()
    with output_folder(Path("models") / key) as out, output_file(metrics / "curves.csv") as curves:
        config, network, outcome = fit(
            key,
            ShardReader(Path("data/padded") / key, "padded"),
            load_matrix(Path("data/embedded") / key / "embedding.arrow"),
            Labels.load(encoded / "labels.json"),
            model,
            settings,
            curves=curves,
            live=Path("dvclive") / key,
        )
        save_model(out, config, network, dict(zip(PREPARATION, sources, strict=True)))
    write_json(metrics / "train.json", asdict(outcome))
    # how long it took is no metric: it differs from run to run, and would come back from the cache
    log = {"seconds": time.time() - started, "device": str(pick_device()), "threads": torch.get_num_threads()}
    write_json(Path("logs") / f"{key}.json", log)


if __name__ == "__main__":
    run_stage(main, "recipe")
