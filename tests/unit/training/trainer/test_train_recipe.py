"""A recipe trained on tiny shards: where it starts, what it writes, and which settings and environments it refuses."""

import csv
import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import torch

from factories.networks import PLAIN
from factories.recipes import LABELS, SPLITS, TEXTS, TYPES, matrix, prepare, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.common.config.train import Ema, Swa
from textrnn.common.storage.padded_rows import PaddedFacts, PaddedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.shards import INDEX
from textrnn.errors import ResumableError, UserError
from textrnn.modeling.devices.device import pick_device
from textrnn.modeling.models.model_directory import make_config
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.training.batching.loading import load_buckets
from textrnn.training.planning.limits import Cap
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import CHECKPOINT_RETENTION
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.recipe import PreparedFiles
from textrnn.training.trainer.setup import build_network
from textrnn.training.trainer.train_recipe import make_resume_key, train_recipe

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.delenv("TEXTRNN_TENSORBOARD", raising=False)
    # so that stderr is no terminal, wherever pytest runs
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


def run(
    tmp_path,
    *,
    splits=SPLITS,
    labels=LABELS,
    model=PLAIN,
    settings=SETTINGS,
    vectors=None,
    caps=(),
    work=None,
    max_epochs=None,
):
    padded = write_padded(tmp_path, labels.task, splits)
    recipe = recipe_of(
        padded, labels=labels, model=model, train=settings, vectors=vectors, caps=caps, max_epochs=max_epochs
    )
    return train_recipe(recipe, curves_file=tmp_path / "curves.csv", work_folder=work)


def test_training_from_end_to_end(tmp_path, capsys):
    settings = dataclasses.replace(SETTINGS, epochs=3, evaluate_every=4, learning_rate=0.02)
    trained = run(tmp_path, settings=settings)
    config, outcome = trained.config, trained.outcome
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
    output = capsys.readouterr().out
    plan, *rest = output.splitlines()
    assert plan == "tiny: batch size 4, steps 18 = 3 epochs of 6 batches"
    assert rest[0].startswith("tiny: one row of 3 tokens through the model")  # the summary, before all else
    lines = [line for line in rest if line.startswith("tiny: batch")]
    assert len(lines) == 6
    assert lines[0].startswith("tiny: batch 4/18, epoch 0.67, train loss 0.")
    assert lines[-1].endswith(" rows/s, 0.0 min left")
    assert trained.rows_per_second > 0
    assert trained.resumed_from == []


@pytest.mark.parametrize(("min_steps", "limit", "epochs"), [(18, None, 3), (19, None, 4), (19, 3, 3), (5, None, 1)])
def test_a_small_corpus_is_read_until_min_steps(tmp_path, capsys, min_steps, limit, epochs):
    trained = run(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=1, min_steps=min_steps), max_epochs=limit)
    assert (trained.outcome.steps, trained.recipe.train.epochs) == (6 * epochs, epochs)
    plan, *rest = capsys.readouterr().out.splitlines()
    count = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    raised = " (train.min_steps)" if epochs > 1 else ""
    assert plan == f"tiny: batch size 4, steps {6 * epochs} = {count} of 6 batches{raised}"
    notice = "recipes.tiny.train.min_steps: 19 are not reached: limits.epochs keeps the run at 3 epochs, 18 steps"
    assert rest.count(notice) == (limit is not None)


@pytest.mark.parametrize(("first", "warnings"), [(1, 0), (2, 0), (3, 1)])
def test_an_average_that_never_begins_is_reported(tmp_path, capsys, first, warnings):
    run(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=2, average=Swa("swa", first)))
    line = "recipes.tiny.train.average: no weights are averaged: all 2 epochs come before from_epoch 3"
    assert capsys.readouterr().out.splitlines().count(line) == warnings


def test_values_that_follow_the_corpus_are_printed_and_saved(tmp_path, capsys):
    settings = dataclasses.replace(SETTINGS, batch_size="auto", min_steps=10, average=Ema("ema", share=0.4))
    trained = run(tmp_path, settings=settings)
    said = "tiny: batch size 16 (auto: 20 rows), steps 10 = 5 epochs of 2 batches (train.min_steps)"
    said += ", average of decay 0.75 (share 0.4 of the steps)"
    assert capsys.readouterr().out.splitlines()[0] == said
    resolved = dataclasses.replace(settings, batch_size=16, epochs=5, average=Ema("ema", decay=0.75))
    assert trained.recipe.train == resolved
    record = saved_record(trained, tmp_path)
    assert record["params"] == dataclasses.asdict(resolved)
    assert record["auto"] == [
        {"name": "train.batch_size", "asked": "auto", "used": 16, "follows": "20 rows of train"},
        {"name": "train.epochs", "asked": 1, "used": 5, "follows": "train.min_steps 10, 2 steps in an epoch"},
        {"name": "train.average.decay", "asked": "share 0.4", "used": 0.75, "follows": "10 steps"},
    ]
    assert record["notices"] == []


