"""Distillation by hand: its loss, the teachers, what they say of each row, what is refused, and runs that go on."""

import contextlib
import dataclasses
import math
import sys
import threading

import pytest
import torch
import torch.nn.functional as F

from imports import ROOT
from test_batches import write_padded
from test_bigrams import mapped
from test_crf import TAGGER, batch, loss_of_all, marginals_of_all, random_crf
from test_fit import LABELS, SPLITS, TYPES, matrix
from test_graphs import Notes
from test_models import PLAIN
from test_processes import together
from test_training import rows_of, settings, small
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.params import read_params
from textrnn.common.config.train import Distill, Ema, Train
from textrnn.common.settings.merging import load_recipe_section
from textrnn.common.storage.markers import MARKERS, finished_shards
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import UserError
from textrnn.modeling.models.loss import RunningLoss
from textrnn.tools.lr_range_test import RateRange, range_test
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import MappedBucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.optimization.cuda_graphs import WARM_UP, GraphedTrainStep
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer import distillation as module
from textrnn.training.trainer import setup as fit_module
from textrnn.training.trainer.bigram_features import BigramFeatures
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.distillation import soft_targets
from textrnn.training.trainer.logger import RunLogger
from textrnn.training.trainer.loop import train_model
from textrnn.training.trainer.setup import build_network, train_recipe
from textrnn.training.trainer.token_features import TokenFeatures

CPU = torch.device("cpu")
DISTILL = Distill((11, 12), 0.7, 2.0)
STUDENT = settings(epochs=2, evaluate_every=4, learning_rate=0.02, distill=DISTILL)
PLAINLY = dataclasses.replace(STUDENT, distill=None)
WEIGHTS = [1.0, 10.0, 0.5, 0.0]


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch):
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


