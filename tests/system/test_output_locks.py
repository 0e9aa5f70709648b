"""The lock of an output across processes: it goes with its process, and one of many holds it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

from factories.imports import SOURCE
from factories.resumable_folders import PROCESSES, ROUNDS, finish_shard, hold_alone, names_in
from textrnn.common.storage.resumable import resumable_folder


def test_a_lock_goes_with_its_process(tmp_path):
    code = (
        "import os, sys, pathlib; from textrnn.common.storage.resumable import resumable_folder\n"
        "with resumable_folder(pathlib.Path(sys.argv[1]), seed=1): os.kill(os.getpid(), 9)"
    )
    path = str(tmp_path / "out")
    ended = subprocess.run([sys.executable, "-c", code, path], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    assert ended.returncode == -9
    assert (tmp_path / ".textrnn" / "out.lock").exists()
    with resumable_folder(tmp_path / "out", seed=1) as folder:
        finish_shard(folder, "s0")
    assert names_in(tmp_path) == ["out/checksums.json", "out/s0.txt"]


def test_each_of_many_processes_holds_the_lock_alone(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    context = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "out", tmp_path / "holder", count)
    processes = [context.Process(target=hold_alone, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert count.read_text() == str(ROUNDS * PROCESSES)
    assert names_in(tmp_path) == ["count"]
