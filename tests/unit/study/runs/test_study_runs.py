"""Study runs on tiny shards, gradients by distance compared with finite differences, and the two GRUs."""

import dataclasses
import itertools
import json
import math
import time
import types

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from factories.imports import ROOT
from factories.networks import PLAIN
from factories.recipes import TEXTS, matrix, prepare, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from factories.study_records import facts
from textrnn.common.params.params_file import read_params
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import make_config
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.study.plan.json_files import read_results, read_runs, write_results
from textrnn.study.plan.variants import CellComparison, check_encoding, read_study
from textrnn.study.runs.cell_comparison import differences, timings
from textrnn.study.runs.gradients import by_distance, input_gradients
from textrnn.study.runs.training_run import RunRecorder, run_variant
from textrnn.study.runs.variant_settings import load_variant, variant_settings
from textrnn.training.batching.batches import Shuffle, batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import load_buckets
from textrnn.training.planning.limits import Cap
from textrnn.training.trainer.setup import build_network

CPU = torch.device("cpu")
SPLITS = {"train": TEXTS, "dev": TEXTS[::3], "test": TEXTS[::2]}
IDS = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [5, 3, 8, 0, 0]])
LENGTHS, TARGETS = torch.tensor([5, 2, 3]), torch.tensor([1, 0, 1])


@pytest.fixture
def padded(tmp_path):
    return write_padded(tmp_path, "classify", SPLITS, size=3)


def network(cell, readout, layers=1, bidirectional=False):
    options = dataclasses.replace(PLAIN, cell=cell, readout=readout, layers=layers, bidirectional=bidirectional)
    torch.manual_seed(0)
    return TextRNN(options, 9, 4, 2, "right").double()


