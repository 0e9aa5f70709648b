"""Runs with teachers: what they train, in which order, in how much memory, and how they resume."""

import contextlib
import dataclasses
import gc
import sys
import threading
import weakref

import pytest
import torch

from factories.distillation import DISTILL, STUDENT, same, trained, weights_of
from factories.networks import PLAIN
from factories.process_groups import together
from factories.recipes import SPLITS, TYPES, matrix, recipe_of
from factories.shards import write_padded
from factories.training_runs import Events, fit
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.train import Ema
from textrnn.common.storage.markers import MARKERS, finished_shards
from textrnn.common.storage.resumable import resumable_folder
from textrnn.tools.lr_range_test import RateRange, range_test
from textrnn.training.batching.buckets import MappedBucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.bigram_features import BigramFeatures
from textrnn.training.features.token_features import TokenFeatures
from textrnn.training.trainer import setup as set_up
from textrnn.training.trainer import train_recipe as recipe_module
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.distillation import SoftTargets
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.setup import build_network

CPU = torch.device("cpu")

WITHOUT_DISTILLATION = dataclasses.replace(STUDENT, distill=None)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    for name in ("TEXTRNN_TENSORBOARD", "TEXTRNN_CHECKPOINT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


@pytest.fixture(scope="module")
def padded(tmp_path_factory):
    return write_padded(tmp_path_factory.mktemp("rows"), "classify", SPLITS)


def test_memory_for_soft_targets_is_counted(padded, monkeypatch):
    needed = 10 * (8 + 3 * 4 + 4 + 4) + 10 * (8 + 4 + 4 + 4)  # row, ids, length and label of 10 rows per bucket
    monkeypatch.setattr(MappedBucket, "to_device", lambda self: "copied")
    for soft, more in ((0, 0), (2, 20 * 2 * 4)):
        for free, fits in ((2 * (needed + more), True), (2 * (needed + more) - 2, False)):
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
            buckets = load_buckets(padded, "train", torch.device("cuda:1"), soft)
            assert [bucket == "copied" for bucket in buckets] == [fits] * 2


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
    plan, *output = capsys.readouterr().out.splitlines()
    assert plan == "tiny: batch size 4, steps 12 = 2 epochs of 6 batches"
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
