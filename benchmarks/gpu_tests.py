"""The part `tests` of benchmarks/gpu.py: tests/system/test_gpu.py, where pytest is installed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import threading
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_record import MAX_TEXT, Recorder

ROOT = Path(__file__).resolve().parent.parent
TESTS = "tests/system/test_gpu.py"
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
LINE = re.compile(rf"^(\S+::.+?) ({'|'.join(OUTCOMES)})(?:\s|$)", re.IGNORECASE)
# conftest.py has fixtures of other tests, and needs packages that a GPU machine lacks
OPTIONS = (
    "-m",
    "gpu",
    "-vv",
    "--tb=short",
    "-rfE",
    "--noconftest",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "--color=no",
)


def run_tests(recorder: Recorder, seconds: float, tests: str = TESTS) -> None:
    """Run the tests, and record how many passed, which did not, and the end of pytest's output.

    seconds: after these they are stopped; what has passed until then is recorded.
    """
    if importlib.util.find_spec("pytest") is None:
        recorder.add("tests", not_run="pytest is not installed", do="pip install pytest")
        return
    command = [sys.executable, "-m", "pytest", tests, *OPTIONS]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    outcomes: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    output = []
    try:
        for line in process.stdout:
            output.append(line)
            if match := LINE.match(line):
                outcomes[match[2].lower()].append(match[1].partition("::")[2])
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
    counts = {outcome: len(names) for outcome, names in outcomes.items()}
    wrong = [*outcomes["failed"], *outcomes["error"]]
    ended = "stopped by the time limit" if code < 0 else f"exit code {code}"
    # all skipped, or all passed: the names of the tests say nothing then
    tail = "" if code == 0 else "".join(output)[-MAX_TEXT:]
    recorder.add("tests", **counts, ended=ended, wrong=wrong, output=tail)
