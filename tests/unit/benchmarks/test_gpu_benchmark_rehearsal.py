"""benchmarks/gpu.py rehearsed on a CPU as its users start it, from packing on, with the packages of a bare machine."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
import torch

from factories.gpu_folders import write_originals
from factories.imports import ROOT

pytestmark = pytest.mark.slow
BARE = ("torch", "numpy", "pyarrow", "safetensors", "filelock")  # what a GPU machine has; torch brings filelock


# a process that starts with this module on its path finds none of the packages
BLOCK = """
import functools, importlib.machinery

def find(find_spec, name, *more):
    return None if name.partition(".")[0] in {names!r} else find_spec(name, *more)

importlib.machinery.PathFinder.find_spec = functools.partial(find, importlib.machinery.PathFinder.find_spec)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A packed folder of a small corpus, and what is printed of it."""
    folder = tmp_path_factory.mktemp("packed")
    write_originals(folder)
    command = [sys.executable, "benchmarks/gpu.py", "pack", str(folder / "packed")]
    command += ["--source", str(folder / "data"), "--yardstick", str(folder / "yardstick")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "packed", done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The environment of a process that finds what a GPU machine has, and pytest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.match(r"[\w-]+", name)[0].replace("-", "_") for name in listed}
    blocked = (names | {"ruamel", "sklearn", "yaml"}) - {*BARE, "pytest"}
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(BLOCK.format(names=sorted(blocked)), encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def rehearse(folder, results, environment, *options):
    """Run the script on the CPU, as its users start it; return the lines by part."""
    command = [sys.executable, "benchmarks/gpu.py", str(folder), "--device", "cpu", "--small"]
    command += ["--results", str(results), *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    names = dict.fromkeys(line["part"] for line in lines)
    return {part: [line for line in lines if line["part"] == part] for part in names}


def test_such_a_process_finds_no_other_package(bare):
    names = ("torch", "pytest", "ruamel", "polars", "jieba")
    code = f"import importlib.util as u; print([bool(u.find_spec(name)) for name in {names}])"
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[True, True, False, False, False]\n", "")


def test_a_rehearsal_on_a_cpu_records_the_facts_of_each_part(packed, bare, tmp_path):
    folder, printed = packed
    assert printed.endswith(" MB\n")
    parts = rehearse(folder, tmp_path / "lines", bare)
    assert list(parts) == ["probe", "tests", "trainings", "amazon", "profile", "ladder"]
    assert [lines[-1]["outcome"] for lines in parts.values()] == ["done"] * 6
    by_result = {}
    for line in parts["probe"]:
        by_result.setdefault(line["result"], []).append(line)
    assert by_result["versions"][0]["torch"] == torch.__version__
    # the LSTM of oneDNN has no float16 on some CPUs
    wide = {(line["cell"], line["asked"]): line.get("wide_range", False) for line in by_result["autocast"]}
    assert wide == {
        (cell, kind): kind == "bfloat16" for cell in ("rnn", "lstm", "gru") for kind in ("bfloat16", "float16")
    }
    gradients = by_result["embedding_gradient"]
    assert {line["reads"] for line in gradients} >= {1024, 1025, 3072, 3073, 16384}
    assert all(line["error"] < 1e-5 and line["other_bytes"] == 0 for line in gradients)
    cells = {(line["cell"], line["precision"]): line for line in by_result["cell"]}
    assert len(cells) == 16
    for (_, precision), line in cells.items():
        if precision in ("float32", "bfloat16"):
            assert line["same_again"]
            assert line["difference_from_plain"] == 0
            assert line["difference_from_float32"] < (0.05 if precision == "bfloat16" else 1e-6)
        else:
            assert line["refused"].startswith(f"train.precision: {precision} needs a GPU")
    (tests, _) = parts["tests"]
    assert tests["skipped"] > 20
    assert tests["wrong"] == []
    trainings = parts["trainings"][:-1]
    assert [(line["recipe"], line["batch_size"], line["again"]) for line in trainings] == [
        ("news_rnn", 1024, False),
        ("news_rnn", 256, False),
        ("news_bilstm", 16, False),
        ("news_lstm", 256, False),
        ("news_rnn", 64, False),
        ("news_rnn", 1024, True),
    ]
    assert all(line["seconds"] > 0 and 0 <= line["test_accuracy"] <= 1 for line in trainings)
    assert trainings[2]["points"][-1]["test_accuracy"] == trainings[2]["test_accuracy"]
    steps = {line["precision"]: line for line in parts["amazon"][:-1]}
    assert list(steps) == ["float32", "tf32", "bfloat16", "float16"]
    for precision in ("float32", "bfloat16"):
        line = steps[precision]
        assert line["two_epochs_seconds"] == pytest.approx(1_600_000 / line["rows_per_second"], rel=1e-3)
    profiles = parts["profile"][:-1]
    assert [line["case"] for line in profiles] == ["rnn_b64", "rnn_b1024", "bilstm_b256"]
    assert all(line["parts"][0]["seconds"] > 0 for line in profiles)
    ladder = {line["case"]: line for line in parts["ladder"][:-1]}
    assert list(ladder) == ["rnn_b64", "rnn_b256", "rnn_b1024", "bilstm_b256", "scratch_gru"]
    assert ladder["bilstm_b256"]["rates"]["buckets"] > 0


def test_a_damaged_folder_fails_only_what_reads_it(packed, bare, tmp_path):
    folder, loop = packed[0], packed[0] / "yardstick" / "headlines_loop.py"
    text = loop.read_text(encoding="utf-8")
    loop.write_text("raise ValueError('a damaged loop')", encoding="utf-8")
    try:
        parts = rehearse(folder, tmp_path / "lines", bare, "--only", "amazon", "--only", "profile")
    finally:
        loop.write_text(text, encoding="utf-8")
    (*steps, amazon), (profile,) = parts["amazon"], parts["profile"]
    assert (len(steps), amazon["outcome"]) == (4, "done")
    assert (profile["outcome"], profile["exit_code"]) == ("failed", 1)
    assert profile["text"].endswith("ValueError: a damaged loop\n")
