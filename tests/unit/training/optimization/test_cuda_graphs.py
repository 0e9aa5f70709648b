"""Which steps are recorded and which are replayed, and that both equal plain steps; a fake recorder needs no GPU.

tests/system/test_gpu.py does the same with real graphs.
"""

import dataclasses
import gc
import weakref
from types import SimpleNamespace

import pytest
import torch

from factories.settings import SETTINGS, settings
from factories.training_runs import Notes, rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial
from textrnn.errors import ResumableError
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batches import Shuffle, batch_size, batches, selections
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.optimization import cuda_graphs as graphs
from textrnn.training.optimization import step as step_module
from textrnn.training.optimization.cuda_graphs import (
    MAX_GRAPHS,
    WARM_UP,
    CudaGraphRecorder,
    GraphedTrainStep,
    make_train_step,
)
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer.loop import Trainer, TrainingData

CPU = torch.device("cpu")


def run(make, *, epochs=5, counts=(22, 21, 8), model=None, choose=selections, **changes):
    """Take steps over buckets of widths 2, 3, ... with so many rows each; return the weights and the score."""
    settings = dataclasses.replace(SETTINGS, clip_norm=1.0, **changes)
    network = small(dropout=0.4, layers=2, **(model or {}))
    running_metrics = RunningMetrics(None, CPU)
    train_step = make(network, make_optimizer(network, settings), running_metrics, settings)
    buckets = [rows_of(count, width)[0] for width, count in enumerate(counts, start=2)]
    step = 0
    for epoch in range(epochs):
        for batch in choose(buckets, batch_size(settings), shuffle=Shuffle(1, epoch)):
            torch.manual_seed(step)
            train_step(batch, 0.01 / (1 + step))
            step += 1
    score = running_metrics.compute()
    return {**network.state_dict(), "score": torch.tensor([score.loss, score.accuracy])}


@pytest.mark.parametrize("choose", [selections, batches], ids=["gathered inside", "gathered before"])
def test_recorded_steps_equal_plain_steps(choose):
    notes = Notes()
    plain = run(TrainStep)
    graphed = run(lambda *args: GraphedTrainStep(*args, notes), choose=choose)
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
    run(lambda *args: GraphedTrainStep(*args, Notes()), choose=batches)
    assert sorted(step._fixed.width for step in made) == [2, 3, 4]
    for step in made:
        assert step._fixed.row_numbers.min() >= 0
        assert step._fixed.row_numbers.max() < 22


class FailingNotes(Notes):
    """A recorder whose second recording does a part of the work, and then fails as a capture does."""

    def __init__(self, fail_in):
        super().__init__()
        self.fail_in = fail_in

    def record(self, work):
        if "record" not in self.calls:
            return super().record(work)
        self.calls.append("fail")
        with pytest.MonkeyPatch.context() as patched:
            fail_in(self.fail_in, patched)
            try:
                untouched(work)
            except ValueError as error:
                raise RuntimeError("operation failed due to a previous error during capture") from error


def fail_in(place, patched):
    """Let the next step fail in one of its places, whose own work is not done."""

    def fail(*args, **options):
        raise ValueError("operation not permitted when stream is capturing\nmore lines")

    places = {
        "forward": (RunningMetrics, "update"),
        "backward": (torch.Tensor, "backward"),
        "clipping": (step_module, "clip_gradients"),
        "update": (torch.optim.Adam, "step"),
    }
    patched.setattr(*places[place], fail)


def untouched(work):
    """Do the work as a capture does it: Python runs, and no tensor that was there before changes."""
    with torch.random.fork_rng():
        work()


@pytest.mark.parametrize("place", ["forward", "backward", "clipping", "update"])
def test_a_recording_that_fails_is_told_once_and_all_later_steps_are_plain(capsys, place):
    notes = FailingNotes(place)
    plain = run(TrainStep)
    steps = []
    graphed = run(lambda *args: steps.append(GraphedTrainStep(*args, notes)) or steps[0])
    # the running metrics have counted the step that failed, as no GPU would
    assert all(torch.equal(value, graphed[name]) for name, value in plain.items() if name != "score")
    assert notes.calls.count("fail") == 1
    assert "replay" not in notes.calls[notes.calls.index("fail") :]
    assert steps[0].graph_count == 0
    (line,) = capsys.readouterr().out.splitlines()
    reason = "operation not permitted when stream is capturing"
    assert line == f"CUDA graphs could not be recorded, and steps are taken one kernel at a time: {reason}"


