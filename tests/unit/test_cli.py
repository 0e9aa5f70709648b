"""The command `textrnn`: every source of texts gives the same lines, an error is one line; exit codes."""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib
import io
import json
import os
import sys
import threading
import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import textrnn
from factories.imports import ROOT
from factories.tiny_models import classifier, tagger
from textrnn.cli import main
from textrnn.errors import UserError
from textrnn.inference.prediction import command as predict_command
from textrnn.inference.prediction import text_sources
from textrnn.inference.prediction.text_sources import read_file, read_stream
from textrnn.preparation.artifacts.vocabulary import Vocabulary

TEXTS = ["中国股市，今日", "", 'say "中国"', "a,b", "two\u2028half lines\x0b", "大涨三百点" * 40]


@pytest.fixture(scope="module")
def labeller(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("labeller"), "chars right last_step").folder


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    return tagger(tmp_path_factory.mktemp("finder"), "chars crf bio buckets").folder


def test_an_exported_file_predicts_the_same_labels(run_command, labeller, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    code, printed, _ = run_command("export", labeller, "--output", path, "--format", "onnx")
    assert (code, printed) == (0, f"{path}: {path.stat().st_size:,} bytes\n")
    session, tiny = onnxruntime.InferenceSession(path), textrnn.load(labeller)
    metadata = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    vocabulary = Vocabulary.load(labeller / "vocabulary.arrow")
    texts = ["中国股市今日大涨", "电影明星", "了吗的"]
    rows = [list(vocabulary.encode(text)) for text in texts]
    ids = np.array([row + [0] * (metadata["widths"][0] - len(row)) for row in rows])
    (logits,) = session.run(None, {"ids": ids, "lengths": np.array([len(row) for row in rows])})
    labels = [metadata["labels"][label] for label in logits.argmax(1)]
    assert labels == [prediction["label"] for prediction in tiny.predict(texts)]


def test_an_export_error_is_one_line(run_command, tmp_path):
    code, _, stderr = run_command("export", tmp_path, "--format", "onnx")
    assert code == 1
    assert stderr.count("\n") == 1
    assert "config.json: is missing from the model directory" in stderr
    code, _, stderr = run_command("export", tmp_path)
    assert code == 2
    assert "--format" in stderr


def expected_rows(model, texts=TEXTS):
    predictions = textrnn.load(model).predict(texts)
    return [{"text": text, **prediction} for text, prediction in zip(texts, predictions, strict=True)]


def with_close_scores(rows):
    """The rows, whose entities' scores may differ in the last digits: these depend on the batch."""
    return [
        row | {"entities": [each | {"score": pytest.approx(each["score"], abs=1e-6)} for each in row["entities"]]}
        for row in rows
    ]


def write_csv(path, header, rows, delimiter=","):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def files(folder):
    """Write the texts in every file format; the arguments that each path needs."""
    lines, objects = "\n".join(TEXTS) + "\n", "".join(json.dumps({"id": 1, "text": text}) + "\n\n" for text in TEXTS)
    content = {"a.txt": lines, "b.txt": "\ufeff" + lines.replace("\n", "\r\n"), "a.jsonl": objects}
    for name, text in content.items():
        (folder / name).write_bytes(text.encode())
    (folder / "a.txt.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "a.jsonl.bz2").write_bytes(bz2.compress(objects.encode()))
    write_csv(folder / "a.csv", ["id", "text"], [[1, text] for text in TEXTS])
    pq.write_table(pa.table({"id": [1] * len(TEXTS), "text": TEXTS}), folder / "a.parquet", row_group_size=4)
    table = pa.table({"body": pa.array(TEXTS).dictionary_encode()})
    pq.write_table(table, folder / "b.parquet")
    write_csv(folder / "b.csv", ["body"], [[text] for text in TEXTS])
    write_csv(folder / "C.CSV", ["id", "text"], [[1, text] for text in TEXTS], delimiter=";")
    write_csv(folder / "d.tsv", ["id", "text"], [[1, text] for text in TEXTS], delimiter="\t")
    (folder / "e.csv").write_bytes((folder / "a.csv").read_text(encoding="utf-8").encode("utf-16"))
    (folder / "f.NDJSON").write_bytes(objects.encode())
    (folder / "g.TXT").write_bytes(lines.encode("utf-16"))
    named = {"b.parquet", "b.csv"}
    return {path: ["--column", "body"] if path.name in named else [] for path in sorted(folder.iterdir())}


def assert_same(found, expected):
    """Compare rows; the last digits of a probability depend on the batch."""
    assert [(row["text"], row["label"], list(row)) for row in found] == [
        (row["text"], row["label"], list(row)) for row in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_every_source_gives_the_same_lines(labeller, run_command, tmp_path, size):
    expected = expected_rows(labeller)
    assert list(expected[0]) == ["text", "label", "probability", "probabilities"]
    stdin = ("\n".join(TEXTS)).encode()
    code, rows, stderr = run_command("predict", labeller, "-", "--batch-size", size, stdin=stdin)
    assert (code, stderr) == (0, "")
    assert_same(rows, expected)
    assert_same(run_command("predict", labeller, "--batch-size", size, "--", *TEXTS)[1], expected)
    found = files(tmp_path)
    assert len(found) == 14
    for path, arguments in found.items():
        code, rows, stderr = run_command("predict", labeller, "--file", path, *arguments, "--batch-size", size)
        assert (code, stderr) == (0, ""), path
        assert_same(rows, expected)


def test_options_may_come_anywhere(labeller, run_command):
    expected = expected_rows(labeller, ["a", "-b", "c"])
    for arguments in (["a", "--batch-size", 2, "--", "-b", "c"], ["--batch-size", "2", "a", "--", "-b", "c"]):
        assert_same(run_command("predict", labeller, *arguments)[1], expected)
    assert_same(run_command("predict", "--batch-size", 2, labeller, "a", "c")[1], expected[::2])


def test_entities_and_tokens(finder, run_command, tmp_path):
    texts = ["中国 股市", list("大涨三百点"), ""]
    expected = expected_rows(finder, texts)
    assert expected[0]["entities"]
    assert expected[1]["entities"]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert run_command("predict", finder, "--file", tmp_path / "a.jsonl") == (0, expected, "")
    pq.write_table(pa.table({"text": [list("大涨三百点")]}), tmp_path / "a.parquet")
    code, rows, said = run_command("predict", finder, "--file", tmp_path / "a.parquet")
    assert (code, rows, said) == (0, with_close_scores(expected[1:2]), "")
    code, rows, _ = run_command("predict", finder, "中国 股市")
    assert (code, rows) == (0, with_close_scores(expected[:1]))
    assert list(rows[0]) == ["text", "entities"]
    assert list(rows[0]["entities"][0]) == ["start", "end", "type", "text", "score"]


def test_only_the_most_probable_labels_are_written(labeller, finder, run_command):
    (expected,) = expected_rows(labeller, ["中国股市"])
    by_probability = sorted(expected["probabilities"].items(), key=lambda item: -item[1])
    for top in (1, 2, 99):
        code, (row,), _ = run_command("predict", labeller, "中国股市", "--top", top)
        assert (code, list(row["probabilities"].items())) == (0, by_probability[:top])
        assert list(row) == ["text", "label", "probability", "probabilities"]
        assert (row["label"], row["probability"]) == by_probability[0]
    code, _, said = run_command("predict", labeller, "中国股市", "--top", 0)
    assert code == 2
    assert "--top" in said
    code, _, said = run_command("predict", finder, "中国股市", "--top", 1)
    assert code == 2
    assert "--top is for classifiers; each entity has one score" in said


def test_a_given_delimiter_and_encoding(labeller, run_command, tmp_path):
    texts = ["中国股市", "今日大涨"]
    expected = expected_rows(labeller, texts)
    path = write_csv(tmp_path / "a.csv", ["text", "a,b"], [[text, "x"] for text in texts], delimiter="#")
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    options = ["--delimiter", "#", "--text-encoding", "gb18030"]
    code, rows, stderr = run_command("predict", labeller, "--file", path, *options)
    assert (code, stderr) == (0, "")
    assert_same(rows, expected)
    code, _, stderr = run_command("predict", labeller, "--file", path, "--delimiter", "#")
    command = "iconv -f gb18030 -t utf-8 a.csv > utf8-a.csv"
    assert (code, stderr.count("\n")) == (1, 1)
    assert "line 2: bytes that are not UTF-8; got b'\\xd6\\xd0" in stderr
    assert f"it is probably gb18030: set --text-encoding gb18030, or convert it with `{command}`" in stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a", "--delimiter", ";"], "--delimiter needs --file"),
        (["a", "--text-encoding", "gb18030"], "--text-encoding needs --file"),
        (["--file", "a.csv", "--delimiter", "::"], "--delimiter must be one character"),
        (["--file", "a.csv", "--delimiter", '"'], "--delimiter must not be a quote or a line end"),
        (
            ["--file", "a.csv", "--text-encoding", "gb1803"],
            "--text-encoding: must be the name of an encoding that Python has, such as gb18030; got 'gb1803'; "
            "did you mean gb18030?",
        ),
        (
            ["--file", "a.csv", "--text-encoding", "zip"],
            "--text-encoding: must be the name of an encoding that Python has, such as gb18030; got 'zip'",
        ),
    ],
)
def test_options_of_files_are_checked(labeller, run_command, options, message):
    code, _, stderr = run_command("predict", labeller, *options)
    assert (code, stderr.splitlines()[-1]) == (2, f"textrnn predict: error: {message}")


def test_nothing_in_gives_nothing_out(labeller, run_command, tmp_path):
    assert run_command("predict", labeller, "-") == (0, "", "")
    (tmp_path / "a.txt").touch()
    assert run_command("predict", labeller, "--file", tmp_path / "a.txt") == (0, "", "")
    assert run_command("predict", labeller, "--file", write_csv(tmp_path / "a.csv", ["text"], [])) == (0, "", "")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert run_command("predict", labeller, "--file", tmp_path / "a.parquet") == (0, "", "")


def test_files_of_a_mark_alone_and_packed_empty_files_give_nothing_too(labeller, run_command, tmp_path):
    contents = {"a.txt": b"\xef\xbb\xbf", "b.csv": b"\xff\xfe", "c.jsonl.gz": gzip.compress(b"")}
    for name, content in (contents | {"d.txt.bz2": bz2.compress("\ufeff".encode())}).items():
        (tmp_path / name).write_bytes(content)
        assert run_command("predict", labeller, "--file", tmp_path / name) == (0, "", ""), name


def test_a_folder_is_no_file(labeller, run_command, tmp_path):
    (tmp_path / "a.csv").mkdir()
    code, _, stderr = run_command("predict", labeller, "--file", tmp_path / "a.csv")
    assert (code, stderr) == (1, f"error: {tmp_path}/a.csv: is a folder, not a file\n")


def test_with_a_column_or_a_delimiter_txt_is_a_table(labeller, run_command, tmp_path):
    expected = expected_rows(labeller, ["中国股市", "今日大涨"])
    rows = [[1, "中国股市"], [2, "今日大涨"]]
    for header, arguments in ((["id", "text"], ["--delimiter", r"\t"]), (["id", "body"], ["--column", "body"])):
        path = write_csv(tmp_path / "a.txt", header, rows, delimiter="\t")
        code, found, stderr = run_command("predict", labeller, "--file", path, *arguments)
        assert (code, stderr) == (0, "")
        assert_same(found, expected)
    code, _, stderr = run_command("predict", labeller, "--file", path, "--column", "txet")
    assert (code, stderr.count("\n")) == (1, 1)
    assert 'a.txt, line 1: has no column "txet"; got id, body; name another column with --column' in stderr


def test_lines_are_utf8_without_escapes(labeller, run_command, tmp_path):
    out = tmp_path / "new" / "out.jsonl"
    assert run_command("predict", labeller, *TEXTS, "--output", out) == (0, "", "")
    lines = out.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    assert_same([json.loads(line) for line in lines], expected_rows(labeller))
    assert "中国股市，今日" in lines[0]
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


ERRORS = [
    ("a.txt", b"good\nb\xffd\n", r"a.txt, line 2: bytes that are not UTF-8; got b'b\xffd'"),
    ("a.jsonl", b'{"text": "a"}\n\n{"text": \n', "a.jsonl, line 3: is not JSON; got '{\"text\": ': Expecting value"),
    ("a.jsonl", b"[1]\n", "a.jsonl, line 1: is not a JSON object; got '[1]'"),
    (
        "a.jsonl",
        b'{"a": 1, "b": 2}\n',
        'a.jsonl, line 1: has no field "text"; got a, b; name another field with --column',
    ),
    ("a.jsonl", b'{"text": 5}\n', "a.jsonl, line 1: \"text\" must be a text; got '5'"),
    ("a.jsonl", b'{"text": null}\n', "a.jsonl, line 1: \"text\" must be a text; got 'null'"),
    ("a.jsonl", b'{"text": ["a"]}\n', 'a.jsonl, line 1: "text" must be a text; got \'["a"]\''),
    (
        "a.jsonl",
        b'{"text": "\\ud800"}',
        'a.jsonl, line 1: "text" has half of a surrogate pair, which is not valid text',
    ),
    ("a.jsonl", b"[" * 100_000, "a.jsonl, line 1: is not JSON; got "),
    (
        "a.csv",
        b"id,body\n1,a\n",
        'a.csv, line 1: has no column "text"; got id, body; name another column with --column',
    ),
    ("a.csv", b'id,text\n1,"a\nb"\n2\n', "a.csv, line 4: must have 2 columns, as the header has; got 1"),
    ("a.csv", b'id,text\n1,"a"b\n', "a.csv, line 2: is not CSV; got between a closing quote and"),
    ("a.csv", b"id,text\n1,\xff\n", "a.csv, line 2: bytes that are not UTF-8"),
    ("a.parquet", b"PAR1 and no more", "a.parquet: cannot be read as Parquet; got "),
    ("a.parquet", pa.table({"a": ["x"], "b": [1]}), 'a.parquet: has no column "text"; got a, b; name another column'),
    ("a.parquet", pa.table({"text": ["x", None]}), "a.parquet, row 2: \"text\" must be a text; got 'null'"),
    (
        "a.parquet",
        pa.table({"text": pa.array([1], pa.timestamp("ns"))}),
        'a.parquet, row 1: "text" must be a text; got ',
    ),
    ("a.txt.gz", gzip.compress(b"a\n" * 99)[:-9], "a.txt.gz: the compressed file is truncated or damaged"),
    ("a.doc", b"a", "a.doc: has an unknown format; got .doc; name it .txt, .jsonl, .csv or .parquet"),
    ("a.xlsx", b"PK", "a.xlsx: has an unknown format; got .xlsx; save the sheet as CSV"),
    (
        "a.json",
        b"[]",
        "a.json: has an unknown format; got .json; write it as JSON Lines, one object a line, and name it .jsonl",
    ),
    (
        "a.csv",
        "text\n好\n一，二,三,四\n".encode(),
        "a.csv, line 3: must have 1 column, as the header has; got 3; put texts that have the delimiter in quotes, or",
    ),
    ("none.txt", None, "none.txt: no such file"),
]


@pytest.mark.parametrize(("name", "content", "message"), ERRORS, ids=[message[:40] for *_, message in ERRORS])
def test_an_error_is_one_line_and_leaves_no_output(labeller, run_command, tmp_path, name, content, message):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        pq.write_table(content, tmp_path / name)
    out = tmp_path / "out.jsonl"
    out.write_text("as before\n")
    code, rows, stderr = run_command("predict", labeller, "--file", tmp_path / name, "--output", out, "--batch-size", 1)
    assert (code, rows, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith(f"error: {tmp_path}/{message}")
    assert out.read_text() == "as before\n"
    assert {path.name for path in tmp_path.iterdir()} <= {name, "out.jsonl"}


def test_a_pipe_is_written_to_and_not_replaced(labeller, run_command, tmp_path):
    path, received = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()), daemon=True)
    reader.start()
    assert run_command("predict", labeller, *TEXTS, "--output", path) == (0, "", "")
    assert path.is_fifo()
    reader.join(60)
    assert_same([json.loads(line) for line in received[0].decode().split("\n")[:-1]], expected_rows(labeller))
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_it_ends_silently_when_the_reader_of_a_pipe_leaves(labeller, run_command, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.open("rb").close(), daemon=True).start()
    (tmp_path / "a.txt").write_text("中国\n" * 2000, encoding="utf-8")  # whose predictions exceed the buffer of a pipe
    assert run_command("predict", labeller, "--file", tmp_path / "a.txt", "--output", path) == (0, "", "")


