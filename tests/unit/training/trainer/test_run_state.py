"""Checkpoints of a run, and that a resumed run gives bitwise the same weights and curves."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from factories.settings import settings
from factories.training_runs import Events, fit, rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial, CosineSchedule, Ema, StepSchedule, Swa
from textrnn.common.storage.markers import MARKERS, finished_shards
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError, UserError
from textrnn.interrupts import Terminated
from textrnn.modeling.models.running_metrics import RunningMetrics, Score
from textrnn.training.batching.batches import Shuffle, batches
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer import checkpointer as module
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION, Checkpointer, checkpoint_seconds
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.run_state import Checkpoint, DivergedError, EvaluationPoint, RunState

CPU = torch.device("cpu")
POINTS = [EvaluationPoint(at, at / 3, Score(1 / at, 0.1 + 0.2), Score(2 / at, 1 / 3)) for at in (2, 7)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / MARKERS).mkdir()
    return tmp_path


def names_in(folder):
    return sorted(path.name for path in (folder / MARKERS).iterdir())


def test_a_state_is_restored_bitwise():
    torch.manual_seed(0)
    tensors = {"network.a.b": torch.randn(3, 4).t(), "running_metrics": torch.randn(2, 4, dtype=torch.float64)}
    tensors |= {"step": torch.tensor(7.0), "none": torch.zeros(0, 2)}
    best = {"a.b": torch.randn(4, 3)}
    state = RunState(9, 70, 1 / 3, POINTS, POINTS[0], best, "patience", [3, 5], ["1,nan,0.250000"])
    checkpoint = Checkpoint.decode(Checkpoint(state, tensors).encode())
    again, decoded = checkpoint.state, checkpoint.tensors
    assert decoded.keys() == tensors.keys()
    assert all(
        torch.equal(decoded[name], value) and decoded[name].dtype == value.dtype for name, value in tensors.items()
    )
    assert torch.equal(again.best_weights.pop("a.b"), best.pop("a.b"))
    assert again == state
    assert Checkpoint.decode(Checkpoint(RunState(), {}).encode()) == Checkpoint(RunState(), {})


def test_the_previous_checkpoint_is_removed_once_the_new_one_is_complete(folder, monkeypatch):
    checkpointer = Checkpointer(folder)
    assert checkpointer.load_latest() is None
    checkpointer.save(3, b"three")
    assert checkpointer.load_latest() == b"three"
    assert names_in(folder) == ["step-3.json", "step-3.safetensors"]
    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("the disk is full")))
        with pytest.raises(OSError, match="disk"):
            checkpointer.save(4, b"four")
    assert checkpointer.load_latest() == b"three"
    assert names_in(folder) == ["step-3.json", "step-3.safetensors"]
    checkpointer.save(10, b"ten")
    assert checkpointer.load_latest() == b"ten"
    assert names_in(folder) == ["step-10.json", "step-10.safetensors"]


def test_after_a_kill_between_two_checkpoints_the_later_one_counts(folder, monkeypatch):
    checkpointer = Checkpointer(folder)
    checkpointer.save(9, b"nine")
    monkeypatch.setattr(Checkpointer, "_remove", lambda *_: None)
    checkpointer.save(10, b"ten")
    assert finished_shards(folder) == {"step-9", "step-10"}
    assert Checkpointer(folder).load_latest() == b"ten"


def test_a_damaged_checkpoint_is_reported_and_ignored(folder, capsys, monkeypatch):
    checkpointer = Checkpointer(folder)
    checkpointer.save(9, b"nine")
    with monkeypatch.context() as patched:
        patched.setattr(Checkpointer, "_remove", lambda *_: None)
        checkpointer.save(10, b"ten")
    (folder / MARKERS / "step-10.safetensors").write_bytes(b"te\0")  # the end lost, the size the same
    assert checkpointer.load_latest() == b"nine"
    assert capsys.readouterr().out == "the checkpoint of step 10 is damaged and is ignored\n"
    (folder / MARKERS / "step-9.safetensors").write_bytes(b"NINE")
    assert checkpointer.load_latest() is None
    assert names_in(folder) == []
    checkpointer.save(1, b"one")
    (folder / MARKERS / "step-1.json").write_bytes(b"\0" * (folder / MARKERS / "step-1.json").stat().st_size)
    assert checkpointer.load_latest() is None


@pytest.mark.parametrize(("given", "seconds"), [("", 60.0), ("0", 0.0), ("2.5", 2.5)])
def test_the_interval_between_checkpoints(folder, monkeypatch, given, seconds):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", given)
    assert checkpoint_seconds() == seconds
    now = [50.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    checkpointer = Checkpointer(folder)
    assert checkpointer.is_due() == (seconds == 0)
    now[0] += seconds
    assert checkpointer.is_due()
    checkpointer.save(1, b"one")
    assert checkpointer.is_due() == (seconds == 0)


@pytest.mark.parametrize("given", ["-1", "nan", "inf", "a minute"])
def test_the_interval_must_be_a_number(monkeypatch, given):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", given)
    with pytest.raises(
        ResumableError, match=r"^TEXTRNN_CHECKPOINT_SECONDS: must be a number of seconds, at least 0; got"
    ):
        checkpoint_seconds()


# a run that is resumed


CASES = {
    "plain": ({}, {"epochs": 3}),
    "dropout": ({"cell": "gru", "layers": 2, "dropout": 0.5, "head_dropout": 0.3}, {"epochs": 3}),
    "every": ({"head_dropout": 0.3}, {"epochs": 3, "evaluate_every": 2}),
    "patience": ({"cell": "lstm"}, {"epochs": 30, "evaluate_every": 1, "patience": 3, "learning_rate": 0.3}),
    "step": ({}, {"epochs": 4, "schedule": StepSchedule("step", 1, 0.5), "weight_decay": 0.1, "drop_last": True}),
    "cosine": ({}, {"epochs": 3, "schedule": CosineSchedule("cosine", 0.1, 0.0), "clip_norm": 0.05, "shuffle": False}),
    "crf": ({"readout": "every_step", "crf": True}, {"epochs": 2}),
    "ema": (
        {},
        {"epochs": 3, "evaluate_every": 2, "average": Ema("ema", 0.7), "schedule": CosineSchedule("cosine", 0.0, 0.3)},
    ),
    "swa": ({"head_dropout": 0.3}, {"epochs": 3, "average": Swa("swa", 2), "decoupled_decay": 0.3}),
    "bigrams": (
        {
            "bigrams": BigramOptions(3, 1),
            "readout": ("max", "attention"),
            "word_dropout": 0.2,
            "embedding_dropout": 0.2,
        },
        {"epochs": 2, "clip_norm": 0.1, "embedding_rate": 0.5, "average": Ema("ema", 0.9), "label_smoothing": 0.1},
    ),
    "words": ({"words": SoftLexiconOptions(3, 2), "embedding_dropout": 0.2}, {"epochs": 2, "average": Ema("ema", 0.9)}),
    "adversarial": (
        {"bigrams": BigramOptions(3, 1), "word_dropout": 0.2, "embedding_dropout": 0.3, "head_dropout": 0.3},
        {"epochs": 2, "clip_norm": 0.5, "adversarial": Adversarial(0.5, 1.0)},
    ),
    "all words": (
        {"words": SoftLexiconOptions(3, 2, "bmes", "frequency")},
        {"epochs": 2, "clip_norm": 0.1, "weight_decay": 0.01},
    ),
    "frozen": (
        {"layers": 2, "dropout": 0.3, "locked_dropout": True},
        {"epochs": 2, "embedding_rate": 0.0, "sampling": "balanced"},
    ),
}


def ignore(*_):
    pass


def train(case, folder, on_step=ignore, on_evaluation=ignore):
    """Train, resuming from the folder's checkpoint if there is one; return outcome, weights and all points."""
    changes, options = CASES[case]
    model, checkpointer = small(**changes), None if folder is None else Checkpointer(folder)
    data = checkpointer.load_latest() if checkpointer else None
    checkpoint = None if data is None else Checkpoint.decode(data)
    points = [] if checkpoint is None else list(checkpoint.state.points)
    tags = case == "crf"
    rows, dev = [*rows_of(18, tags=tags), *rows_of(7, width=4, tags=tags)], rows_of(9, tags=tags)

    def add_point(point):
        points.append(point)
        on_evaluation(point)

    callbacks = [Events(on_step, add_point), *([] if checkpointer is None else [checkpointer])]
    outcome = fit(model, TrainingData(rows, dev), settings(**options), *callbacks, checkpoint=checkpoint)
    return outcome, model.state_dict(), points


