"""The learning-rate range test: rates, smoothing and the suggestion by hand, and the command on tiny prepared data."""

import dataclasses
import itertools
import json
import math
import re
import sys
import xml.etree.ElementTree

import pytest
import torch
import torch.nn.functional as F

from factories.imports import ROOT
from factories.lexicons import SOME_WORDS
from factories.networks import PLAIN
from factories.recipes import SPLITS, matrix, prepare, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from factories.training_runs import rows_of
from textrnn.common.config.model import SoftLexiconOptions
from textrnn.common.config.train import Distill
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import make_config
from textrnn.modeling.models.running_metrics import Score
from textrnn.preparation.artifacts.labels import Labels
from textrnn.tools import lr_range_test as module
from textrnn.tools.lr_range_test import (
    RatePoint,
    RateRange,
    draw_curve,
    raise_rate,
    range_test,
    suggest_rate,
    write_points,
)
from textrnn.training.batching.batches import Shuffle, batches
from textrnn.training.batching.loading import load_buckets
from textrnn.training.trainer import loop as trainer_module
from textrnn.training.trainer.loop import Trainer, TrainingData
from textrnn.training.trainer.setup import build_network, set_up_training

CPU = torch.device("cpu")
PLAIN_RATES = RateRange(1e-4, 1.0, 40)


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")


def test_rates_grow_by_a_constant_factor():
    assert [RateRange(1e-3, 1.0, 4).rate(step) for step in range(4)] == pytest.approx([1e-3, 1e-2, 1e-1, 1.0])
    wide = RateRange(2e-6, 0.5, 300)
    assert (wide.rate(0), wide.rate(299)) == pytest.approx((2e-6, 0.5), rel=1e-12)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (RateRange(0.0, 1.0, 100), r"^--from: must be above 0; got 0\.0"),
        (RateRange(math.nan, 1.0, 100), r"^--from: must be above 0; got nan"),
        (RateRange(1e-3, 1e-3, 100), r"^--to: must be above --from, 0\.001; got 0\.001"),
        (RateRange(1e-3, math.inf, 100), r"^--to: must be above --from, 0\.001; got inf"),
        (RateRange(1e-3, 1.0, 19), r"^--steps: must be at least 20; got 19"),
    ],
)
def test_invalid_ranges_are_refused(rates, message):
    with pytest.raises(UserError, match=message):
        rates.check()
    RateRange(1e-3, 1.0, 20).check()


def scripted(monkeypatch, losses, rates):
    """The points of a run whose batches have these losses, and the rates of its steps."""
    taken, scripted_losses = [], iter(losses)

    class FakeRunningMetrics:
        classes, sums = 2, torch.zeros(4, dtype=torch.float64)

        @classmethod
        def for_network(cls, *_, **__):
            return cls()

        def reset(self):
            pass

        def compute(self):
            return Score(next(scripted_losses), 0.5)

    monkeypatch.setattr(trainer_module, "RunningMetrics", FakeRunningMetrics)

    class FakeTrainStep:
        def __call__(self, batch, rate):
            taken.append(rate)

        def close(self):
            pass

    monkeypatch.setattr(trainer_module, "make_train_step", lambda *_: FakeTrainStep())
    return raise_rate(torch.nn.Linear(1, 1), TrainingData(rows_of(8), []), SETTINGS, rates), taken


def test_smoothing_against_its_definition(monkeypatch):
    rates, losses = RateRange(1e-4, 1.0, 60), [2 + math.sin(at) for at in range(60)]
    points, taken = scripted(monkeypatch, losses, rates)
    assert taken == [rates.rate(step) for step in range(60)]
    assert [(point.step, point.rate, point.loss) for point in points] == list(
        zip(range(1, 61), taken, losses, strict=True)
    )
    for point in points:
        ages = range(point.step)  # the weight of a loss 2 batches ago, a thirtieth of the range, is 1/e
        weights = [math.exp(-age / 2) for age in ages]
        mean = sum(weight * losses[point.step - 1 - age] for weight, age in zip(weights, ages, strict=True))
        assert point.smoothed == pytest.approx(mean / sum(weights), rel=1e-12)


