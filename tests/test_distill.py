"""Distillation by hand: its loss, its teachers, their soft targets, refused values, and resumed runs."""

import contextlib
import dataclasses
import gc
import math
import sys
import threading
import weakref

import pytest
import torch
import torch.nn.functional as F

from imports import ROOT
from test_batches import write_padded
from test_bigrams import mapped
from test_crf import TAGGER, batch, loss_of_all, marginals_of_all, random_crf
from test_fit import LABELS, SPLITS, TYPES, matrix, recipe_of
from test_graphs import Notes
from test_models import PLAIN
from test_processes import together
from test_training import Events, fit, rows_of, settings, small
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.train import Distill, Ema, Train
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.markers import MARKERS, finished_shards
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.tools.lr_range_test import RateRange, range_test
from textrnn.training.batching.batches import Shuffle, batches
from textrnn.training.batching.buckets import MappedBucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.bigram_features import BigramFeatures
from textrnn.training.features.token_features import TokenFeatures
from textrnn.training.optimization.cuda_graphs import WARM_UP, GraphedTrainStep
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer import setup as set_up
from textrnn.training.trainer import train_recipe as recipe_module
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.distillation import SoftTargets
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.setup import build_network
from textrnn.training.trainer.train_recipe import train_recipe

CPU = torch.device("cpu")
DISTILL = Distill((11, 12), 0.7, 2.0)
STUDENT = settings(epochs=2, evaluate_every=4, learning_rate=0.02, distill=DISTILL)
WITHOUT_DISTILLATION = dataclasses.replace(STUDENT, distill=None)
WEIGHTS = [1.0, 10.0, 0.5, 0.0]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    for name in ("TEXTRNN_TENSORBOARD", "TEXTRNN_CHECKPOINT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


@pytest.fixture(scope="module")
def padded(tmp_path_factory):
    return write_padded(tmp_path_factory.mktemp("rows"), "classify", SPLITS)


def softened(rows, classes=4, seed=0):
    """The buckets with random soft targets."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(*bucket.targets.shape, classes) for bucket in rows]
    return [
        bucket.with_soft_targets(torch.randn(shape, generator=generator).softmax(-1))
        for bucket, shape in zip(rows, shapes, strict=True)
    ]


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def trained(padded, folder, options=STUDENT, model=PLAIN, labels=LABELS, **outputs):
    recipe = recipe_of(padded, labels=labels, model=model, train=options)
    return train_recipe(recipe, **{"curves_file": folder / "curves.csv", **outputs})


def soft_targets(teachers, buckets, options, temperature):
    """The mean of the teachers' predictions for each bucket."""
    soft = SoftTargets(buckets, options, temperature)
    for teacher in teachers:
        soft.add(teacher)
    return soft.mean()


# the loss


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("weight", [0.3, 1.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("tags", [False, True], ids=["classify", "tag"])
def test_loss_and_gradient_by_hand(tags, weights, weight, temperature):
    torch.manual_seed(0)
    shape = (3, 4) if tags else (6,)
    logits = torch.randn(*shape, 4, dtype=torch.float64, requires_grad=True)
    soft = torch.randn(*shape, 4, dtype=torch.float64).softmax(-1)
    soft.view(-1, 4)[0] = torch.tensor([0.25, 0.75, 0.0, 0.0])  # a class with probability 0
    gold = torch.randint(0, 4, shape)
    gold.view(-1)[:4] = torch.tensor([0, 1, 2, 3])
    if tags:
        gold[1, 2:] = gold[2] = -100
    total = total_weight = 0.0
    gradient = torch.zeros(shape).double().flatten()[:, None].repeat(1, 4)
    for at, (row, teacher, target) in enumerate(
        zip(logits.detach().view(-1, 4), soft.view(-1, 4), gold.flatten().tolist(), strict=True)
    ):
        if target < 0:
            continue
        target_weight = 1.0 if weights is None else weights[target]
        hard, warm = row.exp() / row.exp().sum(), (row / temperature).exp() / (row / temperature).exp().sum()
        distance = sum(p * math.log(p / q) for p, q in zip(teacher.tolist(), warm.tolist(), strict=True) if p)
        total += target_weight * ((1 - weight) * -math.log(hard[target]) + weight * temperature**2 * distance)
        total_weight += target_weight
        one = torch.arange(4) == target
        gradient[at] = target_weight * ((1 - weight) * (hard - one.double()) + weight * temperature * (warm - teacher))
    running_metrics = RunningMetrics(
        None if weights is None else torch.tensor(weights).double(), CPU, distill=Distill((1,), weight, temperature)
    )
    loss = running_metrics.update(logits, gold, soft_targets=soft)
    assert loss.item() == pytest.approx(total / total_weight, rel=1e-12)
    assert running_metrics.compute().loss == pytest.approx(total / total_weight, rel=1e-12)
    (actual,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(actual.view(-1, 4), gradient / total_weight, rtol=1e-11, atol=1e-14)
    # in the parts of two processes; with tags the second part has no token
    parts = (slice(0, 2), slice(2, None))
    weight = running_metrics.total_weight(gold)
    added = [running_metrics.update(logits[part], gold[part], weight, soft_targets=soft[part]).item() for part in parts]
    assert sum(added) == pytest.approx(total / total_weight, rel=1e-12)
    assert (added[1] == 0) == tags


def test_certain_and_correct_teachers_give_the_usual_loss():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    sure = F.one_hot(gold, 4).double()
    for weight in (0.2, 1.0):
        loss = RunningMetrics(None, CPU, distill=Distill((1,), weight, 1.0)).update(logits, gold, soft_targets=sure)
        assert loss.item() == pytest.approx(F.cross_entropy(logits, gold).item(), rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_with_a_crf_it_compares_the_marginals_of_each_token(weight, temperature):
    torch.manual_seed(2)
    crf, (logits, gold) = random_crf(), batch("left")
    soft = torch.randn_like(logits).softmax(-1)
    distance = 0
    for row, target, probabilities in zip(logits, gold, soft, strict=True):
        valid, probabilities = target >= 0, probabilities[target >= 0]
        if valid.any():
            log_marginals = marginals_of_all(crf, row[valid], temperature).log()
            distance += (probabilities * (probabilities.log() - log_marginals)).sum()
    total = (1 - weight) * loss_of_all(crf, logits, gold) + weight * temperature**2 * distance
    running_metrics = RunningMetrics(None, CPU, crf=crf, distill=Distill((1,), weight, temperature))
    loss = running_metrics.update(logits, gold, soft_targets=soft)
    assert loss.item() == pytest.approx((total / (gold >= 0).sum()).item(), rel=1e-12)
    assert crf.transitions.grad is None
    loss.backward()
    assert crf.transitions.grad.any()
    empty = running_metrics.update(logits[:0], gold[:0], soft_targets=soft[:0])
    assert empty.item() == 0


def test_smoothing_applies_to_the_hard_targets_alone():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    soft = torch.randn(5, 4, dtype=torch.float64).softmax(-1)
    loss = (
        RunningMetrics(None, CPU, 0.1, distill=Distill((1,), 0.4, 2.0)).update(logits, gold, soft_targets=soft).item()
    )
    hard = F.cross_entropy(logits, gold, label_smoothing=0.1).item()
    distance = (soft * (soft.log() - (logits / 2).log_softmax(-1))).sum(-1).mean().item()
    assert loss == pytest.approx(0.6 * hard + 0.4 * 4 * distance, rel=1e-12)


def test_distillation_needs_soft_targets():
    with pytest.raises(AssertionError, match="without soft targets"):
        RunningMetrics(None, CPU, distill=DISTILL).update(torch.zeros(2, 4), torch.tensor([0, 1]))


# soft targets


def test_soft_targets_of_a_crf_are_the_mean_marginals_of_each_token():
    teachers = [small(seed=seed, **TAGGER, head_dropout=0.5).train() for seed in (3, 4)]
    for seed, teacher in enumerate(teachers):
        torch.manual_seed(seed)
        for score in teacher.crf.parameters():
            torch.nn.init.normal_(score)
    (bucket,) = rows_of(6, 3, tags=True)
    (soft,) = soft_targets(teachers, [bucket], settings(batch_size=4), 2.5)
    for at in range(len(bucket)):
        valid = bucket.targets[at] >= 0
        row = bucket.ids[at : at + 1], bucket.lengths[at : at + 1]
        means = [marginals_of_all(one.crf, one.eval()(*row)[0][valid], 2.5).detach() / 2 for one in teachers]
        torch.testing.assert_close(soft[at][valid], sum(means), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["classify", "tag", "bce"])
def test_soft_targets_are_the_mean_of_the_teachers_probabilities(kind):
    classes, changes = (2, {"loss": "bce"}) if kind == "bce" else (4, {})
    if kind == "tag":
        changes = {"readout": "every_step"}
    dropped = {"head_dropout": 0.5, "word_dropout": 0.5, **changes}
    teachers = [small(seed=seed, classes=classes, **dropped).train() for seed in (3, 4, 5)]
    rows = [*rows_of(9, classes=classes, tags=kind == "tag"), *rows_of(5, 3, classes=classes, tags=kind == "tag")]
    all_soft = soft_targets(iter(teachers), rows, settings(batch_size=4), 2.5)
    for bucket, soft in zip(rows, all_soft, strict=True):
        assert soft.dtype == torch.float32
        assert soft.shape == (*bucket.targets.shape, classes)
        for at in range(len(bucket)):
            length = int(bucket.lengths[at])
            mean = 0
            for teacher in teachers:
                logits = teacher.eval()(bucket.ids[at : at + 1, :length], bucket.lengths[at : at + 1])[0].double()
                heated = (logits / 2.5).exp()
                mean = mean + heated / heated.sum(-1, keepdim=True) / 3
            actual = soft[at, :length] if kind == "tag" else soft[at]
            torch.testing.assert_close(actual.double(), mean.detach(), rtol=1e-5, atol=1e-7)
    assert not any(soft.requires_grad for soft in all_soft)


def test_soft_targets_are_stored_with_their_rows_and_give_the_same_batches():
    (whole,) = rows_of(11)
    halves = mapped(dataclasses.replace(whole, ids=whole.ids.int()))
    teachers = [small(seed=seed) for seed in (3, 4)]
    (one,), (other,) = (soft_targets(teachers, [rows], settings(), 2.0) for rows in (whole, halves))
    assert torch.equal(one, other)
    both = [whole.with_soft_targets(one)], [halves.with_soft_targets(other)]
    assert both[1][0].device == halves.device
    for ours, theirs in zip(*(batches(rows, 4, shuffle=Shuffle(1, 0)) for rows in both), strict=True):
        assert theirs.soft_targets.dtype == torch.float32
        assert torch.equal(ours.soft_targets, one[ours.row_numbers])
        assert all(torch.equal(a, b) for a, b in zip(ours.inputs, theirs.inputs, strict=True))
    assert torch.equal(both[0][0].to(CPU).soft_targets, one)
    assert len(whole.take(torch.arange(1)).inputs) == 3  # without soft targets a step reads three inputs


def test_memory_for_soft_targets_is_counted(padded, monkeypatch):
    needed = 10 * (8 + 3 * 4 + 4 + 4) + 10 * (8 + 4 + 4 + 4)  # row, ids, length and label of 10 rows per bucket
    monkeypatch.setattr(MappedBucket, "to_device", lambda self: "copied")
    for soft, more in ((0, 0), (2, 20 * 2 * 4)):
        for free, fits in ((2 * (needed + more), True), (2 * (needed + more) - 2, False)):
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
            buckets = load_buckets(padded, "train", torch.device("cuda:1"), soft)
            assert [bucket == "copied" for bucket in buckets] == [fits] * 2


def test_recorded_steps_read_soft_targets_too():
    ends = []
    for recorder in (None, Notes()):
        model, options = small(), settings(batch_size=4, distill=DISTILL)
        args = model, make_optimizer(model, options), RunningMetrics(None, CPU, distill=DISTILL), options
        train_step = TrainStep(*args) if recorder is None else GraphedTrainStep(*args, recorder)
        for each in batches(softened(rows_of(4 * (WARM_UP + 3))), 4):
            train_step(each, 0.01)
        ends.append(weights_of(model))
    assert recorder.calls.count("replay") == 3
    same(*ends)


# runs


def record_teachers(monkeypatch):
    """A list that receives the weights of the teachers as they are used."""
    seen, plain = [], SoftTargets.add

    def add(self, teacher):
        seen.append(weights_of(teacher))
        plain(self, teacher)

    monkeypatch.setattr(SoftTargets, "add", add)
    return seen


def test_teachers_equal_the_recipe_with_their_seeds_and_the_student_learns_from_them(
    padded, tmp_path, monkeypatch, capsys
):
    model = dataclasses.replace(PLAIN, head_dropout=0.3, bigrams=BigramOptions(3, 1))
    options = dataclasses.replace(
        STUDENT, average=Ema("ema", 0.7), sampling="balanced", class_weights={"odd": 3.0}, label_smoothing=0.1
    )
    seen = record_teachers(monkeypatch)
    student = trained(padded, tmp_path, options, model)
    output = capsys.readouterr().out.splitlines()
    teachers = []
    for seed, weights in zip(DISTILL.seeds, seen, strict=True):
        alone = trained(
            padded, tmp_path, dataclasses.replace(options, seed=seed, distill=None), model, curves_file=None
        )
        same(alone.network.state_dict(), weights)
        teachers.append(alone.network.eval())
    # the student by hand, over soft targets row by row
    rows, dev = (load_buckets(padded, split) for split in ("train", "dev"))
    with torch.no_grad():
        soft = [sum((t(each.ids, each.lengths) / 2).softmax(-1) for t in teachers) / 2 for each in rows]
    network = build_network(
        student.config,
        matrix(),
        options.seed,
        CPU,
        TokenFeatures(BigramFeatures(student.network.bigrams.pairs, None), None),
    )
    points, weighed = [], torch.tensor([1.0, 3.0])
    taught = [dataclasses.replace(each, soft_targets=targets) for each, targets in zip(rows, soft, strict=True)]
    outcome = fit(network, TrainingData(taught, dev, weighed), options, Events(on_evaluation=points.append))
    for name, value in network.state_dict().items():
        torch.testing.assert_close(student.network.state_dict()[name], value, rtol=1e-4, atol=1e-6)
    assert student.outcome.dev_loss == pytest.approx(outcome.dev_loss, rel=1e-5)
    # the curves are the student's alone, and each printed line names its run
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1::2]] == [str(point.step) for point in points]
    assert float(lines[1].split(",")[2]) == pytest.approx(points[0].train.loss, rel=1e-4)
    assert output[0] == "teacher 1 of 2 (seed 11)"
    assert output[1].startswith("tiny, teacher 1 of 2 (seed 11): batch 4/12, epoch 0.67, train loss ")
    names = [line.partition(": batch")[0] for line in output if ": batch" in line]
    assert names == [name for name in (f"tiny, {output[0]}", "tiny, teacher 2 of 2 (seed 12)", "tiny") for _ in points]
    assert output.index("teacher 2 of 2 (seed 12)") == 1 + len(points)


def test_one_teacher_is_in_memory_at_a_time(padded, tmp_path, monkeypatch):
    alive, counts, plain = [], [], set_up.build_network

    def counting(*args):
        gc.collect()
        counts.append(sum(teacher() is not None for teacher in alive))
        network = plain(*args)
        alive.append(weakref.ref(network))
        return network

    monkeypatch.setattr(set_up, "build_network", counting)
    options = dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, seeds=(11, 12, 13)))
    trained(padded, tmp_path, options)
    assert counts == [0, 0, 0, 0]  # when each teacher and the student are built


def test_a_process_without_curves_prints_nothing(padded, tmp_path, capsys):
    trained(padded, tmp_path, curves_file=None)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("weight", [1e-9, 0.7])
def test_the_weight_of_the_soft_targets(padded, tmp_path, weight):
    plain = trained(padded, tmp_path, WITHOUT_DISTILLATION).network.state_dict()
    options = dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, weight=weight))
    distilled = trained(padded, tmp_path, options).network.state_dict()
    difference = max(float((distilled[name] - value).abs().max()) for name, value in plain.items())
    assert difference < 1e-5 if weight < 0.1 else difference > 1e-3