def test_a_run_that_is_too_short_is_told_so_in_the_log_and_in_its_record(tmp_path, capsys):
    trained = run(tmp_path, settings=dataclasses.replace(SETTINGS, average=Ema("ema", 0.9)))
    line = "recipes.tiny.train.average.decay: its window of 10 steps is more than a third of the run's 6"
    line += "; `share` in place of `decay` adapts to the length of the run"
    assert capsys.readouterr().out.splitlines()[1] == line
    assert saved_record(trained, tmp_path)["notices"] == [line]


def saved_record(trained, folder):
    (folder / "model").mkdir()
    for name in PREPARATION_FILES:
        (folder / name).write_text(name)
    trained.save(folder / "model", PreparedFiles(padded=folder, embedded=folder, preparation=Preparation(folder)))
    return json.loads((folder / "model" / "training.json").read_text(encoding="utf-8"))


def test_the_average_over_a_share_is_that_of_the_decay_it_stands_for(tmp_path):
    settings = dataclasses.replace(SETTINGS, epochs=2, learning_rate=0.02)
    networks = []
    for name, average in (("share", Ema("ema", share=0.25)), ("decay", Ema("ema", decay=1 - 1 / 3))):  # of 12 steps
        (tmp_path / name).mkdir()
        networks.append(run(tmp_path / name, settings=dataclasses.replace(settings, average=average)).network)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_a_run_resumes_in_its_working_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    settings = dataclasses.replace(SETTINGS, epochs=3, evaluate_every=4, learning_rate=0.02)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = run(tmp_path / "whole", settings=settings)
    for stop in (5, 6):
        with monkeypatch.context() as patched:
            patched.setattr(Progress, "on_step_end", stopping_at(stop))
            with pytest.raises(KeyboardInterrupt), resumable_folder(tmp_path / "out", CHECKPOINT_RETENTION) as work:
                run(tmp_path / "parts", settings=settings, work=work)
        shutil.rmtree(tmp_path / "parts")
        (tmp_path / "parts").mkdir()
    capsys.readouterr()
    parts = run(tmp_path / "parts", settings=settings, work=work)
    plan, *output = capsys.readouterr().out.splitlines()
    assert plan == "tiny: batch size 4, steps 18 = 3 epochs of 6 batches"
    assert output[0] == "resumed from step 5"
    assert [line.split(",")[0] for line in output if "batch" in line] == [
        f"tiny: batch {at}/18" for at in (6, 8, 12, 16, 18)
    ]
    assert parts.outcome == whole.outcome
    assert parts.resumed_from == [4, 5]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(parts.network.state_dict()[name], value), name
    curves = [(tmp_path / name / "curves.csv").read_bytes() for name in ("whole", "parts")]
    assert curves[0] == curves[1]


def stopping_at(stop):
    def on_step_end(self, trainer, batch):
        if trainer.state.step == stop:
            raise KeyboardInterrupt

    return on_step_end


def test_the_key_of_a_run(tmp_path):
    recipe = recipe_of(write_padded(tmp_path, "classify", SPLITS))
    files = PreparedFiles(padded=tmp_path / "padded", embedded=tmp_path, preparation=Preparation(tmp_path))
    names = ("embedding.arrow", "lexicon.arrow", "bigrams.arrow", *PREPARATION_FILES)
    for name in names:
        (tmp_path / name).write_text("1")
    keys = [make_resume_key(recipe, files)]
    keys.append(make_resume_key(dataclasses.replace(recipe, train=dataclasses.replace(SETTINGS, seed=2)), files))
    keys.append(make_resume_key(dataclasses.replace(recipe, model=dataclasses.replace(PLAIN, layers=2)), files))
    # limits.epochs has been applied to the settings, but for the epochs that min_steps adds
    assert make_resume_key(dataclasses.replace(recipe, max_epochs=3), files) == keys[0]
    small = dataclasses.replace(recipe, train=dataclasses.replace(SETTINGS, min_steps=9))
    keys += [make_resume_key(dataclasses.replace(small, max_epochs=limit), files) for limit in (None, 3, 4)]
    for path in (tmp_path / "padded" / INDEX, *(tmp_path / name for name in names)):
        content = path.read_bytes()
        path.write_bytes(b"2")
        keys.append(make_resume_key(recipe, files))
        path.write_bytes(content)
    assert len({json.dumps(key) for key in keys}) == 3 + 3 + 7
    assert keys[0]["torch"] == torch.__version__
    assert make_resume_key(recipe, files) == keys[0]