def test_it_stops_at_four_times_the_lowest_smoothed_loss(monkeypatch):
    # with 30 batches the weight decays to 1/e per batch, so the smoothed loss ends near the last one
    losses = [2.0] * 10 + [1.0] * 10 + [3.9] * 5 + [5.0] * 5
    points, taken = scripted(monkeypatch, losses, RateRange(1e-4, 1.0, 30))
    lowest = min(point.smoothed for point in points)
    assert [point.smoothed > 4 * lowest for point in points] == [False] * (len(points) - 1) + [True]
    assert points[-1].loss == 5.0
    assert len(taken) == len(points) < 30


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_it_stops_at_a_loss_that_is_not_finite(monkeypatch, loss):
    points, _ = scripted(monkeypatch, [1.0, 0.5, loss, 0.1], PLAIN_RATES)
    assert [point.loss for point in points] == [1.0, 0.5]
    with pytest.raises(UserError, match=r"^--from: the loss is not finite at the lowest rate; got 0\.0001; try"):
        scripted(monkeypatch, [loss], PLAIN_RATES)


def curve(losses, rates):
    return [RatePoint(at + 1, rates.rate(at), 0.0, loss) for at, loss in enumerate(losses)]


def test_the_steepest_fall_by_hand():
    rates = RateRange(1e-4, 1.0, 40)  # falls are measured over two batches before and after
    falls = [0.05] * 12 + [0.2] * 4 + [0.05] * 4 + [0.15] * 10 + [-0.2] * 9
    losses = list(itertools.accumulate(falls, lambda loss, fall: loss - fall, initial=5.0))
    assert suggest_rate(curve(losses, rates), rates) == rates.rate(14)  # the middle of batches 12 to 16


def test_a_fall_after_the_lowest_loss_does_not_count():
    rates = RateRange(1e-4, 1.0, 40)
    losses = [5 - 0.1 * at for at in range(20)] + [9.0] * 10 + [3.5] * 10
    assert suggest_rate(curve(losses, rates), rates) <= rates.rate(17)
    assert suggest_rate(curve([5 - 4 / (1 + math.exp(10 - at)) for at in range(40)], rates), rates) == rates.rate(10)


@pytest.mark.parametrize(
    "losses", [[1.0], [1.0, 2.0, 3.0], [1.0 + at for at in range(40)], [1.0, 0.9, 0.8, *[2.0] * 9]]
)
def test_a_loss_that_never_fell_suggests_nothing(losses):
    assert suggest_rate(curve(losses, PLAIN_RATES), PLAIN_RATES) is None


def run(tmp_path, rates=PLAIN_RATES, **changes):
    padded = PaddedRows.read(tmp_path / "padded") if (tmp_path / "padded").exists() else None
    padded = padded or write_padded(tmp_path, "classify", SPLITS)
    return range_test(recipe_of(padded, train=dataclasses.replace(SETTINGS, **changes)), rates)


