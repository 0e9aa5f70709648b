"""Streams, with stand-ins for those of a GPU: how many are made, and what runs on which."""

import pytest
import torch

from factories.networks import LENGTHS, padded, small
from textrnn.modeling.devices import streams
from textrnn.modeling.devices.streams import directions_beside, run_both, stream_of
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.prefetch import prefetch_to_device

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