@pytest.mark.parametrize("readout", ["last_valid", "last_step"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_input_gradients_are_finite_differences(cell, readout):
    model = network(cell, readout, layers=2, bidirectional=True)
    norms = input_gradients(model, IDS, LENGTHS, TARGETS)
    assert norms.shape == (3, 5)

    def loss(row, embedded):
        hook = model.embedding.register_forward_hook(lambda *_: embedded[:, None])
        model.recurrent.use_kernels = False
        logits = model(IDS[row : row + 1], LENGTHS[row : row + 1])
        hook.remove()
        return F.cross_entropy(logits, TARGETS[row : row + 1]).item()

    with torch.no_grad():
        for row, step in ((0, 0), (0, 4), (1, 1), (1, 3), (2, 2)):
            embedded = model.embedding.weight[IDS[row]].clone()
            slopes = []
            for feature in range(4):
                losses = []
                for delta in (1e-5, -1e-5):
                    shifted = embedded.clone()
                    shifted[step, feature] += delta
                    losses.append(loss(row, shifted))
                slopes.append((losses[0] - losses[1]) / 2e-5)
            assert norms[row, step].item() == pytest.approx(math.hypot(*slopes), rel=1e-5, abs=1e-9)


def test_padding_after_the_last_token_has_no_gradient_unless_it_is_read():
    exact = input_gradients(network("gru", "last_valid"), IDS, LENGTHS, TARGETS)
    assert (exact[1, 2:] == 0).all()
    assert (exact[1, :2] > 0).all()
    assert (input_gradients(network("gru", "last_step"), IDS, LENGTHS, TARGETS)[1] > 0).all()


def test_input_gradients_do_not_change_the_network():
    model = network("rnn", "last_valid").train()
    before = model(IDS, LENGTHS)
    input_gradients(model, IDS, LENGTHS, TARGETS)
    assert model.training
    assert model.recurrent.use_kernels
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(model(IDS, LENGTHS), before)


@pytest.mark.parametrize(
    ("readout", "distance"), [("last_valid", lambda n, t: n - 1 - t), ("last_step", lambda n, t: 4 - t)]
)
def test_distances_are_from_the_step_that_is_read(readout, distance):
    model = network("rnn", readout)
    norms = input_gradients(model, IDS, LENGTHS, TARGETS)
    by_step = {}
    for row, length in enumerate(LENGTHS.tolist()):
        for step in range(length):
            by_step.setdefault(distance(length, step), []).append(norms[row, step].item())
    rows = [Bucket(torch.arange(3), IDS, LENGTHS, TARGETS)]
    expected = [pytest.approx(np.mean(by_step[d])) if d in by_step else None for d in range(5)]
    assert by_distance(model, rows, 10) == expected
    first = by_distance(model, rows, 1)
    assert first == pytest.approx([norms[0, 4 - d].item() for d in range(5)])


def test_the_gradient_of_a_linear_rnn_decays_by_its_weight():
    model = network("rnn", "last_valid")
    module = model.recurrent.runs[0]
    with torch.no_grad():
        module.weight_hh_l0.copy_(0.5 * torch.eye(3))
        module.weight_ih_l0.mul_(1e-4)  # so that tanh is the identity
        module.bias_ih_l0.zero_()
        module.bias_hh_l0.zero_()
    rows = [Bucket(torch.arange(1), IDS[:1], LENGTHS[:1], TARGETS[:1])]
    norms = by_distance(model, rows, 1)
    assert [b / a for a, b in itertools.pairwise(norms)] == pytest.approx([0.5] * 4, rel=1e-6)


def variant_of(padded, **parts):
    return dataclasses.replace(recipe_of(padded, **parts), where="study.variants.tiny")


def run_tiny(padded, **changes):
    settings = dataclasses.replace(SETTINGS, epochs=2, evaluate_every=3, batch_size=6, learning_rate=0.05, **changes)
    run = run_variant(variant_of(padded, train=settings), gradient_rows=5)
    return run, settings


def test_the_loss_of_each_batch_is_recorded(padded):
    run, settings = run_tiny(padded)
    facts = run.facts
    assert (facts["rows"], facts["batch_size"], len(facts["losses"])) == (20, 6, 8)
    assert len(facts["short"]) == 2
    config = make_config("tiny", PLAIN, (9, 4), 2, padded.facts, 0)
    network = build_network(config, matrix(), settings.seed, CPU)
    epochs = [batches(load_buckets(padded, "train"), 6, shuffle=Shuffle(settings.seed, epoch)) for epoch in (0, 1)]
    trained = [batch for epoch in epochs for batch in epoch]
    expected = F.cross_entropy(network(trained[0].ids, trained[0].lengths), trained[0].targets).item()
    assert facts["losses"][0] == pytest.approx(expected, rel=1e-5)
    assert facts["short"] == [step for step, batch in enumerate(trained) if len(batch) == 2]
    # train's loss at a point is the mean over its batches, weighted by their rows
    assert [point[0] for point in facts["points"]] == [3, 4, 6, 8]
    for point, steps in zip(facts["points"], ([0, 1, 2], [3], [4, 5], [6, 7]), strict=True):
        rows = [len(trained[step]) for step in steps]
        assert point[2] == pytest.approx(np.average([facts["losses"][step] for step in steps], weights=rows), rel=1e-5)


def test_a_loss_is_recorded_even_when_its_gradient_is_zero():
    network = torch.nn.Linear(1, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-500.0], [500.0]]))
    recorder, trainer = RunRecorder(), types.SimpleNamespace(network=network)
    recorder.on_start(trainer)
    for targets in ([1, 1], [1, 0]):
        F.cross_entropy(network(torch.ones(2, 1)), torch.tensor(targets)).backward()
    network(torch.ones(2, 1)).detach()
    recorder.on_end(trainer)
    network(torch.ones(2, 1)).sum().backward()
    assert recorder.losses == pytest.approx([0.0, 500.0], abs=1.0)


def test_the_timer_starts_with_the_first_batch():
    network = torch.nn.Linear(1, 2).eval()
    recorder, trainer = RunRecorder(), types.SimpleNamespace(network=network)
    recorder.on_start(trainer)
    network(torch.ones(2, 1))
    assert math.isnan(recorder._resumed_at)
    network.train()
    started = time.perf_counter()
    network(torch.ones(2, 1))
    assert recorder._resumed_at >= started
    time.sleep(0.02)
    recorder.on_step_end(trainer, [0, 0])
    assert 0.02 <= recorder._seconds_trained <= time.perf_counter() - started
    recorder.on_end(trainer)


def test_a_run_is_reproducible_by_its_seed_except_for_timings(padded):
    (first, _), (again, _), (other, _) = run_tiny(padded), run_tiny(padded), run_tiny(padded, seed=2)
    assert first.facts == again.facts
    assert first.facts["losses"] != other.facts["losses"]
    assert "seconds" not in first.facts
    assert len(first.timings["seconds"]) == len(first.facts["points"])
    assert first.timings["seconds"] == sorted(first.timings["seconds"])
    assert first.facts["gradients"]["before"] != first.facts["gradients"]["after"]
    assert len(first.facts["gradients"]["after"]) == 3


def test_a_run_that_diverges_has_a_result(padded):
    settings = dataclasses.replace(SETTINGS, learning_rate=1e6)
    run = run_variant(variant_of(padded, train=settings), gradient_rows=5)
    assert run.facts["diverged"]
    assert 0 <= run.facts["test_accuracy"] <= 1


