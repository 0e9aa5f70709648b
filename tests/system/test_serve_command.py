"""`textrnn serve` as a process: how it stops, a port that is taken, and the benchmark against it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from factories.imports import ROOT, SOURCE
from factories.tiny_models import classifier

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


# for the start of GATED: a process that may open 256 files
FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
"""
# and one that believes that it may open more
OVERRATED = """
from textrnn.inference.http import listener
listener.RESERVED = -1000
"""


@contextlib.contextmanager
def serving(folder, *arguments, gate, first=""):
    """The process and its URL; its models wait for the file `gate` and take one text per call. Killed at the end.

    first: code that runs before the command's own.
    """
    code = first + GATED.replace("GATE", repr(str(gate)))
    command = [sys.executable, "-c", code, "serve", str(folder), "--port", "0"]
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
        response = requests.post(f"{url}/v1/models/{folder.name}/predict", json={"texts": ["中国"]}, timeout=60)
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
@pytest.mark.parametrize("first", [FEW_FILES, FEW_FILES + OVERRATED], ids=["bounded", "out of descriptors"])
def test_half_sent_heads_do_not_shut_out_others(folder, tmp_path, first):
    gate = tmp_path / "gate"
    gate.touch()
    with serving(folder, gate=gate, first=first) as (process, url), contextlib.ExitStack() as held:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        for _ in range(300):
            client = held.enter_context(socket.create_connection(address, timeout=60))
            client.sendall(b"POST /v1/models/a/predict HTTP/1.1\r\nHost: localh")
        outcomes = []
        for _ in range(50):
            send(url, folder, outcomes)
        assert outcomes == [200] * 50
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        lines = process.stderr.read().splitlines()
        assert all(
            re.fullmatch(r"\S+ warning: .*(Too many open files|left out .*|refused with 408: .*)", line)
            for line in lines
        )
        assert len(lines) <= 30


@pytest.mark.slow
def test_a_flood_of_nonsense_leaves_a_few_lines(folder, tmp_path):
    with serving(folder, gate=tmp_path / "gate") as (process, url):
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        for number in range(400):
            with socket.create_connection(address, timeout=60) as client:
                client.sendall(b"\x1b[31m\x00 error: forged\r\n\r\n" if number % 2 else b"GET /\r\n\r\n")
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
        assert requests.get(f"{url}/\x1b%0Aerror:%20forged", timeout=60).status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        lines = process.stderr.read().splitlines()
        assert all(line.isprintable() for line in lines)
        texts = [line.partition(" ")[2] for line in lines]
        unknown = r"warning: refused with 404: GET /\x1b\nerror: forged from 127.0.0.1: /\x1b\nerror: forged Not Found"
        assert texts.count(unknown) == 1
        written = texts.count("warning: refused with 400: a request from 127.0.0.1: the request is not valid HTTP/1.1")
        kind = re.escape("refused with 400: %s from %s: %s %s")
        told = [re.fullmatch(rf"warning: left out (\d+) more lines of this kind: {kind}", text) for text in texts]
        left_out = [int(match[1]) for match in told if match]
        assert written + sum(left_out) == 400
        assert len(lines) == 1 + written + len(left_out) <= 1 + 11 * 4  # ten a minute, and their rest


@pytest.mark.slow
def test_after_the_grace_period_it_reports_the_requests_cut_off(folder, tmp_path):
    with serving(folder, "--grace", 1, gate=tmp_path / "gate") as (process, url):
        outcomes, threads = send_many(url, folder, 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
        for thread in threads:
            thread.join()
        assert len(outcomes) == 3
        assert outcomes == [503] * 3
        lines = process.stderr.read().splitlines()
        assert lines[-1] == "error: stopped; requests cut off: 3"
        refused = "warning: refused with 503: POST /v1/models/m/predict from 127.0.0.1: the server is stopping"
        assert [line.partition(" ")[2] for line in lines[-4:-1]] == [refused.replace("/m/", f"/{folder.name}/")] * 3
        assert not [line for line in lines if "Exception" in line]


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
    (written,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert written == tmp_path / "build" / "benchmarks" / "serving.json"


@pytest.mark.slow
def test_the_benchmark_of_short_requests_beside_others_reports_no_errors(folder, tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "serve_beside.py"), str(folder), "--requests", "20"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert [(row["errors"], row["wrong"]) for row in result["beside"]] == [(0, 0)] * 3
    assert all(0 < row["p50"] <= row["p95"] <= row["p99"] for row in result["beside"])