@pytest.mark.parametrize("crf", [False, True])
def test_a_tagger_is_distilled_from_shards_as_from_memory(tmp_path, monkeypatch, crf):
    rows = [([2, 3, 2], [0, 1, 0], []), ([], [], []), ([3, 2], [1, 0], []), ([4, 2, 5], [0, 0, 1], [])] * 3
    padded = write_padded(tmp_path, "tag", {"train": rows, "dev": rows})
    model = dataclasses.replace(PLAIN, readout="every_step", crf=crf)
    options = dataclasses.replace(STUDENT, class_weights=None if crf else {"LOC": 4.0})
    resident = trained(padded, tmp_path, options, model, TYPES)
    monkeypatch.setattr("textrnn.training.batching.loading.MAX_COPIED_BYTES", 0)
    assert {type(bucket) for bucket in load_buckets(padded, "train")} == {MappedBucket}
    mapped_run = trained(padded, tmp_path, options, model, TYPES)
    same(resident.network.state_dict(), mapped_run.network.state_dict())
    assert resident.outcome == mapped_run.outcome
    plain = trained(padded, tmp_path, dataclasses.replace(options, distill=None), model, TYPES)
    assert not torch.equal(plain.network.head.outer.weight, mapped_run.network.head.outer.weight)


def test_processes_train_teachers_and_student_together(padded, tmp_path, monkeypatch):
    alone = trained(padded, tmp_path)
    lock, built, build_network_ = threading.Lock(), threading.Barrier(2), set_up.build_network

    def locked(*args):  # threads share one generator, which a training step seeds too
        with lock:
            network = build_network_(*args)
        built.wait(60)
        return network

    monkeypatch.setattr(set_up, "build_network", locked)
    monkeypatch.setattr(recipe_module, "join_group", lambda group, device: contextlib.nullcontext(group))
    work = tmp_path / "work"
    (work / MARKERS).mkdir(parents=True)

    def member(group):
        return trained(
            padded, tmp_path, group=group, **({"curves_file": None} if group.rank else {"work_folder": work})
        )

    for resumed in ([], [12, 12]):  # the second time the teachers are loaded, which only process 0 knows
        results = together(2, member)
        assert results[0].resumed_from == resumed
        same(results[0].network.state_dict(), results[1].network.state_dict())
        for name, value in alone.network.state_dict().items():
            torch.testing.assert_close(results[0].network.state_dict()[name], value, rtol=1e-4, atol=2e-5)
    assert finished_shards(work) == {"teacher-1-step-12", "teacher-2-step-12"}