def same(one, other):
    assert one[0] == other[0]
    assert one[2] == other[2]
    assert all(torch.equal(other[1][name], value) for name, value in one[1].items())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("at", ["a step", "an evaluation"])
def test_stopped_anywhere_it_ends_the_same(monkeypatch, folder, case, at):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    whole = train(case, None)
    stops = range(1, whole[0].steps + 1)[:: 1 if case == "dropout" else 3]
    if at == "an evaluation":
        stops = [point.step for point in whole[2]]

    def stop_at(stop):
        def stopping(step, *_):
            if (step if at == "a step" else step.step) == stop:
                raise KeyboardInterrupt

        return {"on_step" if at == "a step" else "on_evaluation": stopping}

    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train(case, folder, **stop_at(stop))
        steps = finished_shards(folder)
        assert steps == ({f"step-{stop - 1}"} if stop > 1 else set())
    same(train(case, folder), whole)


def test_an_interrupt_finishes_its_step_and_saves_it(folder):
    whole = train("every", None)
    for number, signal_number, error in ((1, signal.SIGINT, KeyboardInterrupt), (2, signal.SIGTERM, Terminated)):
        seen = []

        def on_step(step, wanted=number, what=signal_number, seen=seen):
            seen.append(step)
            if len(seen) == wanted:
                signal.raise_signal(what)

        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        with pytest.raises(error) as caught:
            train("every", folder, on_step)
        assert caught.type is error
        assert len(seen) == number
        assert finished_shards(folder) == {f"step-{seen[-1]}"}
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    same(train("every", folder), whole)