def test_a_tagger_is_refused(padded):
    tagger = dataclasses.replace(PLAIN, readout="every_step")
    with pytest.raises(UserError, match=r"study.variants.tiny.model.readout"):
        run_variant(variant_of(padded, model=tagger), gradient_rows=5)


SIZES = CellComparison(steps=4, batch_size=3, input_size=5, hidden_size=6, repeats=2)


def test_the_two_grus_agree_in_double_precision():
    results = differences(SIZES, 1)
    assert set(results) == {"equations", "kernels"}
    for result in results.values():
        assert 0 <= result["output_difference"] < 1e-14
        assert 0 <= result["gradient_difference"] < 1e-12


def test_a_wrong_gru_is_detected(monkeypatch):
    from textrnn.modeling.nn.scratch_gru import ScratchGRU

    equations = ScratchGRU.equations
    monkeypatch.setattr(ScratchGRU, "equations", lambda self, x: tuple(1.01 * state for state in equations(self, x)))
    results = differences(SIZES, 1)
    assert results["equations"]["output_difference"] > 1e-4
    assert results["equations"]["gradient_difference"] > 1e-3
    assert results["kernels"]["gradient_difference"] < 1e-12


def test_each_gru_is_timed_as_often_as_requested():
    assert {name: len(seconds) for name, seconds in timings(SIZES, 1).items()} == {
        "nn_gru": 2,
        "equations": 2,
        "kernels": 2,
    }


def study(**changes):
    return read_params(ROOT / "study" / "params.yaml") | changes


def test_a_variant_is_the_recipe_with_its_changes_and_the_limits():
    params = read_params(ROOT / "params.yaml")
    params["limits"] = {"rows": None, "epochs": 2, "hidden_size": 16}
    model, settings = variant_settings(read_study(study(evaluate_rows=1000)), params, "bilstm_norm", 7)
    assert (model.cell, model.bidirectional, model.layer_norm, model.layers) == ("lstm", True, True, 2)
    assert (model.readout, model.initialization, model.hidden_size) == ("last_step", "xavier", 16)
    assert (settings.seed, settings.batch_size, settings.epochs) == (7, 64, 2)
    assert (settings.evaluate_every, settings.patience) == (15, None)


@pytest.mark.parametrize("name", ["../x", "a; touch X; #", "a b", "", "/x"])
def test_a_name_that_becomes_a_path_or_a_command_is_checked(name):
    for key in ("recipe", "encoding"):
        with pytest.raises(UserError, match=rf"^{key}: the name of an entry must have only letters"):
            read_study(study(**{key: name}))
    values = study(runs=[name])
    values["variants"] = values["variants"] | {name: values["variants"]["rnn_b64_p16"]}
    with pytest.raises(UserError, match=r"^variants: the name of a variant must have only letters, digits, _ and -"):
        read_study(values)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"runs": ["rnn_b64_p16", "rnm"]}, r"runs\[1\]"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": []}, "seeds"),
        ({"pads": [7, 16]}, r"variants.rnn_b64_p32.max_length"),
        ({"gradient_rows": 0}, "gradient_rows"),
        ({"cells": {**study()["cells"], "repeats": 0}}, "cells.repeats"),
        ({"sedes": [1]}, "study.sedes"),
    ],
)
def test_wrong_values_are_refused_by_name(changes, where):
    with pytest.raises(UserError, match=where):
        read_study(study(**changes))


def test_an_encoding_that_is_not_the_recipes_is_refused():
    params = read_params(ROOT / "params.yaml")
    check_encoding(read_study(study()), params)
    with pytest.raises(UserError, match=r"study\.encoding"):
        check_encoding(read_study(study(encoding="thucnews_words")), params)


def test_an_unknown_variant_and_a_wrong_value_are_refused():
    params, values = read_params(ROOT / "params.yaml"), study()
    with pytest.raises(UserError, match=r"study\.variants\.gone"):
        variant_settings(read_study(values), params, "gone", 1)
    values["variants"]["rnn_b64_p16"]["model"] = {"cel": "gru"}
    with pytest.raises(UserError, match=r"study\.variants\.rnn_b64_p16\.model\.cel"):
        variant_settings(read_study(values), params, "rnn_b64_p16", 1)


