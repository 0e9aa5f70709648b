"""Streams, with stand-ins for those of a GPU: how many are made, and what runs on which."""

import contextlib
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from factories.networks import LENGTHS, padded, small
from textrnn.modeling.devices import streams
from textrnn.modeling.devices.streams import CudaSideStream, directions_beside, run_both, stream_of
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.prefetch import prefetch_to_device
from textrnn.training.optimization.cuda_graphs import CudaGraphRecorder

GPU = torch.device("cuda", 3)


@pytest.fixture
def made(monkeypatch):
    """The devices of the streams that are made, one for each."""
    devices = []
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: devices.append(device) or f"stream {len(devices)}")
    stream_of.cache_clear()
    yield devices
    stream_of.cache_clear()


def test_a_device_has_one_stream_for_each_purpose(made):
    assert [stream_of(GPU, "copy"), stream_of(GPU, "capture"), stream_of(GPU, "side")] == [
        "stream 1",
        "stream 2",
        "stream 3",
    ]
    assert stream_of(torch.device("cuda", 3), "copy") == "stream 1"
    assert stream_of(torch.device("cuda", 0), "copy") == "stream 4"
    assert made == [GPU, GPU, GPU, torch.device("cuda", 0)]


def test_prefetching_an_epoch_makes_no_new_stream(made, monkeypatch):
    class NoStream:
        def __enter__(self):
            raise OSError("no GPU here")

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(torch.cuda, "stream", lambda stream: NoStream())
    for _ in range(40):  # torch has 32 streams, and hands out the first one again after them
        with pytest.raises(OSError, match="no GPU here"):
            next(prefetch_to_device([lambda: Batch(*(torch.ones(1) for _ in range(4)))], GPU))
    assert made == [GPU]


class Log:
    """A side stream that runs its work at once and logs when."""

    def __init__(self):
        self.events, self.reads, self.results = [], [], []

    def fork(self, work, reads):
        self.events.append("fork")
        self.reads += reads
        result = work()
        self.events.append("forked")
        return result

    def join(self, results):
        self.events.append("join")
        self.results += results


def test_the_second_work_runs_beside_the_first_and_both_are_joined():
    log, ones, twos = Log(), torch.ones(1), torch.full((1,), 2.0)

    def first():
        log.events.append("first")
        return ones, ones

    def second():
        log.events.append("second")
        return twos, twos

    assert run_both(first, second, [ones]) == ((ones, ones), (twos, twos))
    assert log.events == ["first", "second"]
    log.events.clear()
    with directions_beside(log):
        assert run_both(first, second, [ones]) == ((ones, ones), (twos, twos))
    assert log.events == ["fork", "second", "forked", "first", "join"]
    assert ([*map(id, log.reads)], [*map(id, log.results)]) == ([id(ones)], [id(twos)] * 2)
    assert run_both(first, second, [])[0] == (ones, ones)
    assert streams._side.get() is None


@pytest.mark.parametrize("readout", ["last_valid", "last_step", ("max", "mean")])
def test_a_network_has_the_same_logits_and_gradients_with_its_directions_beside_each_other(readout):
    def run(side):
        network = small(cell="lstm", layers=2, bidirectional=True, readout=readout)
        with directions_beside(side):
            logits = network(padded(), LENGTHS)
        logits.square().sum().backward()
        return [logits, *(weight.grad for weight in network.parameters())]

    log = Log()
    for one, other in zip(run(None), run(log), strict=True):
        assert torch.equal(one, other)
    assert log.events == ["fork", "forked", "join"] * 2  # once a layer
    assert all(isinstance(tensor, torch.Tensor) for tensor in log.reads)


def test_one_direction_needs_no_side_stream():
    log = Log()
    with directions_beside(log):
        small(cell="lstm", layers=2)(padded(), LENGTHS)
    assert log.events == []


