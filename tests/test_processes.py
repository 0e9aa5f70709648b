"""Several processes compared with one: the same curves, results written once, and no process left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from imports import SOURCE
from test_training import Events, fit, rows_of, settings, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Distill, Ema, Swa
from textrnn.errors import ResumableError, UserError
from textrnn.training.distributed import launcher as module
from textrnn.training.distributed.launcher import launch_group, process_count
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.step import seed_step
from textrnn.training.trainer.checkpointer import Checkpointer, load_checkpoint
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import TrainingData

CLASS_WEIGHTS = torch.tensor([1.0, 10.0, 0.5, 0.0])
SEEDED = threading.Lock()  # threads share one generator
CASES = {
    "classify": ({}, {"epochs": 3, "batch_size": 5}),  # batches of 5, 5, ..., 3 rows of one width and one of another
    "one row": ({}, {"epochs": 1, "batch_size": 1}),  # so one of two processes never has a row
    "clip": ({"cell": "lstm", "layers": 2}, {"epochs": 2, "clip_norm": 0.05, "weight_decay": 0.01}),
    "tag": ({"readout": "every_step", "cell": "gru"}, {"epochs": 2, "batch_size": 7}),
    "crf": ({"readout": "every_step", "crf": True}, {"epochs": 2, "batch_size": 7}),
    "bigrams": (
        {"bigrams": BigramOptions(3, 1), "readout": ("max", "attention")},
        {"epochs": 2, "batch_size": 5, "clip_norm": 0.05, "weight_decay": 0.01, "average": Ema("ema", 0.5)},
    ),
    "words": (
        {"words": SoftLexiconOptions(3, 2)},
        {"epochs": 2, "batch_size": 5, "clip_norm": 0.05, "weight_decay": 0.01},
    ),
    "one row of words": ({"words": SoftLexiconOptions(3, 2)}, {"epochs": 1, "batch_size": 1}),
    "one row of bigrams": ({"bigrams": BigramOptions(3, 1)}, {"epochs": 1, "batch_size": 1}),
    "sampled": ({}, {"epochs": 2, "sampling": "balanced", "embedding_rate": 0.0, "label_smoothing": 0.1}),
    "decoupled": ({}, {"epochs": 2, "decoupled_decay": 0.5, "embedding_rate": 0.5, "average": Swa("swa", 1)}),
    "distill": ({}, {"epochs": 2, "batch_size": 5, "distill": Distill((2,), 0.7, 2.0)}),
    "distill tags": ({"readout": "every_step"}, {"epochs": 2, "batch_size": 7, "distill": Distill((2,), 0.4, 3.0)}),
    "distill crf": (
        {"readout": "every_step", "crf": True},
        {"epochs": 2, "batch_size": 7, "distill": Distill((2,), 0.4, 3.0)},
    ),
    "patience": ({}, {"epochs": 30, "evaluate_every": 2, "patience": 3, "learning_rate": 0.3}),
}


def trained(case, group=SINGLE_PROCESS, on_step=lambda *_: None, folder=None):
    """Outcome, points, and the weights as one vector."""
    changes, options = CASES[case]
    with SEEDED:
        model, tags = small(**changes), changes.get("readout") == "every_step"
    rows = [*rows_of(18, tags=tags), *rows_of(6, width=4, tags=tags)]
    if "distill" in options:
        generator = torch.Generator().manual_seed(3)
        shapes = [(*bucket.targets.shape, 4) for bucket in rows]
        targets = [torch.randn(shape, generator=generator).softmax(-1) for shape in shapes]
        rows = [bucket.with_soft_targets(soft) for bucket, soft in zip(rows, targets, strict=True)]
    dev, points = [*rows_of(9, tags=tags), *rows_of(3, width=4, tags=tags)], []
    checkpointer = None if folder is None or group.rank else Checkpointer(folder)
    data = TrainingData(rows, dev, None if "crf" in changes else CLASS_WEIGHTS)
    callbacks = [Events(on_step, points.append), *([] if checkpointer is None else [checkpointer])]
    checkpoint = load_checkpoint(checkpointer, group)
    outcome = fit(model, data, settings(**options), *callbacks, group=group, checkpoint=checkpoint)
    return outcome, points, torch.nn.utils.parameters_to_vector(model.parameters()).detach()


class Board:
    """Where the threads of one test exchange values."""

    def __init__(self, count):
        self.barrier, self.values = threading.Barrier(count), [None] * count


@dataclasses.dataclass(frozen=True)
class Threads(ProcessGroup):
    """A group of threads that exchange values as processes do, over a board."""

    board: Board | None = None

    def all(self, value):
        self.board.values[self.rank] = value
        self.board.barrier.wait(20)
        values = list(self.board.values)
        self.board.barrier.wait(20)
        return values

    def all_gather(self, values):
        return torch.stack(self.all(values.detach().clone()))

    def sum_gradients(self, parameters):
        parameters = list(parameters)
        local = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in parameters]
        for weight, gradients in zip(parameters, zip(*self.all(local), strict=True), strict=True):
            weight.grad = sum(gradients[1:], gradients[0].clone())

    def broadcast_bytes(self, data):
        return self.all(data)[0]


def together(count, work):
    """What each of so many threads returns."""
    board, results = Board(count), [None] * count

    def run(rank):
        try:
            results[rank] = work(Threads(rank, count, rank, board=board))
        except BaseException:
            board.barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def close(ours, theirs):
    """The same up to rounding."""
    assert [point.step for point in ours[1]] == [point.step for point in theirs[1]]
    for point, other in zip(ours[1], theirs[1], strict=True):
        assert (point.train.loss, point.dev.loss) == pytest.approx((other.train.loss, other.dev.loss), rel=2e-5)
        assert (point.train.accuracy, point.dev.accuracy) == (other.train.accuracy, other.dev.accuracy)
    torch.testing.assert_close(ours[2], theirs[2], rtol=1e-4, atol=2e-5)
    assert ours[0].stopped_by == theirs[0].stopped_by


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("case", CASES)
def test_several_train_as_one(case, count):
    results = together(count, lambda group: trained(case, group))
    close(results[0], trained(case))
    for other in results[1:]:
        assert other[:2] == results[0][:2]
        assert torch.equal(other[2], results[0][2])


def test_dropout_differs_between_processes():
    model, rows, logits = small(head_dropout=0.5), rows_of(4)[0], []
    for rank in (0, 1, 0):
        seed_step(torch.device("cpu"), 1, 1, rank)
        logits.append(model(rows.ids, rows.lengths))
    assert torch.equal(logits[0], logits[2])
    assert not torch.equal(logits[0], logits[1])


def test_evaluation_is_split_between_processes_and_added_up():
    model, rows = small(), [*rows_of(11), *rows_of(5, width=3)]
    alone = evaluate_loss(model, rows, 2, CLASS_WEIGHTS)
    for count in (2, 3, 20):  # most of 20 processes have no batch
        board = [evaluate_loss(model, rows, 2, CLASS_WEIGHTS, "float32", Part(rank, count)) for rank in range(count)]
        sums = sum(Part.given[-count:])
        assert float(sums[0] / sums[1]) == pytest.approx(alone.loss, rel=1e-6)
        assert float(sums[2] / sums[3]) == alone.accuracy
        assert len(board) == count


class Part(ProcessGroup):
    """A process that evaluates its own batches and receives nothing from the others."""

    given: list[torch.Tensor] = []  # noqa: RUF012

    def all_gather(self, values):
        self.given.append(values)
        return values[None]


def test_the_parts_of_a_batch_are_the_batch():
    for rows in range(12):
        for count in (1, 2, 3, 5):
            parts = [list(range(rows))[ProcessGroup(rank, count).local_slice(rows)] for rank in range(count)]
            assert [row for part in parts for row in part] == list(range(rows))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_the_number_of_processes_must_be_a_number(monkeypatch, given):
    monkeypatch.setenv("TEXTRNN_PROCESSES", given)
    with pytest.raises(ResumableError, match=r"^TEXTRNN_PROCESSES: must be a whole number, at least 1; got"):
        process_count()


def test_one_process_has_no_group(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "TEXTRNN_PROCESSES"):
        monkeypatch.delenv(name, raising=False)
    with launch_group() as group:
        assert group == SINGLE_PROCESS
    monkeypatch.setenv("RANK", "0")  # torchrun with one
    monkeypatch.setenv("WORLD_SIZE", "1")
    with launch_group() as group:
        assert group == SINGLE_PROCESS


@pytest.mark.parametrize(("cores", "count", "threads"), [(8, 2, 4), (3, 2, 1), (2, 4, 1)])
def test_cores_are_shared_unless_the_number_of_threads_is_set(monkeypatch, cores, count, threads):
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    module._share_cores(count)
    assert seen == [threads]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    module._share_cores(count)
    assert seen == [threads]


@pytest.mark.parametrize("error", [UserError("a", "b"), KeyboardInterrupt()])
def test_only_process_0_reports_an_error_that_all_have(monkeypatch, error):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    for rank, raised in (("0", type(error)), ("1", SystemExit)):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(raised), launch_group():
            raise error
    with pytest.raises(ResumableError), launch_group():
        raise ResumableError("here", "an error of this process alone")


REAL = (
    "classify",
    "tag",
    "bigrams",
    "one row of bigrams",
)  # in processes of their own, which takes longer than in threads
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
import torch
from textrnn import stage
from textrnn.errors import UserError
from textrnn.training.distributed.launcher import launch_group
from textrnn.training.distributed.process_group import join_group
import test_processes as tests

def main():
    what, out = sys.argv[1], Path(sys.argv[2])
    with launch_group() as first:
        (out / f"pid-{first.rank}").write_text(str(os.getpid()))
        with join_group(first, torch.device("cpu")) as group:
            globals()[what](group, out)

def sums(group):
    weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (2,), (1,))]
    weights[0].grad = torch.arange(6.0).view(2, 3) * (1 + 2 * group.rank)
    if group.rank == 1:
        weights[1].grad = torch.tensor([1.0, 2.0])
    group.sum_gradients(weights)
    assert weights[0].grad.equal(torch.arange(6.0).view(2, 3) * 4)
    assert weights[1].grad.tolist() == [1.0, 2.0]
    assert weights[2].grad.tolist() == [0.0]
    assert group.all_gather(torch.tensor([1.5 + group.rank])).tolist() == [[1.5], [2.5]]
    assert group.any_process(False, group.rank == 1, True) == [False, True, True]
    assert group.broadcast_bytes(b"0 gives" if group.rank == 0 else b"") == b"0 gives"
    assert group.broadcast_bytes(b"") == b""

def cases(group, out):
    sums(group)
    for case in tests.REAL:
        outcome, points, weights = tests.trained(case, group)
        gathered = group.all_gather(weights)
        assert torch.equal(gathered[0], gathered[-1]), case
        if group.rank == 0:
            result = [tests.plain(outcome), [tests.plain(point) for point in points], weights.tolist()]
            (out / f"{case}.json").write_text(json.dumps(result))

def resumed(group, out):
    whole = tests.trained("clip", group)
    folder = out / "state"
    (folder / ".finished").mkdir(parents=True, exist_ok=True)
    for stop in (2, 7):
        def on_step(step):
            if step == stop and group.rank == 1:
                signal.raise_signal(signal.SIGINT)
        try:
            tests.trained("clip", group, on_step, folder)
        except KeyboardInterrupt:
            assert group.rank or (folder / ".finished" / f"step-{stop}.json").is_file()
        else:
            raise AssertionError("not stopped")
    again = tests.trained("clip", group, folder=folder)
    assert again[0] == whole[0] and torch.equal(again[2], whole[2])
    if group.rank == 0:
        print("all alike", len(whole[1]), len(again[1]))

def wrong(group, out):
    raise UserError("params", "are wrong")

def broken(group, out):
    if group.rank == 1:
        raise KeyError("a bug")
    forever(group, out)

def forever(group, out):
    (out / f"ready-{group.rank}").touch()
    while True:
        group.any_process(False)
        time.sleep(0.01)

stage.run_command(main)
"""