def test_an_entry_of_dev_is_not_replaced(labeller, run_command, tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.touch()
    monkeypatch.setattr(predict_command, "DEVICES", tmp_path)  # with a link to a file, as /dev/stdout may be
    (tmp_path / "stdout").symlink_to(target)
    assert run_command("predict", labeller, *TEXTS, "--output", tmp_path / "stdout") == (0, "", "")
    assert (tmp_path / "stdout").is_symlink()
    assert target.read_bytes().count(b"\n") == len(TEXTS)


@pytest.mark.parametrize(("name", "arguments"), [("stdin", ["-"]), ("stdout", ["a"])])
def test_a_stream_that_is_closed_is_named(labeller, monkeypatch, capsys, name, arguments):
    monkeypatch.setattr(sys, "argv", ["textrnn", "predict", str(labeller), *arguments])
    monkeypatch.setattr(sys, name, None)  # as Python sets it if the shell closed the stream
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert capsys.readouterr().err == f"error: standard {name.removeprefix('std')}put: is closed\n"


def test_errors_of_other_sources_and_of_the_model(labeller, run_command, tmp_path):
    code, _, stderr = run_command("predict", labeller, "-", "--batch-size", 1, stdin=b"a\n\xffb\n")
    assert (code, stderr) == (1, "error: standard input, line 2: bytes that are not UTF-8; got b'\\xffb'\n")
    code, _, stderr = run_command("predict", labeller, "a", "\udcff")
    assert (code, stderr) == (1, "error: text 2: is not UTF-8; got '\\udcff'\n")
    code, _, stderr = run_command("predict", tmp_path / "none", "a")
    assert (code, stderr.count("\n")) == (1, 1)
    assert stderr.startswith(f"error: {tmp_path}/none/config.json: is missing from the model directory")
    code, _, stderr = run_command("predict", labeller, "a", "--output", tmp_path)
    assert (code, stderr.count("\n")) == (1, 1)
    assert f"error: {tmp_path}: cannot be written; got [Errno" in stderr
    long = "x" * 300
    code, _, stderr = run_command("predict", labeller, "a", "--output", tmp_path / long)
    assert (code, stderr.count("\n")) == (1, 1)
    assert f"{long}: cannot be written; got [Errno" in stderr
    code, _, stderr = run_command("predict", labeller, "--file", tmp_path / f"{long}.txt")
    assert (code, stderr.count("\n")) == (1, 1)
    assert stderr.startswith(f"error: {tmp_path}/{long}.txt: cannot be read; got [Errno")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predikt"], "invalid choice: 'predikt'"),
        (["predict"], "required: MODEL"),
        (["predict", "m"], "give either texts, - for standard input, or --file"),
        (["predict", "m", "a", "--file", "b.txt"], "give either texts, - for standard input, or --file"),
        (["predict", "m", "-", "a"], "- for standard input allows no other text"),
        (["predict", "m", "a", "--batch-size", "0"], "--batch-size: must be a whole number from 1 to 1000000000"),
        (["predict", "m", "a", "--batch-size", "x"], "--batch-size: must be a whole number from 1 to 1000000000"),
        (["predict", "m", "a", "--batch-size", "9" * 20], "--batch-size: must be a whole number from 1 to 1000000000"),
        (["predict", "m", "a", "--batch-size", "9" * 5000], "--batch-size: must be a whole number from 1 to"),
        (["predict", "m", "-", "--column", "body"], "--column needs --file"),
    ],
)
def test_wrong_arguments_exit_with_2(run_command, arguments, message):
    code, rows, stderr = run_command(*arguments)
    assert (code, rows) == (2, "")
    assert message in stderr
    assert stderr.startswith("usage: textrnn")