def test_a_second_interrupt_stops_at_once(folder):
    def on_step(step):
        if step == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train("every", folder, on_step)
    assert finished_shards(folder) == set()


def test_an_interrupt_in_the_last_evaluation_is_not_lost(folder):
    whole = train("plain", None)

    def on_evaluation(point):
        if point.step == whole[0].steps:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train("plain", folder, on_evaluation=on_evaluation)
    assert finished_shards(folder) == {f"step-{whole[0].steps}"}
    same(train("plain", folder, on_step=lambda *_: pytest.fail("there is no step left")), whole)


def test_the_reason_of_a_stop_is_saved_too(folder):
    whole = train("patience", None)
    assert whole[0].stopped_by == "patience"

    def on_evaluation(point):
        if point.step == whole[0].steps:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train("patience", folder, on_evaluation=on_evaluation)
    same(train("patience", folder, on_step=lambda *_: pytest.fail("it had stopped")), whole)


def test_the_checkpoint_of_a_stopped_run(folder):
    def on_step(step):
        if step == 9:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train("every", folder, on_step)
    data = Checkpointer(folder).load_latest()
    assert data is not None
    checkpoint = Checkpoint.decode(data)
    state, tensors = checkpoint.state, checkpoint.tensors
    # 18 rows of one width and 7 of another, in batches of 4, so 7 an epoch
    assert state.step == 9
    assert 25 < state.rows <= 25 + 2 * 4
    assert state.seconds > 0
    assert [point.step for point in state.points] == [2, 4, 6, 7, 8]
    assert state.best is min(state.points, key=lambda point: point.dev.loss)
    assert state.resumed == []
    assert tensors["running_metrics"].shape == (1, 4)
    assert tensors["running_metrics"][0, 3] == state.rows - sum_of_rows(8)


def sum_of_rows(steps):
    options = settings(**CASES["every"][1])
    plan = [
        len(batch)
        for epoch in range(2)
        for batch in batches([*rows_of(18), *rows_of(7, width=4)], 4, shuffle=Shuffle(options.seed, epoch))
    ]
    return sum(plan[:steps])