def plain(record):
    return json.loads(json.dumps(dataclasses.asdict(record)))


@pytest.fixture
def start(tmp_path):
    """A function that starts the script on a task, in so many processes."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    started = []

    def start(what, count=2, command=(sys.executable,)):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
        extra = {"PYTHONPATH": f"{SOURCE}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"}
        extra |= {"TEXTRNN_PROCESSES": str(count)} if command == (sys.executable,) else {}
        process = subprocess.Popen(
            [*command, str(tmp_path / "script.py"), what, str(tmp_path)],
            env={**inherited, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition, seconds=40.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_of(folder, rank):
    return int((folder / f"pid-{rank}").read_text())


def ready(folder):
    return (folder / "ready-0").exists() and (folder / "ready-1").exists()


def test_two_real_processes_train_as_one(start, tmp_path):
    assert start("cases").communicate(timeout=100) == ("", "")
    for case in REAL:
        outcome, points, weights = json.loads((tmp_path / f"{case}.json").read_text())
        alone = trained(case)
        assert outcome["stopped_by"] == alone[0].stopped_by
        losses = [(point["step"], point["train"]["loss"], point["dev"]["loss"]) for point in points]
        wanted = [(point.step, point.train.loss, point.dev.loss) for point in alone[1]]
        assert losses == [pytest.approx(point, rel=2e-5) for point in wanted]
        torch.testing.assert_close(torch.tensor(weights), alone[2], rtol=1e-4, atol=2e-5)


@pytest.mark.slow
def test_an_error_that_all_processes_have_is_reported_once(start):
    process = start("wrong")
    assert process.communicate(timeout=60) == ("", "error: params: are wrong\n")
    assert process.returncode == 1


@pytest.mark.slow
def test_a_worker_that_dies_is_reported(start, tmp_path):
    process = start("forever")
    wait_for(lambda: ready(tmp_path))
    worker = pid_of(tmp_path, 1)
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - killed < 15
    assert process.returncode == 1
    assert out == ""
    assert err.startswith("error: process 1: ended unexpectedly; got exit code -9; see whether memory ran out")
    assert err.endswith("continues from the last checkpoint\n")
    assert err.count("\n") == 1


@pytest.mark.slow
def test_workers_do_not_outlive_the_process_that_started_them(start, tmp_path):
    process = start("forever")
    wait_for(lambda: ready(tmp_path))
    worker = pid_of(tmp_path, 1)
    assert alive(worker)
    process.kill()
    wait_for(lambda: not alive(worker), 15)


def test_a_dead_worker_ends_the_run_even_if_the_main_thread_does_not_notice(monkeypatch, tmp_path, capsys):
    # for example while it waits for a GPU: a closed connection does not end that wait
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(os, "_exit", sys.exit)
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with (tmp_path / "stderr").open("w+b") as stderr:
        stderr.write(b"some words\nmore words\n")
        with pytest.raises(SystemExit) as caught:
            module._watch_workers([module._Worker(2, process, stderr)], threading.Event())
    assert caught.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("error: process 2: ended unexpectedly; got exit code 3, more words; see whether memory")
    assert err.count("\n") == 1


@pytest.mark.slow
def test_an_error_of_a_worker_keeps_its_traceback(start):
    process = start("broken")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "KeyError: 'a bug'" in err
    assert "error: process 1: ended unexpectedly; got exit code 1, KeyError: 'a bug'" in err


@pytest.mark.slow
def test_several_processes_resume_bitwise(start):
    process = start("resumed")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    resumed, again, alike = out.splitlines()
    assert [resumed, again] == ["resumed from step 2", "resumed from step 7"]
    assert alike.startswith("all alike")


@pytest.mark.slow
def test_torchrun_can_start_the_same_script(start, tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    process = start("cases", command=torchrun)
    process.communicate(timeout=200)
    assert process.returncode == 0
    outcome, points, _ = json.loads((tmp_path / "classify.json").read_text())
    alone = trained("classify")
    assert [point["dev"]["loss"] for point in points] == pytest.approx([p.dev.loss for p in alone[1]], rel=2e-5)
    assert outcome["best_step"] == alone[0].best_step
