"""Exported files return the model's logits, have the metadata for decoding, and are compared with the model."""

import ast
import json
import logging
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from factories.imports import ROOT
from factories.networks import LENGTHS, PLAIN, padded
from factories.saved_models import LABELS, options, save
from factories.shards import write_padded
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.inference.onnx import comparison
from textrnn.inference.onnx import export as export_module
from textrnn.inference.onnx.command import export_parser
from textrnn.inference.onnx.comparison import measure
from textrnn.inference.onnx.export import export_model
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.nn.crf import forbidden_transitions, predict_classes
from textrnn.preparation.artifacts.labels import Labels

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BIO = Labels("tag", ["O", "B-X", "I-X"], "bio", ["X"])
NAMED_LIKE_TAGS = Labels("tag", ["O", "E-X", "I-X"], "type", ["E-X", "I-X"])
BIOES = Labels("tag", ["O", "B-X", "I-X", "E-X", "S-X"], "bioes", ["X"])
EMBEDDINGS = {"bigrams": BigramOptions(3, 1), "words": SoftLexiconOptions(3, 1)}
TAGGER = options(cell="lstm", bidirectional=True, readout="every_step", crf=True, **EMBEDDINGS)


def logits(path, ids=None, lengths=LENGTHS):
    ids = padded() if ids is None else ids
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {"ids": ids.numpy(), "lengths": lengths.numpy()})[0]


def read_metadata(path):
    return {prop.key: json.loads(prop.value) for prop in onnx.load(path).metadata_props}


