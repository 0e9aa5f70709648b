"""The trainer and its callbacks: the order of events, requests, stops, schedules, and runs without dev."""

import dataclasses
import signal

import pytest
import torch

from factories.process_groups import together
from factories.settings import settings
from factories.training_runs import Constant, Events, fit, rows_of, small
from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import Epochs
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.trainer import loop
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.run_state import Actions, Checkpoint, EvaluationPoint, RunState

POINT = EvaluationPoint(step=3, epoch=1.0, train=Score(1.0, 0.5), dev=Score(1.0, 0.5))


class Notes(Callback):
    """Notes every event with the step at which it comes."""

    def __init__(self):
        self.seen = []

    def on_start(self, trainer):
        self.seen.append(("start", trainer.state.step))

    def on_step_end(self, trainer, batch):
        self.seen.append(("step", trainer.state.step, len(batch)))

    def on_evaluation(self, trainer, point):
        assert trainer.state.points[-1] is point
        self.seen.append(("evaluation", point.step))

    def on_save(self, trainer, checkpoint):
        assert checkpoint.state == trainer.state
        self.seen.append(("save", checkpoint.state.step))

    def on_end(self, trainer):
        self.seen.append(("end", trainer.state.step))


class Request(Callback):
    """Requests something after a step."""

    def __init__(self, step, name, rank=0):
        self.step, self.name, self.rank = step, name, rank

    def on_step_end(self, trainer, batch):
        if trainer.state.step == self.step and trainer.group.rank == self.rank:
            setattr(trainer.requests, self.name, True)


class Interrupt(Callback):
    """Sends SIGINT to this process at an event."""

    def __init__(self, event):
        setattr(self, event, lambda *_: signal.raise_signal(signal.SIGINT))


class EveryoneStopped(ProcessGroup):
    """A group in which another process was interrupted."""

    def any_process(self, *flags):
        return [True] * len(flags)


class InterruptedSinceTheVote(ProcessGroup):
    """A group whose last vote is followed by an interrupt."""

    def any_process(self, *flags):
        if len(flags) == 1:
            signal.raise_signal(signal.SIGINT)
        return list(flags)


def data(count=10):
    return TrainingData(rows_of(count), rows_of(5))


def test_the_events_of_a_run():
    notes = Notes()
    fit(Constant(), data(), settings(evaluate_every=2), notes)  # batches of 4, 4 and 2 rows
    steps = [("step", 1, 4), ("step", 2, 4), ("evaluation", 2), ("step", 3, 2), ("evaluation", 3)]
    rows = [event[2] for event in notes.seen if event[0] == "step"]
    assert sorted(rows) == [2, 4, 4]
    assert [event[:2] for event in notes.seen] == [("start", 0), *(step[:2] for step in steps), ("end", 3)]


def test_a_checkpoint_is_saved_after_the_evaluation_of_its_step():
    notes = Notes()
    fit(Constant(), data(), settings(evaluate_every=2), Request(2, "save"), notes)
    assert [event[:2] for event in notes.seen][2:6] == [("step", 2), ("evaluation", 2), ("save", 2), ("step", 3)]


def test_a_callback_can_interrupt_the_run():
    notes = Notes()
    with pytest.raises(KeyboardInterrupt):
        fit(Constant(), data(), settings(), notes, Request(2, "interrupt"))
    assert [event[0] for event in notes.seen] == ["start", "step", "step", "save", "end"]


def test_an_evaluation_on_request_alone_does_not_stop_the_run():
    notes = Notes()
    outcome = fit(Constant(), data(), settings(), notes, Request(1, "evaluate"))
    assert [event[1] for event in notes.seen if event[0] == "evaluation"] == [1, 3]
    assert (outcome.steps, outcome.stopped_by) == (3, None)


def test_an_evaluation_on_request_is_not_taken_for_the_time_limit():
    options = settings(time_limit_seconds=3600.0)
    outcome = fit(Constant(), data(), options, Request(1, "evaluate"))
    assert (outcome.steps, outcome.stopped_by) == (3, None)