@pytest.mark.parametrize("value", ["x", None, 0, [1]], ids=str)
def test_a_wrong_batch_size_is_refused_by_name(value):
    params, values = read_params(ROOT / "params.yaml"), study()
    values["variants"]["rnn_b64_p16"]["train"] = {"batch_size": value}
    with pytest.raises(UserError, match=r"^study\.variants\.rnn_b64_p16\.train\.batch_size: "):
        variant_settings(read_study(values), params, "rnn_b64_p16", 1)


def tiny_study(project, **limits):
    """Write a project with the variant `wide` of the recipe `tiny`; return the study and the params."""
    params = prepare(project, SPLITS, **limits)
    values = study(recipe="tiny", encoding="letters", seeds=[1], pads=[3], runs=["wide"], evaluate_rows=6)
    values |= {
        "train": {},
        "variants": {"wide": {"max_length": 3, "model": {"hidden_size": 7}, "train": {"epochs": 3}}},
    }
    (project / "study").mkdir()
    (project / "study" / "params.yaml").write_text(json.dumps(values), encoding="utf-8")
    folder = project / "data" / "study" / "padded"
    folder.mkdir(parents=True)
    (project / "data" / "padded" / "tiny").rename(folder / "3")
    write_results(folder / "kept.json", {"3": 0.5})
    return read_study(values), params


def test_a_variant_knows_what_limits_cap(tmp_path, monkeypatch):
    read, params = tiny_study(tmp_path, epochs=2, hidden_size=5)
    monkeypatch.chdir(tmp_path)
    variant = load_variant(read, params, "wide", 1, tmp_path / "data" / "study" / "padded")
    assert variant.caps == (Cap("train.epochs", 3, 2), Cap("model.hidden_size", 7, 5))
    assert (variant.train.epochs, variant.model.hidden_size) == (2, 5)
    assert (variant.model, variant.train) == variant_settings(read, params, "wide", 1)


def test_the_script_of_a_run_says_first_what_limits_cap(tmp_path, monkeypatch, capsys):
    tiny_study(tmp_path, epochs=2)
    run_script(monkeypatch, tmp_path, "study_run.py", "wide", "1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wide: limits cap train.epochs 3 to 2"
    assert lines[-1].startswith("wide, seed 1: test accuracy ")


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("model", "bigrams", {"width": 3, "min_count": 1}),
        ("model", "words", {"width": 3, "min_count": 1}),
        ("train", "distill", {"seeds": [9], "weight": 0.5, "temperature": 1.0}),
        ("train", "adversarial", {"epsilon": 1.0, "weight": 1.0}),
        ("train", "class_weights", {"a": 2.0}),
        ("train", "batch_tokens", 1000),
    ],
)
def test_options_that_no_run_of_the_study_has_are_refused(section, option, value):
    params = read_params(ROOT / "params.yaml")
    params[section][option] = value
    message = rf"study\.variants\.bigru_b256\.{section}\.{option}: must be null: no run of the study has it"
    with pytest.raises(UserError, match=message):
        variant_settings(read_study(study()), params, "bigru_b256", 1)


def test_a_batch_size_that_follows_the_corpus_is_refused(tmp_path):
    read, params = tiny_study(tmp_path)
    params["recipes"]["tiny"]["train"]["batch_size"] = "auto"
    message = r"study\.variants\.wide\.train\.batch_size: must be a number: the study compares batch sizes; got auto"
    with pytest.raises(UserError, match=message):
        variant_settings(read, params, "wide", 1)


def test_results_keep_six_significant_digits(tmp_path):
    write_results(tmp_path / "a.json", {"a": [1.23456789e-9, 0.1, math.nan], 2: 123456.789})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1.23457e-09, 0.1, None], "2": 123457.0}
    assert read_results(tmp_path / "a.json", dict)["2"] == 123457.0
    (tmp_path / "a.json").write_text("<<<<<<<", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.json: is damaged; got"):
        read_results(tmp_path / "a.json", dict)


def test_runs_are_read_by_variant_and_seed_and_a_missing_one_is_named(tmp_path):
    for name in ("a-1", "b-1"):
        write_results(tmp_path / "facts" / f"{name}.json", {"of": name, **facts(0.5)})
        write_results(tmp_path / "timings" / f"{name}.json", {"seconds": [1.0, 2.0], "threads": 1})
    runs = read_runs(tmp_path / "facts", tmp_path / "timings", ["a", "b"], [1])
    assert runs["b", 1] == ({"of": "b-1", **facts(0.5)}, {"seconds": [1.0, 2.0], "threads": 1})
    with pytest.raises(UserError, match=r"a-2\.json"):
        read_runs(tmp_path / "facts", tmp_path / "timings", ["a"], [2])
