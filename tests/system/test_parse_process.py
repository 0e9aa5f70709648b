"""Parsing in processes of its own: killed runs repeat no finished shard, and memory does not grow with the rows."""

import json
import os
import signal
import subprocess
import sys

import pytest

from factories.imports import SOURCE, TESTS
from factories.published_files import bytes_of

SMALL_SHARDS = """
import json, os, signal, sys
from pathlib import Path
import textrnn.common.storage.shards, textrnn.preparation.parsing.staging
from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut
from textrnn.preparation.parsing.parse import parse
from textrnn.common.storage.resumable import resumable_folder
raw, out, kill_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for module in (textrnn.common.storage.shards, textrnn.preparation.parsing.staging):
    module.ROWS_PER_SHARD, module.ROWS_PER_BATCH = 500, 100
write = textrnn.common.storage.shards.ShardWriter.write
def write_or_die(*args):
    global kill_at
    kill_at -= 1
    if kill_at == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*args)
textrnn.common.storage.shards.ShardWriter.write = write_or_die
classes = {"__label__1": "negative", "__label__2": "positive"}
files = {"train": "train.ft.txt.bz2", "test": "test.ft.txt.bz2"}
corpus = parse_settings(
    "fasttext", files=files, classes=classes, dev=HoldOut("train", 0.1, 1), max_rejects=10**6
)
with resumable_folder(out, raw=str(raw)) as folder:
    counts = parse(raw, corpus, limit=None, out=folder)
# not ru_maxrss, which starts at the value of the parent process
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([counts, int(status["VmHWM"].split()[0]) / 1024]))
"""


@pytest.fixture
def run_small_shards(tmp_path):
    """A function of an output folder and of the write to be killed at: counts and peak MiB, or None if killed."""

    def run(out, kill_at=0):
        environment = os.environ | {"PYTHONPATH": f"{SOURCE}:{TESTS}", "TEXTRNN_WORKERS": "1"}
        command = [sys.executable, "-c", SMALL_SHARDS, str(tmp_path / "raw"), str(out), str(kill_at)]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if kill_at:
            assert (process.returncode, process.stdout) == (-signal.SIGKILL, "")
            return None
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


def test_killed_runs_repeat_no_finished_shard(run_small_shards, write_corpus, tmp_path):
    rows = [(f"text {at % 4000}", f"__label__{1 + (at % 9 > 5)}") for at in range(5000)] + [("", "__label__1")]
    write_corpus(tmp_path / "raw", "fasttext", train=rows, test=rows[:150])
    expected, _ = run_small_shards(tmp_path / "whole")
    assert expected["files"]["train"] == {"read": 5001, "kept": 5000, "rejected": {"empty text": 1}}

    def staged():
        paths = (tmp_path / "work").glob(".textrnn/parsed.*/staging/*.arrow")
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}

    # five writes per shard; the second run resumes at the fourth shard, the third at the sixth, and reaches the splits
    finished = {}
    for kill_at, shards in [(18, 3), (12, 5), (25 + 2 + 10, 12)]:
        run_small_shards(tmp_path / "work" / "parsed", kill_at)
        files = staged()
        assert {name: files[name] for name in finished} == finished
        assert len(list((tmp_path / "work").glob(".textrnn/parsed.*/.finished/*.json"))) == shards
        finished = {name: files[name] for name in sorted(files, reverse=shards == 12)[:shards]}
    assert run_small_shards(tmp_path / "work" / "parsed")[0] == expected
    assert bytes_of(tmp_path / "work" / "parsed") == bytes_of(tmp_path / "whole")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["parsed"]


def test_memory_does_not_grow_with_rows(run_small_shards, write_corpus, tmp_path):
    peaks = []
    for number in (50_000, 200_000):
        rows = [(f"text {at}", f"__label__{1 + at % 2}") for at in range(number)]
        write_corpus(tmp_path / "raw", "fasttext", train=rows, test=rows[:150])
        counts, peak = run_small_shards(tmp_path / str(number))
        assert counts["files"]["train"]["kept"] == number
        peaks.append(peak)
    # 80 bytes per row, the size of a list of hashes and one of labels, would be 12 MB
    assert peaks[1] < peaks[0] + 8
