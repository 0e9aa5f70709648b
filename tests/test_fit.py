"""A recipe trained from tiny shards: what it starts from, what it writes, and what of the surroundings it refuses."""

import csv
import dataclasses
import json
import sys
import types

import numpy as np
import pytest
import torch

from test_batches import write_padded
from test_models import PLAIN
from test_training import SETTINGS
from textrnn.batches import load_buckets
from textrnn.checkpoints import make_config
from textrnn.errors import UserError
from textrnn.fit import fit, pick_device, start
from textrnn.journal import Journal
from textrnn.labels import Labels
from textrnn.shards import ShardReader
from textrnn.tally import Score
from textrnn.training import Evaluation, evaluate_loss

LABELS = Labels("classify", ["even", "odd"], None, [])
TYPES = Labels("tag", ["O", "LOC"], "type", ["LOC"])
TEXTS = [([2 + at % 7, 3, 2 + at % 3], at % 2) for at in range(10)] + [([2 + at % 7], at % 2) for at in range(10)]
SPLITS = {"train": TEXTS, "dev": TEXTS[::3]}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.delenv("TEXTRNN_TENSORBOARD", raising=False)
    # stderr is then no terminal, whatever pytest was started from
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


def matrix(tokens=9, width=4):
    values = np.random.default_rng(0).standard_normal((tokens, width), dtype=np.float32)
    values[0] = 0
    values.flags.writeable = False  # as load_matrix gives it
    return values


def run(tmp_path, *, splits=SPLITS, labels=LABELS, model=PLAIN, settings=SETTINGS, vectors=None, live=None):
    padded = write_padded(tmp_path, labels.task, splits)
    vectors = matrix() if vectors is None else vectors
    curves = tmp_path / "curves.csv"
    return fit("tiny", padded, vectors, labels, model, settings, curves=curves, live=live)


def test_training_from_end_to_end(tmp_path, capsys):
    settings = dataclasses.replace(SETTINGS, epochs=3, evaluate_every=4, learning_rate=0.02)
    config, _, outcome = run(tmp_path, settings=settings)
    assert (config.recipe, config.tokens, config.embedding_size, config.classes) == ("tiny", 9, 4, 2)
    assert (config.widths, config.pad_side, config.truncates) == ((1, 3), "right", False)
    assert outcome.steps == 18  # 3 + 3 batches an epoch
    with (tmp_path / "curves.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "split", "loss", "accuracy"]
    steps = [4, 6, 8, 12, 16, 18]
    assert [(int(step), split) for step, split, *_ in rows] == [
        (at, split) for at in steps for split in ("train", "dev")
    ]
    dev = {int(step): (loss, accuracy) for step, split, loss, accuracy in rows if split == "dev"}
    assert outcome.best_step == min(dev, key=lambda step: float(dev[step][0]))
    assert dev[outcome.best_step] == (f"{outcome.dev_loss:.6f}", f"{outcome.dev_accuracy:.6f}")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("tiny: batch 4/18, epoch 0.67, train loss 0.")
    assert lines[0].endswith(" rows/s")


def test_the_network_that_is_returned_has_the_dev_loss_that_is_told(tmp_path):
    _, network, outcome = run(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=3, learning_rate=0.05))
    dev = load_buckets(ShardReader(tmp_path / "padded", "padded"), "dev")
    assert evaluate_loss(network, dev, 100, None).loss == pytest.approx(outcome.dev_loss, rel=1e-5)


def test_the_same_seed_gives_the_same_network_and_curves(tmp_path):
    results = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        torch.manual_seed(len(results))  # what came before decides nothing
        _, network, _ = run(tmp_path / name, settings=dataclasses.replace(SETTINGS, epochs=2, seed=seed))
        weights = torch.nn.utils.parameters_to_vector(network.parameters())
        results[name] = weights.tolist(), (tmp_path / name / "curves.csv").read_bytes()
    assert results["a"] == results["b"]
    assert results["a"][0] != results["c"][0]
    assert results["a"][1] != results["c"][1]


def test_a_tagger_trains_with_class_weights(tmp_path):
    rows = [([2, 3, 2], [0, 1, 0], [{"start": 1, "end": 2, "type": 0}]), ([], [], []), ([3, 2], [1, 0], [])] * 4
    model = dataclasses.replace(PLAIN, readout="every_step")
    settings = dataclasses.replace(SETTINGS, batch_size=1, epochs=8, learning_rate=0.05, class_weights={"LOC": 10.0})
    _, _, outcome = run(tmp_path, splits={"train": rows, "dev": rows}, labels=TYPES, model=model, settings=settings)
    assert outcome.dev_accuracy == 1.0  # also with rows that have no token and batches in which nothing counts


def facts(side="right"):
    return {"widths": [3], "side": side, "truncates": True}


