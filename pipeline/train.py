"""Train a recipe's model and save it as a self-contained model directory."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_section
from textrnn.common.settings.limits import apply_limits
from textrnn.common.settings.merging import load_recipe_section
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.shards import INDEX, ShardReader
from textrnn.modeling.models.model_directory import PREPARATION_FILES, save_model
from textrnn.modeling.nn.device import pick_device
from textrnn.preparation.artifacts.embedding_matrix import load_matrix
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.lexicon_table import load_lexicon
from textrnn.stage import output_file, run_stage, write_json
from textrnn.training.distributed.launcher import launch_group
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.recipe import make_resume_key, train_recipe


def main(recipe: str) -> None:
    params = read_params()
    limits = load_section(Limits, params, "limits")
    limits.check()
    model = load_recipe_section(Model, params, "model", recipe)
    settings = load_recipe_section(Train, params, "train", recipe)
    model, settings = apply_limits(model, settings, limits)
    encoding = get_param(params, "recipes", recipe, "encoding")
    encoded, segmented = Path("data/encoded") / encoding, Path("data/segmented") / encoding
    padded, metrics_folder = Path("data/padded") / recipe, Path("metrics") / recipe
    embedding, lexicon = (Path("data/embedded") / recipe / name for name in ("embedding.arrow", "lexicon.arrow"))
    sources = [encoded / "vocabulary.arrow", encoded / "labels.json", segmented / "segmentation.json"]
    with launch_group() as group:
        data = ShardReader(padded, "padded"), load_matrix(embedding), Labels.load(encoded / "labels.json")
        train = partial(train_recipe, recipe, *data, model, settings, lexicon=load_lexicon(lexicon), group=group)
        if group.rank:  # only process 0 writes
            train(curves_file=None, dvclive_folder=None)
            return
        resume_key = make_resume_key(model, settings, [padded / INDEX, embedding, lexicon, *sources])
        with resumable_folder(Path("models") / recipe, CHECKPOINT_RETENTION, stage="train", **resume_key) as folder:
            with output_file(metrics_folder / "curves.csv") as curves_file:
                run = train(curves_file=curves_file, dvclive_folder=Path("dvclive") / recipe, work_folder=folder)
            save_model(folder, run.config, run.network, dict(zip(PREPARATION_FILES, sources, strict=True)))
            write_json(metrics_folder / "train.json", asdict(run.outcome))
            # durations are no metric: they differ from run to run, and DVC's run cache would bring old ones back
            speed = {"seconds": run.seconds, "rows_per_second": run.rows_per_second, "device": str(pick_device())}
            counts = {"threads": torch.get_num_threads(), "processes": group.world_size}
            write_json(Path("logs") / f"{recipe}.json", speed | counts | {"resumed_from": run.resumed_from})


if __name__ == "__main__":
    run_stage(main, "recipe")