def fitted(padded, folder, chosen=STUDENT, model=PLAIN, labels=LABELS, **places):
    places = {"curves": folder / "curves.csv", "live": None, **places}
    return train_recipe("tiny", padded, matrix(), labels, model, chosen, **places)


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
    soft.view(-1, 4)[0] = torch.tensor([0.25, 0.75, 0.0, 0.0])  # a class that no teacher thinks of
    gold = torch.randint(0, 4, shape)
    gold.view(-1)[:4] = torch.tensor([0, 1, 2, 3])
    if tags:
        gold[1, 2:] = gold[2] = -100
    total = share = 0.0
    gradient = torch.zeros(shape).double().flatten()[:, None].repeat(1, 4)
    for at, (row, told, target) in enumerate(
        zip(logits.detach().view(-1, 4), soft.view(-1, 4), gold.flatten().tolist(), strict=True)
    ):
        if target < 0:
            continue
        own = 1.0 if weights is None else weights[target]
        hard, warm = row.exp() / row.exp().sum(), (row / temperature).exp() / (row / temperature).exp().sum()
        distance = sum(p * math.log(p / q) for p, q in zip(told.tolist(), warm.tolist(), strict=True) if p)
        total += own * ((1 - weight) * -math.log(hard[target]) + weight * temperature**2 * distance)
        share += own
        one = torch.arange(4) == target
        gradient[at] = own * ((1 - weight) * (hard - one.double()) + weight * temperature * (warm - told))
    tally = RunningLoss(
        None if weights is None else torch.tensor(weights).double(), CPU, distill=Distill((1,), weight, temperature)
    )
    loss = tally.loss(logits, gold, soft=soft)
    assert loss.item() == pytest.approx(total / share, rel=1e-12)
    assert tally.score().loss == pytest.approx(total / share, rel=1e-12)
    (found,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(found.view(-1, 4), gradient / share, rtol=1e-11, atol=1e-14)
    # in the parts of two processes; of the tags the second has no token
    parts = (slice(0, 2), slice(2, None))
    added = [tally.loss(logits[part], gold[part], tally.share(gold), soft=soft[part]).item() for part in parts]
    assert sum(added) == pytest.approx(total / share, rel=1e-12)
    assert (added[1] == 0) == tags


def test_sure_teachers_who_are_right_are_the_usual_loss():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    sure = F.one_hot(gold, 4).double()
    for weight in (0.2, 1.0):
        loss = RunningLoss(None, CPU, distill=Distill((1,), weight, 1.0)).loss(logits, gold, soft=sure)
        assert loss.item() == pytest.approx(F.cross_entropy(logits, gold).item(), rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_with_a_crf_it_is_of_each_tokens_probabilities_over_all_rows_of_tags(weight, temperature):
    torch.manual_seed(2)
    crf, (logits, gold) = random_crf(), batch("left")
    soft = torch.randn_like(logits).softmax(-1)
    far = 0
    for row, target, said in zip(logits, gold, soft, strict=True):
        told, said = target >= 0, said[target >= 0]
        if told.any():
            far += (said * (said.log() - marginals_of_all(crf, row[told], temperature).log())).sum()
    total = (1 - weight) * loss_of_all(crf, logits, gold) + weight * temperature**2 * far
    tally = RunningLoss(None, CPU, crf=crf, distill=Distill((1,), weight, temperature))
    loss = tally.loss(logits, gold, soft=soft)
    assert loss.item() == pytest.approx((total / (gold >= 0).sum()).item(), rel=1e-12)
    assert crf.transitions.grad is None
    loss.backward()
    assert crf.transitions.grad.any()
    nothing = tally.loss(logits[:0], gold[:0], soft=soft[:0])
    assert nothing.item() == 0


def test_smoothing_is_of_the_gold_part_alone():
    torch.manual_seed(1)
    logits, gold = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    soft = torch.randn(5, 4, dtype=torch.float64).softmax(-1)
    loss = RunningLoss(None, CPU, 0.1, distill=Distill((1,), 0.4, 2.0)).loss(logits, gold, soft=soft).item()
    hard = F.cross_entropy(logits, gold, label_smoothing=0.1).item()
    far = (soft * (soft.log() - (logits / 2).log_softmax(-1))).sum(-1).mean().item()
    assert loss == pytest.approx(0.6 * hard + 0.4 * 4 * far, rel=1e-12)


def test_no_loss_without_what_it_needs():
    with pytest.raises(AssertionError, match="without soft targets"):
        RunningLoss(None, CPU, distill=DISTILL).loss(torch.zeros(2, 4), torch.tensor([0, 1]))


# what teachers say


def test_soft_targets_of_a_crf_are_the_mean_of_each_tokens_probabilities():
    teachers = [small(seed=seed, **TAGGER, head_dropout=0.5).train() for seed in (3, 4)]
    for seed, teacher in enumerate(teachers):
        torch.manual_seed(seed)
        for score in teacher.crf.parameters():
            torch.nn.init.normal_(score)
    (bucket,) = rows_of(6, 3, tags=True)
    (soft,) = soft_targets(teachers, [bucket], settings(batch_size=4), 2.5)
    for at in range(len(bucket)):
        told = bucket.targets[at] >= 0
        row = bucket.ids[at : at + 1], bucket.lengths[at : at + 1]
        means = [marginals_of_all(each.crf, each.eval()(*row)[0][told], 2.5).detach() / 2 for each in teachers]
        torch.testing.assert_close(soft[at][told], sum(means), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["classify", "tag", "bce"])
def test_soft_targets_are_the_mean_of_the_teachers_probabilities(kind):
    classes, changes = (2, {"loss": "bce"}) if kind == "bce" else (4, {})
    if kind == "tag":
        changes = {"readout": "every_step"}
    dropped = {"head_dropout": 0.5, "word_dropout": 0.5, **changes}
    teachers = [small(seed=seed, classes=classes, **dropped).train() for seed in (3, 4, 5)]
    rows = [*rows_of(9, classes=classes, tags=kind == "tag"), *rows_of(5, 3, classes=classes, tags=kind == "tag")]
    found = soft_targets(iter(teachers), rows, settings(batch_size=4), 2.5)
    for bucket, soft in zip(rows, found, strict=True):
        assert soft.dtype == torch.float32
        assert soft.shape == (*bucket.targets.shape, classes)
        for at in range(len(bucket)):
            length = int(bucket.lengths[at])
            mean = 0
            for teacher in teachers:
                logits = teacher.eval()(bucket.ids[at : at + 1, :length], bucket.lengths[at : at + 1])[0].double()
                heated = (logits / 2.5).exp()
                mean = mean + heated / heated.sum(-1, keepdim=True) / 3
            told = soft[at, :length] if kind == "tag" else soft[at]
            torch.testing.assert_close(told.double(), mean.detach(), rtol=1e-5, atol=1e-7)
    assert not any(soft.requires_grad for soft in found)


def test_soft_targets_lie_with_their_rows_and_make_the_same_batches():
    (whole,) = rows_of(11)
    halves = mapped(dataclasses.replace(whole, ids=whole.ids.int()))
    teachers = [small(seed=seed) for seed in (3, 4)]
    (one,), (other,) = (soft_targets(teachers, [rows], settings(), 2.0) for rows in (whole, halves))
    assert torch.equal(one, other)
    both = [whole.with_soft_targets(one)], [halves.with_soft_targets(other)]
    assert both[1][0].device == halves.device
    for ours, theirs in zip(batches(*both[:1], 4, shuffle=(1, 0)), batches(both[1], 4, shuffle=(1, 0)), strict=True):
        assert theirs.soft.dtype == torch.float32
        assert torch.equal(ours.soft, one[ours.row])
        assert all(torch.equal(a, b) for a, b in zip(ours.inputs, theirs.inputs, strict=True))
    assert torch.equal(both[0][0].to(CPU).soft, one)
    assert len(whole.inputs) == 3  # of rows without any nothing more is read


def test_room_for_soft_targets_is_asked_for(padded, monkeypatch):
    needed = 10 * (8 + 3 * 4 + 4 + 4) + 10 * (8 + 4 + 4 + 4)  # of 10 rows each row, ids, length and label
    monkeypatch.setattr(MappedBucket, "to_device", lambda self: "there")
    for soft, more in ((0, 0), (2, 20 * 2 * 4)):
        for free, there in ((2 * (needed + more), True), (2 * (needed + more) - 2, False)):
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
            found = load_buckets(padded, "train", torch.device("cuda:1"), soft)
            assert [bucket == "there" for bucket in found] == [there] * 2


def test_recorded_steps_read_them_too():
    ends = []
    for recorder in (None, Notes()):
        model, options = small(), settings(batch_size=4, distill=DISTILL)
        of = model, make_optimizer(model, options), RunningLoss(None, CPU, distill=DISTILL), options
        stepper = TrainStep(*of) if recorder is None else GraphedTrainStep(*of, recorder)
        for each in batches(softened(rows_of(4 * (WARM_UP + 3))), 4):
            stepper(each, 0.01)
        ends.append(weights_of(model))
    assert recorder.calls.count("replay") == 3
    same(*ends)


# runs


def noted(monkeypatch):
    """The weights of the teachers as they are asked."""
    seen, plain = [], module.soft_targets

    def noting(teachers, *rest):
        def each():
            for teacher in teachers:
                seen.append(weights_of(teacher))
                yield teacher

        return plain(each(), *rest)

    monkeypatch.setattr(module, "soft_targets", noting)
    return seen


def test_teachers_are_what_the_recipe_is_with_their_seed_and_the_student_learns_of_them(
    padded, tmp_path, monkeypatch, capsys
):
    model = dataclasses.replace(PLAIN, head_dropout=0.3, bigrams=BigramOptions(3, 1))
    chosen = dataclasses.replace(
        STUDENT, average=Ema("ema", 0.7), sampling="balanced", class_weights={"odd": 3.0}, label_smoothing=0.1
    )
    seen = noted(monkeypatch)
    student = fitted(padded, tmp_path, chosen, model)
    said = capsys.readouterr().out.splitlines()
    teachers = []
    for seed, weights in zip(DISTILL.seeds, seen, strict=True):
        alone = fitted(padded, tmp_path, dataclasses.replace(chosen, seed=seed, distill=None), model, curves=None)
        same(alone.network.state_dict(), weights)
        teachers.append(alone.network.eval())
    # the student by hand, over soft targets row by row
    rows, dev = (load_buckets(padded, split) for split in ("train", "dev"))
    with torch.no_grad():
        told = [sum((t(each.ids, each.lengths) / 2).softmax(-1) for t in teachers) / 2 for each in rows]
    network = build_network(
        student.config,
        matrix(),
        chosen.seed,
        CPU,
        TokenFeatures(BigramFeatures(student.network.bigrams.pairs, None), None),
    )
    points, weighed = [], torch.tensor([1.0, 3.0])
    taught = [dataclasses.replace(each, soft=soft) for each, soft in zip(rows, told, strict=True)]
    outcome = train_model(network, taught, dev, chosen, weighed, points.append)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(student.network.state_dict()[name], value, rtol=1e-4, atol=1e-6)
    assert student.outcome.dev_loss == pytest.approx(outcome.dev_loss, rel=1e-5)
    # the curves are the student's alone, and the console tells whose a line is
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1::2]] == [str(point.step) for point in points]
    assert float(lines[1].split(",")[2]) == pytest.approx(points[0].train.loss, rel=1e-4)
    assert said[0] == "teacher 1 of 2 (seed 11)"
    assert said[1].startswith("tiny, teacher 1 of 2 (seed 11): batch 4/12, epoch 0.67, train loss ")
    names = [line.partition(": batch")[0] for line in said if ": batch" in line]
    assert names == [name for name in (f"tiny, {said[0]}", "tiny, teacher 2 of 2 (seed 12)", "tiny") for _ in points]
    assert said.index("teacher 2 of 2 (seed 12)") == 1 + len(points)