def test_the_memory_of_a_failed_recording_is_free_when_its_step_is_taken(monkeypatch):
    tensors, alive = [], []

    class Holding(Notes):
        def record(self, work):
            held = torch.zeros(3)
            tensors.append(weakref.ref(held))
            raise RuntimeError("out of memory")

    plain = TrainStep.forward_backward

    def observed(self, batch, divisor=None):
        alive.extend(tensor() is not None for tensor in tensors)
        plain(self, batch, divisor)

    monkeypatch.setattr(TrainStep, "forward_backward", observed)
    run(lambda *args: GraphedTrainStep(*args, Holding()))
    assert alive
    assert not any(alive)


def test_an_error_of_a_real_step_is_not_taken_for_a_failed_recording(monkeypatch):
    monkeypatch.setattr(Notes, "warm_up", lambda self, work: (_ for _ in ()).throw(RuntimeError("out of range")))
    with pytest.raises(RuntimeError, match="out of range"):
        run(lambda *args: GraphedTrainStep(*args, Notes()))


@pytest.mark.parametrize("place", ["unscaled", "in the update"])
def test_a_scaler_that_a_recording_left_in_the_middle_of_a_step_starts_again(monkeypatch, place):
    def changed(*, failing):
        network = small()
        half = settings(precision="float16")
        step = TrainStep(network, make_optimizer(network, half), RunningMetrics(None, CPU), half)
        step.scaler.update(2.0**7)
        for weight in network.parameters():
            weight.grad = torch.full_like(weight, 2.0**7)
        if failing:
            if place == "unscaled":
                step.scaler.unscale_(step.optimizers[0])
            else:
                with monkeypatch.context() as patched:
                    fail_in("update", patched)
                    with pytest.raises(ValueError, match="capturing"):
                        step.scaler.step(step.optimizers[0])
            step.forget_unfinished_step()
            assert all(weight.grad is None for weight in network.parameters())
            for weight in network.parameters():
                weight.grad = torch.full_like(weight, 2.0**7)
        assert step.scaler.get_scale() == 2.0**7
        step.update()
        return list(network.state_dict().values()), step.optimizers[0]

    (weights, optimizer), (expected, _) = changed(failing=True), changed(failing=False)
    assert all(torch.equal(*pair) for pair in zip(weights, expected, strict=True))
    assert not hasattr(optimizer, "grad_scale")


class Graph:
    """A stand-in for a graph: its replay does nothing."""

    def replay(self):
        pass


class Graphs(Notes):
    """A recorder that makes graphs and keeps none."""

    def __init__(self):
        super().__init__()
        self.made = []

    def record(self, work):
        graph = Graph()
        self.made.append(weakref.ref(graph))
        return graph.replay


@pytest.mark.parametrize("close", [True, False], ids=["closed", "let go"])
def test_no_graph_outlives_its_steps(close):
    graphs, steps = Graphs(), []
    gc.disable()  # nothing may wait for the collection of reference cycles
    try:
        run(lambda *args: steps.append(GraphedTrainStep(*args, graphs)) or steps[0])
        assert [graph() is not None for graph in graphs.made] == [True] * 3
        if close:
            steps[0].close()
        else:
            steps.clear()
        assert [graph() for graph in graphs.made] == [None] * 3
    finally:
        gc.enable()


def test_a_finished_run_has_closed_its_steps(monkeypatch):
    closed = []
    monkeypatch.setattr(TrainStep, "close", lambda self: closed.append(self))
    trainer = Trainer(small(), TrainingData(rows_of(18), rows_of(18)), SETTINGS)
    trainer.fit()
    assert closed == [trainer.train_step]


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
