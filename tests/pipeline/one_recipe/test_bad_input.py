"""Stage scripts given bad input: one line that names it, and every file as it was."""

from __future__ import annotations

import bz2
import gzip
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from factories.projects import RECIPE, run, set_params, written
from factories.recipes import run_script

RAW = {
    "data/raw/thucnews/class.txt": "甲\n乙\n".encode(),
    "data/raw/thucnews/train.txt": "好消息\t0\n坏消息\t1\n".encode(),
    "data/raw/thucnews/dev.txt": "消息\t1\n".encode(),
    "data/raw/thucnews/test.txt": "消息\t0\n".encode(),
    "data/raw/names/names_train.csv.gz": gzip.compress(b'"Ann","A"\n"Bob","B"\n' * 10),
    "data/raw/names/names_test.csv.gz": gzip.compress(b'"Cid","A"\n'),
    "data/raw/msra/msra_train_bio.txt": "王\tB-PER\n某\tI-PER\n来\tO\n\n".encode() * 10,
    "data/raw/msra/msra_test_bio.txt": "李\tB-PER\n".encode(),
    "data/raw/amazon/train.ft.txt.bz2": bz2.compress(b"__label__1 bad\n__label__2 good\n" * 4),
    "data/raw/amazon/test.ft.txt.bz2": bz2.compress(b"__label__2 fine\n__label__1 poor\n" * 2),
}


class Fault(NamedTuple):
    """A stage to run, files to replace first (None: remove), params to set, and what the line must say."""

    stage: str
    key: str
    files: dict[str, bytes | None]
    params: dict[str, Any]
    says: list[str]


FAULTS = {
    "missing file": Fault(
        "parse", "thucnews", {"data/raw/thucnews/dev.txt": None}, {}, ["raw/thucnews/dev.txt: no such file; put it"]
    ),
    "truncated gz": Fault(
        "parse",
        "names",
        {"data/raw/names/names_train.csv.gz": RAW["data/raw/names/names_train.csv.gz"][:-12]},
        {},
        ["raw/names/names_train.csv.gz: ", "truncated or damaged", "fetch it again"],
    ),
    "truncated bz2": Fault(
        "parse",
        "amazon",
        {"data/raw/amazon/test.ft.txt.bz2": RAW["data/raw/amazon/test.ft.txt.bz2"][:-12]},
        {},
        ["raw/amazon/test.ft.txt.bz2: ", "truncated or damaged", "fetch it again"],
    ),
    "not UTF-8": Fault(
        "parse",
        "thucnews",
        {"data/raw/thucnews/train.txt": "好\t0\n".encode() + "坏\t1\n".encode("gbk")},
        {},
        ["raw/thucnews/train.txt, line 2: ", "not UTF-8", r"got b'\xbb\xb5\t1'", "max_rejects"],
    ),
    "wrong column count": Fault(
        "parse",
        "names",
        {"data/raw/names/names_test.csv.gz": gzip.compress(b'"Cid","A"\n"Dan","B","C"\n')},
        {},
        ["raw/names/names_test.csv.gz, line 2: ", "not two CSV columns", '"Dan","B","C"', "1 of the 22 rows"],
    ),
    "label out of range": Fault(
        "parse",
        "thucnews",
        {"data/raw/thucnews/test.txt": "消息\t2\n".encode()},
        {},
        ["raw/thucnews/test.txt, line 1: ", "is not one of the 2 classes", "got '2'"],
    ),
    "a tag that is no BIO": Fault(
        "parse",
        "msra",
        {"data/raw/msra/msra_test_bio.txt": "李\tB-PER\n某\tX-PER\n".encode()},
        {},
        ["raw/msra/msra_test_bio.txt, line 2: ", "neither O nor B-TYPE nor I-TYPE", "got 'X-PER'"],
    ),
    "empty split": Fault(
        "parse",
        "names",
        {},
        {"corpora.names.parse.dev.share": 0.01},
        ["raw/names: the dev split is empty", "20 usable rows"],
    ),
    "empty file": Fault(
        "parse", "thucnews", {"data/raw/thucnews/dev.txt": b""}, {}, ["raw/thucnews/dev.txt: the file is empty"]
    ),
    "unknown param": Fault(
        "pad",
        RECIPE,
        {},
        {f"recipes.{RECIPE}.pad.max_lenght": 3},
        ["recipes.names_gru.pad.max_lenght: unknown param; did you mean max_length?"],
    ),
    "mistyped param": Fault(
        "encode",
        "names_chars",
        {},
        {"encodings.names_chars.encode.min_count": "two"},
        ["encodings.names_chars.encode.min_count: must be a whole number, or auto; got 'two' (str)"],
    ),
    "no unlabelled texts": Fault(
        "vectorize",
        "names_chars",
        {},
        {"corpora.names.parse.files.unlabelled": "more.txt", "encodings.names_chars.vectorize": {"width": 5}},
        ["data/raw/names/more.txt: no such file; put it there, or correct the params that name it"],
    ),
    "damaged unlabelled texts": Fault(
        "vectorize",
        "names_chars",
        {"data/raw/names/more.txt.gz": b"not packed"},
        {"corpora.names.parse.files.unlabelled": "more.txt.gz", "encodings.names_chars.vectorize": {"width": 5}},
        ["data/raw/names/more.txt.gz: the compressed file is truncated or damaged; got"],
    ),
    "unknown key": Fault("embed", "names_grue", {}, {}, ["recipes.names_grue: no such entry; did you mean names_gru?"]),
    "vectors of mixed width": Fault(
        "embed",
        RECIPE,
        {"data/vectors/mixed.txt": b"a 1 2 3\nb 1 2\n"},
        {f"recipes.{RECIPE}.embed": {"vectors": "mixed.txt", "width": None}},
        ["data/vectors/mixed.txt, line 2: has 2 numbers instead of 3", "got 'b 1 2", "the same width"],
    ),
    "max_length of 0": Fault(
        "pad",
        RECIPE,
        {},
        {f"recipes.{RECIPE}.pad.max_length": 0},
        ["recipes.names_gru.pad.max_length: must be at least 1; got 0"],
    ),
    "width of 0": Fault(
        "embed",
        RECIPE,
        {},
        {f"recipes.{RECIPE}.embed.width": 0},
        ["recipes.names_gru.embed.width: must be at least 1; got 0"],
    ),
    "hidden_size of 0": Fault(
        "train",
        RECIPE,
        {},
        {f"recipes.{RECIPE}.model.hidden_size": 0},
        ["recipes.names_gru.model.hidden_size: must be at least 1; got 0"],
    ),
    "damaged shard": Fault(
        "encode",
        "names_chars",
        {"data/segmented/names_chars/test-00000.arrow": b"ARROW1"},
        {},
        ["data/segmented/names_chars/test-00000.arrow: ", "checksum", "run the stage that writes it"],
    ),
    "no n-grams": Fault(
        "baseline", "names_chars", {}, {"baseline.ngrams": 0}, ["baseline.ngrams: must be at least 1; got 0"]
    ),
    "a model that is not there": Fault(
        "evaluate",
        RECIPE,
        {f"models/{RECIPE}/config.json": None},
        {},
        ["models/names_gru/config.json: is missing from the model directory", "train the recipe"],
    ),
    "predictions that are not there": Fault(
        "analyze",
        RECIPE,
        {f"data/evaluated/{RECIPE}/test.arrow": None},
        {},
        ["data/evaluated/names_gru/test.arrow: no such file; run the stage that writes it"],
    ),
    "missing upstream": Fault(
        "pad",
        RECIPE,
        {"data/encoded/names_chars/ids/index.json": None},
        {},
        ["data/encoded/names_chars/ids/index.json: no such file; run the stage that writes data/encoded"],
    ),
}