def test_a_process_without_curves_says_nothing(padded, tmp_path, capsys):
    fitted(padded, tmp_path, curves=None)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("weight", [1e-9, 0.7])
def test_how_much_they_weigh(padded, tmp_path, weight):
    plain = fitted(padded, tmp_path, PLAINLY).network.state_dict()
    chosen = dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, weight=weight))
    found = fitted(padded, tmp_path, chosen).network.state_dict()
    apart = max(float((found[name] - value).abs().max()) for name, value in plain.items())
    assert apart < 1e-5 if weight < 0.1 else apart > 1e-3


@pytest.mark.parametrize("crf", [False, True])
def test_a_tagger_is_distilled_from_shards_as_from_memory(tmp_path, monkeypatch, crf):
    rows = [([2, 3, 2], [0, 1, 0], []), ([], [], []), ([3, 2], [1, 0], []), ([4, 2, 5], [0, 0, 1], [])] * 3
    padded = write_padded(tmp_path, "tag", {"train": rows, "dev": rows})
    model = dataclasses.replace(PLAIN, readout="every_step", crf=crf)
    chosen = dataclasses.replace(STUDENT, class_weights=None if crf else {"LOC": 4.0})
    resident = fitted(padded, tmp_path, chosen, model, TYPES)
    monkeypatch.setattr("textrnn.training.batching.loading.COPIED_BYTES", 0)
    assert {type(bucket) for bucket in load_buckets(padded, "train")} == {MappedBucket}
    left = fitted(padded, tmp_path, chosen, model, TYPES)
    same(resident.network.state_dict(), left.network.state_dict())
    assert resident.outcome == left.outcome
    plain = fitted(padded, tmp_path, dataclasses.replace(chosen, distill=None), model, TYPES)
    assert not torch.equal(plain.network.head.outer.weight, left.network.head.outer.weight)