def test_the_losses_are_those_of_plain_adam_at_rising_rates(tmp_path):
    points = run(tmp_path, clip_norm=None, batch_size=3, drop_last=True)
    padded = PaddedRows.read(tmp_path / "padded")
    network = build_network(make_config("r", PLAIN, (9, 4), 2, padded.facts), matrix(), SETTINGS.seed, CPU)
    optimizer = torch.optim.Adam(network.parameters())
    rows, seed = load_buckets(padded, "train"), SETTINGS.seed
    epochs = (batches(rows, 3, drop_last=True, shuffle=Shuffle(seed, epoch)) for epoch in itertools.count())
    losses = []
    for step, batch in enumerate(itertools.islice(itertools.chain.from_iterable(epochs), 40)):
        for group in optimizer.param_groups:
            group["lr"] = 1e-4 * 1e4 ** (step / 39)
        loss = F.cross_entropy(network(batch.ids, batch.lengths), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert len(points) == 40  # seven epochs of six batches: it continues when an epoch ends
    assert [point.loss for point in points] == pytest.approx(losses, rel=1e-3)


def test_class_weights_with_a_crf_are_refused(tmp_path):
    padded = write_padded(tmp_path, "tag", {"train": [([2, 3], [0, 1], [])]})
    labels, model = (
        Labels("tag", ["O", "PER"], "type", ["PER"]),
        dataclasses.replace(PLAIN, readout="every_step", crf=True),
    )
    weighed = dataclasses.replace(SETTINGS, class_weights={"PER": 2.0})
    with pytest.raises(UserError, match=r"^recipes\.tiny\.train\.class_weights: must be null if model\.crf is true"):
        range_test(recipe_of(padded, labels=labels, model=model, train=weighed), PLAIN_RATES)
    plain = recipe_of(padded, labels=labels, model=model)
    assert len(range_test(plain, RateRange(1e-4, 1e-3, 20))) == 20


def test_the_words_of_a_lexicon_are_used_as_in_training(tmp_path):
    padded = write_padded(tmp_path, "classify", SPLITS)
    model = dataclasses.replace(PLAIN, words=SoftLexiconOptions(3, 1))
    assert len(range_test(recipe_of(padded, model=model, lexicon=SOME_WORDS), PLAIN_RATES)) > 1
    with pytest.raises(UserError, match=r"^recipes\.tiny\.model\.words: needs the recipe's embed.lexicon"):
        range_test(recipe_of(padded, model=model), PLAIN_RATES)


def test_dropout_is_on_as_in_training(tmp_path):
    facts = write_padded(tmp_path, "classify", SPLITS).facts
    network = build_network(make_config("r", PLAIN, (9, 4), 2, facts), matrix(), 1, CPU).eval()
    rows = load_buckets(PaddedRows.read(tmp_path / "padded"), "train")
    raise_rate(network, TrainingData(rows, []), SETTINGS, PLAIN_RATES)
    assert network.training


def test_its_dropout_is_that_of_training(tmp_path):
    model = dataclasses.replace(PLAIN, head_dropout=0.5)
    recipe = recipe_of(write_padded(tmp_path, "classify", SPLITS), model=model)
    points = range_test(recipe, PLAIN_RATES)
    setup = set_up_training(dataclasses.replace(recipe, train=dataclasses.replace(SETTINGS, evaluate_every=1)), CPU)
    trainer = Trainer(setup.initial_network(SETTINGS.seed), setup.data, setup.recipe.train, schedule=PLAIN_RATES.rate)
    trainer.fit()
    losses = [point.train.loss for point in trainer.state.points]
    assert [point.loss for point in points[: len(losses)]] == losses


def test_the_same_seed_gives_the_same_file(tmp_path):
    contents = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(contents))  # the global state has no effect
        write_points(tmp_path / name, run(tmp_path, seed=seed))
        contents[name] = (tmp_path / name).read_bytes()
    assert contents["a"] == contents["b"] != contents["c"]


def test_the_file_by_hand(tmp_path):
    write_points(tmp_path / "r.csv", [RatePoint(1, 1e-6, 2.0, 2.0), RatePoint(2, 0.0123456789, 1 / 3, 1.5)])
    lines = ["step,rate,loss,smoothed_loss", "1,1e-06,2.000000,2.000000", "2,0.0123457,0.333333,1.500000", ""]
    assert (tmp_path / "r.csv").read_bytes().decode() == "\n".join(lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rates": RateRange(1.0, 0.1, 40)}, r"^--to: must be above --from"),
        ({"class_weights": {"eevn": 2.0}}, r"^recipes\.tiny\.train\.class_weights\.eevn: must be one of even, odd"),
        ({"learning_rate": -1.0}, r"^recipes\.tiny\.train\.learning_rate: must be above 0"),
    ],
)
def test_what_training_refuses_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **changes)


# the plot