def test_a_run_out_of_time_stops_after_an_evaluation_and_saves_that_it_stopped():
    notes, saved = Notes(), []
    notes.on_save = lambda trainer, checkpoint: saved.append(checkpoint.state)
    outcome = fit(Constant(), data(), settings(), notes, Request(2, "save"), Request(2, "out_of_time"))
    assert [event[:2] for event in notes.seen] == [
        ("start", 0),
        ("step", 1),
        ("step", 2),
        ("evaluation", 2),
        ("end", 2),
    ]
    assert (outcome.steps, outcome.stopped_by) == (2, "time_limit")
    assert [(state.step, state.stopped_by, len(state.points)) for state in saved] == [(2, "time_limit", 1)]


def test_patience_that_runs_out_with_the_time_is_the_reason():
    outcome = fit(
        Constant(), data(), settings(evaluate_every=1, patience=1, learning_rate=9.0), Request(2, "out_of_time")
    )
    assert (outcome.steps, outcome.stopped_by) == (2, "patience")


def test_without_dev_a_time_limit_stops_the_run_too(monkeypatch):
    notes, options = Notes(), settings(epochs=9, time_limit_seconds=1e-9)
    trainer = Trainer(
        Constant(), dataclasses.replace(data(), dev=[]), options, callbacks=[notes, *early_stopping(options)]
    )
    trainer.fit()
    assert [event[0] for event in notes.seen] == ["start", "step", "end"]
    assert trainer.state.stopped_by == "time_limit"


def test_on_gpus_a_request_waits_for_the_next_vote(monkeypatch):
    monkeypatch.setattr(loop, "GPU_SYNC_STEPS", 2)

    def member(group):
        notes = Notes()
        options = settings(batch_size=2, evaluate_every=3)
        trainer = Trainer(Constant(), data(), options, callbacks=[notes, Request(1, "save", rank=1)], group=group)
        trainer.device = torch.device("cuda")
        trainer.fit()
        return [event for event in notes.seen if event[0] == "save"], trainer.requests

    monkeypatch.setattr(loop, "seed_step", lambda *_: None)
    assert together(2, member) == [([("save", 2)], Actions())] * 2


def test_what_one_process_requests_all_do():
    def member(group):
        notes = Notes()
        fit(Constant(), data(), settings(evaluate_every=2), notes, Request(1, "save", rank=1), group=group)
        return [event for event in notes.seen if event[0] == "save"]

    assert together(2, member) == [[("save", 1)], [("save", 1)]]


def test_the_first_reason_to_stop_counts():
    trainer = Trainer(Constant(), data(), settings())
    trainer.stop("patience")
    trainer.stop("time_limit")
    assert trainer.state.stopped_by == "patience"
    trainer.fit()
    assert trainer.state.step == 0  # it takes no more steps


def test_callbacks_that_were_started_are_ended_after_any_exception():
    class Refused(Callback):
        def on_start(self, trainer):
            raise UserError("a", "b")

    first, last = Notes(), Notes()
    with pytest.raises(UserError, match="a: b"):
        fit(Constant(), data(), settings(), first, Refused(), last)
    assert first.seen == [("start", 0), ("end", 0)]
    assert last.seen == []
    notes = Notes()
    with pytest.raises(ZeroDivisionError):
        fit(Constant(), data(), settings(), notes, Events(on_step=lambda step: step / 0))
    assert [event[0] for event in notes.seen] == ["start", "step", "end"]


def test_an_interrupt_while_the_run_starts_ends_it_before_any_step():
    first, last = Notes(), Notes()
    with pytest.raises(KeyboardInterrupt):
        fit(Constant(), data(), settings(), first, Interrupt("on_start"), last)
    assert first.seen == [("start", 0), ("end", 0)]
    assert last.seen == []


def test_an_interrupt_while_the_run_ends_is_raised_and_all_callbacks_are_ended():
    first, last = Notes(), Notes()
    with pytest.raises(KeyboardInterrupt):
        fit(Constant(), data(), settings(), first, Interrupt("on_end"), last)
    assert first.seen[-1] == last.seen[-1] == ("end", 3)


