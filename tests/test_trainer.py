"""The trainer and its callbacks: the order of events, requests, stops, schedules, and runs without dev."""

import dataclasses

import pytest
import torch

from test_processes import together
from test_training import Constant, Events, fit, rows_of, settings, small
from textrnn.errors import UserError
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import Epochs
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData


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
        sizes = [len(batch) for batch in epochs.batches(epoch)]
        assert (len(sizes), sum(sizes)) == (epochs.steps, epochs.rows)
        assert [len(batch) for batch in epochs.batches(epoch, start=2)] == sizes[2:]


def test_a_part_of_a_batch_has_all_columns():
    soft = torch.rand(4, 3)
    batch = Batch(torch.arange(4), torch.ones(4, 2, dtype=torch.int32), torch.arange(4), torch.arange(4), soft)
    part = batch.part(slice(1, 3))
    assert (len(part), part.width) == (2, 2)
    assert part.row_numbers.tolist() == part.lengths.tolist() == part.targets.tolist() == [1, 2]
    assert torch.equal(part.soft_targets, soft[1:3])
    assert len(batch.inputs) == 4
    assert len(dataclasses.replace(batch, soft_targets=None).part(slice(0, 1)).inputs) == 3