def test_processes_train_teachers_and_student_together(padded, tmp_path, monkeypatch):
    alone = fitted(padded, tmp_path)
    lock, begun, begin = threading.Lock(), threading.Barrier(2), fit_module.build_network

    def locked(*given):  # threads have one generator between them, which a step of training seeds too
        with lock:
            network = begin(*given)
        begun.wait(60)
        return network

    monkeypatch.setattr(fit_module, "build_network", locked)
    monkeypatch.setattr(fit_module, "joined", lambda group, device: contextlib.nullcontext(group))
    work = tmp_path / "work"
    (work / MARKERS).mkdir(parents=True)

    def member(group):
        return fitted(padded, tmp_path, group=group, **({"curves": None} if group.rank else {"work": work}))

    for taken in ([], [12, 12]):  # the second time over the teachers are kept, and only process 0 knows it
        found = together(2, member)
        assert found[0].resumed_from == taken
        same(found[0].network.state_dict(), found[1].network.state_dict())
        for name, value in alone.network.state_dict().items():
            torch.testing.assert_close(found[0].network.state_dict()[name], value, rtol=1e-4, atol=2e-5)
    assert finished_shards(work) == {"teacher-1-step-12", "teacher-2-step-12"}


def test_the_range_test_asks_no_teacher(padded):
    data = padded, matrix(), LABELS, PLAIN
    asked, plain = (range_test("tiny", *data, each, RateRange(1e-4, 1.0, 20)) for each in (STUDENT, PLAINLY))
    assert asked == plain


