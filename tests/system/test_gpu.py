"""Graphs compared with plain steps for every cell, reproducibility, prefetching, no synchronization; on a real GPU.

Run them there with `-m gpu`. On any machine the CPU takes the GPU's place where it can.
"""

import dataclasses
import os
import sys

import pytest
import torch

from factories.lexicons import SOME_WORDS
from factories.linear_models import random_linear
from factories.networks import PLAIN
from factories.settings import SETTINGS
from factories.shards import long_split, write_padded
from factories.training_runs import Notes, rows_of
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial, Distill
from textrnn.modeling.devices.precision import make_deterministic
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.training.batching.batches import Shuffle, TokenBudget, batch_size, batches, rows_per_batch, selections
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.optimization.cuda_graphs import CudaGraphRecorder, GraphedTrainStep, make_train_step
from textrnn.training.optimization.step import TrainStep, make_optimizer

ON_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")]
GPU = torch.device("cuda")
CELLS = ["rnn", "lstm", "gru", "scratch_gru"]
TOLERANCES = {"float32": 1e-5, "tf32": 1e-3, "float16": 2e-3}


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=ON_GPU)])
def place(request, monkeypatch):
    """Run each test on a GPU, and with the CPU in its place, so that its assertions are known to hold."""
    monkeypatch.delenv("TEXTRNN_CUDA_GRAPHS", raising=False)
    monkeypatch.setattr(sys.modules[__name__], "GPU", torch.device(request.param))
    make_deterministic(GPU)
    return request.param


def needs_gpu(*, unless=False):
    if GPU.type != "cuda" and not unless:
        pytest.skip("a CPU cannot take the GPU's place here")


def buckets_of(*counts, tags=False):
    """Buckets on the GPU, of widths 3, 4, ..., with so many rows each."""
    return [rows_of(count, width, tags=tags)[0].to(GPU) for width, count in enumerate(counts, start=3)]


def new_network(vocabulary_size=12, **model):
    torch.manual_seed(0)
    options = {"layers": 2, "dropout": 0.4, "hidden_size": 32, **model}
    options = dataclasses.replace(PLAIN, **options)
    features = learn_token_features(rows_of(18), vocabulary_size, options, SOME_WORDS, "w")
    network = TextRNN(options, vocabulary_size, 6, 4, "right", features.bigram_count, features.lexicon_sizes)
    features.fill(network)
    return network.to(GPU)


def default_stepper(*args):
    """The step of a recipe; on the CPU one whose recorder does the work again instead of replaying it."""
    return make_train_step(*args) if GPU.type == "cuda" else GraphedTrainStep(*args, Notes())


def run(buckets, *, model, stepper=None, epochs=3, **changes):
    """Train for some epochs as the loop does, seeded before each step; weights and losses by epoch, on the CPU."""
    settings = dataclasses.replace(SETTINGS, batch_size=8, clip_norm=1.0, **changes)
    make_deterministic(GPU, settings.precision)
    network = new_network(**model)
    running_metrics = RunningMetrics.for_network(network, None, distill=settings.distill)
    train_step = (stepper or default_stepper)(network, make_optimizer(network, settings), running_metrics, settings)
    losses, step = [], 0
    for epoch in range(epochs):
        for batch in selections(buckets, batch_size(settings), shuffle=Shuffle(1, epoch)):
            torch.manual_seed(step)
            train_step(batch, 0.01 / (1 + step / 32))
            losses.append(running_metrics.compute().loss)
            running_metrics.reset()
            step += 1
    check_graphs(train_step, stepper, settings, buckets)
    weights = {name: value.cpu() for name, value in network.state_dict().items()}
    return train_step, weights, torch.tensor(losses).view(epochs, -1)


