"""`TEXTRNN_BATCH_LOSSES`: the losses are those of a loop written by hand; stopped and in a group they are the same."""

from __future__ import annotations

import csv
import math
import sys

import pytest
import torch
import torch.nn.functional as F

from factories.distillation import STUDENT
from factories.process_groups import CLASS_WEIGHTS, SEEDED, together
from factories.recipes import SPLITS, recipe_of
from factories.settings import settings
from factories.shards import write_padded
from factories.training_runs import Constant, Events, fit, rows_of, small
from textrnn.common.config.train import Adversarial
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.resumable import resumable_folder
from textrnn.tools.losses_command import read_losses
from textrnn.training.batching.batches import Epochs
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.trainer import refit
from textrnn.training.trainer.batch_losses import BatchLosses, batch_losses_from_environment
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION, Checkpointer, load_checkpoint
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.run_state import DivergedError
from textrnn.training.trainer.train_recipe import train_recipe

VARIABLE = "TEXTRNN_BATCH_LOSSES"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    for name in (VARIABLE, "TEXTRNN_TENSORBOARD", "TEXTRNN_CHECKPOINT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


def rows_written(path):
    """The rows of a file of batch losses as numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "loss", "accuracy"]
    return [(int(step), float(loss), float(accuracy)) for step, loss, accuracy in rows]


def by_hand(model, buckets, options, weights=None):
    """Step, loss and accuracy of each batch in a plain loop of torch."""
    adam, epochs, found = torch.optim.Adam(model.parameters(), lr=options.learning_rate), Epochs(buckets, options), []
    for epoch in range(options.epochs):
        for selected in epochs.selections(epoch, 0):
            batch = selected.gather()
            logits, targets = model(batch.ids, batch.lengths).flatten(0, -2), batch.targets.flatten()
            loss = F.cross_entropy(logits, targets, weights, ignore_index=-100)
            real = targets != -100
            found.append((len(found) + 1, loss.item(), (logits.argmax(-1) == targets)[real].float().mean().item()))
            adam.zero_grad()
            loss.backward()
            adam.step()
    return found


@pytest.mark.parametrize("evaluate_every", [None, 1, 3])
@pytest.mark.parametrize(
    ("tags", "weights"), [(False, None), (False, torch.tensor([1.0, 10.0, 0.5, 2.0])), (True, None)]
)
def test_each_loss_is_that_of_a_loop_by_hand(tmp_path, tags, weights, evaluate_every):
    changes = {"readout": "every_step"} if tags else {}
    options = settings(epochs=2, batch_size=5, learning_rate=0.02, evaluate_every=evaluate_every)
    buckets = [*rows_of(18, tags=tags), *rows_of(6, width=4, tags=tags)]
    model, path = small(**changes), tmp_path / "made" / "losses.csv"
    fit(model, TrainingData(buckets, rows_of(9, tags=tags), weights), options, BatchLosses(path))
    wanted = by_hand(small(**changes), buckets, options, weights)
    assert len(wanted) == 12  # 4 + 2 batches an epoch, some of them short
    assert rows_written(path) == [pytest.approx(row, abs=2e-6) for row in wanted]


def test_the_weights_are_bitwise_those_of_a_run_without_it(tmp_path):
    options = settings(epochs=2, evaluate_every=2, adversarial=Adversarial(0.5, 1.0))
    outcomes, models = [], [small(head_dropout=0.3), small(head_dropout=0.3)]
    for model, callbacks in zip(models, ([], [BatchLosses(tmp_path / "losses.csv")]), strict=True):
        outcomes.append(fit(model, TrainingData(rows_of(18), rows_of(9)), options, *callbacks))
    assert outcomes[0] == outcomes[1]
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))
    assert [step for step, *_ in rows_written(tmp_path / "losses.csv")] == list(range(1, 11))


class Killed(BaseException):
    pass


def killed_at(step, error):
    def stop(at):
        if at == step:
            raise error

    return Events(stop)


@pytest.mark.parametrize("seconds", ["0", "1000"])
@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
@pytest.mark.parametrize("stop", [1, 3, 4, 5, 9])
def test_a_resumed_run_writes_the_file_of_one_that_was_never_stopped(tmp_path, monkeypatch, stop, error, seconds):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", seconds)
    (tmp_path / MARKERS).mkdir()
    data, options = TrainingData(rows_of(18), rows_of(9)), settings(epochs=2, evaluate_every=4)

    def train(path, *events, checkpointer=None):
        callbacks = [BatchLosses(path), *events, *([] if checkpointer is None else [checkpointer])]
        checkpoint = load_checkpoint(checkpointer, SINGLE_PROCESS)
        fit(small(head_dropout=0.3), data, options, *callbacks, checkpoint=checkpoint)

    train(tmp_path / "whole.csv")
    with pytest.raises(error):
        train(tmp_path / "first.csv", killed_at(stop, error()), checkpointer=Checkpointer(tmp_path))
    # up to what ended it, whatever the checkpoint holds
    assert rows_written(tmp_path / "first.csv") == rows_written(tmp_path / "whole.csv")[:stop]
    train(tmp_path / "second.csv", checkpointer=Checkpointer(tmp_path))
    assert (tmp_path / "second.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_rows_before_the_variable_was_set_are_not_made_up(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    (tmp_path / MARKERS).mkdir()
    data, options, checkpointer = TrainingData(rows_of(18), rows_of(9)), settings(epochs=2), Checkpointer(tmp_path)
    fit(small(), data, options, BatchLosses(tmp_path / "whole.csv"))
    with pytest.raises(Killed):
        fit(small(), data, options, killed_at(4, Killed()), checkpointer)
    checkpoint = load_checkpoint(checkpointer, SINGLE_PROCESS)
    fit(small(), data, options, BatchLosses(tmp_path / "rest.csv"), checkpoint=checkpoint)
    assert rows_written(tmp_path / "rest.csv") == rows_written(tmp_path / "whole.csv")[3:]


def test_a_run_that_diverges_leaves_its_losses_up_to_the_end(tmp_path):
    def spoil(step):
        if step == 3:
            model.weight.data.fill_(math.nan)

    model = Constant()
    options, data = settings(epochs=2, batch_size=3), TrainingData(rows_of(18), rows_of(9))
    with pytest.raises(DivergedError):
        fit(model, data, options, BatchLosses(tmp_path / "losses.csv"), Events(spoil))
    rows = rows_written(tmp_path / "losses.csv")
    assert [step for step, *_ in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0][1] == pytest.approx(math.log(4), abs=1e-6)
    assert [math.isnan(loss) for _, loss, _ in rows] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("batch_size", [1, 5])  # of one row: one of the processes has none of it
def test_in_a_group_a_row_is_of_the_whole_batch(tmp_path, monkeypatch, batch_size):
    options = settings(epochs=2, batch_size=batch_size, evaluate_every=4)
    data = TrainingData([*rows_of(18), *rows_of(6, width=4)], rows_of(9), CLASS_WEIGHTS)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "group"))

    def train(group):
        with SEEDED:
            model = small()
        callbacks = batch_losses_from_environment("tiny", group, written=group.rank == 0)
        fit(model, data, options, *callbacks, group=group)

    together(2, train)
    fit(small(), data, options, BatchLosses(tmp_path / "one.csv"))
    one, group = rows_written(tmp_path / "one.csv"), rows_written(tmp_path / "group" / "tiny.csv")
    assert len(one) == 2 * math.ceil(18 / batch_size) + 2 * math.ceil(6 / batch_size)
    assert group == [pytest.approx(row, rel=2e-5, abs=2e-6) for row in one]


def test_process_0_alone_decides(tmp_path, monkeypatch):
    assert batch_losses_from_environment("tiny", SINGLE_PROCESS, written=True) == []
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert batch_losses_from_environment("tiny", SINGLE_PROCESS, written=False) == []
    counts = {
        first: [len(each) for each in together(2, lambda group, first=first: decide(group, first))]
        for first in (True, False)
    }
    assert counts == {True: [1, 1], False: [0, 0]}


def decide(group, first):
    return batch_losses_from_environment("tiny", group, written=first == (group.rank == 0))


def test_of_a_recipe_with_teachers_it_has_the_student(tmp_path, monkeypatch):
    padded = write_padded(tmp_path, "classify", SPLITS)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "losses"))
    trained = train_recipe(recipe_of(padded, train=STUDENT), curves_file=tmp_path / "curves.csv")
    (file,) = (tmp_path / "losses").iterdir()
    assert file.name == "tiny.csv"
    assert [step for step, *_ in rows_written(file)] == list(range(1, trained.outcome.steps + 1))
    assert read_losses(file) == [(step, loss) for step, loss, _ in rows_written(file)]  # what `textrnn losses` draws


def test_a_refit_has_none_and_leaves_those_of_the_first_run(tmp_path, monkeypatch):
    padded, file = write_padded(tmp_path, "classify", SPLITS), tmp_path / "losses" / "tiny.csv"
    recipe = recipe_of(padded, train=settings(epochs=3, refit=True))
    monkeypatch.setenv(VARIABLE, str(file.parent))

    def train():
        with resumable_folder(tmp_path / "model", CHECKPOINT_RETENTION, stage="train", run={"a": 1}) as work:
            return train_recipe(recipe, curves_file=tmp_path / "curves.csv", work_folder=work)

    with monkeypatch.context() as patched:
        stops = killed_at(1, KeyboardInterrupt())
        patched.setattr(refit, "Progress", lambda *_, **__: stops)
        with pytest.raises(KeyboardInterrupt):
            train()
    whole = file.read_bytes()
    file.unlink()
    assert train().resumed_from == [18]  # the first run is over, and is not trained again
    assert file.read_bytes() == whole
    assert [step for step, *_ in rows_written(file)] == list(range(1, 19))
