"""`textrnn predict` as a process: lines as texts arrive, Ctrl-C, and a reader that leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from factories.imports import SOURCE
from factories.tiny_models import classifier


@pytest.fixture(scope="module")
def labeller(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("labeller"), "chars right last_step").folder


def process(*arguments, **options):
    command = [sys.executable, "-c", "from textrnn.cli import main; main()", *map(str, arguments)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii",
    }
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, env=environment, **pipes, **options)


@contextlib.contextmanager
def no_longer_than(seconds, running):
    timer = threading.Timer(seconds, running.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        running.kill()
        running.communicate()


def test_predictions_are_printed_as_texts_arrive_and_ctrl_c_exits_130(labeller):
    running = process("predict", labeller, "-")
    with no_longer_than(60, running):
        for text in ("中国", "大涨"):
            running.stdin.write(f"{text}\n".encode())
            running.stdin.flush()
            assert (
                json.loads(running.stdout.readline())["text"] == text
            )  # although the pipe is still open and no batch is full
        running.send_signal(signal.SIGINT)
        assert running.wait() == 130
        assert running.stderr.read() == b"interrupted: the predictions made so far are written\n"


def test_it_ends_silently_when_the_reader_of_its_output_leaves(labeller, tmp_path):
    (tmp_path / "a.txt").write_text("中国股市今日大涨三百点\n" * 20_000, encoding="utf-8")
    running = process("predict", labeller, "--file", tmp_path / "a.txt")
    with no_longer_than(60, running):
        running.stdout.readline()
        running.stdout.close()
        assert running.wait() == 0
        assert running.stderr.read() == b""
        running.stdout = None