def test_the_network_starts_from_the_matrix_and_the_seed():
    config = make_config("r", dataclasses.replace(PLAIN, initialization="xavier"), (9, 4), 2, facts())
    values = matrix()
    network = start(config, values, 3, CPU)
    assert np.array_equal(network.embedding.weight.detach().numpy(), values)
    assert not network.head.outer.bias.any()  # initialised as asked
    again, other = start(config, values, 3, CPU), start(config, values, 4, CPU)
    assert torch.equal(again.head.outer.weight, network.head.outer.weight)
    assert not torch.equal(other.head.outer.weight, network.head.outer.weight)
    with torch.no_grad():
        network.embedding.weight.add_(1)
    assert values[0, 0] == 0  # a copy


def test_pretrained_vectors_leave_the_other_weights_as_they_are():
    config = make_config("r", PLAIN, (9, 4), 2, facts())
    a, b = start(config, matrix(), 3, CPU), start(config, matrix() * 2, 3, CPU)
    assert torch.equal(a.head.outer.weight, b.head.outer.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vectors": matrix(8)}, r"padded: has a token id that the model has not \(0\.\.7\); got 8"),
        ({"labels": dataclasses.replace(LABELS, names=["one"])}, r"padded: has a label that the model has not"),
        ({"model": dataclasses.replace(PLAIN, readout="every_step")}, r"^recipes\.tiny\.model\.readout: is every_step"),
        (
            {"settings": dataclasses.replace(SETTINGS, class_weights={"eevn": 2.0})},
            r"^recipes\.tiny\.train\.class_weights\.eevn: must be one of even, odd",
        ),
        ({"splits": {"train": TEXTS}}, r"padded: the dev split is empty"),
    ],
    ids=["tokens", "labels", "model", "train", "dev"],
)
def test_what_does_not_fit_the_data_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **changes)
    assert not (tmp_path / "curves.csv").exists()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta", "hpu", "mps" if sys.platform == "linux" else "xla"])
def test_a_device_that_cannot_be_used_is_refused(monkeypatch, name):
    monkeypatch.setenv("TEXTRNN_DEVICE", name)
    with pytest.raises(UserError, match=rf"^TEXTRNN_DEVICE: cannot be used here; got '{name}'; unset it, or say cpu"):
        pick_device()


def test_the_device_is_the_one_named_or_the_best_there_is(monkeypatch):
    assert pick_device() == CPU
    monkeypatch.delenv("TEXTRNN_DEVICE")
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == CPU


def test_tensorboard_that_is_not_installed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path / "board"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as where it is not installed
    with pytest.raises(UserError, match=r"^TEXTRNN_TENSORBOARD: tensorboard is not installed; pip install .*unset it"):
        run(tmp_path)
    assert not (tmp_path / "curves.csv").exists()


class Writer:
    """What torch.utils.tensorboard has, as far as it is used."""

    made: list["Writer"] = []  # noqa: RUF012

    def __init__(self, folder):
        self.folder, self.scalars, self.closed = folder, [], False
        self.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.closed = True


POINTS = [Evaluation(at, at / 4, Score(1 / at, 0.25), Score(2 / at, 0.75)) for at in (2, 4)]


def test_tensorboard_gets_every_score(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "made", [])
    with Journal("tiny", 4, 8, tmp_path / "curves.csv", None) as journal:
        journal.report(POINTS[0])
    (board,) = Writer.made
    assert board.folder == str(tmp_path / "tiny")
    scores = [("loss/train", 0.5), ("accuracy/train", 0.25), ("loss/dev", 1.0), ("accuracy/dev", 0.75)]
    assert board.scalars == [(name, value, 2) for name, value in scores]
    assert board.closed


def test_curves_are_written_also_when_training_fails(tmp_path):
    def failing():
        with Journal("tiny", 4, 8, tmp_path / "curves.csv", None) as journal:
            journal.report(POINTS[0])
            raise UserError("training", "the loss is no number any more")

    with pytest.raises(UserError, match="no number"):
        failing()
    lines = ["step,split,loss,accuracy", "2,train,0.500000,0.250000", "2,dev,1.000000,0.750000", ""]
    assert (tmp_path / "curves.csv").read_text(encoding="utf-8") == "\n".join(lines)


def test_dvclive_files_have_the_steps_of_the_evaluations(tmp_path, monkeypatch):
    pytest.importorskip("dvclive")
    monkeypatch.chdir(tmp_path)
    with Journal("tiny", 4, 8, tmp_path / "curves.csv", tmp_path / "live") as journal:
        for point in POINTS:
            journal.report(point)
    written = (tmp_path / "live" / "plots" / "metrics" / "dev" / "loss.tsv").read_text(encoding="utf-8")
    assert [line.split("\t") for line in written.splitlines()] == [["step", "loss"], ["2", "1.0"], ["4", "0.5"]]
    summary = json.loads((tmp_path / "live" / "metrics.json").read_text(encoding="utf-8"))
    assert summary["step"] == 4
    assert summary["train"] == {"loss": 0.25, "accuracy": 0.25}


def test_dvclive_that_is_not_installed_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dvclive", None)
    _, _, outcome = run(tmp_path, live=tmp_path / "live")
    assert outcome.steps == 6
    assert not (tmp_path / "live").exists()