CAPS = (Cap("train.epochs", 100, 2), Cap("rows of train", 5000, 20))


def test_what_limits_capped_is_printed_and_saved_with_the_outcome(tmp_path, capsys):
    settings = dataclasses.replace(SETTINGS, epochs=2, learning_rate=1e-7)
    trained = run(tmp_path, settings=settings, caps=CAPS)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "tiny: limits cap train.epochs 100 to 2, rows of train 5,000 to 20"
    record = saved_record(trained, tmp_path)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "training.json",
        *PREPARATION_FILES,
    }
    assert record.pop("params") == json.loads(json.dumps(dataclasses.asdict(settings)))  # unrounded
    assert record.pop("capped") == [
        {"name": "train.epochs", "asked": 100, "used": 2},
        {"name": "rows of train", "asked": 5000, "used": 20},
    ]
    assert record.pop("auto") == record.pop("notices") == []
    rounded = {name: round(record[name], 6) for name in ("dev_loss", "dev_accuracy")}
    outcome = dataclasses.asdict(trained.outcome)
    assert outcome.pop("dev_macro_f1") is outcome.pop("dev_entity_f1") is None  # not counted, so not in the record
    assert record == outcome | rounded
    assert set(record) == {"steps", "epochs", "best_step", "dev_loss", "dev_accuracy", "stopped_by"}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
    ids=["python", "cuda", "cpu"],
)
def test_out_of_memory_is_reported_in_one_line(tmp_path, monkeypatch, error):
    def failing(*_):
        raise error

    monkeypatch.setattr(Progress, "on_step_end", failing)
    with pytest.raises(
        ResumableError, match=r"^training: memory ran out;.* smaller train\.batch_size or batch_tokens$"
    ):
        run(tmp_path)


def test_any_other_runtime_error_is_raised_unchanged(tmp_path, monkeypatch):
    error = RuntimeError("a bug")
    monkeypatch.setattr(Progress, "on_step_end", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(RuntimeError, match="a bug"):
        run(tmp_path)


def test_the_message_of_torch_if_the_cpu_has_no_memory_left():
    with pytest.raises(RuntimeError, match="allocate memory"):
        torch.empty(2**60, dtype=torch.uint8)


def test_the_returned_network_has_the_reported_dev_loss(tmp_path):
    trained = run(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=3, learning_rate=0.05))
    dev = load_buckets(PaddedRows.read(tmp_path / "padded"), "dev")
    assert evaluate_loss(trained.network, dev, 100, None).loss == pytest.approx(trained.outcome.dev_loss, rel=1e-5)


def test_the_same_seed_gives_the_same_network_and_curves(tmp_path):
    results = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        torch.manual_seed(len(results))  # what came before must not matter
        network = run(tmp_path / name, settings=dataclasses.replace(SETTINGS, epochs=2, seed=seed)).network
        weights = torch.nn.utils.parameters_to_vector(network.parameters())
        results[name] = weights.tolist(), (tmp_path / name / "curves.csv").read_bytes()
    assert results["a"] == results["b"]
    assert results["a"][0] != results["c"][0]
    assert results["a"][1] != results["c"][1]


def test_a_tagger_trains_with_class_weights(tmp_path):
    rows = [([2, 3, 2], [0, 1, 0], [{"start": 1, "end": 2, "type": 0}]), ([], [], []), ([3, 2], [1, 0], [])] * 4
    model = dataclasses.replace(PLAIN, readout="every_step")
    settings = dataclasses.replace(SETTINGS, batch_size=1, epochs=8, learning_rate=0.05, class_weights={"LOC": 10.0})
    outcome = run(tmp_path, splits={"train": rows, "dev": rows}, labels=TYPES, model=model, settings=settings).outcome
    assert outcome.dev_accuracy == 1.0  # also with rows without tokens and batches in which no target counts