# one fault of each script, which is started as a user starts it: its exit code, and nothing but the line on stderr
STARTED = {
    "parse": "not UTF-8",
    "encode": "mistyped param",
    "vectorize": "no unlabelled texts",
    "embed": "unknown key",
    "pad": "missing upstream",
    "train": "hidden_size of 0",
    "evaluate": "a model that is not there",
    "baseline": "no n-grams",
    "analyze": "predictions that are not there",
}


def bring_in(fault: Fault, project: Path) -> dict[str, str]:
    """Bring a fault into the project; what stages have written there before."""
    for name, content in (RAW | fault.files).items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).unlink(missing_ok=True)
        if content is not None:
            (project / name).write_bytes(content)
    set_params(project, {"data.source": "data/raw", **fault.params})
    before = written(project)
    assert "data/parsed/names/index.json" in before  # an earlier run's out
    return before


def assert_one_line(fault: Fault, out: str, err: str) -> None:
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert [part for part in fault.says if part not in err] == [], err


def test_a_fault_of_each_script_is_started():
    assert {FAULTS[name].stage for name in STARTED.values()} == {fault.stage for fault in FAULTS.values()}
    assert [stage for stage, name in STARTED.items() if FAULTS[name].stage != stage] == []


@pytest.mark.parametrize("name", STARTED.values())
def test_a_script_exits_with_one_line_and_leaves_everything_as_it_was(project, name):
    fault = FAULTS[name]
    before = bring_in(fault, project)
    done = run(project, sys.executable, f"pipeline/{fault.stage}.py", fault.key, code=1)
    assert_one_line(fault, done.stdout, done.stderr)
    assert written(project) == before


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - STARTED.values()))
def test_bad_input_gives_one_line_and_leaves_everything_as_it_was(project, name, monkeypatch, capfd):
    fault = FAULTS[name]
    before = bring_in(fault, project)
    monkeypatch.setenv("TEXTRNN_WORKERS", "1")
    with pytest.raises(SystemExit) as stop:
        run_script(monkeypatch, project, f"{fault.stage}.py", fault.key)
    assert stop.value.code == 1
    assert_one_line(fault, *capfd.readouterr())
    assert written(project) == before
