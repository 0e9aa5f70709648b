"""`textrnn serve` as a process: its line, what it refuses to start with, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

import textrnn.inference.serving
from imports import ROOT, SOURCE
from test_cli import run  # noqa: F401  (a fixture)
from test_predict import classifier
from textrnn.inference.serving.command import LIMITS, limits_of, serve_parser

# the models of the directories, which answer once a file is there
GATED = """
import pathlib, time
from textrnn.inference.serving import server
from textrnn.inference.serving.loaded_model import Served
load = server.load_served
def gated(answer):
    def wait(texts):
        while not pathlib.Path(GATE).exists():
            time.sleep(0.01)
        return answer(texts)
    return wait
server.load_served = lambda folders: [Served(each.about, gated(each.answer)) for each in load(folders)]
from textrnn.cli import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("model"), "chars right last_step").folder


def test_limits_are_what_the_arguments_say():
    words = ["m", "--max-body", "1", "--max-texts", "2", "--max-characters", "3", "--body-timeout", "4"]
    args = serve_parser().parse_args([*words, "--batch-texts", "5", "--batch-wait", "6", "--max-queue", "7"])
    limits = limits_of(args)
    assert list(vars(limits).values()) == [1, 2, 3, 4, 5, 0.006, 7]
    assert (args.host, args.port, args.threads, args.grace) == ("127.0.0.1", 8000, 1, 10)
    told = serve_parser().format_help()
    assert all(f"(default: {default})" in told for _, default, *_ in LIMITS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve"], "required: MODEL"),
        (["serve", "m", "--port", "65536"], "--port: must be a whole number from 0 to 65535"),
        (["serve", "m", "--max-texts", "0"], "--max-texts: must be a whole number from 1 to 1000000000"),
        (["serve", "m", "--batch-wait", "-1"], "--batch-wait: must be a whole number from 0 to 1000000000"),
        (["serve", "m", "--body-timeout", "1" + "0" * 400], "--body-timeout: must be a whole number from 1 to"),
        (["serve", "m", "--threads", "1025"], "--threads: must be a whole number from 1 to 1024"),
        (["serve", "m", "--max-queue", "9"], "--max-queue must have room for a request of --max-texts"),
    ],
)
def test_wrong_arguments_exit_with_2(run, words, message):  # noqa: F811
    code, _, said = run(*words)
    assert code == 2
    assert message in said


def test_without_the_extra_it_says_what_to_install(run, monkeypatch, folder):  # noqa: F811
    monkeypatch.delitem(sys.modules, "textrnn.inference.serving.server", raising=False)
    monkeypatch.delattr(textrnn.inference.serving, "server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, out, said = run("serve", folder, "--host", "no.such.host.invalid")  # or it would go on serving
    assert (code, out) == (1, "")
    do = "pip install -c constraints.txt -e '.[serve]'"
    assert said == f"error: textrnn serve: needs a package that is not installed; got uvicorn; {do}\n"


def test_faults_at_the_start_are_one_line(run, folder, tmp_path):  # noqa: F811
    code, out, said = run("serve", tmp_path / "none")
    assert (code, out, said.count("\n")) == (1, "", 1)
    assert "none/config.json: no such file of a model directory" in said
    code, out, said = run("serve", folder, folder)
    assert (code, out, said.count("\n")) == (1, "", 1)
    assert f'has the name of another model, "{folder.name}"' in said


@contextlib.contextmanager
def serving(folder, *words, gate):
    """The process and its URL; its models wait for the file `gate`, a text a call. Killed at the end, if not before."""
    command = [sys.executable, "-c", GATED.replace("GATE", repr(str(gate))), "serve", str(folder), "--port", "0"]
    command += ["--batch-texts", "1", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*\n", line), process.stderr.read()
        yield process, line.strip()
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def ask(url, folder, found):
    try:
        answer = requests.post(
            f"{url}/v1/models/{folder.name}/predict", data=json.dumps({"texts": ["中国"]}), timeout=60
        )
        found.append(answer.status_code)
    except requests.ConnectionError:
        found.append("cut off")


def ask_many(url, folder, count):
    found = []
    threads = [threading.Thread(target=ask, args=(url, folder, found)) for _ in range(count)]
    for thread in threads:
        thread.start()
    queue = f'textrnn_queue_texts{{model="{folder.name}"}} {count - 1}.0'
    for _ in range(2000):  # one is with the model, the others wait
        if queue in requests.get(f"{url}/metrics", timeout=60).text:
            return found, threads
        time.sleep(0.01)
    raise AssertionError("they do not come to wait")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_once_all_is_answered(folder, number, tmp_path):
    with serving(folder, "--grace", 60, gate=tmp_path / "gate") as (process, url):
        found, threads = ask_many(url, folder, 9)
        process.send_signal(number)
        time.sleep(0.3)
        (tmp_path / "gate").touch()
        for thread in threads:
            thread.join()
        assert found == [200] * 9
        assert process.wait() == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.slow
def test_a_stop_takes_no_longer_than_its_grace_and_says_what_was_cut_off(folder, tmp_path):
    with serving(folder, "--grace", 1, gate=tmp_path / "gate") as (process, url):
        found, threads = ask_many(url, folder, 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
        for thread in threads:
            thread.join()
        assert len(found) == 3
        assert 200 not in found
        assert process.stderr.read().splitlines()[-1] == "error: stopped; requests cut off: 3"


@pytest.mark.slow
def test_a_second_signal_does_not_wait(folder, tmp_path):
    with serving(folder, "--grace", 600, gate=tmp_path / "gate") as (process, url):
        _, threads = ask_many(url, folder, 2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
        for thread in threads:
            thread.join()
        assert process.stderr.read().splitlines()[-1] == "error: stopped; requests cut off: 2"


@pytest.mark.slow
def test_a_port_that_is_taken_is_refused(folder, tmp_path):
    with serving(folder, gate=tmp_path / "gate") as (_, url):
        command = [sys.executable, "-c", "from textrnn.cli import main; main()", "serve", str(folder), "--port"]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        port = url.rpartition(":")[2]
        done = subprocess.run([*command, port], env=environment, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: 127.0.0.1, port {port}: cannot be listened at; got ")
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_benchmark_finds_no_error_and_no_wrong_answer(folder, tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "serve.py"), str(folder), "--requests", "120"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    figure = json.loads(done.stdout)
    assert [(each["errors"], each["wrong"]) for each in figure["loads"]] == [(0, 0)] * 5
    assert all(0 < each["p50"] <= each["p95"] <= each["p99"] for each in figure["loads"])
    assert list(tmp_path.iterdir()) == []  # a trial is not kept