class FakeStream:
    """A stand-in for torch.cuda.Stream that logs what waits for it."""

    log: ClassVar = []
    device = GPU

    def __init__(self, name):
        self.name = name

    def wait_stream(self, other):
        self.log.append(f"{self.name} waits for {other.name}")


class Read:
    """A stand-in for a tensor on a GPU that logs the streams that read it."""

    def __init__(self, name):
        self.name = name

    def record_stream(self, stream):
        FakeStream.log.append(f"{self.name} is read on {stream.name}")


@pytest.fixture
def gpu_streams(monkeypatch):
    """torch's functions for streams with stand-ins; the log of their calls."""
    current = [FakeStream("current")]

    @contextlib.contextmanager
    def on(stream):
        current.append(stream)
        try:
            yield
        finally:
            current.pop()

    monkeypatch.setattr(FakeStream, "log", [])
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: FakeStream("side"))
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: current[-1])
    stream_of.cache_clear()
    yield FakeStream.log
    stream_of.cache_clear()


def test_the_streams_of_a_gpu_wait_for_each_other_and_tell_the_allocator_who_reads(gpu_streams):
    side = CudaSideStream(GPU)

    def work():
        gpu_streams.append(f"work on {torch.cuda.current_stream().name}")
        return Read("result"), Read("end")

    with directions_beside(side):
        run_both(lambda: gpu_streams.append(f"first on {torch.cuda.current_stream().name}"), work, [Read("input")])
    assert gpu_streams == [
        "side waits for current",
        "work on side",
        "input is read on side",
        "first on current",
        "current waits for side",
        "result is read on current",
        "end is read on current",
    ]


class FakeCapture:
    """A stand-in for torch.cuda.graph: what ends it fails if the block has failed, as in torch."""

    def __init__(self, graph, *, pool, stream, capture_error_mode):
        FakeStream.log.append(f"capture into {pool} on {stream.name}, {capture_error_mode}")

    def __enter__(self):
        FakeStream.log.append("begin")

    def __exit__(self, kind, error, traceback):
        FakeStream.log.append("end")
        if error is not None:
            raise RuntimeError("operation failed due to a previous error during capture")


class FakeGenerator:
    """A stand-in for the generator of a GPU."""

    def clone_state(self):
        return "the state"

    def graphsafe_set_state(self, state):
        FakeStream.log.append(f"generator set to {state}")


@pytest.fixture
def recorder(gpu_streams, monkeypatch):
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "the pool")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay="the replay"))
    monkeypatch.setattr(torch.cuda, "graph", FakeCapture)
    monkeypatch.setattr(torch.cuda, "default_generators", [None] * GPU.index + [FakeGenerator()])
    ended = lambda index, pool: gpu_streams.append(f"allocations of {index} leave {pool}")  # noqa: E731
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", ended, raising=False)
    return CudaGraphRecorder(GPU)


def test_a_recorder_warms_up_and_captures_on_its_own_streams(recorder, gpu_streams):
    def work():
        side = streams._side.get()
        gpu_streams.append(f"work on {torch.cuda.current_stream().name}, beside {type(side).__name__}")

    recorder.warm_up(work)
    assert gpu_streams == [
        "side waits for current",
        "work on side, beside CudaSideStream",
        "current waits for side",
    ]
    gpu_streams.clear()
    assert recorder.record(work) == "the replay"
    assert gpu_streams == [
        "capture into the pool on side, thread_local",
        "begin",
        "work on side, beside CudaSideStream",
        "end",
    ]
    assert streams._side.get() is None


def test_a_failed_capture_is_cleared_away_and_raised(recorder, gpu_streams):
    def work():
        raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError, match="due to a previous error") as raised:
        recorder.record(work)
    assert "not permitted" in str(raised.value.__context__)
    assert gpu_streams[-2:] == ["allocations of 3 leave the pool", "generator set to the state"]
    assert torch.cuda.current_stream().name == "current"
    assert streams._side.get() is None