# runs that go on


def stopping(monkeypatch, title, at):
    """The steps that are taken, with whose they are; the run of that title stops at a step."""
    taken, plain = [], RunLogger.on_step

    def on_step(self, step, rows):
        taken.append((self._recipe.partition(" of")[0], step))
        if taken[-1] == (title, at):
            raise KeyboardInterrupt
        plain(self, step, rows)

    monkeypatch.setattr(RunLogger, "on_step", on_step)
    return taken


def steps(title, first=1):
    return [(title, step) for step in range(first, 13)]


TEACHERS = ("tiny, teacher 1", "tiny, teacher 2")
STOPS = {  # whose step it stops in, which; by seconds between checkpoints whose is the next, which, what it says
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
def test_a_run_goes_on_in_the_teacher_or_student_that_it_was_in(padded, tmp_path, monkeypatch, stop, seconds):
    title, at, left = STOPS[stop]
    whose, first, told = left[seconds]
    model = dataclasses.replace(PLAIN, head_dropout=0.3)
    whole = fitted(padded, tmp_path, model=model)
    curves = (tmp_path / "curves.csv").read_bytes()
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", seconds)
    with monkeypatch.context() as patched:
        taken = stopping(patched, title, at)
        with (
            pytest.raises(KeyboardInterrupt) as caught,
            resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION, run=1) as work,
        ):
            fitted(padded, tmp_path, model=model, work=work)
    assert taken[-1] == (title, at)
    assert caught.value.__notes__ == [f"step {told} is saved; the same command continues there"]
    taken = stopping(monkeypatch, None, 0)
    with resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION, run=1) as work:
        again = fitted(padded, tmp_path, model=model, work=work)
    titles = [*TEACHERS, "tiny"]
    after = titles[titles.index(whose) + 1 :]
    assert taken == steps(whose, first) + [step for title in after for step in steps(title)]
    same(whole.network.state_dict(), again.network.state_dict())
    assert again.outcome == whole.outcome
    assert (tmp_path / "curves.csv").read_bytes() == curves
    assert again.resumed_from == [12] * titles.index(whose) + ([first - 1] if first > 1 else [])
    assert list((tmp_path / "out").rglob("*")) == []  # nothing of the teachers


def test_a_teacher_whose_weights_are_damaged_is_trained_again(padded, tmp_path, monkeypatch, capsys):
    whole = fitted(padded, tmp_path)
    work = tmp_path / "work"
    (work / MARKERS).mkdir(parents=True)
    fitted(padded, tmp_path, work=work)
    kept = work / MARKERS / "teacher-1-step-12.safetensors"
    kept.write_bytes(kept.read_bytes()[:-8] + b"\0" * 7 + b"\1")
    taken = stopping(monkeypatch, None, 0)
    again = fitted(padded, tmp_path, work=work)
    assert "the checkpoint of step 12 is damaged and left out" in capsys.readouterr().out
    assert taken == steps(TEACHERS[0]) + steps("tiny")
    same(whole.network.state_dict(), again.network.state_dict())


# what is refused


@pytest.mark.parametrize(
    ("given", "message"),
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
def test_values_out_of_range_are_refused_by_name(given, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(STUDENT, distill=dataclasses.replace(DISTILL, **given)).check("train")
    STUDENT.check("train")
    dataclasses.replace(STUDENT, distill=Distill((0, 2**63 - 1), 1.0, 0.1)).check("train")


def merged(own):
    """The shipped defaults with a recipe's own values over them."""
    params = read_params(ROOT / "params.yaml")
    return load_recipe_section(Train, {"train": params["train"], "recipes": {"r": {"train": own}}}, "train", "r")


def test_params_say_it():
    said = {"seeds": [11, 12], "weight": 0.7, "temperature": 2}
    assert merged({}).distill is None
    assert merged({"distill": said}).distill == DISTILL
    for name, value, message in (
        ("seeds", 11, r"^recipes\.r\.train\.distill\.seeds: must be a list; got 11"),
        ("seed", 11, r"^recipes\.r\.train\.distill\.seed: unknown param; did you mean seeds\?"),
    ):
        with pytest.raises(UserError, match=message):
            merged({"distill": said | {name: value}})