def test_skipped_batches_are_not_gathered(folder, monkeypatch):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")

    def stopping(step):
        if step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("plain", folder, stopping)
    seen = []
    take = type(rows_of(1)[0]).take
    monkeypatch.setattr(type(rows_of(1)[0]), "take", lambda self, index: seen.append(len(index)) or take(self, index))
    outcome = train("plain", folder)[0]
    evaluated = 2  # one batch of dev at the ends of epochs 2 and 3
    assert len(seen) == outcome.steps - 8 + evaluated


def test_half_precision_saves_its_scaler():
    options = settings(precision="float16")
    train_steps = []
    for _ in range(2):
        model = small()
        train_steps.append(TrainStep(model, make_optimizer(model, options), RunningMetrics(None, CPU), options))
    first, second = train_steps
    first.scaler.load_state_dict({**first.scaler.state_dict(), "scale": 8.0, "_growth_tracker": 5})
    second.load_state_dict(Checkpoint.decode(Checkpoint(RunState(), first.state_dict()).encode()).tensors)
    assert second.scaler.state_dict() == first.scaler.state_dict()


def test_stopped_runs_of_two_other_keys_keep_their_checkpoints(tmp_path):
    def stopped(seed):
        with resumable_folder(tmp_path / "m", CHECKPOINT_RETENTION, seed=seed) as work:
            Checkpointer(work).save(seed, b"data")
            os.utime(work, (seed, seed))
            raise KeyboardInterrupt

    for seed in (1, 2, 3, 4):
        with pytest.raises(KeyboardInterrupt):
            stopped(seed)
    assert sorted(path.name for path in tmp_path.glob(".textrnn/m.*/.finished/*.json")) == [
        f"step-{n}.json" for n in (2, 3, 4)
    ]
    with resumable_folder(tmp_path / "m", CHECKPOINT_RETENTION, seed=2) as work:
        assert Checkpointer(work).load_latest() == b"data"
    assert sorted(path.name for path in tmp_path.glob(".textrnn/m.*/.finished/*.json")) == [
        "step-3.json",
        "step-4.json",
    ]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, OSError, MemoryError, ResumableError, UserError, RuntimeError, DivergedError]
)
def test_only_a_run_that_diverges_leaves_no_checkpoint(tmp_path, error):
    raised = error("a", "b") if issubclass(error, UserError) else error()

    def failing():
        with resumable_folder(tmp_path / "m", CHECKPOINT_RETENTION, seed=1) as work:
            Checkpointer(work).save(12, b"data")
            (work / "model.safetensors").write_text("half")
            raise raised

    with pytest.raises(error):
        failing()
    kept = error is not DivergedError
    assert len(list(tmp_path.iterdir())) == kept
    if kept:
        assert raised.__notes__ == ["step 12 is saved; the same command continues there"]
        with resumable_folder(tmp_path / "m", CHECKPOINT_RETENTION, seed=1) as again:
            assert Checkpointer(again).load_latest() == b"data"
            assert not (again / "model.safetensors").exists()
        # no checkpoint is left in the finished folder
        assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["m"]


@pytest.mark.parametrize(("seconds", "saving", "due"), [("60", 1.0, 60), ("60", 10.0, 200), ("0", 10.0, 0)])
def test_slow_checkpoints_come_less_often(folder, monkeypatch, seconds, saving, due):
    now = [1000.0]
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", seconds)
    monkeypatch.setattr("textrnn.training.trainer.checkpointer.time.monotonic", lambda: now[0])
    checkpointer = Checkpointer(folder)
    write = Checkpointer.save

    def slow(self, step, data):
        now[0] += saving
        write(self, step, data)

    monkeypatch.setattr(Checkpointer, "save", slow)
    checkpointer.on_save(None, Checkpoint(RunState(step=3), {}))
    if due:
        now[0] += due - 0.5
        assert not checkpointer.is_due()
        now[0] += 0.5
    assert checkpointer.is_due()