def test_the_command_alone_prints_a_line_for_each_command(run_command):
    code, out, stderr = run_command()
    assert (code, out) == (2, "")
    assert stderr.startswith("usage: textrnn [-h] [--version] COMMAND ...\n")
    listed = stderr.partition("\ncommands:\n")[2].partition("\n\n")[0]
    names = ["check", "init", "add", "predict", "export", "serve", "results", "losses", "compare"]
    assert [line.split()[0] for line in listed.splitlines()] == names
    assert "\n  predict  predict labels or entities of texts, as JSON lines\n" in stderr
    assert "arguments" not in stderr
    assert run_command("--help")[:2] == (0, stderr)


def test_the_script_is_installed_under_its_name(run_command):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    name, function = scripts["textrnn"].split(":")
    assert getattr(importlib.import_module(name), function) is main
    assert run_command("--version") == (0, f"textrnn {textrnn.__version__}\n", "")


class Trickle(io.RawIOBase):
    """A stream that returns these pieces one by one."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = self.pieces.pop(0) if self.pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_stream_is_read_as_lines_arrive():
    pieces = "\ufeffa\r\nb\nc".encode(), b"c", "\n\n中".encode()[:3], "中".encode()[1:], b"\nx\ny\nz\n"
    found = list(read_stream(io.BufferedReader(Trickle(*pieces)), "here", 2))
    assert found == [["a", "b"], ["cc", ""], ["中", "x"], ["y", "z"]]
    assert list(read_stream(io.BufferedReader(Trickle(b"\n", b"last")), "here", 9)) == [[""], ["last"]]
    with pytest.raises(UserError, match="here, line 3: bytes that are not UTF-8"):
        list(read_stream(io.BufferedReader(Trickle(b"a\nb\n", b"\xff\n")), "here", 9))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.parquet"])
def test_a_file_is_read_no_further_than_needed(tmp_path, monkeypatch, name):
    path, many = tmp_path / name, [f"text {n}" for n in range(100_000)]
    if name == "a.parquet":
        pq.write_table(pa.table({"text": many}), path)
    else:
        line = {"a.txt": "{}", "a.csv": '"{}"', "a.jsonl": '{{"text": "{}"}}'}[name]
        header = ["text"] if name == "a.csv" else []
        path.write_text("\n".join([*header, *map(line.format, many)]) + "\n")
    read = []
    for function in ("_checked", "_check_value"):
        original = getattr(text_sources, function)
        monkeypatch.setattr(text_sources, function, lambda *a, original=original: read.append(1) or original(*a))
    batches = read_file(path, None, 10, tokens=False)
    assert next(batches) == many[:10]
    assert len(read) <= 22
    assert [text for batch in batches for text in batch] == many[10:]