def check_graphs(train_step, stepper, settings, buckets):
    """Each bucket with full batches has a graph: otherwise plain steps would be compared with plain steps."""
    if stepper is None and settings.adversarial is None and os.environ.get("TEXTRNN_CUDA_GRAPHS") != "0":
        full = [len(bucket) // rows_per_batch(batch_size(settings), bucket.width) for bucket in buckets]
        assert train_step.graph_count == sum(map(bool, full)) > 0


def learned(losses):
    """Whether the mean loss of the last epoch is clearly below that of the first; single batches say nothing."""
    return bool(losses[-1].mean() < losses[0].mean() - 0.02)


def same(one, other):
    return torch.equal(one[2], other[2]) and all(torch.equal(one[1][name], other[1][name]) for name in one[1])


@pytest.mark.parametrize("masks", range(4))
@pytest.mark.parametrize("cell", CELLS)
def test_whether_a_network_learns_is_told_right_whatever_the_dropout_masks(monkeypatch, cell, masks):
    plain = torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", lambda seed: plain(seed + 1000 * masks))
    assert learned(run(buckets_of(45, 32, 3), model={"cell": cell}, stepper=TrainStep)[2])
    monkeypatch.setattr(TrainStep, "update", lambda self: None)
    assert not learned(run(buckets_of(45, 32, 3), model={"cell": cell}, stepper=TrainStep)[2])


@pytest.mark.parametrize("tags", [False, True], ids=["classify", "tag"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_graphs_equal_plain_steps(cell, bidirectional, tags):
    buckets = buckets_of(45, 32, 3, tags=tags)
    model = {"cell": cell, "bidirectional": bidirectional, "readout": "every_step" if tags else "last_valid"}
    graphed, weights, losses = run(buckets, model=model)
    plain, expected, plain_losses = run(buckets, model=model, stepper=TrainStep)
    assert (type(graphed), type(plain)) == (GraphedTrainStep, TrainStep)
    assert learned(losses)
    # other dropout masks would differ by far more
    assert torch.allclose(losses, plain_losses, rtol=1e-5, atol=1e-5)
    for name, value in weights.items():
        assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("precision", TOLERANCES)
def test_graphs_equal_plain_steps_of_a_crf(precision):
    needs_gpu(unless=precision == "float32")
    buckets, model = buckets_of(45, 32, 3, tags=True), {"readout": "every_step", "crf": True}
    graphed, weights, losses = run(buckets, model=model, precision=precision)
    _, _, plain_losses = run(buckets, model=model, precision=precision, stepper=TrainStep)
    assert type(graphed) is GraphedTrainStep
    assert learned(losses)
    assert torch.allclose(losses, plain_losses, atol=TOLERANCES[precision])
    assert weights["crf.transitions"].all()
    assert same(run(buckets, model=model, precision=precision), (graphed, weights, losses))


@pytest.mark.parametrize("crf", [False, True])
def test_graphs_equal_plain_steps_of_distillation(crf):
    torch.manual_seed(1)
    buckets = [
        bucket.with_soft_targets(torch.rand(*bucket.targets.shape, 4).softmax(-1).to(GPU))
        for bucket in buckets_of(45, 32, tags=True)
    ]
    options = {"model": {"readout": "every_step", "crf": crf}, "distill": Distill((2,), 0.7, 2.0)}
    graphed, weights, losses = run(buckets, **options)
    plain, expected, plain_losses = run(buckets, stepper=TrainStep, **options)
    assert (type(graphed), type(plain)) == (GraphedTrainStep, TrainStep)
    assert torch.allclose(losses, plain_losses, rtol=1e-5, atol=1e-5)
    for name, value in weights.items():
        assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("cell", CELLS)
def test_graphs_equal_plain_steps_in_other_precisions(cell, precision):
    needs_gpu(unless=precision == "float32")
    buckets = buckets_of(45, 32)
    _, _, losses = run(buckets, model={"cell": cell}, precision=precision)
    _, _, plain_losses = run(buckets, model={"cell": cell}, precision=precision, stepper=TrainStep)
    assert losses.isfinite().all()
    assert torch.allclose(losses, plain_losses, atol=TOLERANCES[precision])


@pytest.mark.parametrize("stepper", [None, TrainStep], ids=["graphs", "plain"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_the_same_bytes(cell, stepper):
    buckets = buckets_of(45, 32)
    model = {"cell": cell, "bidirectional": True}
    assert same(run(buckets, model=model, stepper=stepper), run(buckets, model=model, stepper=stepper))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_a_capture_that_fails_leaves_training_as_it_is_without_graphs(monkeypatch, capsys, bidirectional):
    needs_gpu()
    model, plain_update, failed = {"bidirectional": bidirectional}, TrainStep.update, []

    def synchronizing(self):
        if torch.cuda.is_current_stream_capturing() and not failed:
            failed.append(True)
            self.running_metrics.sums.sum().item()  # no capture allows it
        plain_update(self)

    def failing(*args):
        return GraphedTrainStep(*args, CudaGraphRecorder(GPU))

    buckets = buckets_of(45, 32)
    _, expected, plain_losses = run(buckets, model=model, stepper=TrainStep)
    monkeypatch.setattr(TrainStep, "update", synchronizing)
    stepper, weights, losses = run(buckets, model=model, stepper=failing)
    assert (failed, stepper.graph_count) == ([True], 0)
    assert "CUDA graphs could not be recorded" in capsys.readouterr().out
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.allclose(losses, plain_losses, rtol=1e-5, atol=1e-5)
    for name, value in weights.items():
        assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-5), name
    assert run(buckets, model=model)[0].graph_count == 2  # the next run records its own


def test_adversarial_steps_take_no_graph_and_are_reproducible():
    needs_gpu()
    buckets = buckets_of(45, 32)
    options = {
        "model": {"bigrams": BigramOptions(3, 1), "embedding_dropout": 0.3},
        "adversarial": Adversarial(0.5, 1.0),
    }
    stepper, weights, losses = run(buckets, **options)
    assert type(stepper) is TrainStep
    assert learned(losses)
    assert same(run(buckets, **options), (stepper, weights, losses))


def test_graphs_can_be_switched_off(monkeypatch):
    needs_gpu()
    monkeypatch.setenv("TEXTRNN_CUDA_GRAPHS", "0")
    assert type(run(buckets_of(8), model={}, epochs=1)[0]) is TrainStep


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_prefetched_rows_give_the_same_batches_and_the_same_weights(tmp_path, monkeypatch, task):
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_SHARD", 12)
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_BATCH", 4)
    padded = write_padded(tmp_path, task, long_split(task, 400))
    resident = load_buckets(padded, "train", GPU)
    monkeypatch.setattr("textrnn.training.batching.loading._bytes_available", lambda device: 0)
    prefetched = load_buckets(padded, "train", GPU)
    for size in (7, TokenBudget(40)):
        both = zip(*(batches(rows, size, shuffle=Shuffle(1, 0)) for rows in (resident, prefetched)), strict=True)
        for one, other in both:
            for column, copied in zip((one.row_numbers, *one.inputs), (other.row_numbers, *other.inputs), strict=True):
                assert copied.device.type == GPU.type
                assert copied.dtype == column.dtype
                assert torch.equal(copied, column)
    model = {"vocabulary_size": 500, "readout": "every_step" if task == "tag" else "last_valid"}
    assert same(run(resident, model=model), run(prefetched, model=model))


BLOCKS = {
    "bigrams": BigramOptions(3, 1),
    "words": SoftLexiconOptions(3, 2),
    "readout": ("max", "attention", "last_valid"),
    "word_dropout": 0.1,
    "embedding_dropout": 0.2,
    "locked_dropout": True,
}
OPTIONS = {"decoupled_decay": 0.1, "embedding_rate": 0.5, "weight_decay": 0.1}


@pytest.mark.parametrize("precision", TOLERANCES)
def test_graphs_equal_plain_steps_of_all_blocks(precision):
    needs_gpu(unless=precision == "float32")
    buckets, options = buckets_of(45, 32), {"model": BLOCKS, "precision": precision, **OPTIONS}
    graphed, _, losses = run(buckets, **options)
    _, _, plain_losses = run(buckets, stepper=TrainStep, **options)
    assert type(graphed) is GraphedTrainStep
    assert learned(run(buckets, epochs=12, **options)[2])  # much is dropped, so it learns slowly
    assert torch.allclose(losses, plain_losses, atol=max(TOLERANCES[precision], 1e-4))
    assert same(run(buckets, **options), run(buckets, **options))


@pytest.mark.parametrize("model", [{}, BLOCKS], ids=["plain", "blocks"])
@pytest.mark.parametrize("stepper", [None, TrainStep], ids=["graphs", "plain"])
def test_no_step_synchronizes_with_the_device(stepper, model):
    needs_gpu()
    settings = dataclasses.replace(SETTINGS, batch_size=8, clip_norm=1.0, **(OPTIONS if model else {}))
    network = new_network(**model)
    train_step = (stepper or default_stepper)(
        network, make_optimizer(network, settings), RunningMetrics(torch.ones(4, device=GPU), GPU), settings
    )
    buckets = buckets_of(80)
    warm, watched = (list(selections(buckets, 8, shuffle=Shuffle(1, epoch))) for epoch in range(2))
    for batch in warm:
        train_step(batch, 0.01)
    check_graphs(train_step, stepper, settings, buckets)
    epoch = selections(buckets, 8, shuffle=Shuffle(1, 2))
    first = next(epoch)  # after this the order is on the device
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in [first, *watched]:
            torch.manual_seed(1)
            train_step(batch, 0.02)
        for batch in epoch:
            train_step(batch, 0.02)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_wide_part_gives_what_it_gives_on_the_cpu(side):
    (bucket,) = rows_of(64, 9)
    ids = bucket.ids if side == "right" else bucket.ids.flip(1)
    linear = random_linear([row[row != 0].tolist() for row in ids[:40]], vocabulary_size=12, classes=4)
    wide = WidePart.from_linear(linear, side)
    expected = wide(ids, bucket.lengths)
    scores = [wide.to(GPU)(ids.to(GPU), bucket.lengths.to(GPU)) for _ in range(2)]
    assert torch.equal(*scores)
    torch.testing.assert_close(scores[0].cpu(), expected, rtol=1e-5, atol=1e-5)
