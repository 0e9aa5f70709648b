"""benchmarks/gpu.py: its packed folder, and its parts in their own processes, which are stubs here."""

import json
import sys
import time
from dataclasses import replace

import pytest
import torch

from factories.gpu_folders import write_originals
from factories.imports import ROOT
from textrnn.common.params.params_file import read_params
from textrnn.errors import UserError

# a part in the place of a real one: what it does is in its folder
STUB = """
import json, subprocess, sys, time
common = json.loads(sys.argv[sys.argv.index("--common") + 1])
print("part", common["part"], flush=True)
what = open(f"{sys.argv[2]}/{common['part']}").read()
exec(what)
"""


@pytest.fixture
def gpu(import_benchmark, monkeypatch, tmp_path):
    """benchmarks/gpu.py, which writes its results into tmp_path; its parts are stubs in tmp_path/folder."""
    gpu = import_benchmark("gpu")
    monkeypatch.setattr(gpu, "SCRIPT", tmp_path / "stub.py")
    monkeypatch.setattr(gpu.GpuFolder, "check", lambda self: None)
    (tmp_path / "stub.py").write_text(STUB, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for part in gpu.PARTS:
        (tmp_path / "folder" / part.name).write_text("pass", encoding="utf-8")
    return gpu


def start(gpu, monkeypatch, tmp_path, *options, folder="folder"):
    """Run the script; return the lines that it has appended."""
    words = ["gpu.py", str(tmp_path / folder), "--results", str(tmp_path / "lines"), "--device", "cpu", "--small"]
    monkeypatch.setattr(sys, "argv", [*words, *options])
    gpu.main()
    return [json.loads(line) for line in (tmp_path / "lines").read_text(encoding="utf-8").splitlines()]


def test_each_part_has_a_process_and_its_end_is_recorded(gpu, monkeypatch, tmp_path):
    lines = start(gpu, monkeypatch, tmp_path)
    names = ["probe", "tests", "trainings", "amazon", "profile", "ladder"]
    assert [(line["part"], line["result"], line["outcome"]) for line in lines] == [
        (name, "end", "done") for name in names
    ]
    assert {(line["device"], line["small"]) for line in lines} == {("CPU", True)}
    assert len({line["run"] for line in lines}) == 1
    again = start(gpu, monkeypatch, tmp_path, "--only", "amazon", "--only", "probe")
    assert again[:6] == lines  # appended to
    assert [line["part"] for line in again[6:]] == ["probe", "amazon"]


def test_the_limits_are_those_of_eight_minutes(gpu):
    assert gpu.TOTAL_SECONDS == 470
    assert [(part.name, part.seconds) for part in gpu.PARTS] == [
        ("probe", 60),
        ("tests", 130),
        ("trainings", 120),
        ("amazon", 45),
        ("profile", 30),
        ("ladder", None),
    ]


def test_a_part_that_fails_leaves_the_others(gpu, monkeypatch, tmp_path):
    (tmp_path / "folder" / "trainings").write_text("raise ValueError('no such kernel')", encoding="utf-8")
    (tmp_path / "folder" / "amazon").write_text("import os; os.abort()", encoding="utf-8")
    lines = {line["part"]: line for line in start(gpu, monkeypatch, tmp_path)}
    outcomes = {part: line["outcome"] for part, line in lines.items()}
    assert outcomes == dict.fromkeys(outcomes, "done") | {"trainings": "failed", "amazon": "failed"}
    assert (lines["trainings"]["exit_code"], lines["amazon"]["exit_code"]) == (1, -6)
    assert lines["trainings"]["text"].endswith("ValueError: no such kernel\n")


def test_a_part_over_its_time_is_ended_with_all_that_it_started(gpu, monkeypatch, tmp_path):
    child = "import time, pathlib; time.sleep(2); pathlib.Path('{}').touch()".format(tmp_path / "late")
    slow = f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    (tmp_path / "folder" / "profile").write_text(slow, encoding="utf-8")
    limits = {"profile": 1.0}
    parts = tuple(replace(part, seconds=limits.get(part.name, part.seconds)) for part in gpu.PARTS)
    monkeypatch.setattr(gpu, "PARTS", parts)
    monkeypatch.setattr(gpu, "LEAST_SECONDS", 0.5)
    started = time.monotonic()
    lines = {line["part"]: line for line in start(gpu, monkeypatch, tmp_path)}
    assert lines["profile"]["outcome"] == "over its time"
    assert 1 <= lines["profile"]["seconds"] < 30
    assert lines["ladder"]["outcome"] == "done"
    time.sleep(max(0, started + 4 - time.monotonic()))
    assert not (tmp_path / "late").exists()


def test_a_part_for_which_no_time_is_left_is_not_started(gpu, monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "TOTAL_SECONDS", 9)
    (tmp_path / "folder" / "probe").write_text("time.sleep(1.5)", encoding="utf-8")
    lines = start(gpu, monkeypatch, tmp_path)
    assert [line["outcome"] for line in lines] == ["done", *["not started"] * 5]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_is_measured(gpu, monkeypatch, tmp_path):
    with pytest.raises(
        UserError, match=r"^--device: this machine has no GPU; got cuda; run it on a machine with a GPU$"
    ):
        start(gpu, monkeypatch, tmp_path, "--device", "cuda")
    assert not (tmp_path / "lines").exists()


def test_what_a_folder_lacks_is_named_before_anything_runs(import_benchmark, monkeypatch, tmp_path):
    with pytest.raises(
        UserError, match=r"is not a packed folder; it lacks; got thucnews/train\.txt, .*params\.json.*pack"
    ):
        start(import_benchmark("gpu"), monkeypatch, tmp_path)
    assert not (tmp_path / "lines").exists()


def test_help_says_what_each_part_shows_and_what_is_to_be_reached(gpu, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--help"])
    with pytest.raises(SystemExit):
        gpu.main()
    text = capsys.readouterr().out
    assert all(f"{part.name} " in text and part.shows in text for part in gpu.PARTS)
    assert "RNN, 7 epochs of 180,000 headlines, batch 64: 15 s" in text
    assert [goal.limit for goal in gpu.GOALS] == [15, 2, 10, 300, 300]


def test_a_folder_is_packed_once_and_within_its_limit(import_benchmark, monkeypatch, tmp_path):
    pack, params = import_benchmark("gpu_pack"), read_params(ROOT / "params.yaml")
    monkeypatch.setattr(pack, "_prepare", lambda packed, *_: packed.params.write_bytes(b"x" * 1000))
    write_originals(tmp_path)
    originals = (tmp_path / "data", tmp_path / "yardstick", params)
    with pytest.raises(UserError, match=r"nowhere/thucnews/train\.txt, .*: no such file; give --source"):
        pack.pack_folder(tmp_path / "packed", tmp_path / "nowhere", tmp_path / "yardstick", params)
    monkeypatch.setattr(pack, "MAX_BYTES", 999)
    with pytest.raises(UserError, match=r"packed: must have at most 999 bytes; got "):
        pack.pack_folder(tmp_path / "packed", *originals)
    assert not (tmp_path / "packed").exists()
    monkeypatch.setattr(pack, "MAX_BYTES", 10**6)
    size = pack.pack_folder(tmp_path / "packed", *originals)
    assert size == sum(path.stat().st_size for path in (tmp_path / "packed").rglob("*") if path.is_file()) > 1000
    with pytest.raises(UserError, match="packed: is not empty"):
        pack.pack_folder(tmp_path / "packed", *originals)