def test_the_range_test_trains_no_teacher(padded):
    recipes = (recipe_of(padded, train=each) for each in (STUDENT, WITHOUT_DISTILLATION))
    distilled, plain = (range_test(recipe, RateRange(1e-4, 1.0, 20)) for recipe in recipes)
    assert distilled == plain


# resumed runs


def stopping(monkeypatch, title, at):
    """A list that receives each step with the title of its run; the run of that title stops at a step."""
    taken, plain = [], Progress.on_step_end

    def on_step_end(self, trainer, batch):
        taken.append((self.title.partition(" of")[0], trainer.state.step))
        if taken[-1] == (title, at):
            raise KeyboardInterrupt
        plain(self, trainer, batch)

    monkeypatch.setattr(Progress, "on_step_end", on_step_end)
    return taken


def steps(title, first=1):
    return [(title, step) for step in range(first, 13)]


TEACHERS = ("tiny, teacher 1", "tiny, teacher 2")
STOPS = {  # the run and step that stops; by seconds between checkpoints: the run and step that is next, the message
    "teacher 2": (
        TEACHERS[1],
        4,
        {"0": (TEACHERS[1], 4, "3 of teacher 2"), "999": (TEACHERS[1], 1, "12 of teacher 1")},
    ),
    "teacher 2 at once": (
        TEACHERS[1],
        1,
        dict.fromkeys(("0", "999"), (TEACHERS[1], 1, "12 of teacher 1")),
    ),
    "student": ("tiny", 7, {"0": ("tiny", 7, "6"), "999": ("tiny", 1, "12 of teacher 2")}),
    "student at once": ("tiny", 1, dict.fromkeys(("0", "999"), ("tiny", 1, "12 of teacher 2"))),
}


