"""`textrnn serve` as a process: its URL, errors at the start, and how it stops."""

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

# `textrnn serve`, with models that wait until a file exists
GATED = """
import pathlib, time
from textrnn.inference.serving import server
from textrnn.inference.serving.loaded_model import LoadedModel
load = server.load_models
def gated(predict):
    def wait(texts):
        while not pathlib.Path(GATE).exists():
            time.sleep(0.01)
        return predict(texts)
    return wait
server.load_models = lambda folders: [LoadedModel(model.about, gated(model.predict)) for model in load(folders)]
from textrnn.cli import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("model"), "chars right last_step").folder


def test_limits_come_from_the_arguments():
    arguments = ["m", "--max-body", "1", "--max-texts", "2", "--max-characters", "3", "--body-timeout", "4"]
    args = serve_parser().parse_args([*arguments, "--batch-texts", "5", "--batch-wait", "6", "--max-queue", "7"])
    limits = limits_of(args)
    assert list(vars(limits).values()) == [1, 2, 3, 4, 5, 0.006, 7]
    assert (args.host, args.port, args.threads, args.grace) == ("127.0.0.1", 8000, 1, 10)
    help_text = serve_parser().format_help()
    assert all(f"(default: {default})" in help_text for _, default, *_ in LIMITS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve"], "required: MODEL"),
        (["serve", "m", "--port", "65536"], "--port: must be a whole number from 0 to 65535"),
        (["serve", "m", "--max-texts", "0"], "--max-texts: must be a whole number from 1 to 1000000000"),
        (["serve", "m", "--batch-wait", "-1"], "--batch-wait: must be a whole number from 0 to 1000000000"),
        (["serve", "m", "--body-timeout", "1" + "0" * 400], "--body-timeout: must be a whole number from 1 to"),
        (["serve", "m", "--threads", "1025"], "--threads: must be a whole number from 1 to 1024"),
        (["serve", "m", "--max-queue", "9"], "--max-queue must be at least --max-texts"),
    ],
)
def test_wrong_arguments_exit_with_2(run, arguments, message):  # noqa: F811
    code, _, stderr = run(*arguments)
    assert code == 2
    assert message in stderr


def test_a_missing_extra_is_named(run, monkeypatch, folder):  # noqa: F811
    monkeypatch.delitem(sys.modules, "textrnn.inference.serving.server", raising=False)
    monkeypatch.delattr(textrnn.inference.serving, "server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, out, stderr = run("serve", folder, "--host", "no.such.host.invalid")  # or it would start to serve
    assert (code, out) == (1, "")
    do = "pip install -c constraints.txt -e '.[serve]'"
    assert stderr == f"error: textrnn serve: needs a package that is not installed; got uvicorn; {do}\n"


def test_errors_at_the_start_are_one_line(run, folder, tmp_path):  # noqa: F811
    code, out, stderr = run("serve", tmp_path / "none")
    assert (code, out, stderr.count("\n")) == (1, "", 1)
    assert "none/config.json: is missing from the model directory" in stderr
    code, out, stderr = run("serve", folder, folder)
    assert (code, out, stderr.count("\n")) == (1, "", 1)
    assert f'has the same name as another model, "{folder.name}"' in stderr


@contextlib.contextmanager
def serving(folder, *arguments, gate):
    """The process and its URL; its models wait for the file `gate` and take one text per call. Killed at the end."""
    command = [sys.executable, "-c", GATED.replace("GATE", repr(str(gate))), "serve", str(folder), "--port", "0"]
    command += ["--batch-texts", "1", *map(str, arguments)]
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


def send(url, folder, outcomes):
    try:
        response = requests.post(
            f"{url}/v1/models/{folder.name}/predict", data=json.dumps({"texts": ["中国"]}), timeout=60
        )
        outcomes.append(response.status_code)
    except requests.ConnectionError:
        outcomes.append("cut off")


def send_many(url, folder, count):
    outcomes = []
    threads = [threading.Thread(target=send, args=(url, folder, outcomes)) for _ in range(count)]
    for thread in threads:
        thread.start()
    queue = f'textrnn_queue_texts{{model="{folder.name}"}} {count - 1}.0'
    for _ in range(2000):  # the model has one, the others wait
        if queue in requests.get(f"{url}/metrics", timeout=60).text:
            return outcomes, threads
        time.sleep(0.01)
    raise AssertionError("the requests do not reach the queue")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_0_once_all_requests_are_answered(folder, number, tmp_path):
    with serving(folder, "--grace", 60, gate=tmp_path / "gate") as (process, url):
        outcomes, threads = send_many(url, folder, 9)
        process.send_signal(number)
        time.sleep(0.3)
        (tmp_path / "gate").touch()
        for thread in threads:
            thread.join()
        assert outcomes == [200] * 9
        assert process.wait() == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.slow
def test_after_the_grace_period_it_reports_the_requests_cut_off(folder, tmp_path):
    with serving(folder, "--grace", 1, gate=tmp_path / "gate") as (process, url):
        outcomes, threads = send_many(url, folder, 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
        for thread in threads:
            thread.join()
        assert len(outcomes) == 3
        assert 200 not in outcomes
        assert process.stderr.read().splitlines()[-1] == "error: stopped; requests cut off: 3"


@pytest.mark.slow
def test_a_second_signal_stops_it_at_once(folder, tmp_path):
    with serving(folder, "--grace", 600, gate=tmp_path / "gate") as (process, url):
        _, threads = send_many(url, folder, 2)
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
        assert done.stderr.startswith(f"error: 127.0.0.1, port {port}: cannot listen on this address; got ")
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_benchmark_reports_no_errors(folder, tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "serve.py"), str(folder), "--requests", "120"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert [(load["errors"], load["wrong"]) for load in result["loads"]] == [(0, 0)] * 5
    assert all(0 < load["p50"] <= load["p95"] <= load["p99"] for load in result["loads"])
    assert list(tmp_path.iterdir()) == []  # the results of a trial are not saved