@pytest.mark.parametrize("int8", [False, True])
def test_the_file_is_next_to_the_directory_and_returns_the_models_logits(tmp_path, int8):
    folder, _, network = save(tmp_path, options(cell="lstm", layers=2, bidirectional=True, readout="max"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    path = export_model(folder, int8=int8)
    assert path == tmp_path / ("tiny.int8.onnx" if int8 else "tiny.onnx")
    expected = network.eval()(padded(), LENGTHS).detach().numpy()
    difference = np.abs(logits(path) - expected).max()
    assert 1e-5 < difference < 0.05 if int8 else difference < 1e-6
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    first = path.read_bytes()
    assert export_model(folder, tmp_path / "deep" / "again.onnx", int8=int8).read_bytes() == first
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["again.onnx"]


@pytest.mark.parametrize("int8", [False, True])
def test_the_wide_part_is_exported_and_is_not_quantized(tmp_path, int8):
    folder, _, network = save(tmp_path, options(wide=True))
    network.eval().wide.scales.copy_(torch.tensor([0.0, 1.0]))
    (folder / "model.safetensors").write_bytes(export_weights(network.state_dict()))
    expected = network.wide(padded(), LENGTHS).numpy()
    assert np.abs(logits(export_model(folder, int8=int8)) - expected).max() < 1e-5


def test_8_bits_round_no_frequency_of_a_word(tmp_path):
    words = SoftLexiconOptions(3, 1, "bmes", "frequency")
    folder, _, _ = save(tmp_path, options(cell="lstm", readout="max", words=words))
    saved = load_model(folder)
    saved.network.words.frequencies.copy_(torch.tensor([3.0, 300_000.0, 2.0]))  # of 2 6, 5 3 and 5 3 8
    with torch.no_grad():
        saved.network.words.weight[1:] = torch.eye(3)[: len(saved.network.words.weight) - 1]
    weights = {name: value.contiguous() for name, value in saved.network.state_dict().items()}
    (folder / "model.safetensors").write_bytes(export_weights(weights))
    expected = saved.network(padded(), LENGTHS).detach().numpy()
    assert np.abs(logits(export_model(folder)) - expected).max() < 1e-6
    assert np.abs(logits(export_model(folder, int8=True)) - expected).max() < 0.05


@pytest.mark.parametrize("given", [".", "notes/.."])
def test_the_directory_may_be_given_without_its_name(tmp_path, monkeypatch, given):
    folder, _, _ = save(tmp_path)
    (folder / "notes").mkdir()
    monkeypatch.chdir(folder)
    assert export_model(Path(given)) == tmp_path / "tiny.onnx"
    assert export_model(folder / given, int8=True) == tmp_path / "tiny.int8.onnx"
    assert {path.name for path in tmp_path.glob("*.onnx")} == {"tiny.onnx", "tiny.int8.onnx"}
    assert not list(folder.glob("**/*.onnx"))


def test_metadata_have_what_decoding_needs(tmp_path):
    folder, _, _ = save(tmp_path, options(readout=("max", "mean")))
    expected = {
        "recipe": "tiny",
        "version": load_model(folder).config.version,
        "task": "classify",
        "labels": LABELS.names,
        "scheme": None,
        "widths": [2, 5],
        "pad_side": "right",
        "truncates": False,
        "crf": None,
    }
    assert read_metadata(export_model(folder)) == read_metadata(export_model(folder, int8=True)) == expected


def blocks():
    """The Python code blocks of docs/export.md."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_documented_lines_export_and_decode(tmp_path, monkeypatch, capsys):
    (tmp_path / "models").mkdir()
    save(tmp_path / "models", recipe="news_bilstm")
    (tmp_path / "two").mkdir()
    folder, _, _ = save(tmp_path / "two", TAGGER, BIO, recipe="ner_bilstm_crf")
    export_model(folder, tmp_path / "models" / "ner_bilstm_crf.onnx")
    monkeypatch.chdir(tmp_path)
    export, decode = blocks()
    exec(compile(export, "export.md", "exec"), {})
    assert {path.name for path in (tmp_path / "models").glob("news_bilstm*.onnx")} == {
        "news_bilstm.onnx",
        "news_bilstm.int8.onnx",
    }
    exec(compile(decode, "export.md", "exec"), {})
    printed = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(tags) for tags in printed] == [3, 4]
    assert {tag for tags in printed for tag in tags} <= set(BIO.names)


def best_tags(*arguments):
    """The function of docs/export.md."""
    code = blocks()[1].split("session = ")[0]
    space = {}
    exec(compile(code, "export.md", "exec"), space)
    return space["best_tags"](*arguments)


@pytest.mark.parametrize("labels", [BIO, BIOES, NAMED_LIKE_TAGS], ids=["bio", "bioes", "type"])
def test_a_crf_is_decoded_from_the_metadata(labels, tmp_path):
    folder, _, _ = save(tmp_path, TAGGER, labels)
    saved = load_model(folder)
    torch.manual_seed(8)
    for value in saved.network.crf.parameters():
        torch.nn.init.normal_(value)
    weights = {name: value.contiguous() for name, value in saved.network.state_dict().items()}
    (folder / "model.safetensors").write_bytes(export_weights(weights))
    path = export_model(folder)
    valid = torch.arange(5) < LENGTHS[:, None]
    emissions = torch.from_numpy(logits(path))
    expected = predict_classes(
        saved.network, emissions, valid, forbidden_transitions(labels.names) if labels.prefixed else None
    )
    metadata = read_metadata(path)
    for row, length in enumerate(LENGTHS.tolist()):
        tags = best_tags(emissions[row, :length].numpy(), metadata["crf"], metadata["labels"], metadata["scheme"])
        assert tags == [labels.names[tag] for tag in expected[row, :length]]


def export_weights(weights):
    from safetensors.torch import save as save_weights

    return save_weights(weights)


def test_files_are_compared_with_the_model(tmp_path):
    rows = [
        ([2, 3, 4][: 1 + row % 3], [0, 1, 2][: 1 + row % 3], [{"start": 0, "end": 1, "type": 0}]) for row in range(9)
    ]
    shards = write_padded(tmp_path, "tag", {"train": rows[:4], "test": rows}, 5)
    facts = shards.facts
    folder, _, _ = save(tmp_path, TAGGER, BIO, facts=facts)
    files = {"float32": export_model(folder), "int8": export_model(folder, int8=True)}
    threads = torch.get_num_threads()
    measured = measure(folder, files, shards, repeats=2)
    assert torch.get_num_threads() == threads
    assert list(measured) == ["python", "float32", "int8"]
    assert measured["python"].scores == metrics(evaluate(load_model(folder), shards, "test"))
    assert (
        measured["python"].max_difference
        == 0
        < measured["float32"].max_difference
        < 1e-5
        < measured["int8"].max_difference
        < 0.1
    )
    assert measured["float32"].scores == pytest.approx(measured["python"].scores, abs=1e-5)
    sizes = [(folder / "model.safetensors").stat().st_size, *(path.stat().st_size for path in files.values())]
    assert [one.size for one in measured.values()] == sizes
    assert all(one.rows_per_second > 0 for one in measured.values())


def test_a_file_of_another_model_is_detected(tmp_path):
    shards = write_padded(tmp_path, "classify", {"train": [([2], 0)], "test": [([2, 3], 1), ([4, 5, 2], 0)]}, 5)
    facts = shards.facts
    folder, _, _ = save(tmp_path, PLAIN, facts=facts)
    other, _, _ = save_again(tmp_path / "other", options(cell="rnn"), facts)
    assert measure(folder, {"other": export_model(other)}, shards, repeats=1)["other"].max_difference > 1e-3
    with pytest.raises(UserError, match=r"gone\.onnx: no such file; export the model"):
        measure(folder, {"gone": tmp_path / "gone.onnx"}, shards)


def save_again(folder, model, facts):
    folder.mkdir()
    return save(folder, model, facts=facts)


def test_quantisation_leaves_logging_as_it_was(tmp_path, caplog):
    folder, _, _ = save(tmp_path)
    before = logging.getLogger().level
    export_model(folder, int8=True)
    assert logging.getLogger().level == before
    assert "pre-processing" not in caplog.text


@pytest.mark.parametrize(("missing", "int8"), [("onnx.checker", False), ("onnxruntime.quantization", True)])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, missing, int8):
    folder, _, _ = save(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf"{missing}: is not installed; got .*; install the extra onnx: pip install"):
        export_model(folder, int8=int8)
    assert not list(tmp_path.glob("*.onnx"))


def test_export_errors(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"config\.json: is missing from the model directory"):
        export_model(tmp_path)
    folder, _, _ = save(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export_model(folder, tmp_path / "file" / "model.onnx")
    for output in ("", ".", str(folder)):
        with pytest.raises(UserError, match=r"cannot be written; got .*Is a directory"):
            export_model(folder, Path(output))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: is a device or a pipe, which a file cannot replace"):
        export_model(folder, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    monkeypatch.setattr(export_module, "MAX_WEIGHT_BYTES", 100)
    with pytest.raises(UserError, match="has more weights than an ONNX file can hold, 100 bytes; got "):
        export_model(folder)
    assert not list(tmp_path.glob("*.onnx"))


def test_the_number_of_threads_is_restored_after_an_error():
    before = torch.get_num_threads()
    with comparison.one_thread():
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyError), comparison.one_thread():
        raise KeyError
    assert torch.get_num_threads() == before


def test_the_command_prints_what_it_wrote(tmp_path, capsys):
    folder, _, _ = save(tmp_path)
    args = export_parser().parse_args([str(folder), "--format", "onnx", "--int8"])
    args.run(args)
    path = tmp_path / "tiny.int8.onnx"
    assert capsys.readouterr().out == f"{path}: {path.stat().st_size:,} bytes\n"
    args = export_parser().parse_args([str(folder), "--format", "onnx", "--output", str(tmp_path / "x.onnx")])
    args.run(args)
    assert (tmp_path / "x.onnx").is_file()
    with pytest.raises(SystemExit):
        export_parser().parse_args([str(folder)])