def test_an_interrupt_while_the_best_weights_are_loaded_is_raised():
    network = Constant()
    network.load_state_dict = lambda *_: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(network, data(), settings())


def test_an_interrupt_since_the_last_vote_is_raised():
    with pytest.raises(KeyboardInterrupt):
        fit(Constant(), data(), settings(), group=InterruptedSinceTheVote())


def test_a_run_that_took_no_step_does_not_save():
    notes, network = Notes(), Constant()
    state = RunState(step=3, points=[POINT], best=POINT, best_weights=network.state_dict())
    with pytest.raises(KeyboardInterrupt):
        fit(network, data(), settings(), notes, group=EveryoneStopped(), checkpoint=Checkpoint(state, {}))
    assert notes.seen == [("start", 3), ("end", 3)]


def test_a_checkpoint_does_not_change_with_the_run_that_saved_it_or_started_from_it():
    saved, network = [], Constant()
    keep = Callback()
    keep.on_save = lambda trainer, checkpoint: saved.append(checkpoint)
    fit(network, data(), settings(epochs=3), keep, Request(4, "save"))
    (checkpoint,) = saved
    assert (checkpoint.state.step, checkpoint.state.rows, len(checkpoint.state.points)) == (4, 14, 1)
    decoded = Checkpoint.decode(checkpoint.encode())
    decoded.state.resumed.append(4)
    before = decoded.encode()
    for _ in range(2):
        trainer = Trainer(Constant(), data(), settings(epochs=3), checkpoint=decoded)
        assert trainer.state.step == 4
        trainer.fit()
        assert (trainer.state.step, trainer.state.resumed, len(trainer.state.points)) == (9, [4], 3)
        assert decoded.encode() == before


def test_a_schedule_replaces_that_of_the_settings():
    rates = []

    def schedule(step):
        rates.append(0.001 * (step + 1))
        return rates[-1]

    network, by_hand = small(), small()
    Trainer(network, TrainingData(rows_of(16), []), settings(batch_size=16, epochs=3), schedule=schedule).fit()
    assert rates == [0.001, 0.002, 0.003]
    optimizer = torch.optim.Adam(by_hand.parameters())
    (rows,) = rows_of(16)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(by_hand(rows.ids, rows.lengths), rows.targets).backward()
        optimizer.step()
    for ours, theirs in zip(network.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_without_dev_a_run_has_no_evaluations_and_ends_with_its_last_weights():
    network, notes = Constant(), Notes()
    trainer = Trainer(network, dataclasses.replace(data(), dev=[]), settings(evaluate_every=1), callbacks=[notes])
    trainer.fit()
    assert [event[0] for event in notes.seen] == ["start", "step", "step", "step", "end"]
    assert trainer.state.best is None
    assert network.weight.any()


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("sampling", [None, "balanced"])
def test_steps_and_rows_of_an_epoch(drop_last, sampling):
    buckets = [*rows_of(18), *rows_of(7, width=4), *rows_of(2, width=3)]
    epochs = Epochs(buckets, settings(drop_last=drop_last, sampling=sampling))
    for epoch in range(3):
        sizes = [len(batch) for batch in epochs.selections(epoch)]
        assert (len(sizes), sum(sizes)) == (epochs.steps, epochs.rows)
        assert [len(batch) for batch in epochs.selections(epoch, start=2)] == sizes[2:]


def test_a_part_of_a_batch_has_all_columns():
    soft = torch.rand(4, 3)
    batch = Batch(torch.arange(4), torch.ones(4, 2, dtype=torch.int32), torch.arange(4), torch.arange(4), soft)
    part = batch.part(slice(1, 3))
    assert (len(part), part.width) == (2, 2)
    assert part.row_numbers.tolist() == part.lengths.tolist() == part.targets.tolist() == [1, 2]
    assert torch.equal(part.soft_targets, soft[1:3])
    assert len(batch.inputs) == 4
    assert len(dataclasses.replace(batch, soft_targets=None).part(slice(0, 1)).inputs) == 3