@pytest.mark.parametrize("seconds", ["0", "999"])
@pytest.mark.parametrize("stop", STOPS)
def test_a_run_resumes_in_the_teacher_or_student_that_it_was_in(padded, tmp_path, monkeypatch, stop, seconds):
    title, at, expected = STOPS[stop]
    next_title, first, message = expected[seconds]
    model = dataclasses.replace(PLAIN, head_dropout=0.3)
    whole = trained(padded, tmp_path, model=model)
    curves = (tmp_path / "curves.csv").read_bytes()
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", seconds)
    with monkeypatch.context() as patched:
        taken = stopping(patched, title, at)
        with (
            pytest.raises(KeyboardInterrupt) as caught,
            resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION, run=1) as work,
        ):
            trained(padded, tmp_path, model=model, work_folder=work)
    assert taken[-1] == (title, at)
    assert caught.value.__notes__ == [f"step {message} is saved; the same command continues there"]
    taken = stopping(monkeypatch, None, 0)
    with resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION, run=1) as work:
        again = trained(padded, tmp_path, model=model, work_folder=work)
    titles = [*TEACHERS, "tiny"]
    after = titles[titles.index(next_title) + 1 :]
    assert taken == steps(next_title, first) + [step for title in after for step in steps(title)]
    same(whole.network.state_dict(), again.network.state_dict())
    assert again.outcome == whole.outcome
    assert (tmp_path / "curves.csv").read_bytes() == curves
    assert again.resumed_from == [12] * titles.index(next_title) + ([first - 1] if first > 1 else [])
    assert list((tmp_path / "out").rglob("*")) == []  # nothing is left of the teachers