def test_the_plot_marks_the_suggestion_and_has_no_background(tmp_path):
    pytest.importorskip("matplotlib")
    points = [RatePoint(at + 1, 10 ** (at / 10 - 4), 3 - at / 20, 3 - at / 20) for at in range(40)]
    texts = {}
    for name, suggested in (("a", 0.01), ("b", 0.01), ("none", None)):
        draw_curve(tmp_path / name, points, suggested, "tiny")
        texts[name] = (tmp_path / name).read_text(encoding="utf-8")
    assert texts["a"] == texts["b"]
    assert module.MARK in texts["a"]
    assert module.MARK not in texts["none"]
    assert module.CURVE in texts["none"]
    colours = set(re.findall(r"(?:fill|stroke): (#\w+)", texts["a"]))
    assert colours == {module.INK, module.CURVE, module.MARK}  # no black text, no white background
    xml.etree.ElementTree.fromstring(texts["a"])


def test_a_wrong_value_of_distill_is_refused_though_no_teacher_is_trained(tmp_path):
    padded = write_padded(tmp_path, "classify", SPLITS)
    recipe = recipe_of(padded, train=dataclasses.replace(SETTINGS, distill=Distill((7,), 2.0, 1.0)))
    with pytest.raises(UserError, match=r"recipes\.tiny\.train\.distill\.weight: must lie in \(0, 1\]"):
        range_test(recipe, PLAIN_RATES)


# the command


@pytest.fixture
def prepared(tmp_path):
    """A folder with params.yaml and the prepared data of its recipe `tiny`."""
    prepare(tmp_path, {"train": [([2 + at % 2, 4], at % 2) for at in range(40)]})
    return tmp_path


def test_the_command_writes_table_and_plot_and_prints_one_line(prepared, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    run_script(monkeypatch, prepared, "rates.py", "tiny", "--from", "1e-3", "--to", "0.5", "--steps", "60")
    printed = capsys.readouterr().out
    found = re.fullmatch(
        r"tiny: the loss falls most steeply at (\S+) \(60 of 60 rates, up to 5\.0e-01\); see plots/rates/tiny\.csv\n",
        printed,
    )
    assert found, printed
    _, *rows = (prepared / "plots/rates/tiny.csv").read_text(encoding="utf-8").splitlines()
    rates = RateRange(1e-3, 0.5, 60)
    points = [RatePoint(at, rates.rate(at), 0.0, float(row.split(",")[3])) for at, row in enumerate(rows)]
    assert found[1] == f"{suggest_rate(points, rates):.1e}"
    assert module.MARK in (prepared / "plots/rates/tiny.svg").read_text(encoding="utf-8")
    assert {path.name for path in (prepared / "plots/rates").iterdir()} == {"tiny.csv", "tiny.svg"}


def test_the_command_says_first_what_limits_cap(prepared, tmp_path, monkeypatch, capsys):
    params = json.loads((tmp_path / "params.yaml").read_text(encoding="utf-8"))
    params["limits"]["hidden_size"] = PLAIN.hidden_size - 1
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    run_script(monkeypatch, prepared, "rates.py", "tiny", "--steps", "20")
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"tiny: limits cap model.hidden_size {PLAIN.hidden_size} to {PLAIN.hidden_size - 1}"


def test_the_command_works_without_matplotlib(prepared, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    run_script(monkeypatch, prepared, "rates.py", "tiny", "--steps", "20")
    no_plot, line = capsys.readouterr().out.splitlines()
    missing = "no plots/rates/tiny.svg: matplotlib is not installed"
    assert no_plot == f"{missing}; pip install -c {ROOT}/constraints.txt -e '{ROOT}[plots]'"
    assert line.startswith("tiny: the loss ")
    assert {path.name for path in (prepared / "plots/rates").iterdir()} == {"tiny.csv"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "--steps", "5"], "error: --steps: must be at least 20; got 5 (int)\n"),
        (["tinny"], "error: recipes.tinny: no such entry; did you mean tiny?\n"),
    ],
)
def test_the_command_refuses_in_one_line(prepared, monkeypatch, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        run_script(monkeypatch, prepared, "rates.py", *arguments)
    assert stop.value.code == 1
    assert capsys.readouterr().err == message
    assert not (prepared / "plots").exists()
