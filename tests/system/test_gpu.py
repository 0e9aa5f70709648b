"""On a real GPU: graphs compared with plain steps for every cell, reproducibility, prefetching, no synchronization."""

import dataclasses

import pytest
import torch

from factories.lexicons import SOME_WORDS
from factories.linear_models import random_linear
from factories.networks import PLAIN
from factories.settings import SETTINGS
from factories.shards import long_split, write_padded
from factories.training_runs import rows_of
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial, Distill
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.precision import make_deterministic
from textrnn.training.batching.batches import Shuffle, TokenBudget, batch_size, batches
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.optimization.cuda_graphs import GraphedTrainStep, make_train_step
from textrnn.training.optimization.step import TrainStep, make_optimizer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")]
GPU = torch.device("cuda")
CELLS = ["rnn", "lstm", "gru", "scratch_gru"]
TOLERANCES = {"float32": 1e-5, "bfloat16": 2e-2, "float16": 2e-3}


@pytest.fixture(autouse=True)
def _deterministic(monkeypatch):
    monkeypatch.delenv("TEXTRNN_CUDA_GRAPHS", raising=False)
    make_deterministic(GPU)


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


def run(buckets, *, model, stepper=make_train_step, epochs=3, **changes):
    """Train for some epochs as the loop does, seeded before each step; weights and losses, on the CPU."""
    settings = dataclasses.replace(SETTINGS, batch_size=8, clip_norm=1.0, **changes)
    network = new_network(**model)
    running_metrics = RunningMetrics.for_network(network, None, distill=settings.distill)
    train_step = stepper(network, make_optimizer(network, settings), running_metrics, settings)
    losses, step = [], 0
    for epoch in range(epochs):
        for batch in batches(buckets, batch_size(settings), shuffle=Shuffle(1, epoch)):
            torch.manual_seed(step)
            train_step(batch, 0.01 / (1 + step))
            losses.append(running_metrics.compute().loss)
            running_metrics.reset()
            step += 1
    weights = {name: value.cpu() for name, value in network.state_dict().items()}
    return train_step, weights, torch.tensor(losses)


def same(one, other):
    return torch.equal(one[2], other[2]) and all(torch.equal(one[1][name], other[1][name]) for name in one[1])


@pytest.mark.parametrize("tags", [False, True], ids=["classify", "tag"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_graphs_equal_plain_steps(cell, bidirectional, tags):
    buckets = buckets_of(45, 32, 3, tags=tags)
    model = {"cell": cell, "bidirectional": bidirectional, "readout": "every_step" if tags else "last_valid"}
    graphed, weights, losses = run(buckets, model=model)
    plain, expected, plain_losses = run(buckets, model=model, stepper=TrainStep)
    assert (type(graphed), type(plain)) == (GraphedTrainStep, TrainStep)
    assert losses[-1] < losses[0]
    # other dropout masks would differ by far more
    assert torch.allclose(losses, plain_losses, rtol=1e-5, atol=1e-5)
    for name, value in weights.items():
        assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("precision", TOLERANCES)
def test_graphs_equal_plain_steps_of_a_crf(precision):
    buckets, model = buckets_of(45, 32, 3, tags=True), {"readout": "every_step", "crf": True}
    graphed, weights, losses = run(buckets, model=model, precision=precision)
    _, _, plain_losses = run(buckets, model=model, precision=precision, stepper=TrainStep)
    assert type(graphed) is GraphedTrainStep
    assert losses[-1] < losses[0]
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
    buckets = buckets_of(45, 32)
    _, _, losses = run(buckets, model={"cell": cell}, precision=precision)
    _, _, plain_losses = run(buckets, model={"cell": cell}, precision=precision, stepper=TrainStep)
    assert losses.isfinite().all()
    assert torch.allclose(losses, plain_losses, atol=TOLERANCES[precision])


@pytest.mark.parametrize("stepper", [make_train_step, TrainStep], ids=["graphs", "plain"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_the_same_bytes(cell, stepper):
    buckets = buckets_of(45, 32)
    model = {"cell": cell, "bidirectional": True}
    assert same(run(buckets, model=model, stepper=stepper), run(buckets, model=model, stepper=stepper))


def test_adversarial_steps_take_no_graph_and_are_reproducible():
    buckets = buckets_of(45, 32)
    options = {
        "model": {"bigrams": BigramOptions(3, 1), "embedding_dropout": 0.3},
        "adversarial": Adversarial(0.5, 1.0),
    }
    stepper, weights, losses = run(buckets, **options)
    assert type(stepper) is TrainStep
    assert losses[-1] < losses[0]
    assert same(run(buckets, **options), (stepper, weights, losses))


def test_graphs_can_be_switched_off(monkeypatch):
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
                assert copied.device.type == "cuda"
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
    buckets, options = buckets_of(45, 32), {"model": BLOCKS, "precision": precision, **OPTIONS}
    graphed, _, losses = run(buckets, **options)
    _, _, plain_losses = run(buckets, stepper=TrainStep, **options)
    assert type(graphed) is GraphedTrainStep
    assert losses[-1] < losses[0]
    assert torch.allclose(losses, plain_losses, atol=max(TOLERANCES[precision], 1e-4))
    assert same(run(buckets, **options), run(buckets, **options))


@pytest.mark.parametrize("model", [{}, BLOCKS], ids=["plain", "blocks"])
@pytest.mark.parametrize("stepper", [make_train_step, TrainStep], ids=["graphs", "plain"])
def test_no_step_synchronizes_with_the_device(stepper, model):
    settings = dataclasses.replace(SETTINGS, batch_size=8, clip_norm=1.0, **(OPTIONS if model else {}))
    network = new_network(**model)
    train_step = stepper(
        network, make_optimizer(network, settings), RunningMetrics(torch.ones(4, device=GPU), GPU), settings
    )
    warm, watched = (list(batches(buckets_of(80), 8, shuffle=Shuffle(1, epoch))) for epoch in range(2))
    for batch in warm:
        train_step(batch, 0.01)
    epoch = batches(buckets_of(80), 8, shuffle=Shuffle(1, 2))
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
