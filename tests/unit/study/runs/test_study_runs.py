"""Study runs on tiny shards: classifiers and taggers, their records, parts of train, and the script of a run."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from factories.networks import PLAIN
from factories.recipes import LABELS, TEXTS, TYPES, matrix, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from factories.study_projects import tiny_study
from textrnn.common.config.data import Limits
from textrnn.common.params.params_file import read_values
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import make_config
from textrnn.study.plan.json_files import FACTS, RAW_LOSSES, TIMINGS, read_run, run_file
from textrnn.study.plan.packed_rows import unpack_bits, unpack_counts
from textrnn.study.plan.settings import RunSettings
from textrnn.study.plan.variants import read_study
from textrnn.study.runs.loss_curve import roughness
from textrnn.study.runs.training_run import run_variant
from textrnn.study.runs.variant_recipe import part_of_rows, variant_recipe
from textrnn.training.batching.batches import Shuffle, batches, evaluation_size
from textrnn.training.batching.loading import load_buckets
from textrnn.training.planning.limits import Cap
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import Trainer, TrainingData
from textrnn.training.trainer.setup import build_network

CPU = torch.device("cpu")
SPLITS = {"train": TEXTS, "dev": TEXTS[::3], "test": TEXTS[::2]}
LIMITS = Limits(rows=None, epochs=None, hidden_size=None)
TAGGED = [([2, 3, 4, 5], [0, 1, 1, 0]), ([3, 4], [1, 0]), ([5, 6, 2], [0, 0, 1])] * 4  # LOC is the character 3, 4 or 2


def settings_of(**changes):
    """The settings of a variant `tiny`, of the plainest model."""
    values = {"recipe": "tiny", "encoding": "letters", "inputs": "tiny", "model": PLAIN, "train": SETTINGS}
    values |= {"limits": LIMITS, "rows": None, "gradient_rows": 5, "gradient_norms": False, "test_curve": False}
    return RunSettings(**{**values, **changes})


@pytest.fixture
def padded(tmp_path):
    return write_padded(tmp_path, "classify", SPLITS, size=3)


def run_tiny(padded, *, options=None, **changes):
    tiny = {"epochs": 2, "evaluate_every": 3, "batch_size": 6, "learning_rate": 0.05}
    train = dataclasses.replace(SETTINGS, **{**tiny, **changes})
    settings = settings_of(**(options or {}))
    return run_variant(recipe_of(padded, model=settings.model, train=train), settings)


def test_the_loss_of_each_batch_is_recorded(padded):
    run = run_tiny(padded)
    facts, losses = run.facts, run.batches.losses
    assert (facts["rows"], facts["batch_size"], facts["steps"], facts["epochs"], len(losses)) == (20, 6, 8, 2.0, 8)
    assert run.batches.rows.count(2) == 2
    config = make_config("tiny", PLAIN, (9, 4), 2, padded.facts, 0)
    network = build_network(config, matrix(), 1, CPU)
    epochs = [batches(load_buckets(padded, "train"), 6, shuffle=Shuffle(1, epoch)) for epoch in (0, 1)]
    trained = [batch for epoch in epochs for batch in epoch]
    expected = F.cross_entropy(network(trained[0].ids, trained[0].lengths), trained[0].targets).item()
    assert losses[0] == pytest.approx(expected, rel=1e-5)
    assert run.batches.rows == [len(batch) for batch in trained]
    # train's loss at a point is the mean over its batches, weighted by their rows
    assert facts["curve"]["step"] == [3, 4, 6, 8]
    for loss, steps in zip(facts["curve"]["train_loss"], ([0, 1, 2], [3], [4, 5], [6, 7]), strict=True):
        rows = [len(trained[step]) for step in steps]
        assert loss == pytest.approx(np.average([losses[step] for step in steps], weights=rows), rel=1e-5)
    assert facts["losses"]["batches"] == 1
    assert facts["losses"]["mean"] == pytest.approx(losses, rel=1e-3)
    short = [step for step, batch in enumerate(trained) if len(batch) == 2]
    assert facts["measures"]["roughness"] == roughness(losses, 4, short=short)


def test_the_rows_that_are_correct_are_those_of_the_tested_network(padded):
    facts = run_tiny(padded).facts
    correct = unpack_bits(facts["correct"])
    assert len(correct) == len(SPLITS["test"])
    assert facts["test_score"] == correct.mean()
    assert facts["entities"] is None
    again = run_tiny(padded, options={"test_curve": True}).facts
    assert again["correct"] == facts["correct"]
    best = int(np.argmin(facts["curve"]["dev_loss"]))
    assert again["curve"]["test_accuracy"][best] == facts["test_score"]


def test_parameters_and_operations_are_those_of_the_summary(padded):
    facts = run_tiny(padded).facts
    # embedding 9 * 4, three gates of 3 * (4 + 3 + 2), linear (3 + 1) * 2
    assert facts["parameters"] == 36 + 3 * 3 * 9 + 8
    # a row: 3 steps of 2 * 9 * (4 + 3), and 2 * 3 * 2 at the end; backward takes twice as much
    assert facts["flops"] == 2 * 20 * 3 * (3 * 2 * 9 * 7 + 12)


def test_a_run_is_reproducible_by_its_seed_except_for_timings(padded):
    first, again, other = run_tiny(padded), run_tiny(padded), run_tiny(padded, seed=2)
    assert first.facts == again.facts
    assert first.batches.losses != other.batches.losses
    assert "seconds" not in first.facts
    assert len(first.timings["seconds"]) == len(first.timings["cpu_seconds"]) == len(first.facts["curve"]["step"])
    assert first.timings["seconds"] == sorted(first.timings["seconds"])
    assert first.timings["threads"] == torch.get_num_threads()
    assert first.facts["gradients"]["before"] != first.facts["gradients"]["after"]
    assert len(first.facts["gradients"]["after"]) == 3


def test_a_run_that_diverges_has_a_result(padded):
    settings = dataclasses.replace(SETTINGS, learning_rate=1e6)
    run = run_variant(recipe_of(padded, train=settings), settings_of())
    assert run.facts["diverged"]
    assert 0 <= run.facts["test_score"] <= 1


def test_gradient_norms_are_those_before_clipping(padded):
    free = run_tiny(padded, options={"gradient_norms": True})
    clipped = run_tiny(padded, options={"gradient_norms": True}, clip_norm=1e-3)
    assert len(free.batches.gradient_norms) == 8
    # the first step is the same; later weights differ, as clipped steps are others
    assert clipped.batches.gradient_norms[0] == pytest.approx(free.batches.gradient_norms[0], rel=1e-6)
    assert min(clipped.batches.gradient_norms) > 1e-3
    config = make_config("tiny", PLAIN, (9, 4), 2, padded.facts, 0)
    network = build_network(config, matrix(), 1, CPU)
    batch = next(batches(load_buckets(padded, "train"), 6, shuffle=Shuffle(1, 0)))
    F.cross_entropy(network(batch.ids, batch.lengths), batch.targets).backward()
    gradients = [weight.grad for weight in network.parameters()]
    assert free.batches.gradient_norms[0] == pytest.approx(torch.nn.utils.get_total_norm(gradients).item(), rel=1e-5)
    assert free.facts["measures"]["gradient_norm_largest"] == max(free.batches.gradient_norms)
    assert "gradient_norm_median" not in run_tiny(padded).facts["measures"]


def test_a_tagger_is_scored_by_its_entities(tmp_path):
    splits = {"train": TAGGED, "dev": TAGGED, "test": TAGGED[:6]}
    spans = {split: [(ids, tags, spans_of(tags)) for ids, tags in rows] for split, rows in splits.items()}
    padded = write_padded(tmp_path, "tag", spans, size=4)
    tagger = dataclasses.replace(PLAIN, readout="every_step", hidden_size=16)
    train = dataclasses.replace(SETTINGS, epochs=30, learning_rate=0.05)
    settings = settings_of(model=tagger)
    facts = run_variant(recipe_of(padded, labels=TYPES, model=tagger, train=train), settings).facts
    counts = unpack_counts(facts["entities"])
    assert counts[0].tolist() == [1, 1, 1] * 2  # gold
    assert (counts[2] <= np.minimum(counts[0], counts[1])).all()
    gold, found, hits = counts.sum(axis=1)
    assert facts["test_score"] == pytest.approx(2 * hits / (gold + found))
    assert facts["test_score"] == facts["curve"]["dev_f1"][-1] > 0.9
    assert (facts["correct"], facts["gradients"], facts["task"]) == (None, None, "tag")


def spans_of(tags):
    """The runs of LOC."""
    edges = np.flatnonzero(np.diff([0, *tags, 0]))
    return [{"start": int(start), "end": int(end), "type": 0} for start, end in edges.reshape(-1, 2)]


def test_a_part_of_train_lies_in_a_larger_part(padded):
    buckets = load_buckets(padded, "train")
    parts = {rows: part_of_rows(buckets, rows) for rows in (4, 9, 20, None)}
    numbers = {
        rows: {number for bucket in part for number in bucket.row_numbers.tolist()} for rows, part in parts.items()
    }
    assert {rows: len(each) for rows, each in numbers.items()} == {4: 4, 9: 9, 20: 20, None: 20}
    assert numbers[4] < numbers[9] < numbers[20]
    whole = buckets[0].take(torch.arange(20))
    (part,) = parts[9]
    for index, number in enumerate(part.row_numbers.tolist()):
        at = whole.row_numbers.tolist().index(number)
        assert part.ids[index].tolist() == whole.ids[at].tolist()
        assert part.targets[index] == whole.targets[at]
    facts = run_tiny(padded, options={"rows": 9}).facts
    assert (facts["rows"], facts["steps"]) == (9, 4)


def test_a_variant_knows_what_limits_cap(padded):
    limits = Limits(rows=None, epochs=2, hidden_size=2)
    train = dataclasses.replace(SETTINGS, epochs=3, evaluate_every=4)
    recipe = variant_recipe("tiny", 7, settings_of(limits=limits, train=train), recipe_of(padded).data)
    assert recipe.caps == (Cap("train.epochs", 3, 2), Cap("model.hidden_size", 3, 2))
    assert (recipe.train.epochs, recipe.train.seed, recipe.model.hidden_size) == (2, 7, 2)
    assert recipe.train.evaluate_every == 4


@pytest.mark.parametrize(("every", "rows", "used"), [(4, None, 4), (5, None, None), (3, 12, None), (None, None, None)])
def test_a_short_epoch_is_evaluated_at_its_end_alone(padded, every, rows, used):
    train = dataclasses.replace(SETTINGS, evaluate_every=every)  # batches of 4, 20 rows of train
    recipe = variant_recipe("tiny", 1, settings_of(train=train, rows=rows), recipe_of(padded).data)
    assert recipe.train.evaluate_every == used


def test_the_test_score_is_that_of_evaluation(padded):
    run = run_tiny(padded, epochs=1)
    settings = dataclasses.replace(SETTINGS, epochs=1, evaluate_every=3, batch_size=6, learning_rate=0.05)
    network = build_network(make_config("tiny", PLAIN, (9, 4), 2, padded.facts, 0), matrix(), 1, CPU)
    Trainer(network, TrainingData(load_buckets(padded, "train"), load_buckets(padded, "dev")), settings).fit()
    score = evaluate_loss(network, load_buckets(padded, "test"), evaluation_size(CPU), None)
    assert run.facts["test_score"] == pytest.approx(score.accuracy)


def test_the_script_of_a_run_writes_its_record(tmp_path, monkeypatch, capsys):
    tiny_study(tmp_path, SPLITS, epochs=2)
    run_script(monkeypatch, tmp_path, "study_run.py", "wide", "1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wide: limits cap train.epochs 3 to 2"
    assert lines[-1].startswith("wide, seed 1: test accuracy ")
    facts, timings = read_run(run_file(FACTS, "wide", 1), run_file(TIMINGS, "wide", 1))
    assert (facts["variant"], facts["seed"], facts["kept_share"], facts["epochs"]) == ("wide", 1, 0.5, 2.0)
    assert len(timings["seconds"]) == 10 or len(timings["seconds"]) == len(facts["curve"]["step"])
    with (RAW_LOSSES / "wide-1.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "loss"]
    assert [int(step) for step, _ in rows[1:]] == list(range(1, facts["steps"] + 1))
    assert float(rows[1][1]) == pytest.approx(facts["losses"]["mean"][0], rel=1e-3)


def test_a_run_without_settings_is_refused(tmp_path, monkeypatch, capsys):
    tiny_study(tmp_path, SPLITS)
    with pytest.raises(SystemExit):
        run_script(monkeypatch, tmp_path, "study_run.py", "gone", "1")
    assert "data/study/settings/runs/gone.json: no such file" in capsys.readouterr().err


def test_a_record_is_small_and_of_one_line_a_value(tmp_path, monkeypatch):
    tiny_study(tmp_path, SPLITS)
    run_script(monkeypatch, tmp_path, "study_run.py", "wide", "1")
    text = run_file(FACTS, "wide", 1).read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(json.loads(text)) + 2


def test_a_wrong_model_is_refused(padded):
    tagger = dataclasses.replace(PLAIN, readout="every_step")
    with pytest.raises(UserError, match=r"recipes.tiny.model.readout"):
        run_variant(recipe_of(padded, model=tagger, labels=LABELS), settings_of(model=tagger))


def test_params_of_the_study_are_read_as_yaml(tmp_path):
    (tmp_path / "params.yaml").write_text("evaluate_rows: 1e3\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"study\.evaluate_rows: must be a whole number"):
        read_study(read_values(tmp_path / "params.yaml"))