def facts(side="right"):
    return PaddedFacts("classify", {}, (3,), side, True)


def test_the_network_starts_from_the_matrix_and_the_seed():
    config = make_config("r", dataclasses.replace(PLAIN, initialization="xavier"), (9, 4), 2, facts())
    values = matrix()
    network = build_network(config, values, 3, CPU)
    assert np.array_equal(network.embedding.weight.detach().numpy(), values)
    assert not network.head.outer.bias.any()  # initialized as configured
    again, other = build_network(config, values, 3, CPU), build_network(config, values, 4, CPU)
    assert torch.equal(again.head.outer.weight, network.head.outer.weight)
    assert not torch.equal(other.head.outer.weight, network.head.outer.weight)
    with torch.no_grad():
        network.embedding.weight.add_(1)
    assert values[0, 0] == 0  # a copy


def test_pretrained_vectors_do_not_change_the_other_weights():
    config = make_config("r", PLAIN, (9, 4), 2, facts())
    a, b = build_network(config, matrix(), 3, CPU), build_network(config, matrix() * 2, 3, CPU)
    assert torch.equal(a.head.outer.weight, b.head.outer.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vectors": matrix(8)}, r"padded: has a token id outside the model's range \(0\.\.7\); got 8"),
        ({"labels": dataclasses.replace(LABELS, names=["one"])}, r"padded: has a label outside the model's range"),
        (
            {"model": dataclasses.replace(PLAIN, readout="every_step")},
            r"^recipes\.tiny\.model\.readout: must be every_step",
        ),
        (
            {"settings": dataclasses.replace(SETTINGS, class_weights={"eevn": 2.0})},
            r"^recipes\.tiny\.train\.class_weights\.eevn: must be one of even, odd",
        ),
        ({"splits": {"train": TEXTS}}, r"padded: the dev split is empty"),
    ],
    ids=["tokens", "labels", "model", "train", "dev"],
)
def test_settings_that_do_not_fit_the_data_are_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **changes)
    assert not (tmp_path / "curves.csv").exists()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta", "hpu", "mps" if sys.platform == "linux" else "xla"])
def test_a_device_that_cannot_be_used_is_refused(monkeypatch, name):
    monkeypatch.setenv("TEXTRNN_DEVICE", name)
    message = rf"^TEXTRNN_DEVICE: cannot be used here; got '{name}'; unset it, or set it to cpu"
    with pytest.raises(UserError, match=message):
        pick_device()


def test_the_device_is_the_one_named_or_the_best_available(monkeypatch):
    assert pick_device() == CPU
    monkeypatch.delenv("TEXTRNN_DEVICE")
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == CPU


def test_tensorboard_that_is_not_installed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path / "board"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if it were not installed
    with pytest.raises(UserError, match=r"^TEXTRNN_TENSORBOARD: tensorboard is not installed; pip install .*unset it"):
        run(tmp_path)
    assert not (tmp_path / "curves.csv").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
@pytest.mark.parametrize("place", ["textrnn.modeling.models.saved_weights.save", "textrnn.stage.write_json"])
def test_what_fails_after_training_keeps_the_checkpoint_of_the_last_step(tmp_path, monkeypatch, capsys, place, error):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    prepare(tmp_path, SPLITS)

    def failing(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(place, failing)
        with pytest.raises((error, SystemExit)) as ended:
            run_script(patched, tmp_path, "train.py", "tiny")
    assert error is not KeyboardInterrupt or ended.value.code == 130
    assert not (tmp_path / "models" / "tiny").exists()
    assert not (tmp_path / "logs" / "tiny.json").exists()
    capsys.readouterr()
    run_script(monkeypatch, tmp_path, "train.py", "tiny")
    assert "resumed from step 5\n" in capsys.readouterr().out  # 20 rows in batches of 4
    assert json.loads((tmp_path / "models" / "tiny" / "training.json").read_text())["steps"] == 5
    assert json.loads((tmp_path / "logs" / "tiny.json").read_text())["resumed_from"] == [5]
    left = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "models").glob("*/*") if path.is_dir()}
    assert left == {"models/.textrnn/tiny.kept"}  # the checkpoints are gone
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"tiny", ".textrnn"}
