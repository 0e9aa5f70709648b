"""Which steps are recorded and which are replayed, and that both equal plain steps; a fake recorder needs no GPU.

tests/test_gpu.py does the same with real graphs.
"""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from factories.settings import SETTINGS, settings
from factories.training_runs import Notes, rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial
from textrnn.errors import ResumableError
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batches import Shuffle, batch_size, batches
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.optimization import cuda_graphs as graphs
from textrnn.training.optimization.cuda_graphs import (
    MAX_GRAPHS,
    WARM_UP,
    CudaGraphRecorder,
    GraphedTrainStep,
    make_train_step,
)
from textrnn.training.optimization.step import TrainStep, make_optimizer

CPU = torch.device("cpu")


def run(make, *, epochs=5, counts=(22, 21, 8), model=None, **changes):
    """Take steps over buckets of widths 2, 3, ... with so many rows each; return the weights and the score."""
    settings = dataclasses.replace(SETTINGS, clip_norm=1.0, **changes)
    network = small(dropout=0.4, layers=2, **(model or {}))
    running_metrics = RunningMetrics(None, CPU)
    train_step = make(network, make_optimizer(network, settings), running_metrics, settings)
    buckets = [rows_of(count, width)[0] for width, count in enumerate(counts, start=2)]
    step = 0
    for epoch in range(epochs):
        for batch in batches(buckets, batch_size(settings), shuffle=Shuffle(1, epoch)):
            torch.manual_seed(step)
            train_step(batch, 0.01 / (1 + step))
            step += 1
    score = running_metrics.compute()
    return {**network.state_dict(), "score": torch.tensor([score.loss, score.accuracy])}


def test_recorded_steps_equal_plain_steps():
    notes = Notes()
    plain = run(TrainStep)
    graphed = run(lambda *args: GraphedTrainStep(*args, notes))
    assert plain.keys() == graphed.keys()
    for name, value in plain.items():
        assert torch.equal(value, graphed[name]), name
    # per epoch 5 full batches of each of the first two buckets, which end with a short one, and 2 of the third
    assert notes.calls.count("warm up") == 3 * WARM_UP
    assert notes.calls.count("record") == 3
    assert notes.calls.count("replay") == 5 * (5 + 5 + 2) - 3 * WARM_UP


def test_recorded_steps_equal_plain_steps_with_every_option():
    model = {
        "bigrams": BigramOptions(3, 1),
        "words": SoftLexiconOptions(3, 2),
        "readout": ("max", "attention"),
        "word_dropout": 0.2,
    }
    model |= {"embedding_dropout": 0.2, "locked_dropout": True}
    changes = {"decoupled_decay": 0.1, "embedding_rate": 0.5, "weight_decay": 0.1}
    plain = run(TrainStep, model=model, **changes)
    graphed = run(lambda *args: GraphedTrainStep(*args, Notes()), model=model, **changes)
    assert all(torch.equal(value, graphed[name]) for name, value in plain.items())


def test_a_shape_is_recorded_once_after_its_warm_up_and_replayed_from_then_on():
    notes = Notes()
    run(lambda *args: GraphedTrainStep(*args, notes), epochs=1, counts=(4 * (WARM_UP + 2) + 1,))
    assert notes.calls == ["warm up"] * WARM_UP + ["record", "replay", "replay"]


def test_a_short_batch_is_never_recorded_however_often_it_comes():
    notes = Notes()
    run(lambda *args: GraphedTrainStep(*args, notes), epochs=WARM_UP + 3, counts=(3,))
    assert notes.calls == []


def test_with_a_token_budget_full_batches_are_recorded_too():
    notes = Notes()
    # widths 2 and 3 take 6 and 4 rows
    run(lambda *args: GraphedTrainStep(*args, notes), epochs=1, counts=(6 * 4, 4 * 5 + 1), batch_tokens=12)
    assert notes.calls.count("replay") == 1 + 2
    assert notes.calls.count("warm up") == 2 * WARM_UP


def test_shapes_beyond_the_maximum_of_graphs_take_plain_steps(monkeypatch):
    monkeypatch.setattr(graphs, "MAX_GRAPHS", 2)
    notes = Notes()
    run(lambda *args: GraphedTrainStep(*args, notes), epochs=5, counts=(4, 4, 4))
    assert notes.calls.count("record") == 2
    assert MAX_GRAPHS >= 6  # a recipe without truncation has up to this many widths


@dataclasses.dataclass
class FakeNetwork:
    """A network of which only the device matters."""

    device: torch.device

    def parameters(self):
        return iter([self])


def test_fixed_tensors_are_made_once_a_width_and_hold_no_rubbish(monkeypatch):
    made, plain = [], graphs._FixedShapeStep

    def recorded(*args):
        made.append(plain(*args))
        return made[-1]

    monkeypatch.setattr(graphs, "_FixedShapeStep", recorded)
    run(lambda *args: GraphedTrainStep(*args, Notes()))
    assert sorted(step._fixed.width for step in made) == [2, 3, 4]
    for step in made:
        assert step._fixed.row_numbers.min() >= 0
        assert step._fixed.row_numbers.max() < 22


def test_graphs_are_for_one_process_on_a_gpu_unless_switched_off(monkeypatch):
    monkeypatch.delenv("TEXTRNN_CUDA_GRAPHS", raising=False)
    monkeypatch.setattr(CudaGraphRecorder, "__init__", lambda self, device: None)
    monkeypatch.setattr(TrainStep, "__init__", lambda self, *args: None)

    def kind(device, group=SINGLE_PROCESS, options=SETTINGS):
        return type(make_train_step(FakeNetwork(torch.device(device)), None, None, options, group))

    assert kind("cuda:0") is GraphedTrainStep
    assert kind("cpu") is TrainStep
    assert kind("cuda:0", group=SimpleNamespace(world_size=2)) is TrainStep
    assert kind("cuda:0", options=settings(adversarial=Adversarial(1.0, 1.0))) is TrainStep
    monkeypatch.setenv("TEXTRNN_CUDA_GRAPHS", "0")
    assert kind("cuda:0") is TrainStep
    monkeypatch.setenv("TEXTRNN_CUDA_GRAPHS", "yes")
    with pytest.raises(ResumableError, match=r"^TEXTRNN_CUDA_GRAPHS: must be 0 or 1; got 'yes'$"):
        kind("cpu")
