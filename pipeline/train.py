"""Train a recipe's model and save it as a self-contained model directory."""

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.common.storage.resumable import resumable_folder
from textrnn.modeling.devices.device import pick_device
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.stage import output_file, run_stage, write_json
from textrnn.training.distributed.launcher import launch_group
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.recipe import PreparedFiles, load_recipe
from textrnn.training.trainer.renamed_labels import KeptModel, hash_run
from textrnn.training.trainer.train_recipe import make_resume_key, train_recipe


def main(name: str) -> None:
    params = read_params()
    files, results = PreparedFiles.of_recipe(name, params), RecipeFiles(name)
    with launch_group() as group:
        recipe = load_recipe(name, params, files)
        if group.rank:  # only process 0 writes
            train_recipe(recipe, group=group)
            return
        key, labels = make_resume_key(recipe, files), recipe.data.labels.names
        run = hash_run(recipe, files, key)
        with resumable_folder(results.model.folder, CHECKPOINT_RETENTION, stage="train", run=key) as folder:
            kept = KeptModel.of_recipe(name, folder.parent)
            known = kept.names_of_run(run)
            names = known if labels in known else [*known, labels]
            # a run under names that it had before was asked for, as by `dvc repro -f`: it trains
            if known and names != known and group.world_size == 1:
                print(f"{name}: only names of labels have changed; the weights are kept", flush=True)
                kept.copy_to(folder, files, results.curves)
                kept.replace_by(folder, results.curves, run, names)
                return
            with output_file(results.curves) as curves_file:
                trained = train_recipe(recipe, group=group, curves_file=curves_file, work_folder=folder)
                trained.save(folder, files)  # inside: without a model there are no curves either
            # in no DVC output: durations differ from run to run, and DVC's run cache would bring old ones back;
            # inside, so that the checkpoints stay if this fails
            seconds, rows_per_second = trained.seconds, trained.rows_per_second
            speed = {"seconds": seconds, "rows_per_second": rows_per_second, "device": str(pick_device())}
            counts = {"threads": torch.get_num_threads(), "processes": group.world_size}
            write_json(results.timings, speed | counts | {"resumed_from": trained.resumed_from})
            kept.replace_by(folder, results.curves, run, names)


if __name__ == "__main__":
    run_stage(main, "recipe")