def test_a_teacher_whose_weights_are_damaged_is_trained_again(padded, tmp_path, monkeypatch, capsys):
    whole = trained(padded, tmp_path)
    work = tmp_path / "work"
    (work / MARKERS).mkdir(parents=True)
    trained(padded, tmp_path, work_folder=work)
    checkpoint = work / MARKERS / "teacher-1-step-12.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-8] + b"\0" * 7 + b"\1")
    taken = stopping(monkeypatch, None, 0)
    again = trained(padded, tmp_path, work_folder=work)
    assert "the checkpoint of step 12 is damaged and is ignored" in capsys.readouterr().out
    assert taken == steps(TEACHERS[0]) + steps("tiny")
    same(whole.network.state_dict(), again.network.state_dict())


# refused values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": ()}, r"^train\.distill\.seeds: must have one or more, each once; got \(\)"),
        ({"seeds": (2, 3, 2)}, r"^train\.distill\.seeds: must have one or more, each once; got \(2, 3, 2\)"),
        ({"seeds": (2, 1)}, r"^train\.distill\.seeds: must not have the seed of the recipe itself; got \(2, 1\)"),
        ({"seeds": (-2,)}, r"^train\.distill\.seeds: must lie in \[0, 2\^63\); got \(-2,\)"),
        ({"weight": 0.0}, r"^train\.distill\.weight: must lie in \(0, 1\]; got 0\.0"),
        ({"weight": 1.1}, r"^train\.distill\.weight: must lie in \(0, 1\]; got 1\.1"),
        ({"temperature": 0.0}, r"^train\.distill\.temperature: must be above 0 and finite; got 0\.0"),
        ({"temperature": math.inf}, r"^train\.distill\.temperature: must be above 0 and finite; got inf"),
        ({"temperature": math.nan}, r"^train\.distill\.temperature: must be above 0 and finite; got nan"),
    ],
)
def test_values_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, **changes)).check("train")
    STUDENT.check("train")
    dataclasses.replace(STUDENT, distill=Distill((0, 2**63 - 1), 1.0, 0.1)).check("train")


def merged(values):
    """The shipped defaults, overridden by a recipe's values."""
    params = read_params(ROOT / "params.yaml")
    return load_entry_section(
        Train, {"train": params["train"], "recipes": {"r": {"train": values}}}, "recipes", "r", "train"
    )


def test_params_of_distillation():
    values = {"seeds": [11, 12], "weight": 0.7, "temperature": 2}
    assert merged({}).distill is None
    assert merged({"distill": values}).distill == DISTILL
    for name, value, message in (
        ("seeds", 11, r"^recipes\.r\.train\.distill\.seeds: must be a list; got 11"),
        ("seed", 11, r"^recipes\.r\.train\.distill\.seed: unknown param; did you mean seeds\?"),
    ):
        with pytest.raises(UserError, match=message):
            merged({"distill": values | {name: value}})
