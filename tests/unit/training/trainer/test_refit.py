"""`train.refit`: a second run on train and dev, up to the step that dev has chosen, exact when it is resumed."""

import dataclasses
import json
import sys

import pyarrow as pa
import pytest
import torch

from factories.networks import PLAIN
from factories.recipes import LABELS, SPLITS, matrix, recipe_of
from factories.settings import settings
from factories.shards import write_padded
from textrnn.common.config.train import CosineSchedule, Distill, Ema, Swa
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.training.batching.batches import Epochs
from textrnn.training.batching.loading import load_buckets, load_splits
from textrnn.training.optimization.lr_schedule import learning_rate
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.recipe import PreparedFiles
from textrnn.training.trainer.setup import build_network
from textrnn.training.trainer.train_recipe import train_recipe

CPU = torch.device("cpu")
OPTIONS = settings(
    epochs=4,
    evaluate_every=5,
    learning_rate=0.3,  # so large that the best weights are not the last ones
    schedule=CosineSchedule("cosine", 0.1, 0.1),
    average=Ema("ema", 0.5),
    clip_norm=1.0,
    patience=15,
    refit=True,
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


@pytest.fixture
def padded(tmp_path):
    return write_padded(tmp_path, "classify", SPLITS)


MODEL = dataclasses.replace(PLAIN, head_dropout=0.2)


def trained(padded, folder, options=OPTIONS, work=None):
    recipe = recipe_of(padded, model=MODEL, train=options)
    return train_recipe(recipe, curves_file=folder / "curves.csv", work_folder=work)


class Stop(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer, batch):
        if trainer.state.step == self.step:
            trainer.stop("step_limit")


def test_the_second_run_takes_the_steps_of_the_best_weights_on_train_and_dev(padded, tmp_path, capsys):
    result = trained(padded, tmp_path)
    output = capsys.readouterr().out.splitlines()
    first = trained(padded, tmp_path, dataclasses.replace(OPTIONS, refit=False))
    assert result.outcome == first.outcome  # dev's figures are of the first run
    steps = result.outcome.best_step
    assert 0 < steps < first.outcome.steps  # else the test would show less
    for name, value in first.network.state_dict().items():
        assert torch.equal(result.network.state_dict()[name], value), name
    rows = load_splits(padded, ("train", "dev"))
    assert [len(bucket) for bucket in rows] == [13, 14]  # 20 and 7, by width
    assert (result.refitted.rows, result.refitted.steps) == (27, steps)
    assert output.count(f"tiny: refit on train and dev, 27 rows, {steps} steps") == 1
    # by hand: the same start, the learning rates of the first run, the average after the last step
    network = build_network(result.config, matrix(), OPTIONS.seed, CPU)
    options = dataclasses.replace(OPTIONS, epochs=9, patience=None)

    def rate(step):
        return learning_rate(OPTIONS, step, steps_per_epoch=Epochs(load_buckets(padded, "train"), OPTIONS).steps)

    trainer = Trainer(network, TrainingData(rows, []), options, callbacks=[Stop(steps)], schedule=rate)
    trainer.fit()
    assert trainer.state.step == steps
    with trainer.average.applied():
        for name, value in network.state_dict().items():
            assert torch.equal(result.refitted.network.state_dict()[name], value), name
    assert result.saved_network is result.refitted.network
    assert result.seconds > result.refitted.seconds > 0


def test_the_model_directory_has_both_weights_and_dev_is_scored_with_the_first(padded, tmp_path):
    result = trained(padded, tmp_path)
    folder = save(result, tmp_path)
    record = json.loads((folder / "training.json").read_text())
    assert record["refit"] == {"rows": 27, "steps": result.outcome.best_step}
    dev = load_buckets(padded, "dev")
    saved, before = load_model(folder), load_model(folder, before_refit=True)
    for name, value in result.refitted.network.state_dict().items():
        assert torch.equal(saved.network.state_dict()[name], value), name
    loss = evaluate_loss(before.network, dev, 100, None).loss
    assert loss == pytest.approx(result.outcome.dev_loss, rel=1e-5)
    assert evaluate_loss(saved.network, dev, 100, None).loss != pytest.approx(loss, rel=1e-3)


def test_without_refit_there_is_one_run_and_one_file_of_weights(padded, tmp_path):
    result = trained(padded, tmp_path, dataclasses.replace(OPTIONS, refit=False))
    assert (result.refitted, result.saved_network) == (None, result.network)
    folder = save(result, tmp_path)
    assert not (folder / "before_refit.safetensors").exists()
    assert "refit" not in json.loads((folder / "training.json").read_text())
    plain, before = load_model(folder), load_model(folder, before_refit=True)
    for name, value in plain.network.state_dict().items():
        assert torch.equal(before.network.state_dict()[name], value), name


def save(result, folder):
    (folder / "segmenter.json").write_text('{"segmenter": "chars"}\n')
    words = Vocabulary(pa.array(list("abcdefg")), pa.array(range(7, 0, -1), pa.int64()))
    preparation = Preparation.write(folder, words, LABELS, folder / "segmenter.json")
    (folder / "model").mkdir()
    result.save(folder / "model", PreparedFiles(padded=folder, embedded=folder, preparation=preparation))
    return folder / "model"


@pytest.mark.parametrize(
    ("stops", "resumed", "saved"),
    [
        ((3, 12), [2, 13], "step 13"),
        ((12, 24), [11, 24, 10], "step 10 of the refit"),
        ((30, 10), [24, 5, 14], "step 14 of the refit"),
    ],
    ids=["in the first", "in both", "in the second"],
)
def test_a_run_that_is_stopped_in_either_run_ends_the_same(padded, tmp_path, monkeypatch, stops, resumed, saved):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    options = dataclasses.replace(OPTIONS, patience=None, learning_rate=0.02)
    whole = trained(padded, tmp_path, options)
    assert (whole.outcome.steps, whole.refitted.steps) == (24, 24)  # 6 batches an epoch
    for stop in stops:
        with monkeypatch.context() as patched:
            patched.setattr(Progress, "on_step_end", stopping_after(stop))
            with (
                pytest.raises(KeyboardInterrupt) as caught,
                resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION) as work,
            ):
                trained(padded, tmp_path, options, work)
    assert caught.value.__notes__ == [f"{saved} is saved; the same command continues there"]
    again = trained(padded, tmp_path, options, work)
    assert again.outcome == whole.outcome
    assert again.resumed_from == resumed
    for one, other in ((again.network, whole.network), (again.refitted.network, whole.refitted.network)):
        for name, value in other.state_dict().items():
            assert torch.equal(one.state_dict()[name], value), name


def stopping_after(stop):
    """An event of a callback that is interrupted after so many steps of either run."""
    taken = []

    def on_step_end(self, trainer, batch):
        taken.append(trainer.state.step)
        if len(taken) == stop:
            raise KeyboardInterrupt

    return on_step_end


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"average": Swa("swa", 1)}, r"^recipes\.tiny\.train\.refit: must be false with average of kind swa"),
        ({"distill": Distill((2,), 0.5, 1.0)}, r"^recipes\.tiny\.train\.refit: must be false with distill"),
    ],
)
def test_what_a_second_run_cannot_have_is_refused(padded, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        trained(padded, tmp_path, dataclasses.replace(OPTIONS, **changes))
