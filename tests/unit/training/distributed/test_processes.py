"""Several processes compared with one, as threads of this one; their number, cores and errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
import torch

from factories.process_groups import CASES, CLASS_WEIGHTS, together, trained
from factories.training_runs import rows_of, small
from textrnn.errors import ResumableError, UserError
from textrnn.modeling.devices.device import check_device_per_process
from textrnn.training.distributed import launcher as module
from textrnn.training.distributed.launcher import launch_group, process_count
from textrnn.training.distributed.process_group import SINGLE_PROCESS, TIMEOUT, ProcessGroup, join_group
from textrnn.training.optimization.step import seed_step
from textrnn.training.trainer.evaluation import evaluate_loss


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


@pytest.fixture
def waits(monkeypatch):
    """The seconds that processes wait to be stopped, in place of waiting."""
    waits = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    handler = signal.getsignal(signal.SIGTERM)
    yield waits
    signal.signal(signal.SIGTERM, handler)


def use_gpus(monkeypatch, count, device=None):
    monkeypatch.delenv("TEXTRNN_DEVICE", raising=False)
    if device is not None:
        monkeypatch.setenv("TEXTRNN_DEVICE", device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("gpus", "device", "processes"),
    [
        (0, None, 4),
        (4, None, 4),
        (8, None, 4),
        (1, None, 1),
        (2, "cuda:1", 1),
        (1, "cpu", 4),
        (0, "cuda", 2),
        (2, "", 2),
    ],
)
def test_each_process_may_have_a_device_of_its_own(monkeypatch, gpus, device, processes):
    use_gpus(monkeypatch, gpus, device)
    check_device_per_process(processes)


@pytest.mark.parametrize(
    ("gpus", "device", "message"),
    [
        (
            1,
            None,
            "processes: each needs a GPU of its own; got 3 processes and 1 GPU on this machine; start 1, or set ",
        ),
        (
            2,
            "cuda",
            "processes: each needs a GPU of its own; got 3 processes and 2 GPUs on this machine; start 2, or set ",
        ),
        (
            4,
            "cuda:1",
            "TEXTRNN_DEVICE: names one GPU for 3 processes; got 'cuda:1'; set it to cuda, so that each takes",
        ),
    ],
)
def test_processes_that_would_share_a_gpu_are_refused_before_any_starts(monkeypatch, waits, gpus, device, message):
    use_gpus(monkeypatch, gpus, device)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEXTRNN_PROCESSES", "3")
    monkeypatch.setattr(module, "_run_workers", None)  # never called
    with pytest.raises(ResumableError, match=rf"^{message}"), launch_group():
        raise AssertionError
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):  # under torchrun one process of the machine says so
        monkeypatch.setenv(name, "3")
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        with pytest.raises(ResumableError, match=rf"^{message}"), launch_group():
            raise AssertionError
        assert waits == [module.GRACE_SECONDS] * rank


def test_three_processes_on_machines_of_one_gpu_each_have_one(monkeypatch):
    use_gpus(monkeypatch, 1)
    for name, value in (("WORLD_SIZE", "3"), ("RANK", "2"), ("LOCAL_WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    with launch_group() as group:
        assert group == ProcessGroup(2, 3, 0)


@pytest.mark.parametrize(
    ("device", "backend"), [("cpu", {"backend": "gloo"}), ("cuda:1", {"backend": "cpu:gloo,cuda:nccl"})]
)
def test_processes_connect_over_nccl_at_once_where_they_have_gpus(monkeypatch, device, backend):
    called = []
    monkeypatch.setattr(
        torch.distributed,
        "init_process_group",
        lambda backend, **options: called.append({"backend": backend} | options),
    )
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: called.append("destroyed"))
    bound = {"device_id": torch.device(device)} if device != "cpu" else {}
    wanted = {**backend, "rank": 1, "world_size": 2, "timeout": TIMEOUT, **bound}
    with join_group(ProcessGroup(1, 2, 1), torch.device(device)) as group:
        assert group == ProcessGroup(1, 2, 1)
        assert called == [wanted]
    assert called == [wanted, "destroyed"]
    with pytest.raises(ResumableError), join_group(ProcessGroup(1, 2, 1), torch.device(device)):
        raise ResumableError("training", "memory ran out")
    assert called == [wanted, "destroyed", wanted]  # it would wait for the other processes


def test_rows_are_gathered_in_order_of_rank():
    parts = [[[1.0, 2.0], [3.0, 4.0]], [], [[5.0, 6.0]]]

    def gather(group):
        values = torch.tensor(parts[group.rank]).reshape(-1, 2)
        return group.gather_rows(torch.arange(len(values)) + 10 * group.rank, values)

    for rows, values in together(3, gather):
        assert rows.tolist() == [0, 1, 20]
        assert values.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_all_start_from_the_weights_of_process_0():
    def weights(group):
        network = torch.nn.Linear(3, 2)
        with torch.no_grad():
            for weight in network.parameters():
                weight.fill_(group.rank + 1)
        group.share_weights(network)
        return torch.cat([weight.detach().flatten() for weight in network.parameters()])

    assert [result.tolist() for result in together(3, weights)] == [[1.0] * 8] * 3


@pytest.mark.parametrize("error", [UserError("a", "b"), KeyboardInterrupt()])
def test_only_process_0_reports_an_error_that_all_have(monkeypatch, waits, error):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    alone = isinstance(error, UserError)  # what a process raises that nobody has stopped
    for rank, raised in (("0", type(error)), ("1", UserError if alone else SystemExit)):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(raised), launch_group():
            raise error
        assert waits == ([module.GRACE_SECONDS] if alone and rank == "1" else [])
    with pytest.raises(ResumableError), launch_group():
        raise ResumableError("here", "an error of this process alone")
    assert len(waits) == alone
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # so it can be stopped without a word


def test_the_first_process_of_each_machine_reports_an_error(monkeypatch, waits):
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    for name, value in (("WORLD_SIZE", "4"), ("LOCAL_WORLD_SIZE", "2"), ("RANK", "2"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"^data: no such file"), launch_group():
        raise UserError("data", "no such file")
    assert waits == []


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
